"""A frozen perception network between a vector environment's camera and an agent."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Literal, get_args

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import VectorEnv, VectorObservationWrapper, VectorWrapper
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array

from vision.networks import PerceptionNetwork
from vision.schema import image_shape
from vision.storage import weights_hash

Mode = Literal["features", "affordances"]
SMALLEST_PART = 24  # frames: fewer are encoded before a second thread has woken up
CAMERA, INSTRUMENTS = "camera", "instruments"


class PerceptionObservation(VectorObservationWrapper):
    """Replaces camera frames by what a frozen network makes of them, with the instruments appended.

    An observation is a float32 row: lane pose and latent (mode `features`), or mean and standard deviation of
    each pose number in units of the network's `pose_scale` (mode `affordances`), then the instruments.
    Final observations in `info` (SAME_STEP autoreset) are replaced alike.

    Args:
        env: its observations are frames (N, H, W, C), or a Dict of `camera` and `instruments`.
        network: trained for this camera; a folded copy of it is used, on the network's device.
        mode: what takes the place of the frame.
        parts: threads that a batch of many frames is shared out to, on a CPU. They wait for one another once
            a batch; torch's own would wait once an operation, and long where another process holds a core.

    Raises:
        ValueError: the environment shows no camera, or another one than the network was trained for.
    """

    def __init__(
        self, env: VectorEnv, network: PerceptionNetwork, mode: Mode = "features", parts: int = 1
    ) -> None:
        VectorWrapper.__init__(self, env)  # past the check that refuses SAME_STEP, which is handled here
        if mode not in get_args(Mode):
            raise ValueError(f"mode is {mode!r}; it must be one of {', '.join(get_args(Mode))}")
        camera = _camera_space(env.single_observation_space)
        _check_camera(camera, network)
        self._network, self._mode = network.frozen(), mode
        self._device = self._network.pose_scale.device
        self._parts = parts if self._device.type == "cpu" else 1
        pose = len(network.pose_names)
        size = pose + (network.config.latent_size if mode == "features" else pose)
        self.single_observation_space: spaces.Box = _row_space(size, mode, env.single_observation_space)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)

    def step(self, actions: Any) -> tuple[np.ndarray, Any, Any, Any, dict[str, Any]]:
        """Step, and replace the frames in the observation and in `info['final_obs']`."""
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        if "final_obs" in infos:
            infos = {**infos, "final_obs": self._final_observations(infos["final_obs"], infos["_final_obs"])}
        return self.observations(observations), rewards, terminations, truncations, infos

    def observations(self, observations: Any) -> np.ndarray:
        """Frames (and instruments) to rows, float32 (N, D)."""
        if not isinstance(observations, dict):
            return self._encode(observations)
        encoded = self._encode(observations[CAMERA])
        if INSTRUMENTS not in observations:
            return encoded
        return np.concatenate([encoded, observations[INSTRUMENTS]], axis=1, dtype=np.float32)

    def weights_hash(self) -> str:
        """SHA-256 of the frozen weights: the same before and after whatever the agent learnt."""
        return weights_hash(self._network)

    def _encode(self, frames: np.ndarray) -> np.ndarray:
        parts = min(self._parts, len(frames) // SMALLEST_PART)
        if parts < 2:
            return self._encode_part(frames)
        first, *others = np.array_split(frames, parts)
        waiting = [_workers().submit(self._encode_part, part) for part in others]
        return np.concatenate([self._encode_part(first), *(part.result() for part in waiting)])

    @torch.inference_mode()
    def _encode_part(self, frames: np.ndarray) -> np.ndarray:
        pixels = torch.from_numpy(np.ascontiguousarray(frames)).to(self._device)
        encode = self._network.features if self._mode == "features" else self._network.affordances
        return encode(pixels).cpu().numpy()

    def _final_observations(self, final: Any, ended: np.ndarray) -> np.ndarray:
        """Replace the rows that `ended` (N,) marks, in an array of the same kind: of objects or numbers."""
        rows = np.flatnonzero(ended)
        if isinstance(final, np.ndarray) and final.dtype == object:
            result = np.full(len(ended), None, object)
            space = self.env.single_observation_space
            chosen = concatenate(space, [final[row] for row in rows], create_empty_array(space, len(rows)))
            for row, observation in zip(rows, self.observations(chosen), strict=True):
                result[row] = observation
            return result
        result = np.zeros((len(ended), *self.single_observation_space.shape), np.float32)
        result[rows] = self.observations(_rows_of(final, rows))
        return result


@lru_cache(maxsize=1)
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="perception")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_workers.cache_clear)  # threads do not survive a fork


def _rows_of(observations: Any, rows: np.ndarray) -> Any:
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
