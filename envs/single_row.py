"""The single environment: a batch of one row behind Gymnasium's `Env`."""

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from envs.batching import only_row, only_row_info, whole_seed


def single_metadata(batch_class: type[VectorEnv]) -> dict[str, Any]:
    """What a vector class says of itself that holds for a single environment."""
    return {key: value for key, value in batch_class.metadata.items() if key != "autoreset_mode"}


class SingleRow(gym.Env):
    """One row of the vector environment that a subclass names in `batch_class`; keywords are passed on."""

    batch_class: Callable[..., VectorEnv]

    def __init__(self, render_mode: str | None = None, **keywords: Any) -> None:
        batch_class = type(self).batch_class
        self.batch = batch_class(
            num_envs=1, autoreset_mode=AutoresetMode.DISABLED, render_mode=render_mode, **keywords
        )
        self.metadata = {k: v for k, v in self.batch.metadata.items() if k != "autoreset_mode"}
        self.render_mode = render_mode
        self.observation_space = self.batch.single_observation_space
        self.action_space = self.batch.single_action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin a new episode.

        Raises:
            ValueError: the seed is not a whole number, or an option is unknown.
        """
        super().reset(seed=None if seed is None else abs(whole_seed(seed)))
        obs, info = self.batch.reset(seed=seed, options=options)
        if self.render_mode == "human":
            self.batch.render()
        return only_row(obs), only_row_info(info)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Step the row.

        Raises:
            ValueError: the action does not suit the action space.
        """
        obs, reward, terminated, truncated, info = self.batch.step(np.asarray(action)[None])
        if self.render_mode == "human":
            self.batch.render()
        return only_row(obs), float(reward[0]), bool(terminated[0]), bool(truncated[0]), only_row_info(info)

    def render(self) -> Any:
        """A picture, (H, W, 3) uint8 (`rgb_array`); in a window with `human`."""
        pictures = self.batch.render()
        return None if pictures is None else pictures[0]

    def close(self) -> None:
        """Close the window, if one is open."""
        self.batch.close()
