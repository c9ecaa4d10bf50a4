"""Who drives where nobody has learnt to: the expert, or chance."""

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from envs.driving.experts import expert_for
from envs.driving.vector_env import DrivingVectorEnv

DRIVERS = ("expert", "random")


def make_driver(name: str, env: VectorEnv, seed: int) -> Callable[[Any], np.ndarray]:
    """A policy from the observations to the actions of every row of an environment.

    Args:
        name: expert, who knows the road, or random.
        env: what it drives; a driving environment for the expert.
        seed: of chance.

    Raises:
        ValueError: there is no driver of that name, or the expert does not know the environment.
    """
    if name == "random":
        env.action_space.seed(seed)
        return lambda _: env.action_space.sample()
    cars = env.unwrapped
    if name != "expert" or not isinstance(cars, DrivingVectorEnv):
        raise ValueError(f"{name!r} cannot drive {env}: expert drives cars, random drives anything")
    expert = expert_for(cars)
    return lambda _: expert.act(cars)


class Driver:
    """`make_driver` for whatever environments come: actions from observations and the environment itself."""

    def __init__(self, name: str, seed: int) -> None:
        self._name, self._seed = name, seed
        self._known: tuple[VectorEnv, Callable[[Any], np.ndarray]] | None = None

    def __call__(self, obs: Any, env: VectorEnv) -> np.ndarray:
        """The actions of every row."""
        if self._known is None or self._known[0] is not env:
            self._known = env, make_driver(self._name, env, self._seed)
        return self._known[1](obs)
