"""The stream of environments: seeds, counts, statistics, and what is refused."""

from typing import Any, cast

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import VectorWrapper

import envs  # noqa: F401  registers the street
from agents.runs.environments import Environments, make_environment
from agents.runs.episodes import numbers_of_row
from agents.runs.foreign import ForeignVectorEnv
from envs.driving.street_driver import StreetDriver


def cartpole(num_envs=3, seed=0, window=100):
    return Environments(make_environment("CartPole-v1", num_envs), seed, window)


def act(environments, steps, seed=0):
    generator = np.random.default_rng(seed)
    return [environments.step(generator.integers(0, 2, environments.num_envs)) for _ in range(steps)]


def test_a_transition_joins_what_came_before_and_after():
    environments = cartpole()
    before = environments.obs
    action = np.array([0, 1, 0])
    obs, transition = environments.step(action)
    assert transition.obs is before
    assert transition.next_obs is obs is environments.obs
    assert transition.action is action
    assert (np.asarray(before) != np.asarray(obs)).any()


def test_rows_that_are_only_reset_are_marked_and_not_counted():
    environments = cartpole()
    ended, counted = np.zeros(3, np.bool_), 0
    for _, transition in act(environments, 200):
        np.testing.assert_array_equal(transition.ignored, ended)
        ended = transition.terminated | transition.truncated
        counted += np.count_nonzero(~transition.ignored)
    assert environments.env_steps == counted < 600
    assert environments.episodes > 5


def test_statistics_are_means_over_the_last_episodes():
    environments = cartpole(window=4)
    assert environments.statistics() == {"episodes": 0}
    lengths, current = [], np.zeros(3)
    for _, transition in act(environments, 300):
        current += ~transition.ignored
        for row in np.flatnonzero(transition.terminated | transition.truncated):
            lengths.append(current[row])
            current[row] = 0
    statistics = environments.statistics()
    assert statistics["episodes"] == len(lengths) > 4
    assert statistics["episode_length"] == statistics["episode_return"] == np.mean(lengths[-4:])


def test_numbers_of_a_row_are_only_what_was_told_of_it():
    info = {
        "success": np.array([True, False]),
        "_success": np.array([True, True]),
        "speed": np.array([3.5, 0.0]),
        "_speed": np.array([True, False]),
        "frame": np.zeros((2, 4)),
        "_frame": np.array([True, True]),
        "name": np.array(["a", "b"], object),
        "_name": np.array([True, True]),
        "untold": np.array([1.0, 2.0]),
    }
    assert numbers_of_row(info, 0) == {"success": 1.0, "speed": 3.5}
    assert numbers_of_row(info, 1) == {"success": 0.0}


def test_neighbouring_seeds_share_no_row():
    firsts = [np.asarray(cartpole(num_envs=8, seed=seed).obs)[:, 0] for seed in (0, 1)]
    assert not set(firsts[0]) & set(firsts[1])


def test_a_resumed_stream_goes_on_in_the_same_bits():
    environments = cartpole()
    act(environments, 157)
    other = cartpole(seed=5)
    other.load_state_dict(environments.state_dict())
    np.testing.assert_array_equal(other.obs, environments.obs)
    for left, right in zip(act(environments, 100, 1), act(other, 100, 1), strict=True):
        np.testing.assert_equal(left, right)
    np.testing.assert_equal(environments.state_dict(), other.state_dict())


def test_a_wrapper_does_not_hide_how_to_save():
    wrapped = Environments(VectorWrapper(make_environment("CartPole-v1", 2)), 0)
    assert wrapped.state_dict()["env"]["episodes"] == [0, 0]


def test_an_environment_that_cannot_be_saved_says_so():
    environments = Environments(gym.make_vec("CartPole-v1", 2, vectorization_mode="vector_entry_point"), 0)
    with pytest.raises(ValueError, match=r"CartPoleVectorEnv\(CartPole-v1.* cannot be saved"):
        environments.state_dict()


