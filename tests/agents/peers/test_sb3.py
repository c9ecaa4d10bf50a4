"""SB3's agents as ours: how they are built, what they refuse, what is kept of them."""

import math
import sys
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pytest
import torch
from gymnasium import spaces
from safetensors.torch import load, save

from agents.agent import NonFiniteLossError, Transition
from agents.peers.sb3 import ALGORITHMS, SB3Agent, SB3DQNConfig, SB3PPOConfig, SB3QRDQNConfig
from agents.registry import config_class
from agents.runs.environments import make_environment

VECTOR = spaces.Box(-1, 1, (3,))
TWO = spaces.Discrete(2)
QUICK = {"learning_starts": 20, "buffer_size": 200, "batch_size": 8}
SMALL = {"net_arch": [8]}


class Listening:
    """Notes what a training tells, and ends it after `most` steps."""

    def __init__(self, most: int = 10_000):
        self.most = most
        self.steps: list[int] = []
        self.policies: list[int] = []
        self.metrics: list[tuple[int, dict[str, float]]] = []

    def on_step(self, env_steps: int) -> bool:
        self.steps.append(env_steps)
        return env_steps < self.most

    def on_policy(self, env_steps: int) -> None:
        self.policies.append(env_steps)

    def on_metrics(self, env_steps: int, metrics: Mapping[str, float]) -> None:
        self.metrics.append((env_steps, dict(metrics)))


def cartpole(num_envs: int = 2):
    return make_environment("CartPole-v1", num_envs)


def agent_of(config, env, seed: int = 0):
    return SB3Agent(config, env.single_observation_space, env.single_action_space, seed, "cpu")


def trained(config, steps: int = 200, seed: int = 0, most: int = 10_000):
    listener, env = Listening(most), cartpole()
    agent = agent_of(config, env, seed)
    agent.train(env, steps, 3, listener)
    return agent, listener


def quick(**kwargs):
    return SB3DQNConfig(kwargs=QUICK | kwargs, policy_kwargs=SMALL, report_every=50)


def test_a_listener_is_told_of_every_step_policy_and_number():
    agent, listener = trained(quick(train_freq=4))
    assert listener.steps == list(range(2, 202, 2))
    assert listener.policies == list(range(0, 200, 8))
    assert [steps for steps, _ in listener.metrics] == [50, 100, 150, 200, 200]
    told = listener.metrics[1][1]
    assert {
        "episodes",
        "episode_return",
        "train/loss",
        "train/n_updates",
        "train/learning_rate",
    } <= told.keys()
    assert not any("time" in name for name in told)
    assert agent.model.num_timesteps == 200


def test_a_policy_is_told_of_only_after_its_updates():
    """PPO learns between two rollouts: at each telling the updates of all rollouts before are done."""
    config = SB3PPOConfig(
        kwargs={"n_steps": 16, "batch_size": 16, "n_epochs": 3}, policy_kwargs=SMALL, report_every=16
    )
    seen = []

    class Counting(Listening):
        def on_policy(self, env_steps: int) -> None:
            seen.append((env_steps, agent.model._n_updates))

    env = cartpole()
    agent = agent_of(config, env)
    agent.train(env, 96, 3, Counting())
    assert seen == [(0, 0), (32, 3), (64, 6)]
    assert agent.model._n_updates == 9


def test_a_listener_ends_a_training():
    agent, listener = trained(quick(), most=60)
    assert listener.steps[-1] == agent.model.num_timesteps == 60


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_policy_is_kept_without_a_pickle_and_acts_the_same(name):
    if name == "sb3-qrdqn":
        pytest.importorskip("sb3_contrib")
    few = {} if name in ("sb3-ppo", "sb3-a2c") else QUICK
    few = few | ({"n_steps": 32, "batch_size": 64} if name == "sb3-ppo" else {})
    config = config_class(name)(kwargs=few, policy_kwargs=SMALL)
    agent, _ = trained(config, 100)
    other = agent_of(config, cartpole(), seed=9)
    obs = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
    expected, memory = agent.act_greedily(obs, None)
    assert memory is None
    assert expected.shape == (64,)
    assert agent.model.policy.state_dict().keys() == agent.policy_state_dict().keys()
    other.load_policy_state_dict(load(save(agent.policy_state_dict())))
    np.testing.assert_array_equal(other.act_greedily(obs, None)[0], expected)
    np.testing.assert_array_equal(agent.act_greedily(obs, None)[0], expected)


def test_a_seed_decides_everything():
    bits = [save(trained(quick(), seed=seed)[0].policy_state_dict()) for seed in (4, 4, 5)]
    assert bits[0] == bits[1] != bits[2]


