"""Ids of other packages: found without an import by hand, and played again from their seeds."""

import sys
from importlib.util import find_spec

import gymnasium as gym
import numpy as np
import pytest

from agents.runs.environments import make_environment
from agents.runs.foreign import ForeignVectorEnv
from agents.runs.providers import PICTURE_SCALE, PROVIDERS, register_ids

minatar = pytest.mark.skipif(find_spec("minatar") is None, reason="minatar is not installed")


def forget(namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for known in [known for known in gym.registry if known.startswith(f"{namespace}/")]:
        monkeypatch.delitem(gym.registry, known)


@pytest.mark.parametrize(("namespace", "package"), [("ALE", "ale-py"), ("MinAtar", "minatar")])
def test_a_missing_package_is_named(namespace, package, monkeypatch):
    forget(namespace, monkeypatch)
    monkeypatch.setitem(sys.modules, PROVIDERS[namespace].module, None)
    with pytest.raises(
        ValueError,
        match=f"^env.id is '{namespace}/Pong-v5': {package} is not installed: pip install {package}$",
    ):
        make_environment(f"{namespace}/Pong-v5", 1)


def test_an_id_of_nobody_is_left_alone():
    before = set(gym.registry)
    register_ids("CartPole-v1")
    register_ids("Unheard/Of-v0")
    assert set(gym.registry) == before


@minatar
def test_episodes_of_minatar_follow_from_their_seeds():
    """Its sticky action reaches over the end of an episode; played again, there is no episode before."""
    generator = np.random.default_rng(0)
    env = make_environment("MinAtar/Breakout-v1", 4)
    env.reset(seed=0)
    for _ in range(60):
        for _ in range(7):
            env.step(generator.integers(0, 3, 4))
        twin = make_environment("MinAtar/Breakout-v1", 4)
        assert isinstance(env, ForeignVectorEnv)
        assert isinstance(twin, ForeignVectorEnv)
        twin.load_state_dict(env.state_dict())  # refuses what differs


@minatar
def test_minatar_draws_bytes_large_enough_to_see():
    env = make_environment("MinAtar/Breakout-v1", 1, {"render_mode": "rgb_array"})
    env.reset(seed=0)
    pictures = env.render()
    assert pictures is not None
    picture = np.asarray(pictures[0])
    assert (picture.shape, picture.dtype) == ((10 * PICTURE_SCALE, 10 * PICTURE_SCALE, 3), np.uint8)
    cell = picture[:PICTURE_SCALE, :PICTURE_SCALE]
    assert (cell == cell[0, 0]).all()
    assert picture.max() > 100
