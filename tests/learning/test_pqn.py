"""PQN is learnt until the pole stands, with neither a replay nor a target network."""

import pytest
import torch

from agents.pqn import PQNConfig
from agents.registry import make_agent
from agents.runs.environments import Environments, make_environment
from agents.runs.evaluation import evaluate
from agents.runs.loop import Training

SOLVED = 475


@pytest.fixture(autouse=True)
def one_thread():
    """A network this small only waits for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def cartpole(num_envs):
    return make_environment("CartPole-v1", num_envs)


@pytest.mark.learning
def test_it_balances_the_pole():
    """The policy that it ends with, on 100 episodes."""
    config = PQNConfig(
        learning_rate_steps=60_000, rollout_steps=256, epochs=4, decay=0.9, epsilon_steps=10_000
    )
    environments = Environments(cartpole(16), seed=0)
    agent = make_agent(config, environments.observation_space, environments.action_space, 0, "cpu")
    for _ in Training(agent, environments).train(60_000):
        pass
    assert evaluate(agent, cartpole, 100, seed=2, name="pqn")["mean_return"] >= SOLVED
