"""Agents that remember find the way out of a T-maze; one that does not can only guess."""

from typing import Any

import pytest
import torch

import envs  # noqa: F401  registers the T-maze
from agents.dqn import DQNConfig
from agents.memory_q import LSTMQConfig, TransformerQConfig
from agents.registry import make_agent
from agents.runs.environments import Environments, make_environment
from agents.runs.evaluation import evaluate
from agents.runs.loop import Training

LENGTH, EPISODES, EVERY = 8, 100, 4_000
SHARED: dict[str, Any] = {"batch_size": 16, "epsilon_steps": 8_000, "report_every": EVERY}


@pytest.fixture(autouse=True)
def one_thread():
    """A network this small only waits for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def maze(num_envs):
    return make_environment("Hairpin/TMaze-v0", num_envs, {"length": LENGTH})


def successes(config, env_steps):
    """The share of right turns at every look, each at other episodes."""
    environments = Environments(maze(16), seed=0)
    agent = make_agent(config, environments.observation_space, environments.action_space, 0, "cpu")
    for look, _ in enumerate(Training(agent, environments).train(env_steps)):
        yield evaluate(agent, maze, EPISODES, seed=look, name="maze")["success_rate"]


@pytest.mark.learning
@pytest.mark.parametrize(
    "config",
    [
        LSTMQConfig(**SHARED, learning_rate=2e-3, decay=0.9, samples_per_step=16.0, sequence_length=20),
        TransformerQConfig(
            **SHARED, decay=0.95, polyak=0.02, samples_per_step=32.0, width=32, sequence_length=20
        ),
    ],
    ids=["lstm-q", "transformer-q"],
)
def test_who_remembers_takes_the_right_turn(config):
    best = 0.0
    for share in successes(config, 60_000):
        best = max(best, share)
        if best >= 0.95:
            return
    pytest.fail(f"at best {best:.0%} right turns")


@pytest.mark.learning
def test_who_does_not_remember_guesses():
    """At every look, after as much as those need who remember."""
    config = DQNConfig(**SHARED, hidden_sizes=(64, 64), learning_starts=500, samples_per_step=16.0)
    shares = list(successes(config, 20_000))
    assert len(shares) == 5
    assert max(shares) <= 0.7