def test_options_reach_stable_baselines_as_they_are():
    config = SB3DQNConfig(
        kwargs={"gamma": 0.9, "learning_rate": 0.5},
        policy_kwargs={"net_arch": [3, 5], "activation_fn": "Tanh"},
    )
    model = agent_of(config, cartpole()).model
    assert (model.gamma, model.learning_rate) == (0.9, 0.5)  # pyright: ignore[reportAttributeAccessIssue]
    shapes = [tuple(p.shape) for p in model.policy.q_net.parameters()]  # pyright: ignore
    assert shapes == [(3, 4), (3,), (5, 3), (5,), (2, 5), (2,)]
    assert any(isinstance(module, torch.nn.Tanh) for module in model.policy.modules())


@pytest.mark.parametrize(
    ("space", "policy"),
    [
        (VECTOR, "DQNPolicy"),
        (spaces.Box(0, 255, (36, 40, 3), np.uint8), "CnnPolicy"),
        (spaces.Box(0, 255, (32, 40, 3), np.uint8), "DQNPolicy"),
        (spaces.Box(0, 1, (10, 10, 4), cast(Any, bool)), "DQNPolicy"),
        (spaces.Discrete(5), "DQNPolicy"),
        (spaces.Dict(a=VECTOR, b=VECTOR), "MultiInputPolicy"),
    ],
)
def test_the_policy_fits_what_is_seen(space, policy):
    agent = SB3Agent(SB3DQNConfig(kwargs={"buffer_size": 10}), space, TWO, 0, "cpu")
    assert type(agent.model.policy).__name__ == policy
    rows = [space.sample() for _ in range(3)]
    obs = {key: np.stack([row[key] for row in rows]) for key in "ab"} if policy[0] == "M" else np.stack(rows)
    assert agent.act_greedily(obs, None)[0].shape == (3,)
    assert agent.act(obs, None)[0].shape == (3,)


@pytest.mark.parametrize(
    ("config", "observation", "action", "words"),
    [
        (SB3DQNConfig(kwargs={"colour": 3}), VECTOR, TWO, "sb3-dqn.*unexpected keyword argument 'colour'"),
        (SB3DQNConfig(policy_kwargs={"colour": 3}), VECTOR, TWO, "sb3-dqn.*unexpected keyword.*'colour'"),
        (SB3DQNConfig(policy="MlpPoliy"), VECTOR, TWO, "sb3-dqn.*MlpPoliy unknown"),
        (SB3DQNConfig(), VECTOR, VECTOR, "sb3-dqn.*only supports.*Discrete.*but Box"),
        (SB3PPOConfig(), spaces.Tuple([TWO, TWO]), TWO, "sb3-ppo.*do not suit Tuple"),
        (SB3DQNConfig(), VECTOR, spaces.Discrete(2, start=1), "counts actions from 0"),
        (SB3DQNConfig(policy_kwargs={"activation_fn": "x"}), VECTOR, TWO, "must be a class of torch.nn"),
    ],
)
def test_what_does_not_suit_is_one_sentence(config, observation, action, words):
    with pytest.raises(ValueError, match=words) as fault:
        SB3Agent(config, observation, action, 0, "cpu")
    assert "\n" not in str(fault.value)


def test_what_the_run_decides_is_no_option():
    with pytest.raises(ValueError, match="agent.kwargs.seed is 3; it must be left out"):
        SB3DQNConfig(kwargs={"seed": 3})
    with pytest.raises(ValueError, match="agent.report_every is 0; it must be at least 1"):
        SB3DQNConfig(report_every=0)


def test_a_missing_package_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "sb3_contrib", None)
    with pytest.raises(ValueError, match="sb3-contrib is not installed: pip install sb3-contrib"):
        SB3Agent(SB3QRDQNConfig(), VECTOR, TWO, 0, "cpu")


PPO = SB3PPOConfig(kwargs={"n_steps": 16, "batch_size": 32})


@pytest.mark.parametrize(
    ("config", "spoilt"),
    [(quick(), math.nan), (PPO, math.nan), (PPO, 1e38)],  # the last are numbers, and what they give is none
)
def test_what_is_not_a_number_is_told(config, spoilt: float):
    agent, listener = agent_of(config, cartpole()), Listening()

    def spoil(env_steps: int) -> None:
        if env_steps >= 64:
            for part in agent.model.policy.parameters():
                part.data.fill_(spoilt)

    listener.on_policy = spoil
    with pytest.raises(NonFiniteLossError):
        agent.train(cartpole(), 400, 0, listener)


def test_it_cannot_be_led_through_the_loop():
    agent = agent_of(quick(), cartpole())
    nothing = np.zeros(1, np.float32)
    rows = np.zeros(1, np.bool_)
    transition = Transition(nothing, nothing, nothing, rows, rows, nothing, rows)
    for call in (
        agent.state_dict,
        lambda: agent.observe(transition),
        lambda: agent.learn(3),
        lambda: agent.load_state_dict({}),
    ):
        with pytest.raises(RuntimeError, match="sb3-dqn trains itself"):
            call()
