"""The learning suite: what is asked for, what is kept, what is done again."""

import json
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import cartpole_equal_work
import equal_work
import learning_cells
import learning_plan
import loop_speed
import memory_speed
import pixels_equal_work
import tabular_speed
from agents.comparison.carrying_out import Failure
from agents.comparison.catalogue import CONTENDERS, TASKS, runnable
from agents.comparison.page import write_page
from agents.comparison.provenance import provenance
from agents.comparison.records import Cell
from agents.comparison.results import Result, ResultStore
from agents.comparison.studies import INGREDIENTS
from agents.runs import statistics
from agents.runs.errors import RunError
from benchmark_row import Scope
from scripts import benchmark

ROOT = Path(__file__).parents[2]
ROW_KEYS = ["name", "value", "unit", "peer", "peer_value", "ratio", "settings"]
SMALL = Scope(seconds=0.05)


def made_up(cell: Cell) -> Result:
    """A result that nobody trained for."""
    curve = [[cell.task.env_steps, 5.0, 300.0]]
    made = provenance(ROOT)
    names = cell.task.name, cell.contender.name, cell.seed
    return Result(*names, 300.0, cell.task.env_steps, 5.0, curve, "command", cell.definition, made)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the cells that were carried out; nothing is, in truth. Seed 13 fails, seed 14 is stopped."""
    names = []

    def carry_out(cells, workshop):
        for cell in cells:
            if cell.seed == 14:
                raise KeyboardInterrupt
            names.append(cell.name)
            yield Failure(cell, "no luck") if cell.seed == 13 else made_up(cell)

    monkeypatch.setattr(learning_cells, "carry_out", carry_out)
    monkeypatch.setattr(statistics, "RESAMPLES", 10)
    return names


def run(results: Path, *words: str) -> int:
    return benchmark.main(["learning", "--results", str(results), *words])


CARTPOLE = "--tasks", "[cartpole]", "--agents", "[dqn,sb3-dqn]"


def test_finished_cells_are_not_done_again(tmp_path, trained, capsys):
    results = tmp_path / "results"
    assert run(results, *CARTPOLE, "--seeds", "[0,1]") == 0
    assert trained == [f"cartpole {agent} {seed}" for seed in (0, 1) for agent in ("dqn", "sb3-dqn")]
    out = tmp_path / "out.json"
    assert run(results, *CARTPOLE, "--seeds", "[1,2]", "--json", str(out)) == 0
    assert trained[4:] == ["cartpole dqn 2", "cartpole sb3-dqn 2"]
    assert "2 of 4 trainings are finished, and would be the same today" in capsys.readouterr().out
    rows = json.loads(out.read_text())
    assert [list(row) for row in rows] == [ROW_KEYS] * 5
    assert rows[0]["settings"]["seeds"] == [1, 2]
    assert (tmp_path / "results.md").is_file()


def test_a_cell_that_fails_is_told_at_the_end_and_tried_again(tmp_path, trained, capsys):
    assert run(tmp_path / "results", *CARTPOLE, "--seeds", "[13,1]") == 1
    assert "2 of 4 trainings failed: cartpole dqn 13: no luck" in capsys.readouterr().err
    assert run(tmp_path / "results", *CARTPOLE, "--seeds", "[13]") == 1
    assert trained.count("cartpole dqn 13") == 2
    assert trained.count("cartpole dqn 1") == 1


def test_who_stops_keeps_what_is_finished(tmp_path, trained, capsys):
    assert run(tmp_path / "results", *CARTPOLE, "--seeds", "[0,14]") == 130
    assert "stopped; 2 of 4 trainings are finished: the same command" in capsys.readouterr().err
    assert len(list(ResultStore(tmp_path / "results").results())) == 2


def test_the_page_alone_trains_nothing(tmp_path, trained):
    assert run(tmp_path / "results", *CARTPOLE, "--report", "true") == 0
    assert trained == []
    assert (tmp_path / "results.md").is_file()


def test_a_command_of_the_page_makes_the_cells_above_it_again(tmp_path, trained):
    agents = ["dqn", "sb3-dqn", *INGREDIENTS]
    words = "--tasks", "[cartpole,acrobot]", "--agents", f"[{','.join(agents)}]", "--seeds", "[0,1]"
    assert run(tmp_path / "results", *words) == 0
    text = write_page(ResultStore(tmp_path / "results"))[0].read_text()
    commands = [
        shlex.split(line) for line in re.findall("^python scripts/benchmark.py (.*)", text, re.MULTILINE)
    ]
    assert len(commands) == 4
    cells = set(trained)
    for command in commands:
        trained.clear()
        assert run(tmp_path / "anew", *command[1:]) == 0
        assert set(trained) <= cells
        cells -= set(trained)
    assert cells == set()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--tasks", "[cartpol]"], "tasks has 'cartpol'; there are cartpole_equal_work, "),
        (["--agents", "[dqm]"], "agents has 'dqm'; there are dqn, dqn-single, "),
        ([*CARTPOLE[:2], "--agents", "[lstm-q]"], "agents has 'lstm-q', which is trained on tmaze"),
        (["--parallel", "0"], "parallel is 0; it must be from 1 to 256"),
    ],
)
def test_a_fault_is_one_sentence(tmp_path, words, sentence, capsys):
    assert run(tmp_path, *words) == 2
    said = capsys.readouterr().err
    assert said.startswith(sentence)
    assert said.count("\n") == 1


def test_by_default_everything_is_measured_and_trained():
    asked = learning_plan.Asked()
    plan = learning_plan.planned(asked, Scope(), Path("results"))
    assert plan.measurements == list(learning_plan.MEASUREMENTS)
    assert {cell.task.name for cell in plan.cells} == set(TASKS)
    assert {cell.contender.name for cell in plan.cells} == set(CONTENDERS) == set(runnable(list(TASKS)))
    some = learning_plan.planned(asked._replace(agents=["dqn"]), Scope(), Path("results"))
    assert some.measurements == [], "what has no agents is not asked for by naming one"


def test_peers_are_left_out_where_they_are_not_wanted():
    asked = learning_plan.Asked(tasks=["cartpole"])
    cells = learning_plan.planned(asked, Scope(peers=False), Path("results")).cells
    assert cells
    assert not any(cell.contender.name.startswith("sb3-") for cell in cells)


def test_a_training_has_no_limit_of_seconds():
    with pytest.raises(RunError, match="cartpole is trained for its own number of steps"):
        learning_plan.planned(learning_plan.Asked(tasks=["cartpole"]), Scope(seconds=5.0), Path("results"))


@pytest.mark.parametrize("name", learning_plan.MEASUREMENTS)
def test_every_measurement_is_there(name):
    module, function = learning_plan.MEASUREMENTS[name]
    source = (ROOT / "scripts" / f"{module}.py").read_text()
    assert re.search(rf"^def {function}\(scope: Scope\)", source, re.MULTILINE)


def test_a_measurement_is_kept_with_its_command(tmp_path, monkeypatch):
    monkeypatch.setattr(memory_speed, "FRAMES_WITH_PRIORITIES", 800)
    assert run(tmp_path / "results", "--tasks", "[prioritised_sampling]", "--seconds", "0.05") == 0
    (kept,) = (tmp_path / "results" / "speed").iterdir()
    measurement = json.loads(kept.read_text())
    assert measurement["command"].endswith("--tasks '[prioritised_sampling]' --seeds '[0]' --seconds 0.05")
    assert [list(row) for row in measurement["rows"]] == [ROW_KEYS]
    assert "### `prioritised_sampling`" in (tmp_path / "results.md").read_text()


def test_a_million_frames_are_counted_as_they_lie_in_memory(monkeypatch):
    monkeypatch.setattr(memory_speed, "FRAMES", 1_600)
    monkeypatch.setattr(memory_speed, "PEER_FRAMES", 160)
    held, _, held_beside_sparing, _ = memory_speed.million(SMALL)
    assert held["value"] * 1e9 == pytest.approx(1_600 * 84 * 84, rel=0.01)
    assert held["peer_value"] * 1e9 == pytest.approx(1_600 * 84 * 84 * 4 * 2, rel=0.01)
    assert held["ratio"] == pytest.approx(8, rel=0.01)
    assert held_beside_sparing["ratio"] == pytest.approx(4, rel=0.01)
    rows = list(memory_speed.million(SMALL._replace(peers=False)))
    assert [(row["name"], row["peer"]) for row in rows] == [
        (memory_speed.HELD, None),
        (memory_speed.DRAWN, None),
    ]


def test_the_replay_that_is_measured_has_episodes_and_every_place_taken():
    replay = memory_speed.filled(8_000, prioritised=False)
    assert replay.ring.written > replay.ring.num_rows
    flat = replay.ring.flat
    assert flat["terminated"].sum() == 8 * (1_000 // memory_speed.EPISODE)
    assert flat["ignored"].sum() == flat["terminated"].sum()


def test_the_overhead_of_the_loop_is_a_share_of_the_bare_environment(monkeypatch):
    monkeypatch.setattr(loop_speed, "WARM_UP", 20)
    monkeypatch.setattr(loop_speed, "STEPS", 20)
    rows = list(loop_speed.overhead(SMALL))
    assert len(rows) == len(loop_speed.CASES)
    for row in rows:
        rates = row["settings"]
        assert row["value"] == pytest.approx(100 * (rates["bare"] / rates["steps_per_second"] - 1), rel=1e-3)


@pytest.fixture
def one_thread():
    """A network this small only waits for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_both_do_the_same_number_of_updates():
    """Within one of their rollouts, from which the peer learns only when it is over."""
    work = cartpole_equal_work.WORK._replace(env_steps=1_280)
    ours, theirs = equal_work.both(work, Scope())
    assert abs(ours[0].updates - theirs[0].updates) <= 128
    row = equal_work.seconds_row("a pole", ours, theirs, {})
    assert list(row) == ROW_KEYS
    assert row["ratio"] == pytest.approx(theirs[0].seconds / ours[0].seconds, rel=1e-3)


