"""A policy-gradient run that is cut in two goes on in the same bits, whatever the actions are."""

import json
from typing import Any

import pytest

from agents.a2c import A2CConfig
from agents.ppo import PPOConfig
from agents.registry import make_agent
from agents.reinforce import ReinforceConfig
from agents.runs.checkpoint import CheckpointStore
from agents.runs.environments import Environments, make_environment
from agents.runs.loop import Training
from agents.runs.state_tree import take_apart

SMALL = {"hidden_sizes": (16,), "report_every": 70}


def training_of(config, env_id, seed=3) -> Any:
    environments = Environments(make_environment(env_id, 4), seed)
    observed, acted = environments.observation_space, environments.action_space
    return Training(make_agent(config, observed, acted, seed, "cpu"), environments)


def assert_same_bits(left, right):
    one, other = take_apart(left), take_apart(right)
    assert json.dumps(one.tree) == json.dumps(other.tree)
    assert one.arrays.keys() == other.arrays.keys()
    for name, array in one.arrays.items():
        assert array.tobytes() == other.arrays[name].tobytes(), name


@pytest.mark.parametrize("cut", [36, 340])
@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1"])
@pytest.mark.parametrize(
    "config",
    [
        A2CConfig(**SMALL, rollout_steps=24),
        PPOConfig(**SMALL, rollout_steps=64, minibatch_size=16, epochs=2, normalise_observations=True),
        ReinforceConfig(**SMALL, rollout_steps=40),
    ],
)
def test_a_run_cut_in_two_is_the_run_left_alone(config, env_id, cut, tmp_path):
    """In the middle of a rollout, before anything is learnt and afterwards."""
    alone, first = training_of(config, env_id), training_of(config, env_id)
    expected = list(alone.train(700))
    metrics = list(first.train(cut))
    assert first.agent.rollout.length > 0
    CheckpointStore(tmp_path).save(first.state_dict(), first.environments.env_steps)
    second = training_of(config, env_id, seed=99)
    checkpoint = CheckpointStore(tmp_path).load_latest()
    assert checkpoint is not None
    second.load_state_dict(checkpoint.state)
    assert metrics + list(second.train(700)) == expected
    assert_same_bits(second.state_dict(), alone.state_dict())
