"""DQN balances the pole: 475 of 500 steps, the mark that Gymnasium sets for it."""

import pytest
import torch
from gymnasium.vector import VectorEnv

from agents.dqn import DQNConfig
from agents.registry import make_agent
from agents.runs.environments import Environments, make_environment
from agents.runs.evaluation import evaluate
from agents.runs.loop import Training

SOLVED = 475
RECIPE = DQNConfig(
    hidden_sizes=(64, 64),
    batch_size=128,
    samples_per_step=32.0,
    learning_rate=3e-3,
    polyak=0.02,
    learning_starts=500,
    epsilon_steps=5_000,
    report_every=500,
)


def cartpole(num_envs: int) -> VectorEnv:
    return make_environment("CartPole-v1", num_envs)


@pytest.fixture(autouse=True)
def one_thread():
    """A network this small only waits for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.learning
@pytest.mark.parametrize("seed", range(2))
def test_dqn_balances_the_pole(seed):
    """Chosen on 20 episodes, judged on 100 others."""
    environments = Environments(cartpole(16), seed)
    agent = make_agent(RECIPE, environments.observation_space, environments.action_space, seed, "cpu")
    for _ in Training(agent, environments).train(50_000):
        if evaluate(agent, cartpole, 20, seed=1, name="dqn")["mean_return"] < SOLVED:
            continue
        score = evaluate(agent, cartpole, 100, seed=2, name="dqn")
        if score["mean_return"] >= SOLVED:
            return
    pytest.fail("50,000 steps were not enough")