def test_without_peers_there_is_nothing_beside():
    work = cartpole_equal_work.WORK._replace(env_steps=64)
    ours, theirs = equal_work.both(work, Scope(peers=False))
    assert theirs == []
    assert equal_work.seconds_row("a pole", ours, theirs, {})["peer"] is None


def test_frames_that_cost_nothing_are_learnt_from_by_both(monkeypatch):
    monkeypatch.setattr(equal_work, "WARM_UP", 4)
    work = pixels_equal_work.WORK._replace(env_steps=148)
    ours, theirs = equal_work.both(work, Scope())
    assert theirs[0].updates == 12
    assert abs(ours[0].updates - theirs[0].updates) <= pixels_equal_work.NUM_ENVS / 4, (
        "within one step of ours"
    )


def test_a_learner_that_practises_too_little_does_not_find_the_optimum(monkeypatch):
    monkeypatch.setattr(tabular_speed, "SEEDS", range(2))
    worlds = {"the 8×8 lake": ("Lake", {"size": 8}, 1_000)}
    monkeypatch.setattr(tabular_speed, "WORLDS", worlds)
    rows = list(tabular_speed.exact(Scope()))
    assert [row["value"] for row in rows] == [0] * len(tabular_speed.RECIPES)
    assert all(row["settings"]["worst"] < row["settings"]["optimum"] for row in rows)


