"""Policies that are learnt until they are good: the pole, and a push that must be of the right strength."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

from agents.a2c import A2CConfig
from agents.ppo import PPOConfig
from agents.registry import make_agent
from agents.reinforce import ReinforceConfig
from agents.runs.environments import Environments, make_environment
from agents.runs.evaluation import evaluate
from agents.runs.foreign import ForeignVectorEnv
from agents.runs.loop import Training

SOLVED = 475
PUSH_STEPS = 20


@pytest.fixture(autouse=True)
def one_thread():
    """A network this small only waits for a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Push(gym.Env):
    """A mass on a line is pushed to its middle; each step costs the square of where it then is.

    A push of one moves it by two, so that the best push from x is −x / 2, which costs nothing.
    """

    observation_space = spaces.Box(-np.inf, np.inf, (1,), np.float32)
    action_space = spaces.Box(-2, 2, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place, self.steps = float(self.np_random.uniform(-3, 3)), 0
        return np.array([self.place], np.float32), {}

    def step(self, action):
        self.place += 2 * float(action[0])
        cost, self.steps = self.place**2, self.steps + 1
        if self.steps % 4 == 0:
            self.place = float(self.np_random.uniform(-3, 3))
        truncated = self.steps == PUSH_STEPS
        return np.array([self.place], np.float32), -cost, False, truncated, {}


def cartpole(num_envs):
    return make_environment("CartPole-v1", num_envs)


def push(num_envs):
    return ForeignVectorEnv(Push, num_envs)


def trained(config, make, env_steps, seed=0):
    environments = Environments(make(16), seed)
    agent = make_agent(config, environments.observation_space, environments.action_space, seed, "cpu")
    for _ in Training(agent, environments).train(env_steps):
        pass
    return agent


@pytest.mark.learning
@pytest.mark.parametrize(
    ("config", "env_steps", "mark"),
    [
        (PPOConfig(learning_rate=1e-3, learning_rate_steps=50_000, rollout_steps=1_024), 50_000, SOLVED),
        (A2CConfig(learning_rate=2e-3, learning_rate_steps=200_000), 200_000, SOLVED),
        (ReinforceConfig(learning_rate_steps=200_000), 200_000, 400),
    ],
)
def test_it_balances_the_pole(config, env_steps, mark):
    """The policy that it ends with, on 100 episodes."""
    agent = trained(config, cartpole, env_steps)
    assert evaluate(agent, cartpole, 100, seed=2, name=config.name)["mean_return"] >= mark


@pytest.mark.learning
def test_ppo_finds_how_hard_to_push():
    """Pushing at random costs about 100; the best costs nothing."""
    config = PPOConfig(learning_rate=3e-3, learning_rate_steps=40_000, discount=0.5, rollout_steps=1_024)
    agent = trained(config, push, 40_000)
    assert evaluate(agent, push, 50, seed=2, name="ppo")["mean_return"] > -2
    place = np.linspace(-3, 3, 13, dtype=np.float32)[:, None]
    np.testing.assert_allclose(agent.act_greedily(place, None)[0], -place / 2, atol=0.2)
