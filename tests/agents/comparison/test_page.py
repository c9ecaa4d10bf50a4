"""The page: its figures are those of the results, and its commands make them again."""

import json
import re
import shlex
from dataclasses import replace

import pytest

from agents.comparison import page
from agents.comparison.catalogue import TASKS
from agents.comparison.measurements import Measurement, read_measurements, save_measurement
from agents.comparison.studies import BASE, ENVIRONMENTS, INGREDIENTS
from agents.runs.errors import RunError

pytestmark = pytest.mark.usefixtures("few_resamples")
ROW = {
    **{"name": "a pole", "value": 12.0, "unit": "s", "peer": "another", "peer_value": 60.0, "ratio": 5.0},
    "settings": {},
}


def fill(store, make_result, tasks, agents, seeds=(0, 1, 2), **changes):
    for place, agent in enumerate(agents):
        for task in tasks:
            span = TASKS[task].solved - TASKS[task].chance
            for seed in seeds:
                score = TASKS[task].solved - span * (0.1 * place + 0.01 * seed)
                store.save(make_result(task, agent, seed, score, 10.0 + place, **changes))


def pictures(store) -> set[str]:
    return {path.stem for path in (store.root.parent / page.PICTURES).glob("*.png")}


def test_without_results_there_is_only_what_it_would_say(store):
    path, left_out = page.write_page(store)
    assert (path, left_out) == (store.root.parent / "results.md", [])
    assert path.read_text() == page.INTRODUCTION
    assert pictures(store) == set()


def test_a_task_has_a_table_a_picture_a_command_and_an_origin(store, make_result):
    fill(store, make_result, ["cartpole"], ["dqn", "sb3-dqn"])
    text = page.write_page(store)[0].read_text()
    assert "| `dqn` | 3 | 470.5 [" in text
    assert "| `sb3-dqn` | 3 |" in text
    assert "| 1.00 [1.00, 1.00] |" in text, "each of our runs is above each of the peer's"
    assert pictures(store) == {"cartpole"}
    assert all((store.root.parent / path).is_file() for path in re.findall(r"!\[.*?\]\((.*?)\)", text))
    assert "--tasks '[cartpole]' --agents '[dqn,sb3-dqn]' --seeds '[0,1,2]'" in text
    assert "2 cores of A Processor; python 3.11.0; abc123456.*" in text


def test_several_tasks_and_ingredients_have_sections_of_their_own(store, make_result):
    agents = [BASE, "sb3-dqn", *list(INGREDIENTS)[:3]]
    fill(store, make_result, ["cartpole", "acrobot"], agents)
    text = page.write_page(store)[0].read_text()
    headings = re.findall("^## (.*)", text, re.MULTILINE)
    assert headings == ["All tasks together", "The ingredients of DQN", "CartPole-v1", "Acrobot-v1"]
    assert pictures(store) == {"profiles", "ablation", "cartpole", "acrobot"}
    assert "| `dqn` | 0.99 [" in text
    assert "| − double estimator |" in text
    assert "| 0.00 [0.00, 0.00] | 1.20 |" in text, "never better, and a fifth slower"


def test_a_task_for_variants_alone_does_not_hide_what_is_compared_on_the_others(store, make_result):
    fill(store, make_result, ["cartpole", "acrobot"], [BASE, "sb3-dqn"])
    fill(store, make_result, ["lane_follow_state"], [BASE, *list(INGREDIENTS)[:2]])
    text = page.write_page(store)[0].read_text()
    assert "## All tasks together" in text
    assert "Tasks: `cartpole`, `acrobot`." in text


def test_every_study_has_a_section(store, make_result):
    fill(store, make_result, ["cartpole"], [BASE, *ENVIRONMENTS])
    text = page.write_page(store)[0].read_text()
    assert "## The number of environments" in text
    assert "The ingredients" not in text
    assert "| 32 environments |" in text
    assert "environments" in pictures(store)


def test_a_variant_that_misses_a_task_is_not_averaged(store, make_result):
    first, second = list(INGREDIENTS)[:2]
    fill(store, make_result, ["cartpole", "acrobot"], [BASE, first])
    fill(store, make_result, ["cartpole"], [second])
    text = page.write_page(store)[0].read_text()
    assert INGREDIENTS[first][0] in text
    assert INGREDIENTS[second][0] not in text


def test_the_same_results_make_the_same_page(store, make_result):
    fill(store, make_result, ["cartpole"], ["dqn", "sb3-dqn"])
    first = page.write_page(store)[0].read_bytes()
    assert page.write_page(store)[0].read_bytes() == first


def test_what_would_differ_today_is_left_out_by_name(store, make_result):
    fill(store, make_result, ["cartpole"], ["dqn"])
    former = make_result("cartpole", "dqn", 1, 100.0)
    store.save(replace(former, definition=former.definition | {"env": {"id": "CartPole-v0"}}))
    store.save(replace(former, agent="forgotten"))
    path, left_out = page.write_page(store)
    assert left_out == ["cartpole dqn 1", "cartpole forgotten 1"]
    assert "| `dqn` | 2 |" in path.read_text()


def test_changed_code_and_company_are_told(store, make_result):
    made = make_result("cartpole", "dqn", 0, 0.0).provenance
    fill(store, make_result, ["cartpole"], ["dqn"], made=replace(made, changed=True, together=2))
    text = page.write_page(store)[0].read_text()
    assert "2 trainings at a time with a thread each; python 3.11.0; abc123456 with changes.*" in text
    assert shlex.split(re.findall("^python .*", text, re.MULTILINE)[0])[-2:] == ["--parallel", "2"]


def test_measurements_come_with_their_command(store, make_result):
    made = make_result("cartpole", "dqn", 0, 0.0).provenance
    kept = Measurement("a_measurement", "python scripts/benchmark.py learning --tasks '[it]'", [ROW], made)
    save_measurement(store.root, kept)
    assert list(read_measurements(store.root)) == [kept]
    text = page.write_page(store)[0].read_text()
    assert "| a pole | 12.0 | s | another | 60.0 | 5× |" in text
    assert kept.command in text


@pytest.mark.parametrize("change", [None, {"rows": [{}]}, {"rows": 3}, {"provenance": {}}], ids=str)
def test_a_damaged_measurement_is_named(store, make_result, change):
    made = make_result("cartpole", "dqn", 0, 0.0).provenance
    save_measurement(store.root, Measurement("it", "python", [ROW], made))
    path = store.root / "speed" / "it.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change) if change else "{}")
    with pytest.raises(RunError, match="it.json is no measurement"):
        page.write_page(store)
