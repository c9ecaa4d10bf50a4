"""Masked velocities: which numbers are left, of which environments."""

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import envs  # noqa: F401  (registers the environments)
from envs.memory.masked import VELOCITIES, MaskedVelocityEnv, MaskVelocity

ID = "Hairpin/MaskedVelocity-v0"
KEPT = {
    "CartPole-v1": [0, 2],
    "Pendulum-v1": [0, 1],
    "MountainCar-v0": [0],
    "MountainCarContinuous-v0": [0],
    "Acrobot-v1": [0, 1, 2, 3],
    "LunarLander-v3": [0, 1, 4, 6, 7],
    "LunarLanderContinuous-v3": [0, 1, 4, 6, 7],
}
without_warnings = pytest.mark.filterwarnings("ignore")  # of the masked environments themselves


def require_box2d(env_id: str) -> None:
    """Skip what needs Box2D where it is not installed (extra `peers`)."""
    if env_id.startswith(("LunarLander", "Bipedal")):
        pytest.importorskip("Box2D")


@without_warnings
@pytest.mark.parametrize("env_id", KEPT)
def test_the_rest_is_that_of_the_environment_number_for_number(env_id: str) -> None:
    require_box2d(env_id)
    whole, masked = gym.make(env_id), gym.make(ID, env_id=env_id)
    low, high = (getattr(whole.observation_space, name)[KEPT[env_id]] for name in ("low", "high"))
    np.testing.assert_array_equal(masked.observation_space.low, low)  # pyright: ignore
    np.testing.assert_array_equal(masked.observation_space.high, high)  # pyright: ignore
    assert masked.action_space == whole.action_space
    obs, its = whole.reset(seed=4)[0], masked.reset(seed=4)[0]
    whole.action_space.seed(0)
    for _ in range(300):
        np.testing.assert_array_equal(its, obs[KEPT[env_id]])
        action = whole.action_space.sample()
        (obs, *outcome, _), (its, *its_outcome, _) = whole.step(action), masked.step(action)
        assert outcome == its_outcome
        if outcome[1] or outcome[2]:
            obs, its = whole.reset()[0], masked.reset()[0]


def angles(obs: np.ndarray) -> np.ndarray:
    """Angles of (…, 2 k) cosines and sines."""
    return np.arctan2(obs[..., 1::2], obs[..., ::2])


PLACES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "CartPole-v1": lambda obs: obs[:, [0, 2]],
    "Pendulum-v1": lambda obs: angles(obs[:, :2]),
    "MountainCar-v0": lambda obs: obs[:, [0]],
    "MountainCarContinuous-v0": lambda obs: obs[:, [0]],
    "Acrobot-v1": lambda obs: angles(obs[:, :4]),
    "LunarLander-v3": lambda obs: obs[:, [0, 1, 4]],
    "LunarLanderContinuous-v3": lambda obs: obs[:, [0, 1, 4]],
    "BipedalWalker-v3": lambda obs: obs[:, [0, 4, 6, 9, 11]],
    "BipedalWalkerHardcore-v3": lambda obs: obs[:, [0, 4, 6, 9, 11]],
}


@without_warnings
@pytest.mark.parametrize("env_id", PLACES)
def test_what_the_table_hides_is_how_fast_what_is_left_moves(env_id: str) -> None:
    require_box2d(env_id)
    env = gym.make(env_id)
    env.action_space.seed(0)
    hidden = [n for n in VELOCITIES[env_id] if not (env_id.startswith("Bipedal") and n in (2, 3))]
    moved, told = [], []
    for seed in range(5):
        track, ended = [env.reset(seed=seed)[0]], False
        while not ended and len(track) < 60:
            obs, _, terminated, truncated, _ = env.step(env.action_space.sample())
            track.append(obs)
            ended = terminated or truncated
        places = PLACES[env_id](np.array(track))
        moved.append(np.diff(np.unwrap(places, axis=0), axis=0))
        told.append((np.array(track)[1:] + np.array(track)[:-1]) / 2)
    moved, told = np.concatenate(moved), np.concatenate(told)
    for n, index in enumerate(hidden):
        alike = [np.ptp(each) and np.corrcoef(moved[:, n], each)[0, 1] for each in told.T]
        assert np.argmax(alike) == index, "of all numbers this is the one that follows its movement"


