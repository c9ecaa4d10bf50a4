"""The tabular agent in its environments: both ways of learning, exact resume, what it tells and refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

import envs  # noqa: F401  registers the ids
from agents.agent import LearnsFromModel, NonFiniteLossError, Transition
from agents.registry import AGENTS, config_class, make_agent
from agents.runs.checkpoint import CheckpointStore
from agents.runs.command_line import read_run
from agents.runs.environments import Environments, make_environment
from agents.runs.evaluation import evaluate
from agents.runs.loop import Training
from agents.runs.state_tree import take_apart
from agents.tabular import PrioritizedSweepingConfig, QLearningConfig, TabularAgent
from agents.tabular.mastery import learnt

TABULAR = [name for name, (module, _, _) in AGENTS.items() if module == "agents.tabular"]
CONFIGS = sorted(Path(__file__).parents[3].joinpath("configs", "tabular").glob("*.yaml"))
FOUR = spaces.Discrete(4)


def training_of(config, env_id="Hairpin/Lake-v0", num_envs=3, seed=0, **kwargs) -> Any:
    environments = Environments(make_environment(env_id, num_envs, kwargs), seed)
    seen = environments.observation_space, environments.action_space
    return Training(make_agent(config, *seen, seed), environments)


def bits_of(state):
    tree = take_apart(state)
    return repr(tree.tree), {name: array.tobytes() for name, array in tree.arrays.items()}


@pytest.mark.parametrize("use_model", [True, False], ids=["model", "steps"])
@pytest.mark.parametrize("name", TABULAR)
def test_a_run_cut_in_two_is_the_run_left_alone(name, use_model, tmp_path):
    """Cut where nothing is round, and taken up by an agent of another seed."""
    config = config_class(name)(use_model=use_model, report_every=100, exploration_steps=500)
    alone, first, second = (training_of(config, seed=seed) for seed in (3, 3, 99))
    expected = list(alone.train(700))
    metrics = list(first.train(161))
    CheckpointStore(tmp_path).save(first.state_dict(), 161)
    checkpoint = CheckpointStore(tmp_path).load_latest()
    assert checkpoint is not None
    second.load_state_dict(checkpoint.state)
    assert metrics + list(second.train(700)) == expected
    assert bits_of(second.state_dict()) == bits_of(alone.state_dict())
    assert [entry["env_steps"] // 100 for entry in expected] == [1, 2, 3, 4, 5, 6, 7]


def test_a_model_is_learnt_in_without_a_step_of_the_environments():
    training = training_of(QLearningConfig(report_every=1000), num_envs=8)
    step = training.environments.env.step
    training.environments.env.step = lambda action: pytest.fail("it stepped")
    metrics = list(training.train(5_000))
    training.environments.env.step = step
    assert isinstance(training.agent, LearnsFromModel)
    assert training.environments.env_steps == 5_000
    assert metrics[-1]["episodes"] == training.environments.episodes > 100
    assert {"episode_return", "episode_length", "epsilon", "visited", "highest_value"} <= metrics[-1].keys()


def test_without_the_model_it_steps():
    training = training_of(QLearningConfig(use_model=False))
    list(training.train(30))
    counted = training.agent.walkers.counts[0], training.agent.learner.tables.visits.sum()
    assert counted == (training.environments.env_steps,) * 2
    assert training.environments.env_steps >= 30


@pytest.mark.parametrize("name", TABULAR)
def test_both_ways_come_to_the_same_statistics(name):
    """Mean return, length and coverage of a fixed exploration on the lake, by loop and by step."""
    told = []
    for use_model in (True, False):
        config = config_class(name)(use_model=use_model, epsilon_end=1.0, report_every=8_000)
        training = training_of(config, num_envs=8, size=4)
        (metrics,) = training.train(8_000)
        told.append((metrics, training.agent.q_values()))
    (one, q_one), (other, q_other) = told
    assert one["episodes"] == pytest.approx(other["episodes"], rel=0.07)
    assert one["episode_length"] == pytest.approx(other["episode_length"], rel=0.35)
    assert one["visited"] == other["visited"]
    assert np.corrcoef(q_one.ravel(), q_other.ravel())[0, 1] > 0.8


def test_it_learns_gymnasiums_own_lake_by_its_id():
    config = QLearningConfig(initial_value=1.0, exploration_steps=8_000, report_every=16_000)
    training = training_of(config, "FrozenLake-v1", num_envs=8, is_slippery=False)
    (metrics,) = training.train(16_000)
    make = lambda rows: make_environment("FrozenLake-v1", rows, {"is_slippery": False})  # noqa: E731
    score = evaluate(training.agent, make, 10, seed=1, name="q-learning")
    assert (score["mean_return"], score["mean_length"]) == (1.0, 6.0)
    assert "exact_return" not in score
    assert metrics["epsilon"] == pytest.approx(0.1)


def test_ignored_rows_teach_nothing_and_begin_anew():
    agent = TabularAgent(QLearningConfig(epsilon_start=0.0, epsilon_end=0.0), FOUR, spaces.Discrete(2), 0)
    agent.learner.tables.q[...] = [[0, 1], [1, 0], [0, 1], [1, 0]]
    assert agent.act(np.array([0, 1]), None)[0].tolist() == [1, 0]
    flags = np.array([False, False])
    step = Transition(
        np.array([0, 1]), np.array([1, 0]), np.zeros(2, np.float32), flags, flags, np.array([2, 3]), ~flags
    )
    before = agent.q_values()
    agent.observe(step)
    np.testing.assert_array_equal(agent.q_values(), before)
    assert agent.walkers.counts.tolist() == [0, 2, 0]
    assert agent.act(np.array([2, 3]), None)[0].tolist() == [1, 0]
    assert agent.walkers.counts.tolist() == [0, 4, 0]


def test_the_action_is_the_one_that_sarsa_learnt_from():
    """Always exploring: what is chosen after a step is what `act` says for where the step led."""
    config = config_class("sarsa")(epsilon_start=1.0, epsilon_end=1.0, learning_rate_power=0.0, discount=0.5)
    agent = TabularAgent(config, FOUR, spaces.Discrete(2), 0)
    agent.learner.tables.q[3] = [10.0, 20.0]
    no = np.array([False])
    seen = set()
    for _ in range(40):
        agent.act(np.array([0]), None)
        step = Transition(
            np.array([0]), np.array([1]), np.array([1.0], np.float32), no, no, np.array([3]), no
        )
        agent.observe(step)
        action = int(agent.act(np.array([3]), None)[0][0])
        assert agent.q_values()[0, 1] == 1.0 + 0.5 * [10.0, 20.0][action]
        seen.add(action)
    assert seen == {0, 1}


def test_actions_and_states_may_start_anywhere():
    agent = TabularAgent(QLearningConfig(), spaces.Discrete(3, start=5), spaces.Discrete(2, start=-1), 0)
    actions, _ = agent.act(np.array([5, 6, 7]), None)
    assert set(actions.tolist()) <= {-1, 0}
    agent.learner.tables.q[...] = [[1, 0], [0, 1], [1, 0]]
    assert agent.act_greedily(np.array([5, 6, 7]), None)[0].tolist() == [-1, 0, -1]


def test_acting_greedily_changes_nothing():
    training = training_of(QLearningConfig())
    list(training.train(30))
    before = bits_of(training.agent.state_dict())
    training.agent.act_greedily(np.zeros(7, np.int64), None)
    assert bits_of(training.agent.state_dict()) == before


def test_the_policy_alone_can_be_handed_on():
    training = training_of(QLearningConfig())
    list(training.train(3_000))
    agent = training.agent
    other = TabularAgent(QLearningConfig(), training.environments.observation_space, FOUR, 7)
    other.load_policy_state_dict(agent.policy_state_dict())
    np.testing.assert_array_equal(other.q_values(), agent.q_values())
    assert agent.q_values().any()


@pytest.mark.parametrize("state", [{}, {"w": torch.zeros(4, 2)}, {"q": torch.zeros(1, 2)}], ids=str)
def test_a_policy_of_another_agent_is_refused(state):
    agent = TabularAgent(QLearningConfig(), FOUR, spaces.Discrete(2), 0)
    with pytest.raises(ValueError, match="its policy is no table of 4 states and 2 actions"):
        agent.load_policy_state_dict(state)


def test_another_number_of_environments_is_refused_once_it_has_learnt():
    agent = TabularAgent(QLearningConfig(initial_value=2.0), FOUR, spaces.Discrete(2), 0)
    agent.learner.tables.q[1, 1] = 9.0
    agent.act(np.array([0, 1, 2]), None)
    assert agent.q_values()[1].tolist() == [2.0, 9.0]
    with pytest.raises(ValueError, match="q-learning learns from 3 environments, not from 2"):
        agent.act(np.array([0, 1]), None)


def test_a_table_that_is_spoilt_is_said_to_be():
    agent = TabularAgent(QLearningConfig(report_every=10), FOUR, spaces.Discrete(2), 0)
    agent.learner.tables.q[2, 1] = np.nan
    with pytest.raises(NonFiniteLossError, match="seen at environment step 10"):
        list(agent.learn(10))
    with pytest.raises(NonFiniteLossError):
        agent.state_dict()


def tried(config, model):
    """The share of the corridor's pairs that were tried; at its end there is nothing to do."""
    visits = learnt(config, model, 4_000).learner.tables.visits
    return (visits[:-1] > 0).mean()


