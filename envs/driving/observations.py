"""Observations: their spaces, and the arrays that the simulator draws them into."""

from collections import OrderedDict
from functools import partial

import numpy as np
from gymnasium import spaces

from envs.driving.buffers import Pool
from envs.driving.camera import CLASSES, OBJECT_CLASSES
from envs.driving.config import DrivingConfig
from envs.driving.labels import INSTRUMENTS, STATE
from envs.driving.simulator import Simulator
from envs.driving.surroundings import surroundings_of
from envs.driving.tracing import VIEW_DISTANCE

CHANNELS = {"camera": 3, "dict": 3, "birdview": 3, "gray": 1, "semantic": 1, "depth": 1}
PAINTED = ("camera", "dict", "gray")
Observation = np.ndarray | dict[str, np.ndarray]


def class_names(config: DrivingConfig) -> tuple[str, ...]:
    """The classes that pixels can have."""
    return CLASSES if config.is_plain else CLASSES + OBJECT_CLASSES


def state_names(config: DrivingConfig) -> tuple[str, ...]:
    """The numbers of the privileged state."""
    return STATE + surroundings_of(config.section.lanes, config.is_plain)


def channels_of(config: DrivingConfig) -> int:
    """Channels of an observation without its stack: those of every camera, one after the other."""
    cameras = 1 if config.obs == "birdview" else len(config.cameras)
    return CHANNELS.get(config.obs, 0) * cameras


def observation_space(config: DrivingConfig) -> spaces.Box | spaces.Dict:
    """The space of one row's observations."""
    if config.obs == "state":
        return spaces.Box(-np.inf, np.inf, (len(state_names(config)),), np.float32)
    shape = (*config.frame_shape, channels_of(config) * config.frame_stack)
    if config.obs == "depth":
        return spaces.Box(0.0, VIEW_DISTANCE, shape, np.float32)
    if config.obs == "semantic":
        return spaces.Box(0, len(class_names(config)) - 1, shape, np.uint8)
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
        self._channels, self._views = channels_of(config), len(config.cameras)
        shape = (simulator.num_rows, *config.frame_shape)
        seen = (simulator.num_rows, self._views, *config.frame_shape)
        self._masks: tuple[np.ndarray, np.ndarray] | None = None
        if config.obs in ("semantic", "depth") or config.labels:
            self._masks = np.zeros(seen, np.uint8), np.zeros(seen, np.float32)
        canvas = (*shape, self._channels)
        if self._views > 1 and config.obs in PAINTED:
            canvas = (*seen, CHANNELS[config.obs])
        self._frames = Pool(partial(np.empty, canvas, np.uint8), always_same=not copy)
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
        frames = self._stacked(
            self._side_by_side(self._look() if painted is None else painted), fresh, stepped
        )
        if self._config.obs != "dict":
            return frames
        return {"camera": frames, "instruments": self._simulator.instruments()}

    def labels(self) -> dict[str, np.ndarray]:
        """Labels of every row: masks (N, H, W) and lane pose, in SI units."""
        poses, states = self._simulator.poses()
        assert self._masks is not None, "labels were not asked for"
        instances, boxes = self._simulator.label(*self._masks)
        masks = [self._masks[0].copy(), self._masks[1].copy(), instances, boxes]
        if self._views == 1:
            masks = [mask[:, 0] for mask in masks]
        labels = {
            "semantic": masks[0],
            "depth": masks[1],
            "lane_offset": poses[:, 0].copy(),
            "heading_error": poses[:, 1].copy(),
            "curvature": poses[:, 2:].copy(),
            "speed": states[:, 5].copy(),
        }
        return labels if self._config.is_plain else {**labels, **self._road_users(masks[2], masks[3])}

    def _road_users(self, instances: np.ndarray, boxes: np.ndarray) -> dict[str, np.ndarray]:
        """Labels of what is on the road; see `vector_env`."""
        pixels = np.maximum(boxes[..., 4], 1)
        gap, speed, people = self._simulator.ahead()
        return {
            "instance": instances,
            "kind": self._simulator.there.actors["kind"].copy(),
            "boxes": boxes[..., :4] * (boxes[..., 4:5] > 0),
            "visible_fraction": (boxes[..., 5] / pixels).astype(np.float32),
            "lead_distance": gap,
            "lead_speed": speed,
            "pedestrians_ahead": people,
        }

    def _look(self) -> np.ndarray:
        if self._config.obs == "birdview":
            frames = self._frames.take()
            self._simulator.paint_from_above(frames)
            return frames
        frames = self.canvas()
        if frames is not None:
            self._simulator.paint(frames)
            return frames
        assert self._masks is not None, "masks are made for every observation that shows them"
        self._simulator.label(*self._masks)
        masks = self._masks[self._config.obs == "depth"][..., None].copy()
        return masks[:, 0] if self._views == 1 else masks

    def _side_by_side(self, frames: np.ndarray) -> np.ndarray:
        """Frames of several cameras (N, K, H, W, C) with one's channels after another's, (N, H, W, K C)."""
        if frames.ndim == 4:
            return frames
        moved = np.moveaxis(frames, 1, 3)
        return moved.reshape(*moved.shape[:3], -1)

    def _stacked(self, frames: np.ndarray, fresh: np.ndarray, stepped: np.ndarray) -> np.ndarray:
        if self.stack is None:
            return frames
        older = self.stack[stepped][..., self._channels :]
        self.stack[stepped] = np.concatenate([older, frames[stepped]], axis=-1)
        self.stack[fresh] = np.tile(frames[fresh], self._config.frame_stack)
        return self.stack.copy()
