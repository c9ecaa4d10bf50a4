"""The zoo's work on CartPole-v1, by our DQN and by Stable-Baselines3's: the seconds, and the returns."""

from collections.abc import Iterator
from functools import partial
from statistics import fmean
from typing import Any

import gymnasium as gym

from agents.agent import Agent
from agents.dqn import DQNConfig
from agents.runs.environments import make_environment
from agents.runs.evaluation import Policy, evaluate
from agents.runs.threads import prepare_threads
from benchmark_row import Peer, Row, Scope, row
from equal_work import PEER_NAME, Work, both, seconds_row

EPISODES = 100
ENV_ID = "CartPole-v1"
ENV_STEPS = 50_000
OURS = DQNConfig(
    learning_rate=2.3e-3,
    learning_rate_steps=ENV_STEPS,  # else what is learnt last can be undone by the step after
    batch_size=64,
    replay_capacity=100_000,
    learning_starts=1_000,
    discount=0.99,
    double=False,
    n_step=5,
    samples_per_step=32.0,  # an update of 64 for every second step: 24,500 updates
    epsilon_end=0.04,
    epsilon_steps=8_000,
    polyak=0.01,
    hidden_sizes=(256, 256),
)
NUM_ENVS = 16
THEIRS: dict[str, Any] = {
    "learning_rate": 2.3e-3,
    "batch_size": 64,
    "buffer_size": 100_000,
    "learning_starts": 1_000,
    "gamma": 0.99,
    "target_update_interval": 10,
    "train_freq": 256,
    "gradient_steps": 128,
    "exploration_fraction": 0.16,
    "exploration_final_eps": 0.04,
    "policy_kwargs": {"net_arch": [256, 256]},
}
"""What RL Baselines3 Zoo tuned for CartPole-v1 (hyperparams/dqn.yml): as many updates of as many samples."""
WORK = Work(
    OURS,
    partial(make_environment, ENV_ID, NUM_ENVS),
    "MlpPolicy",
    partial(gym.make, ENV_ID),
    THEIRS,
    ENV_STEPS,
)


def measure(scope: Scope) -> Iterator[Row]:
    """Seconds for the zoo's work on CartPole-v1, and the returns that come of it, with a thread for each."""
    prepare_threads()
    ours, theirs = both(WORK, scope)
    settings: Row = {"seeds": list(scope.seeds), "env_steps": ENV_STEPS, "num_envs": NUM_ENVS, "threads": 1}
    yield seconds_row("CartPole-v1, 24,500 updates of 64", ours, theirs, settings)
    returns, their_returns = ([mean_return(learnt.policy) for learnt in runs] for runs in (ours, theirs))
    settings |= {"episodes": EPISODES, "returns": returns, "peer_returns": their_returns}
    beside = fmean(their_returns) if theirs else None
    peer = Peer(PEER_NAME, beside, fmean(returns) / beside) if beside else None
    yield row("CartPole-v1, return after that work", fmean(returns), "return", settings, peer)


def mean_return(policy: Agent | Policy) -> float:
    """Mean return on CartPole-v1, on the same episodes whoever it is."""
    return evaluate(policy, partial(make_environment, ENV_ID), EPISODES, 1, name="policy")["mean_return"]
