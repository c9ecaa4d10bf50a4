"""The single environment: a batch of one row behind Gymnasium's `Env`."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from envs.batching import only_row, only_row_info, whole_seed
from envs.driving.config import DrivingConfig
from envs.driving.observations import Observation
from envs.driving.vector_env import DrivingVectorEnv


class DrivingEnv(gym.Env):
    """`Hairpin/LaneFollow-v0`. Options of `reset`: `level`, the number of the road."""

    metadata: dict[str, Any] = {
        key: value for key, value in DrivingVectorEnv.metadata.items() if key != "autoreset_mode"
    }

    def __init__(self, render_mode: str | None = None, **keywords: Any) -> None:
        DrivingConfig.from_keywords(keywords)
        keywords.setdefault("num_threads", 1)
        self.batch = DrivingVectorEnv(
            1, autoreset_mode=AutoresetMode.DISABLED, render_mode=render_mode, **keywords
        )
        self.metadata = {k: v for k, v in self.batch.metadata.items() if k != "autoreset_mode"}
        self.render_mode = render_mode
        self.observation_space = self.batch.single_observation_space
        self.action_space = self.batch.single_action_space
        self._discrete = self.batch.config.actions == "discrete"

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin a new episode.

        Raises:
            ValueError: the seed is not a whole number, or the level not one of the split's.
        """
        super().reset(seed=None if seed is None else abs(whole_seed(seed)))
        obs, info = self.batch.reset(seed=seed, options=options)
        if self.render_mode == "human":
            self.batch.render()
        return only_row(obs), only_row_info(info)

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Step the car.

        Raises:
            ValueError: the action is not a number or outside the space, or its shape is wrong.
        """
        obs, reward, terminated, truncated, info = self.batch.step(np.asarray(action)[None])
        if self.render_mode == "human":
            self.batch.render()
        return only_row(obs), float(reward[0]), bool(terminated[0]), bool(truncated[0]), only_row_info(info)

    def render(self) -> np.ndarray | None:
        """The picture of the viewer, (H, W, 3) uint8 (`rgb_array`); in a window with `human`."""
        pictures = self.batch.render()
        return None if pictures is None else pictures[0]

    def close(self) -> None:
        """Close the window, if one is open."""
        self.batch.close()