def test_updates_are_counted_beside_a_plain_loop(monkeypatch):
    monkeypatch.setattr(tabular_speed, "STEPS", 100_000)
    (row,) = tabular_speed.updates(SMALL)
    assert row["ratio"] > 1


@pytest.mark.slow
def test_a_training_is_carried_out_and_one_that_is_stopped_is_not_kept(tmp_path):
    """The whole way, by signals: the first seed is kept, the second one is stopped with the benchmark."""
    words = [
        "learning",
        *CARTPOLE[:2],
        "--agents",
        "[a2c]",
        "--seeds",
        "[0,1]",
        "--results",
        str(tmp_path / "r"),
    ]
    command = [sys.executable, "scripts/benchmark.py", *words, "--folder", str(tmp_path / "runs")]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    first, second = (tmp_path / "r" / "cartpole" / "a2c" / f"{seed}.json" for seed in (0, 1))
    deadline = time.monotonic() + 300
    while not (
        first.is_file() and len(list((tmp_path / "runs").glob("cartpole-a2c-1-*/metrics.jsonl"))) == 1
    ):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == "stopped; 1 of 2 trainings are finished: the same command goes on from there\n"
    assert not second.exists()
    result = json.loads(first.read_text())
    assert len(result["curve"]) == TASKS["cartpole"].looks
    assert 0 <= result["env_steps"] - TASKS["cartpole"].env_steps < 8, "all of it, in steps of eight"


@pytest.mark.slow
def test_a_scheduler_that_ends_the_benchmark_ends_its_trainings(tmp_path):
    """SIGTERM, unlike Ctrl-C, reaches the benchmark alone."""
    words = ["learning", *CARTPOLE[:2], "--agents", "[a2c]", "--results", str(tmp_path / "r")]
    process = subprocess.Popen(
        [sys.executable, "scripts/benchmark.py", *words, "--folder", str(tmp_path / "runs")],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not list((tmp_path / "runs").glob("*/metrics.jsonl")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == "stopped; 0 of 1 trainings are finished: the same command goes on from there\n"
    (training,) = (tmp_path / "runs").glob("*/metrics.jsonl")
    lines = training.read_bytes()
    time.sleep(1)
    assert training.read_bytes() == lines
    assert list((training.parent / "checkpoints").iterdir()), "it had time to save what it had learnt"
