"""Labelled frames without end, for training perception: random roads under random looks.

On empty roads the places are random, beside the road's middle. Where there are others, an expert drives who
is now and then made to do something else for a while, so that frames show what driving leads to.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from envs.driving.actions import ACTION_TABLE
from envs.driving.actors import NOBODY
from envs.driving.config import DrivingConfig
from envs.driving.labels import POSE, POSE_UNITS, STATE
from envs.driving.objects import BOX_FIELDS
from envs.driving.observations import class_names
from envs.driving.sections import M_HALF_WIDTH
from envs.driving.simulator import Simulator, as_bytes
from envs.driving.street_driver import StreetDriver
from envs.driving.surroundings import surroundings_of
from envs.driving.tracing import VIEW_DISTANCE

_BEYOND, _HEADING = 0.2, 0.8  # [m] beyond the road's edge, ± [rad] of the poses, denser in the middle
_SKIP = 2  # control steps that an action lasts
_ACTIONS, _FIRST_ACTIONS = 4, 20  # before a frame, and before the first one
_BEGIN, _STRAY = 0.02, 0.04  # chances, each action, of another episode and of straying
_FEWEST = 2  # pixels of somebody who counts as seen
THINGS = ("vehicle", "pedestrian", "obstacle")
"""Classes whose members are told apart."""
_TURNING = ("lane_offset", "heading_error", "middle")
"""What a mirror changes the sign of, beside bends and what ends in `side`."""
_USUAL_SPEED = 6.0  # [m/s] for which it is told who has to be let cross
_RARE = ("num_pedestrians", "num_obstacles")
_CROWD, _MOST = 4, 16  # times as many of them as in the task, and at most
_SHORTEST_STRAY, _LONGEST_STRAY = 3, 12  # actions


class LabelledStream:
    """Batches of frames with masks and lane poses, each batch a function of (seed, batch number).

    Args:
        split: train, val, test or ood.
        batch_size: frames a batch.
        seed: of the stream.
        scene: whether depth and instances are told as well.
        keywords: any of `DrivingConfig`'s options, such as image_size, num_levels and look.
    """

    def __init__(
        self, split: str, batch_size: int, seed: int, *, scene: bool = False, **keywords: Any
    ) -> None:
        self.scene = scene
        self.config = DrivingConfig.from_keywords({**keywords, "split": split})
        self.simulator = Simulator(self.config, batch_size)
        self._seed, self._batch = seed, 0
        shape = (batch_size, *self.config.frame_shape)
        self._depths = np.zeros(shape, np.float32)
        around = surroundings_of(self.config.section.lanes, self.config.is_plain)
        self._told = {name: len(STATE) + k for k, name in enumerate(around) if _is_visible(name)}

    def next_batch(self) -> tuple[np.ndarray, ...]:
        """Frames (B, H, W, 3) uint8, masks (B, H, W) uint8 and poses (B, P) float32.

        Poses are the lane's, (B, 5) in SI units; on all but plain tracks, what the frame shows of the
        privileged state follows, scaled as there. Of whole scenes depths (B, H, W) float32 [m] and instances
        (B, H, W) uint8 follow: numbers of actors, 0 where there is none.
        """
        rng = np.random.default_rng(np.random.SeedSequence((self._seed, self._batch)))
        self._batch += 1
        simulator, size = self.simulator, self.simulator.num_rows
        self._arrange(rng)
        frames = np.empty((size, *self.config.frame_shape, 3), np.uint8)
        masks = np.empty((size, *self.config.frame_shape), np.uint8)
        simulator.paint(frames)
        instances, boxes = simulator.label(masks, self._depths)
        poses = self._poses(boxes[..., BOX_FIELDS.index("seen")] < _FEWEST)
        if not self.scene:
            return frames, masks, poses
        return frames, masks, poses, self._depths.copy(), instances

    def _begin(self, rng: np.random.Generator) -> None:
        """Begin a new episode in every row."""
        everyone = np.ones(self.simulator.num_rows, np.bool_)
        self.simulator.seed_rows(everyone, rng.integers(0, 2**63, len(everyone)).astype(np.uint64))
        self.simulator.begin(everyone)

    def _poses(self, hidden: np.ndarray) -> np.ndarray:
        """What the frames show of the state: without who is hidden (N, M), at a speed that no frame tells."""
        rows, kinds = self.simulator.rows, self.simulator.there.actors["kind"]
        speeds, everybody = rows["vx"].copy(), kinds.copy()
        rows["vx"], kinds[hidden] = _USUAL_SPEED, NOBODY
        pose, state = self.simulator.poses()
        rows["vx"], kinds[:] = speeds, everybody
        return np.concatenate([pose, state[:, list(self._told.values())]], axis=1)

    def _arrange(self, rng: np.random.Generator) -> None:
        """Move every car to a random offset and heading beside a random centreline point."""
        self._begin(rng)
        widest = float(self.simulator.roads.section.numbers()[M_HALF_WIDTH]) + _BEYOND
        rows, road = self.simulator.rows, self.simulator.roads
        point = road.centrelines[rows["level"], rows["nearest"]]
        offset = widest * _bell(rng, len(rows))
        turn = _HEADING * _bell(rng, len(rows))
        rows["x"] = point[:, 0] - offset * np.sin(point[:, 2])
        rows["y"] = point[:, 1] + offset * np.cos(point[:, 2])
        rows["offset"], rows["advance"] = offset, 0.0
        rows["yaw"] = point[:, 2] + turn + np.where(rows["direction"] > 0, 0.0, np.pi)

    def schema(self) -> dict[str, Any]:
        """What the frames and labels are, JSON-able: camera, classes and pose names."""
        height, width = self.config.frame_shape
        told = {"things": list(THINGS), "furthest": VIEW_DISTANCE} if self.scene else {}
        return {
            "camera": self.config.camera.schema(height, width),
            "channels": 3,
            "classes": list(class_names(self.config)),
            "pose": [*POSE, *self._told],
            "pose_units": [*POSE_UNITS, *("1" for _ in self._told)],
            "mirror": {name: _mirrored(name) for name in (*POSE, *self._told)},
            **told,
        }

    def state_dict(self) -> dict[str, Any]:
        """Where the stream is."""
        return {"seed": self._seed, "batch": self._batch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where another stream was."""
        self._seed, self._batch = int(state["seed"]), int(state["batch"])


