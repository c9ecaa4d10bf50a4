"""Masked velocity: the numbers of an observation that tell how fast things move are left out."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from envs.batching import as_autoreset_mode

VELOCITIES = {
    "CartPole-v0": (1, 3),
    "CartPole-v1": (1, 3),
    "Pendulum-v1": (2,),
    "MountainCar-v0": (1,),
    "MountainCarContinuous-v0": (1,),
    "Acrobot-v1": (4, 5),
    "LunarLander-v3": (2, 3, 5),
    "LunarLanderContinuous-v3": (2, 3, 5),
    "BipedalWalker-v3": (1, 2, 3, 5, 7, 10, 12),
    "BipedalWalkerHardcore-v3": (1, 2, 3, 5, 7, 10, 12),
}
"""Environment id → which numbers of its observation are velocities."""


def velocities_of(env_id: str) -> tuple[int, ...]:
    """Which numbers of an environment's observation are velocities.

    Raises:
        ValueError: it is not one of `VELOCITIES`.
    """
    name = env_id.rpartition(":")[2]
    if name not in VELOCITIES:
        raise ValueError(
            f"which numbers of {env_id!r} are velocities is not known: give masked, a list of their indices, "
            f"or use one of {', '.join(VELOCITIES)}."
        )
    return VELOCITIES[name]


class MaskVelocity(gym.ObservationWrapper, gym.utils.RecordConstructorArgs):
    """Leaves numbers out of an environment's observations, which become that much shorter.

    Args:
        env: an environment whose observations are a `Box` with one axis.
        masked: indices of the numbers to hide; by default the velocities, where the environment is known.

    Raises:
        ValueError: the environment or the indices do not suit.
    """

    def __init__(self, env: gym.Env, masked: Sequence[int] | None = None) -> None:
        gym.utils.RecordConstructorArgs.__init__(self, masked=masked)
        super().__init__(env)
        name = env.spec.id if env.spec else type(env.unwrapped).__name__
        space = env.observation_space
        if not isinstance(space, spaces.Box) or len(space.shape) != 1:
            raise ValueError(f"{name} has observations {space}; to mask some takes a Box with one axis.")
        masked = velocities_of(name) if masked is None else masked
        _require_indices(masked, space.shape[0], name)
        self._kept = np.setdiff1d(np.arange(space.shape[0]), np.asarray(masked))
        low, high = space.low[self._kept], space.high[self._kept]
        self.observation_space = spaces.Box(low, high, dtype=space.dtype)  # pyright: ignore[reportArgumentType]

    def observation(self, observation: np.ndarray) -> np.ndarray:
        """What is left of an observation, in its order."""
        return observation[self._kept]


class MaskedVelocityEnv(gym.Env):
    """`Hairpin/MaskedVelocity-v0`: another environment, whose velocities are hidden.

    Args:
        env_id: the other environment; `id` would be taken for the first argument of `gym.make`.
        masked: as `MaskVelocity` takes it.
        render_mode: of the other environment.
        **keywords: of the other environment.
    """

    metadata: dict[str, Any] = {"render_modes": ["human", "rgb_array"]}

    def __init__(
        self,
        env_id: str = "CartPole-v1",
        masked: Sequence[int] | None = None,
        render_mode: str | None = None,
        **keywords: Any,
    ) -> None:
        masked = velocities_of(env_id) if masked is None else masked
        env = gym.make(env_id, render_mode=render_mode, disable_env_checker=True, **keywords)
        self.env = MaskVelocity(env, masked)
        self.metadata, self.render_mode = env.metadata, env.render_mode
        self.observation_space, self.action_space = self.env.observation_space, env.action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin a new episode."""
        super().reset(seed=seed)
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Step the other environment."""
        obs, reward, terminated, truncated, info = self.env.step(action)
        return obs, float(reward), terminated, truncated, info

    def render(self) -> Any:
        """The picture of the other environment."""
        return self.env.render()

    def close(self) -> None:
        """Close the other environment."""
        self.env.close()


class MaskedVelocityVectorEnv(SyncVectorEnv):
    """`Hairpin/MaskedVelocity-v0` as a batch: Gymnasium's own, of single environments."""

    def __init__(
        self,
        num_envs: int = 1,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
        **keywords: Any,
    ) -> None:
        makers = [partial(MaskedVelocityEnv, **keywords)] * num_envs
        super().__init__(makers, copy=copy, autoreset_mode=as_autoreset_mode(autoreset_mode))


def _require_indices(masked: Sequence[int], size: int, name: str) -> None:
    """Check what is to be hidden.

    Raises:
        ValueError: it is no list of different indices, or leaves nothing.
    """
    indices = np.asarray(masked)
    whole = indices.ndim == 1 and (indices.size == 0 or indices.dtype.kind in "iu")
    inside = whole and ((indices >= 0) & (indices < size)).all()
    if not inside or len(np.unique(indices)) != len(indices):
        raise ValueError(
            f"masked is {masked!r}; {name} has numbers 0 … {size - 1}, each masked once at most."
        )
    if len(indices) == size:
        raise ValueError(f"masked is {masked!r}; that leaves nothing of {name}'s {size} numbers.")
