"""Observations: their spaces, and the arrays that the simulator draws them into."""

from collections import OrderedDict
from functools import partial

import numpy as np
from gymnasium import spaces

from envs.driving.buffers import Pool
from envs.driving.camera import CLASSES
from envs.driving.config import DrivingConfig
from envs.driving.labels import INSTRUMENTS, STATE
from envs.driving.simulator import Simulator
from envs.driving.tracing import VIEW_DISTANCE

CHANNELS = {"camera": 3, "dict": 3, "gray": 1, "semantic": 1, "depth": 1}
PAINTED = ("camera", "dict", "gray")
Observation = np.ndarray | dict[str, np.ndarray]


def observation_space(config: DrivingConfig) -> spaces.Box | spaces.Dict:
    """The space of one row's observations."""
    if config.obs == "state":
        return spaces.Box(-np.inf, np.inf, (len(STATE),), np.float32)
    shape = (*config.frame_shape, CHANNELS[config.obs] * config.frame_stack)
    if config.obs == "depth":
        return spaces.Box(0.0, VIEW_DISTANCE, shape, np.float32)
    if config.obs == "semantic":
        return spaces.Box(0, len(CLASSES) - 1, shape, np.uint8)
    frames = spaces.Box(0, 255, shape, np.uint8)
    if config.obs != "dict":
        return frames
    instruments = spaces.Box(-np.inf, np.inf, (len(INSTRUMENTS),), np.float32)
    return spaces.Dict(OrderedDict(camera=frames, instruments=instruments))


class Observer:
    """Draws the observations of a simulator's rows, frame stack included.

    With `copy`, frames that have been handed out stay as they are; without it, the next ones overwrite them.
    """

    def __init__(self, config: DrivingConfig, simulator: Simulator, copy: bool = True) -> None:
        self._config, self._simulator = config, simulator
        self._channels = CHANNELS.get(config.obs, 0)
        shape = (simulator.num_rows, *config.frame_shape)
        self._masks: tuple[np.ndarray, np.ndarray] | None = None
        if config.obs in ("semantic", "depth") or config.labels:
            self._masks = np.zeros(shape, np.uint8), np.zeros(shape, np.float32)
        self._frames = Pool(partial(np.empty, (*shape, self._channels), np.uint8), always_same=not copy)
        self.stack: np.ndarray | None = None
        if config.frame_stack > 1 and self._channels:
            dtype = np.float32 if config.obs == "depth" else np.uint8
            self.stack = np.zeros((*shape, self._channels * config.frame_stack), dtype)

    def canvas(self) -> np.ndarray | None:
        """Frames for the simulator to paint; None where the observation is not painted."""
        return self._frames.take() if self._config.obs in PAINTED else None

    def observe(
        self, fresh: np.ndarray, stepped: np.ndarray, painted: np.ndarray | None = None
    ) -> Observation:
        """The observation of every row.

        Args:
            fresh: (N,) bool, rows that begin an episode.
            stepped: (N,) bool, rows that moved since the last look; the others keep their stack.
            painted: a canvas that shows the present; without it one is painted.
        """
        if self._config.obs == "state":
            return self._simulator.privileged()
        frames = self._stacked(self._look() if painted is None else painted, fresh, stepped)
        if self._config.obs != "dict":
            return frames
        return {"camera": frames, "instruments": self._simulator.instruments()}

    def labels(self) -> dict[str, np.ndarray]:
        """Labels of every row: masks (N, H, W) and lane pose, in SI units."""
        poses, states = self._simulator.poses()
        assert self._masks is not None, "labels were not asked for"
        if self._config.obs not in ("semantic", "depth"):
            self._simulator.label(*self._masks)
        return {
            "semantic": self._masks[0].copy(),
            "depth": self._masks[1].copy(),
            "lane_offset": poses[:, 0].copy(),
            "heading_error": poses[:, 1].copy(),
            "curvature": poses[:, 2:].copy(),
            "speed": states[:, 5].copy(),
        }

    def _look(self) -> np.ndarray:
        frames = self.canvas()
        if frames is not None:
            self._simulator.paint(frames)
            return frames
        assert self._masks is not None, "masks are made for every observation that shows them"
        self._simulator.label(*self._masks)
        return self._masks[self._config.obs == "depth"][..., None].copy()

    def _stacked(self, frames: np.ndarray, fresh: np.ndarray, stepped: np.ndarray) -> np.ndarray:
        if self.stack is None:
            return frames
        older = self.stack[stepped][..., self._channels :]
        self.stack[stepped] = np.concatenate([older, frames[stepped]], axis=-1)
        self.stack[fresh] = np.tile(frames[fresh], self._config.frame_stack)
        return self.stack.copy()
