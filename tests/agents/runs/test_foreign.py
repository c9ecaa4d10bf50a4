"""Environments that cannot save themselves: seeds, the NEXT_STEP stream, and playing again."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from agents.runs.foreign import EpisodeMismatchError, ForeignVectorEnv


class Walk(gym.Env):
    """Adds noise and the action to a hidden position; ends beyond ±3."""

    observation_space = spaces.Dict(position=spaces.Box(-np.inf, np.inf, (2,)), age=spaces.Discrete(100))
    action_space = spaces.Box(-1, 1, (2,))
    drift = 0.0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.position, self.age = np.zeros(2, np.float32), 0
        return self._obs(), {}

    def step(self, action):
        noise = self.np_random.normal(size=2)
        self.position = (self.position + action + noise + self.drift).astype(np.float32)
        self.age += 1
        off = bool(np.abs(self.position).max() > 3)
        return self._obs(), float(self.position[0]), off, self.age >= 20, {"off": off}

    def _obs(self):
        return {"position": self.position, "age": self.age}


class Drifting(Walk):
    drift = 0.01


def actions(steps, num_envs, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (steps, num_envs, 2)).astype(np.float32)


def stepped(env, sequence):
    return [env.step(action) for action in sequence]


def assert_equal_steps(left, right):
    for one, other in zip(left, right, strict=True):
        np.testing.assert_equal(one, other)


def test_the_row_after_an_end_ignores_its_action_and_begins_anew():
    env = ForeignVectorEnv(Walk, 3)
    env.reset(seed=0)
    ended = np.zeros(3, np.bool_)
    for obs, reward, terminated, truncated, info in stepped(env, actions(60, 3)):
        np.testing.assert_array_equal(obs["age"] == 0, ended)
        assert not np.stack([reward, terminated, truncated])[:, ended].any()
        if "off" in info:
            np.testing.assert_array_equal(info["_off"], ~ended)
        ended = terminated | truncated


def test_rows_are_seeded_one_after_another_as_gymnasium_does():
    env = ForeignVectorEnv(Walk, 3)
    env.reset(seed=40)
    obs, *_ = env.step(np.zeros((3, 2), np.float32))
    for row in range(3):
        single = Walk()
        single.reset(seed=40 + row)
        np.testing.assert_array_equal(single.step(np.zeros(2))[0]["position"], obs["position"][row])


def test_later_episodes_differ_and_repeat():
    env = ForeignVectorEnv(Walk, 1)
    still = [np.zeros((1, 2), np.float32)] * 100
    runs = []
    for _ in range(2):
        env.reset(seed=3)
        runs.append(stepped(env, still))
    assert_equal_steps(*runs)
    firsts = [obs["position"][0, 0] for obs, *_ in runs[0] if obs["age"][0] == 1]
    assert len(firsts) > 5
    assert len(set(firsts)) == len(firsts)


@pytest.mark.parametrize("steps", [0, 1, 7, 23, 58])
def test_playing_again_goes_on_in_the_same_bits(steps):
    env = ForeignVectorEnv(Walk, 3)
    env.reset(seed=1)
    stepped(env, actions(steps, 3))
    other = ForeignVectorEnv(Walk, 3)
    other.reset(seed=999)
    other.load_state_dict(env.state_dict())
    ahead = actions(50, 3, seed=2)
    assert_equal_steps(stepped(env, ahead), stepped(other, ahead))
    np.testing.assert_equal(env.state_dict(), other.state_dict())


def test_a_state_at_an_end_is_brought_back():
    """Between an end and the next beginning, in each of the two ways to end."""
    env = ForeignVectorEnv(Walk, 4)
    env.reset(seed=1)
    seen = set()
    for action in actions(300, 4):
        *_, terminated, truncated, _ = env.step(action)
        kind = (bool(terminated.any()), bool(truncated.any()))
        if any(kind) and kind not in seen:
            seen.add(kind)
            other = ForeignVectorEnv(Walk, 4)
            other.load_state_dict(env.state_dict())
            twin = ForeignVectorEnv(Walk, 4)
            twin.load_state_dict(env.state_dict())
            assert_equal_steps(stepped(other, actions(5, 4)), stepped(twin, actions(5, 4)))
            np.testing.assert_array_equal(other.step(action)[0]["age"], twin.step(action)[0]["age"])
    assert {(True, False), (False, True)} <= seen


def test_an_environment_that_differs_is_refused_by_name():
    env = ForeignVectorEnv(Walk, 2)
    env.reset(seed=1)
    stepped(env, actions(1, 2))
    other = ForeignVectorEnv(Drifting, 2)
    with pytest.raises(
        EpisodeMismatchError, match="Drifting cannot be resumed exactly: row 0, played again for 1"
    ):
        other.load_state_dict(env.state_dict())


def test_another_number_of_rows_is_refused():
    env = ForeignVectorEnv(Walk, 2)
    env.reset(seed=0)
    state = env.state_dict()
    with pytest.raises(ValueError, match="Walk was saved with 2 rows, not 3"):
        ForeignVectorEnv(Walk, 3).load_state_dict(state)


def test_it_is_a_vector_environment_to_gymnasium():
    env = gym.wrappers.vector.RecordEpisodeStatistics(ForeignVectorEnv(Walk, 3))
    assert env.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    obs, _ = env.reset(seed=0)
    assert obs in env.observation_space
    infos = [info for *_, info in stepped(env, actions(60, 3))]
    assert any("episode" in info for info in infos)
    env.close()


def test_a_mask_resets_its_rows_alone_and_gives_them_their_next_episode():
    env, twin = ForeignVectorEnv(Walk, 3), ForeignVectorEnv(Walk, 3)
    for one in (env, twin):
        one.reset(seed=2)
        stepped(one, actions(4, 3))
    before = env.state_dict()
    obs, _ = env.reset(options={"reset_mask": np.array([False, True, False])})
    assert obs["age"][1] == 0 < obs["age"][[0, 2]].min()
    first, second, third = before["episodes"]
    assert env.state_dict()["episodes"] == [first, second + 1, third]
    assert env.state_dict()["digests"][::2] == before["digests"][::2]
    everyone, _ = twin.reset()
    np.testing.assert_array_equal(obs["position"][1], everyone["position"][1])
