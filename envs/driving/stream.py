"""Labelled frames without end: random places on random roads under random looks, for training perception."""

from typing import Any

import numpy as np

from envs.driving.camera import CLASSES
from envs.driving.config import DrivingConfig
from envs.driving.labels import POSE, POSE_UNITS
from envs.driving.simulator import Simulator

_OFFSET, _HEADING = 3.7, 0.8  # ± [m], ± [rad] of the poses, denser in the middle: a little beyond the road


class LabelledStream:
    """Batches of frames with masks and lane poses, each batch a function of (seed, batch number).

    Args:
        split: train, val, test or ood.
        batch_size: frames a batch.
        seed: of the stream.
        keywords: any of `DrivingConfig`'s options, such as image_size, num_levels and look.
    """

    def __init__(self, split: str, batch_size: int, seed: int, **keywords: Any) -> None:
        self.config = DrivingConfig.from_keywords({**keywords, "split": split})
        self.simulator = Simulator(self.config, batch_size)
        self._seed, self._batch = seed, 0
        shape = (batch_size, *self.config.frame_shape)
        self._depths = np.zeros(shape, np.float32)

    def next_batch(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frames (B, H, W, 3) uint8, masks (B, H, W) uint8 and lane poses (B, 5) float32 in SI units."""
        rng = np.random.default_rng(np.random.SeedSequence((self._seed, self._batch)))
        self._batch += 1
        simulator, size = self.simulator, self.simulator.num_rows
        everyone = np.ones(size, np.bool_)
        simulator.seed_rows(everyone, rng.integers(0, 2**63, size).astype(np.uint64))
        simulator.begin(everyone)
        self._scatter(rng)
        frames = np.empty((size, *self.config.frame_shape, 3), np.uint8)
        masks = np.empty((size, *self.config.frame_shape), np.uint8)
        simulator.paint(frames)
        simulator.label(masks, self._depths)
        return frames, masks, simulator.poses()[0].copy()

    def _scatter(self, rng: np.random.Generator) -> None:
        """Move every car to a random offset and heading beside its centreline point."""
        rows, road = self.simulator.rows, self.simulator.roads
        point = road.centrelines[rows["level"], rows["nearest"]]
        offset = _OFFSET * _bell(rng, len(rows))
        turn = _HEADING * _bell(rng, len(rows))
        rows["x"] = point[:, 0] - offset * np.sin(point[:, 2])
        rows["y"] = point[:, 1] + offset * np.cos(point[:, 2])
        rows["offset"], rows["advance"] = offset, 0.0
        rows["yaw"] = point[:, 2] + turn + np.where(rows["direction"] > 0, 0.0, np.pi)

    def schema(self) -> dict[str, Any]:
        """What the frames and labels are, JSON-able: camera, classes and pose names."""
        height, width = self.config.frame_shape
        return {
            "camera": self.config.camera.schema(height, width),
            "channels": 3,
            "classes": list(CLASSES),
            "pose": list(POSE),
            "pose_units": list(POSE_UNITS),
        }

    def state_dict(self) -> dict[str, int]:
        """Where the stream is."""
        return {"seed": self._seed, "batch": self._batch}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continue where another stream was."""
        self._seed, self._batch = int(state["seed"]), int(state["batch"])


def _bell(rng: np.random.Generator, size: int) -> np.ndarray:
    """Numbers in (−1, 1), denser in the middle: the mean of a uniform one and a narrower one."""
    wide = rng.uniform(-1.0, 1.0, size)
    return (wide * rng.uniform(0.15, 1.0, size)).astype(np.float32)


STREAMS: dict[str, type[LabelledStream]] = dict.fromkeys(
    ("Hairpin/LaneFollow-v0", "Hairpin/LaneFollowDropout-v0"), LabelledStream
)
"""Environment id → labelled frames of its camera."""