def test_a_cart_that_moves_looks_like_one_that_stands() -> None:
    env = MaskVelocity(gym.make("CartPole-v1"))
    obs = np.array([0.1, 7.0, 0.2, 8.0], np.float32)
    np.testing.assert_array_equal(env.observation(obs), np.array([0.1, 0.2], np.float32))


def test_any_indices_of_any_box_may_be_hidden() -> None:
    keywords: dict[str, Any] = {"obs": "state", "num_levels": 4}
    whole = gym.make("Hairpin/LaneFollow-v0", **keywords)
    masked = gym.make(ID, env_id="Hairpin/LaneFollow-v0", masked=[7, 5, 6], **keywords)
    np.testing.assert_array_equal(masked.reset(seed=1)[0], whole.reset(seed=1)[0][[0, 1, 2, 3, 4, 8]])
    assert gym.make(ID, env_id="Pendulum-v1", masked=[], g=3.0).unwrapped.env.unwrapped.g == 3.0  # pyright: ignore


@without_warnings
@pytest.mark.parametrize("mode", [mode.value for mode in AutoresetMode])
def test_a_batch_is_gymnasiums_own(mode: str) -> None:
    batch = gym.make_vec(ID, 3, env_id="MountainCar-v0", autoreset_mode=mode)
    assert batch.metadata["autoreset_mode"] is AutoresetMode(mode)
    obs, _ = batch.reset(seed=5)
    for n in range(3):
        np.testing.assert_array_equal(gym.make(ID, env_id="MountainCar-v0").reset(seed=5 + n)[0], obs[n])
    assert batch.observation_space.shape == (3, 1)
    truncated = np.zeros(3, bool)
    for _ in range(200):
        *_, truncated, _ = batch.step(np.ones(3, int))
    assert truncated.all(), "the time limit of the other environment holds"


def test_its_pictures_are_those_of_the_environment() -> None:
    env = gym.make(ID, env_id="CartPole-v1", render_mode="rgb_array")
    env.reset(seed=0)
    whole = gym.make("CartPole-v1", render_mode="rgb_array")
    whole.reset(seed=0)
    np.testing.assert_array_equal(env.render(), whole.render())
    assert env.metadata["render_fps"] == 50


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"env_id": "Hairpin/TMaze-v0"}, r"^which numbers of 'Hairpin/TMaze-v0' are velocities is not known"),
        ({"masked": [4]}, r"^masked is \[4\]; CartPole-v1 has numbers 0 … 3, each masked once at most\.$"),
        ({"masked": [-1]}, r"^masked is \[-1\]"),
        ({"masked": [1, 1]}, r"^masked is \[1, 1\]"),
        ({"masked": 1}, r"^masked is 1; "),
        ({"masked": [1.0]}, r"^masked is \[1\.0\]"),
        ({"masked": [0, 1, 2, 3]}, r"that leaves nothing of CartPole-v1's 4 numbers\.$"),
        (
            {"env_id": "FrozenLake-v1", "masked": [0]},
            r"^FrozenLake-v1 has observations Discrete\(16\); to mask",
        ),
        (
            {"env_id": "Hairpin/LaneFollow-v0", "masked": [0], "num_levels": 4},
            r"^Hairpin/LaneFollow-v0 has obs",
        ),
    ],
)
def test_what_cannot_be_masked_is_refused_in_a_sentence(keywords: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refusal:
        MaskedVelocityEnv(**keywords)
    assert "\n" not in str(refusal.value)
