"""Tabular agents come to the optimum, exactly; and differ at the cliff as the books say."""

from typing import Any

import numpy as np
import pytest

import envs  # noqa: F401  registers the ids
from agents.exact import exact_return, stationary_optimum
from agents.registry import make_agent
from agents.runs.environments import Environments, make_environment
from agents.runs.evaluation import evaluate
from agents.runs.loop import Training
from agents.tabular import ExpectedSarsaConfig, NStepSarsaConfig, QLearningConfig, SarsaConfig
from agents.tabular.mastery import RECIPES, learnt, learnt_returns

SEEDS = range(6)  # of thirty: `agents.tabular.mastery.learnt_returns` takes any
TASKS = {
    "lake 4 × 4": ("Hairpin/Lake-v0", {"size": 4}, 0.740, 2_000_000),
    "lake 8 × 8": ("Hairpin/Lake-v0", {"size": 8}, 0.886, 20_000_000),
    "cliff": ("Hairpin/Cliff-v0", {}, -13.0, 2_000_000),
    "taxi": ("Hairpin/Taxi-v0", {}, 7.93, 2_000_000),
}
ONWARD = [(-1, 0), (0, 1), (1, 0), (0, -1)]  # up, right, down, left
FIXED: dict[str, Any] = {"epsilon_start": 0.1, "epsilon_end": 0.1, "discount": 1.0}


def model_of(env_id, kwargs) -> Any:
    env: Any = make_environment(env_id, 1, kwargs)
    return env.unwrapped.model


@pytest.mark.learning
@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("task", TASKS)
def test_an_off_policy_agent_finds_the_optimum(task, name):
    """The exact worth of the greedy policy, under the time limit, on every seed."""
    env_id, kwargs, printed, most_steps = TASKS[task]
    model = model_of(env_id, kwargs)
    best = stationary_optimum(model)
    assert best == pytest.approx(printed, abs=5e-4)
    returns = learnt_returns(name, model, SEEDS, most_steps, threads=2)
    assert min(returns) > best - 1e-9


def greedy_path(q):
    """The squares of the cliff walk, 4 rows × 12 columns, that the best actions lead over."""
    row, column, path = 3, 0, []
    while len(path) < 50 and (row, column) != (3, 11):
        down, right = ONWARD[q[12 * row + column].argmax()]
        row, column = min(max(row + down, 0), 3), min(max(column + right, 0), 11)
        path.append((row, column))
    return path


@pytest.mark.learning
@pytest.mark.parametrize("config_class", [SarsaConfig, ExpectedSarsaConfig, NStepSarsaConfig])
@pytest.mark.parametrize("seed", range(5))
def test_who_knows_that_it_explores_keeps_away_from_the_cliff(config_class, seed):
    """ε stays at 0.1: a step aside at the edge costs 100, so that the detour is worth it, in both senses."""
    model = model_of("Hairpin/Cliff-v0", {})
    q = learnt(config_class(**FIXED, learning_rate_power=0.7), model, 5_000_000, seed).q_values()
    path = greedy_path(q)
    assert path[-1] == (3, 11)
    assert not {(2, column) for column in range(1, 11)} & set(path)
    assert exact_return(model, q.argmax(1)) <= -15


@pytest.mark.learning
@pytest.mark.parametrize("seed", range(5))
def test_who_learns_of_the_best_action_walks_along_the_edge(seed):
    model = model_of("Hairpin/Cliff-v0", {})
    q = learnt(QLearningConfig(**FIXED, learning_rate_power=0.7), model, 5_000_000, seed).q_values()
    assert {(2, column) for column in range(12)} <= set(greedy_path(q))
    assert exact_return(model, q.argmax(1)) == -13


@pytest.mark.learning
def test_a_divided_box_balances_the_pole():
    """CartPole's four numbers in a few thousand squares: 100 episodes of more than 150 steps on average."""
    config = QLearningConfig(
        bins=(3, 3, 8, 6),
        low=(-2.4, -2.5, -0.21, -3.0),
        high=(2.4, 2.5, 0.21, 3.0),
        exploration_steps=60_000,
        epsilon_end=0.02,
        learning_rate=0.5,
        learning_rate_power=0.2,
        report_every=10_000,
    )
    environments = Environments(make_environment("CartPole-v1", 8), 0)
    agent = make_agent(config, environments.observation_space, environments.action_space, 0)
    best = -np.inf
    for _ in Training(agent, environments).train(150_000):
        score = evaluate(agent, lambda rows: make_environment("CartPole-v1", rows), 100, 1, name="q")
        best = max(best, score["mean_return"])
        if best > 150:
            return
    pytest.fail(f"it came to {best:.0f}")
