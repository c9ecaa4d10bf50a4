"""A recipe counts samples: what it reaches does not depend on how many environments are stepped together."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from agents.dqn import DQNConfig
from agents.ppo import PPOConfig
from agents.registry import make_agent
from agents.runs.environments import Environments, make_environment
from agents.runs.evaluation import bootstrap_interval, evaluate
from agents.runs.loop import Training

SEEDS = range(3)
SAMPLES: dict[str, Any] = {"samples_per_step": 32.0, "learning_starts": 500, "epsilon_steps": 3_000}
RECIPES: dict[str, tuple[Any, int]] = {
    "dqn": (DQNConfig(learning_rate=3e-3, hidden_sizes=(64, 64), batch_size=128, **SAMPLES), 8_000),
    "ppo": (PPOConfig(learning_rate=2e-3), 12_000),
}


def score(config: Any, env_steps: int, num_envs: int, seed: int) -> float:
    environments = Environments(make_environment("CartPole-v1", num_envs), seed)
    spaces = environments.observation_space, environments.action_space
    agent = make_agent(replace(config, report_every=env_steps), *spaces, seed, "cpu")
    list(Training(agent, environments).train(env_steps))
    return evaluate(agent, lambda n: make_environment("CartPole-v1", n), 20, 1, name="x")["mean_return"]


@pytest.mark.learning
@pytest.mark.parametrize("name", RECIPES)
def test_intervals_at_1_8_and_32_environments_overlap(name: str):
    config, env_steps = RECIPES[name]
    intervals = []
    for num_envs in (1, 8, 32):
        scores = np.array([score(config, env_steps, num_envs, seed) for seed in SEEDS])
        assert scores.mean() > 60, f"{num_envs} environments: nothing was learnt, {scores}"
        intervals.append(bootstrap_interval(scores, np.random.default_rng(0)))
    for one, other in combinations(intervals, 2):
        assert one[0] <= other[1], intervals
        assert other[0] <= one[1], intervals
