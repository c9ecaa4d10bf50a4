"""A frozen perception network between a vector environment's camera and an agent."""

import os
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Literal, get_args

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import VectorEnv, VectorObservationWrapper, VectorWrapper
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array
from torch import Tensor
from torch.nn import functional

from vision.networks import PerceptionNetwork
from vision.schema import image_shape
from vision.storage import weights_hash

Mode = Literal["features", "affordances"]
SMALLEST_PART = 24  # frames: fewer are encoded before a second thread has woken up
CAMERA, INSTRUMENTS = "camera", "instruments"
_CELL = 2  # pixels of a map of classes


class SeenThroughNetwork(VectorObservationWrapper, ABC):
    """An environment whose camera frames are replaced by what a frozen network makes of them.

    Final observations in `info` (SAME_STEP autoreset) are replaced alike.

    Args:
        env: its observations are frames (N, H, W, C), or a Dict of `camera` and `instruments`.
        network: trained for this camera; a frozen copy of it is used, on the network's device.
        parts: threads that a batch of many frames is shared out to, on a CPU. They wait for one another once
            a batch; torch's own would wait once an operation, and long where another process holds a core.

    Raises:
        ValueError: the environment shows no camera, or another one than the network was trained for.
    """

    def __init__(self, env: VectorEnv, network: PerceptionNetwork, parts: int = 1) -> None:
        VectorWrapper.__init__(self, env)  # past the check that refuses SAME_STEP, which is handled here
        _check_camera(_camera_space(env.single_observation_space), network)
        self._network = network.frozen()
        self._device = self._network.pose_scale.device
        self._parts = parts if self._device.type == "cpu" else 1

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step, and replace the frames in the observation and in `info['final_obs']`."""
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        if "final_obs" in infos:
            infos = {**infos, "final_obs": self._final_observations(infos["final_obs"], infos["_final_obs"])}
        return self.observations(observations), rewards, terminations, truncations, infos

    def observations(self, observations: Any) -> Any:
        """What takes the place of frames (and instruments)."""
        if not isinstance(observations, dict):
            return self._encode(observations)
        return self._joined(self._encode(observations[CAMERA]), observations.get(INSTRUMENTS))

    def weights_hash(self) -> str:
        """SHA-256 of the frozen weights: the same before and after whatever the agent learnt."""
        return weights_hash(self._network)

    @abstractmethod
    def _see(self, pixels: Tensor) -> Tensor:
        """What the network makes of frames."""

    @abstractmethod
    def _joined(self, encoded: np.ndarray, instruments: np.ndarray | None) -> Any:
        """What is made of frames, and the instruments where there are any."""

    def _encode(self, frames: np.ndarray) -> np.ndarray:
        parts = min(self._parts, len(frames) // SMALLEST_PART)
        if parts < 2:
            return self._encode_part(frames)
        first, *others = np.array_split(frames, parts)
        waiting = [_workers().submit(self._encode_part, part) for part in others]
        return np.concatenate([self._encode_part(first), *(part.result() for part in waiting)])

    @torch.inference_mode()
    def _encode_part(self, frames: np.ndarray) -> np.ndarray:
        return self._see(torch.from_numpy(np.ascontiguousarray(frames)).to(self._device)).cpu().numpy()

    def _final_observations(self, final: Any, ended: np.ndarray) -> Any:
        """Replace the rows that `ended` (N,) marks, in an array of the same kind: of objects or numbers."""
        rows = np.flatnonzero(ended)
        if isinstance(final, np.ndarray) and final.dtype == object:
            result = np.full(len(ended), None, object)
            space = self.env.single_observation_space
            chosen = concatenate(space, [final[row] for row in rows], create_empty_array(space, len(rows)))
            for place, row in enumerate(rows):
                result[row] = _rows_of(self.observations(_rows_of(chosen, slice(place, place + 1))), 0)
            return result
        result = create_empty_array(self.single_observation_space, len(ended), np.zeros)
        for into, part in _pairs(result, self.observations(_rows_of(final, rows))):
            into[rows] = part
        return result


class PerceptionObservation(SeenThroughNetwork):
    """Replaces camera frames by what a frozen network reads in them, with the instruments appended.

    An observation is a float32 row: lane pose and latent (mode `features`), or mean and standard deviation of
    each pose number in units of the network's `pose_scale` (mode `affordances`), then the instruments.

    Args:
        env: see `SeenThroughNetwork`.
        network: see there.
        mode: what takes the place of the frame.
        parts: see there.

    Raises:
        ValueError: as there, or the mode is unknown.
    """

    def __init__(
        self, env: VectorEnv, network: PerceptionNetwork, mode: Mode = "features", parts: int = 1
    ) -> None:
        super().__init__(env, network, parts)
        if mode not in get_args(Mode):
            raise ValueError(f"mode is {mode!r}; it must be one of {', '.join(get_args(Mode))}")
        self._mode = mode
        pose = len(network.pose_names)
        size = pose + (network.config.latent_size if mode == "features" else pose)
        self.single_observation_space: spaces.Box = _row_space(size, mode, env.single_observation_space)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)

    def _see(self, pixels: Tensor) -> Tensor:
        encode = self._network.features if self._mode == "features" else self._network.affordances
        return encode(pixels)

    def _joined(self, encoded: np.ndarray, instruments: np.ndarray | None) -> np.ndarray:
        parts = [encoded] if instruments is None else [encoded, instruments]
        return np.concatenate(parts, axis=1, dtype=np.float32)


class SegmentedObservation(SeenThroughNetwork):
    """Replaces camera frames by maps of the classes that a frozen network sees in them.

    A map is (h, w, K) uint8 over cells of two pixels of the rows that the encoder sees: the odds of each of K
    classes, 255 for certain. Instruments stay beside it.
    """

    def __init__(self, env: VectorEnv, network: PerceptionNetwork, parts: int = 1) -> None:
        super().__init__(env, network, parts)
        width = image_shape(network.schema)[1]
        shape = (network.encoder.rows // _CELL, width // _CELL, len(network.class_names))
        maps, before = spaces.Box(0, 255, shape, np.uint8), env.single_observation_space
        parts_of = {CAMERA: maps, **_instruments_of(before)}
        self.single_observation_space = spaces.Dict(parts_of) if isinstance(before, spaces.Dict) else maps
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)

    def _see(self, pixels: Tensor) -> Tensor:
        odds = self._network.segmentation(self._network.encode(pixels)).softmax(1)
        cells = functional.avg_pool2d(odds, _CELL)
        return (255 * cells).round().to(torch.uint8).permute(0, 2, 3, 1)

    def _joined(self, encoded: np.ndarray, instruments: np.ndarray | None) -> dict[str, np.ndarray]:
        beside = {} if instruments is None else {INSTRUMENTS: instruments}
        return {CAMERA: encoded, **beside}


@lru_cache(maxsize=1)
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="perception")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_workers.cache_clear)  # threads do not survive a fork


def _pairs(into: Any, parts: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """Arrays of two observations of the same kind."""
    return [(into[key], parts[key]) for key in into] if isinstance(into, dict) else [(into, parts)]


def _instruments_of(space: spaces.Space) -> dict[str, spaces.Space]:
    """The space of the instruments under their name, where there are any."""
    parts = space.spaces if isinstance(space, spaces.Dict) else {}
    return {name: part for name, part in parts.items() if name == INSTRUMENTS}


def _rows_of(observations: Any, rows: np.ndarray | slice | int) -> Any:
    if isinstance(observations, dict):
        return {key: value[rows] for key, value in observations.items()}
    return observations[rows]


def _camera_space(space: spaces.Space) -> spaces.Box:
    camera = space.spaces.get(CAMERA) if isinstance(space, spaces.Dict) else space
    if not isinstance(camera, spaces.Box) or camera.dtype != np.uint8 or len(camera.shape) != 3:
        raise ValueError(
            f"the environment shows {space}; perception needs frames (H, W, C) of type uint8, "
            f"alone or under the key {CAMERA!r}"
        )
    return camera


def _check_camera(camera: spaces.Box, network: PerceptionNetwork) -> None:
    wanted = image_shape(network.schema)
    if camera.shape != wanted:
        raise ValueError(
            f"perception was trained for frames of shape {wanted}, the environment gives {camera.shape}"
        )


def _row_space(size: int, mode: Mode, space: spaces.Space) -> spaces.Box:
    low, high = np.full(size, -np.inf, np.float32), np.full(size, np.inf, np.float32)
    if mode == "affordances":
        low[size // 2 :] = 0  # standard deviations
    instruments = space.spaces.get(INSTRUMENTS) if isinstance(space, spaces.Dict) else None
    if isinstance(instruments, spaces.Box):
        low, high = np.append(low, instruments.low), np.append(high, instruments.high)
    return spaces.Box(low, high, dtype=np.float32)