@pytest.mark.parametrize("name", TABULAR)
def test_optimism_tries_everything(name, chain_model):
    """Without any chance in the choice, hope alone leads through a corridor whose end pays."""
    greedy = {"epsilon_start": 0.0, "epsilon_end": 0.0}
    assert tried(config_class(name)(initial_value=2.0, **greedy), chain_model(8)) == 1.0
    assert tried(config_class(name)(**greedy), chain_model(8)) == 1 / 14


def test_confidence_bounds_try_everything(chain_model):
    assert tried(QLearningConfig(exploration="ucb", bonus=2.0), chain_model(8)) == 1.0


def test_a_count_bonus_leads_back_to_what_was_seldom_tried(chain_model):
    """After the same hopeful start, the pair that is tried least is tried twice as often."""
    least = []
    for bonus in (0.0, 2.0):
        options = {"exploration": "count_bonus", "discount": 0.9, "initial_value": 10.0}
        agent = learnt(QLearningConfig(bonus=bonus, **options), chain_model(6), 20_000)
        least.append(int(agent.learner.tables.visits[:-1].min()))
    assert 2 * least[0] < least[1]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"exploration_steps": 1000}, {"epsilon": 0.55}),
        ({"exploration": "softmax", "exploration_steps": 1000}, {"temperature": 0.505}),
        ({"exploration": "ucb"}, {}),
        ({"exploration": "count_bonus"}, {}),
    ],
)
def test_a_report_tells_how_actions_are_tried(options, told):
    agent = TabularAgent(QLearningConfig(report_every=500, **options), FOUR, spaces.Discrete(2), 0)
    (metrics,) = agent.learn(500)
    named = {name: value for name, value in metrics.items() if name in ("epsilon", "temperature")}
    assert named == pytest.approx(told)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"discount": 1.5}, "agent.discount is 1.5; it must be between 0 and 1"),
        ({"learning_rate": 0.0}, "agent.learning_rate is 0.0; it must be above 0 and at most 1"),
        ({"learning_rate_power": 2.0}, "agent.learning_rate_power is 2.0; it must be between 0 and 1"),
        ({"temperature_end": 0.0}, "agent.temperature_end is 0.0; it must be above 0"),
        ({"initial_value": float("inf")}, "agent.initial_value is inf; it must be a finite number"),
        ({"bonus": float("nan")}, "agent.bonus is nan; it must be 0 or more"),
        ({"bins": (4, 0)}, r"agent.bins is \(4, 0\); it must be whole numbers of at least 1"),
        ({"report_every": 0}, "agent.report_every is 0; it must be at least 1"),
    ],
)
def test_a_bad_option_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        QLearningConfig(**options)