def test_another_autoreset_mode_is_refused():
    env = gym.make_vec(
        "CartPole-v1",
        2,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": gym.vector.AutoresetMode.SAME_STEP},
    )
    with pytest.raises(ValueError, match="SAME_STEP.* training needs .*NEXT_STEP"):
        Environments(env, 0)


def test_observations_may_be_plain_numbers():
    environments = Environments(make_environment("FrozenLake-v1", 2), 0)
    generator = np.random.default_rng(0)
    for _ in range(30):
        environments.step(generator.integers(0, 4, 2))
    other = Environments(make_environment("FrozenLake-v1", 2), 0)
    other.load_state_dict(environments.state_dict())
    np.testing.assert_array_equal(np.asarray(other.obs), np.asarray(environments.obs))


@pytest.mark.parametrize(
    ("env_id", "kwargs", "message"),
    [
        ("NoSuch-v0", {}, "env.id is 'NoSuch-v0': .*doesn't exist"),
        ("no_such_module:CartPole-v1", {}, "env.id is 'no_such_module:CartPole-v1': No module named"),
        ("CartPole-v1", {"speed": 3}, "env.kwargs do not suit CartPole-v1: .*'speed'"),
    ],
)
def test_what_cannot_be_made_is_named(env_id, kwargs, message):
    with pytest.raises(ValueError, match=message):
        make_environment(env_id, 2, kwargs)


class Broken(gym.Env):
    """What lacks something on this machine."""

    def __init__(self, **kwargs):
        raise kwargs["fault"]


@pytest.mark.parametrize(
    "fault", [ImportError("no jax"), OSError("no disk"), RuntimeError("no display")], ids=repr
)
def test_what_this_machine_lacks_is_told(fault):
    gym.register("Test/Broken-v0", entry_point=Broken)
    try:
        with pytest.raises(ValueError, match=f"'Test/Broken-v0', which cannot be made here: {fault}"):
            make_environment("Test/Broken-v0", 2, {"fault": fault})
    finally:
        del gym.registry["Test/Broken-v0"]


def test_a_module_may_stand_before_the_id():
    env = make_environment("gymnasium.envs.classic_control:CartPole-v1", 2)
    assert isinstance(env, ForeignVectorEnv)


def test_a_vector_class_that_saves_itself_is_used_as_it_is():
    gym.register("Test/SavesItself-v0", entry_point="nowhere:Nothing", vector_entry_point=SavesItself)
    try:
        env = make_environment("Test/SavesItself-v0", 4, {"size": 7})
    finally:
        del gym.registry["Test/SavesItself-v0"]
    assert isinstance(env, SavesItself)
    assert (env.num_envs, env.kwargs["size"], env.kwargs["copy"]) == (4, 7, True)


class SavesItself(gym.vector.VectorEnv):
    """What a vector environment with a state of its own looks like from outside."""

    def __init__(self, num_envs, autoreset_mode, **kwargs):
        self.num_envs, self.kwargs = num_envs, kwargs
        self.metadata = {"autoreset_mode": autoreset_mode}

    def load_state_dict(self, state):
        """That it is there is what counts."""


def test_a_transition_tells_what_the_expert_would_have_done_before_it():
    kwargs = {"obs": "state", "num_levels": 2, "expert": True}
    environments = Environments(make_environment("Hairpin/Obstacles-v0", 3, kwargs), 0)
    expert, cars = StreetDriver(), cast(Any, environments.env.unwrapped)
    generator, told = np.random.default_rng(0), []
    for _ in range(120):
        wanted = expert.act(cars)
        _, transition = environments.step(generator.integers(0, 15, 3))
        np.testing.assert_array_equal(transition.expert_action, wanted)
        told.append(wanted)
    assert (np.diff(told, axis=0) != 0).any()  # the action before or after would not do


def test_where_there_is_no_expert_nothing_is_told():
    assert all(transition.expert_action is None for _, transition in act(cartpole(), 3))