def _is_visible(name: str) -> bool:
    """Whether a single frame to the front can show one of the surroundings."""
    return "behind" not in name and "approach" not in name


def _mirrored(name: str) -> list[str | int]:
    """Which number of the pose a mirrored frame shows as this one, and with which sign."""
    for side, other in (("left_", "right_"), ("right_", "left_"), ("way_+", "way_-"), ("way_-", "way_+")):
        if name.startswith(side) and name != "way_+0":
            return [other + name.removeprefix(side), 1]
    turns = name in _TURNING or name.startswith("curvature") or name.endswith("_side")
    return [name, -1 if turns else 1]


def _bell(rng: np.random.Generator, size: int) -> np.ndarray:
    """Numbers in (−1, 1), denser in the middle: the mean of a uniform one and a narrower one."""
    wide = rng.uniform(-1.0, 1.0, size)
    return (wide * rng.uniform(0.15, 1.0, size)).astype(np.float32)


class DrivenStream(LabelledStream):
    """The same, of streets: batches follow one another.

    More people walk there than in the task itself, and more stands in the way: what is met now and then is
    learnt late.
    """

    def __init__(
        self, split: str, batch_size: int, seed: int, *, scene: bool = False, **keywords: Any
    ) -> None:
        usual = DrivingConfig.from_keywords(keywords)
        crowd = {name: min(_CROWD * getattr(usual, name), _MOST) for name in _RARE}
        super().__init__(split, batch_size, seed, scene=scene, **{**crowd, "frame_skip": _SKIP, **keywords})
        self._actions = np.zeros((batch_size, 2), np.float32)
        self._astray = np.zeros((batch_size, 2), np.float32)
        self._straying = np.zeros(batch_size, np.int64)  # actions more

    def _arrange(self, rng: np.random.Generator) -> None:
        """Drive on."""
        if self._batch == 1:
            self._begin(rng)
        for _ in range(_FIRST_ACTIONS if self._batch == 1 else _ACTIONS):
            self._drive(rng)

    def _drive(self, rng: np.random.Generator) -> None:
        """One action of every car."""
        size = len(self._actions)
        StreetDriver().drive(self.simulator, self._actions)
        begins = (self._straying <= 0) & (rng.random(size) < _STRAY)
        self._straying[begins] = rng.integers(_SHORTEST_STRAY, _LONGEST_STRAY, begins.sum())
        self._astray[begins] = ACTION_TABLE[rng.integers(0, len(ACTION_TABLE), begins.sum())]
        astray = self._straying > 0
        self._actions[astray] = self._astray[astray]
        self._straying -= 1
        outcome = self.simulator.step(np.ones(size, np.bool_), self._actions)
        over = outcome.terminated | outcome.truncated | (rng.random(size) < _BEGIN)
        if over.any():
            self.simulator.begin(over)

    def state_dict(self) -> dict[str, Any]:
        """Where the stream is: all cars and everybody on their roads as well."""
        world = {name: as_bytes(array).copy() for name, array in self.simulator.state.items()}
        mine = {"astray": self._astray.copy(), "straying": self._straying.copy()}
        return {**super().state_dict(), "world": world, **mine}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where another stream was."""
        super().load_state_dict(state)
        for name, array in self.simulator.state.items():
            as_bytes(array)[:] = state["world"][name]
        self._astray[:], self._straying[:] = state["astray"], state["straying"]
        self.simulator.roads.require(self.simulator.rows["level"])


_EMPTY = {"LaneFollow": "lane_follow", "LaneFollowDropout": "lane_follow", "Race": "race"}
_BUSY = {"Obstacles": "obstacles", "Traffic": "traffic", "Weather": "weather"}
STREAMS: dict[str, Callable[..., LabelledStream]] = {
    **{f"Hairpin/{name}-v0": partial(LabelledStream, task=task) for name, task in _EMPTY.items()},
    **{f"Hairpin/{name}-v0": partial(DrivenStream, task=task) for name, task in _BUSY.items()},
}
"""Environment id → labelled frames of its camera."""
