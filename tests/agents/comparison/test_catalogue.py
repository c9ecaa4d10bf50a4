"""Every task, agent and recipe that is named can be carried out."""

import warnings
from pathlib import Path

import pytest

import envs  # noqa: F401  registers its ids
from agents.comparison.catalogue import CONTENDERS, GROUPS, TASKS, cells_of, expanded, known_cell, runnable
from agents.comparison.records import ROOT
from agents.comparison.studies import BASE, ENVIRONMENTS, INGREDIENTS
from agents.registry import make_agent
from agents.runs.command_line import parse_run, run_parser
from agents.runs.config import RunConfig
from agents.runs.environments import make_environment

CELLS = [cell for task in TASKS for cell in cells_of([task], runnable([task]), [7])]


def import_box2d():
    """Without its warnings: made errors, they end the process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("Box2D")


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_every_cell_is_a_training_that_its_agent_and_environment_suit(cell, monkeypatch):
    monkeypatch.chdir(ROOT)
    name = cell.contender.options["agent.name"]
    run, _ = parse_run(RunConfig, run_parser(RunConfig, "", name), cell.arguments)
    assert (run.seed, run.env.id, run.agent.name) == (7, cell.task.env_id, name)
    assert run.train.env_steps == cell.task.env_steps == run.evaluate.interval * cell.task.looks
    if cell.task.name == "lunar_lander":
        import_box2d()
    kwargs = {**run.env.kwargs, **({"obs": "state"} if run.agent.perception == "privileged" else {})}
    env = make_environment(run.env.id, 1, kwargs)
    make_agent(run.agent, env.single_observation_space, env.single_action_space, 0, "cpu")
    env.close()


def test_a_variant_differs_from_its_base_in_its_own_options_alone():
    for task in ("cartpole", "acrobot", "lunar_lander", "lane_follow_state"):
        base = known_cell(task, BASE, 0)
        assert base is not None
        for name, (_, options) in INGREDIENTS.items():
            variant = known_cell(task, name, 0)
            if (task, name) == ("lunar_lander", "dqn-one-step"):  # whose recipe has no more steps
                assert variant is None
                continue
            assert variant is not None
            ours, theirs = variant.definition, base.definition
            changed = {key for key, value in ours["agent"].items() if theirs["agent"][key] != value}
            assert changed == {key.removeprefix("agent.") for key in options}, (task, name)
            assert {**ours, "agent": None} == {**theirs, "agent": None}


def test_a_number_of_environments_changes_nothing_else():
    base = known_cell("cartpole", BASE, 0)
    assert base is not None
    for name, (_, options) in ENVIRONMENTS.items():
        variant = known_cell("cartpole", name, 0)
        assert variant is not None
        env = {**base.definition["env"], "num_envs": options["env.num_envs"]}
        assert variant.definition == {**base.definition, "env": env}


def test_the_definition_knows_neither_seed_nor_place(tmp_path: Path, monkeypatch):
    first = known_cell("cartpole", "dqn", 0)
    assert first is not None
    definition = first.definition
    monkeypatch.chdir(tmp_path)
    other = known_cell("cartpole", "dqn", 5)
    assert other is not None
    assert other.definition == definition
    assert "seed" not in definition
    assert other.arguments[-2:] == ["--seed", "5"]


def test_the_base_and_its_peer_are_on_three_tasks_at_least():
    shared = [task for task in TASKS if {BASE, "sb3-dqn"} <= set(runnable([task]))]
    assert len(shared) >= 3


def test_all_first_seeds_come_before_any_second_one():
    cells = cells_of(["cartpole", "acrobot"], ["dqn", "ppo"], [4, 5])
    assert [cell.name for cell in cells] == [
        *("cartpole dqn 4", "cartpole ppo 4", "acrobot dqn 4"),
        *("cartpole dqn 5", "cartpole ppo 5", "acrobot dqn 5"),
    ]


def test_a_group_stands_for_its_members():
    assert expanded(["sb3-dqn", "ablation", "dqn"]) == ("sb3-dqn", "dqn", *INGREDIENTS)
    assert not GROUPS.keys() & CONTENDERS.keys()


def test_an_agent_that_none_of_the_tasks_has_a_recipe_for_is_refused():
    message = "agents has 'lstm-q', which is trained on tmaze and nowhere else"
    with pytest.raises(ValueError, match=message):
        cells_of(["cartpole"], ["dqn", "lstm-q"], [0])


def test_every_peer_is_an_agent_of_its_own():
    peers = {contender.peer for contender in CONTENDERS.values()} - {None}
    assert peers <= CONTENDERS.keys()
    assert all(CONTENDERS[str(peer)].peer is None for peer in peers)
