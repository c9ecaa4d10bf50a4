import gymnasium as gym
import numpy as np
import pytest

from envs.drivers import make_driver
from envs.driving.expert import PurePursuit
from envs.driving.vector_env import DrivingVectorEnv


def test_the_expert_drives_as_the_expert():
    env = DrivingVectorEnv(3, num_levels=4, obs="state")
    obs, _ = env.reset(seed=0)
    assert np.array_equal(make_driver("expert", env, 0)(obs), PurePursuit().act(env))


def test_chance_has_a_seed():
    env = DrivingVectorEnv(3, num_levels=4, obs="state")
    draws = []
    for seed in (5, 5, 6):
        act = make_driver("random", env, seed)
        draws.append(np.array([act(None) for _ in range(20)]))
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])
    assert draws[0].shape == (20, 3)


def test_the_expert_knows_no_other_environment():
    env = gym.make_vec("CartPole-v1", 1)
    with pytest.raises(ValueError, match="'expert' cannot drive"):
        make_driver("expert", env, 0)
    env.close()