@pytest.mark.parametrize(
    ("name", "option", "message"),
    [
        ("n-step-sarsa", {"n_step": 0}, "agent.n_step is 0; it must be at least 1"),
        ("q-lambda", {"trace_decay": 1.1}, "agent.trace_decay is 1.1; it must be between 0 and 1"),
        ("dyna-q", {"planning_steps": 0}, "agent.planning_steps is 0; it must be at least 1"),
        ("dyna-q", {"model_successors": 0}, "agent.model_successors is 0; it must be at least 1"),
        (
            "prioritized-sweeping",
            {"priority_threshold": -1.0},
            "agent.priority_threshold is -1.0; it must be 0 or more",
        ),
        ("sarsa", {"epsilon_end": 2.0}, "agent.epsilon_end is 2.0; it must be between 0 and 1"),
    ],
)
def test_the_options_of_each_rule_are_checked(name, option, message):
    with pytest.raises(ValueError, match=message):
        config_class(name)(**option)


def test_sweeping_keeps_its_step_size():
    assert PrioritizedSweepingConfig().learning_rate_power == 0.0


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_a_named_experiment_can_be_read(file):
    request = read_run(["--config", str(file)], file, "")
    assert request.config.agent.name in TABULAR
    assert file.read_text().startswith(
        f"# python scripts/train_agent.py --config configs/tabular/{file.name}\n"
    )


def test_there_are_named_experiments():
    assert len(CONFIGS) >= 3
