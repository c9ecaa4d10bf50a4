"""References that share no code with the simulator: numpy, float64, straight from the definitions.

A ray meets flat ground at a depth; the distance of that point to the centreline says what lies there; a pixel
takes the shares of what lies in it. The road is a fine polyline through the points of `levels.centreline`.
"""

from collections.abc import Callable

import numpy as np
import pytest

from envs.driving.camera import CLASSES, VIEW_DISTANCE
from envs.driving.config import DrivingConfig
from envs.driving.levels import centreline
from envs.driving.simulator import Simulator
from envs.driving.vector_env import DrivingVectorEnv

SKY, GRASS, ROAD, LINE, KERB = range(5)
_FINER = 8  # chords of a reference road to a point of its centreline
assert CLASSES == ("sky", "grass", "road", "line", "kerb")


@pytest.fixture(scope="session")
def make_simulator() -> Callable[..., Simulator]:
    """A simulator whose rows, seeded one after the other, stand at the start of an episode."""

    def make(num_rows: int, seed: int = 0, **keywords) -> Simulator:
        simulator = Simulator(DrivingConfig(**{"num_levels": 4, **keywords}), num_rows)
        everyone = np.ones(num_rows, np.bool_)
        simulator.seed_rows(everyone, np.arange(seed, seed + num_rows).astype(np.uint64))
        simulator.begin(everyone)
        return simulator

    return make


@pytest.fixture(scope="session")
def make_batch() -> Callable[..., DrivingVectorEnv]:
    """A vector environment on four roads, with small frames unless told otherwise."""

    def make(num_envs: int, **keywords) -> DrivingVectorEnv:
        return DrivingVectorEnv(num_envs, **{"num_levels": 4, "image_size": 8, "obs": "gray", **keywords})

    return make


class ReferenceRoad:
    """A level's closed curve as a fine polyline: cubics through the centreline's points and headings."""

    def __init__(self, split: str, level: int) -> None:
        self.points = centreline(split, level)
        gap = np.roll(self.points[:, :2], -1, 0) - self.points[:, :2]
        self.lap = float(np.hypot(*gap.T).sum())
        self.spacing = self.lap / len(self.points)
        tangent = self.spacing * np.column_stack([np.cos(self.points[:, 2]), np.sin(self.points[:, 2])])
        u = np.arange(_FINER)[:, None, None] / _FINER
        fine = (
            self.points[:, :2]
            + (3 * u**2 - 2 * u**3) * gap
            + (u**3 - 2 * u**2 + u) * tangent
            + (u**3 - u**2) * np.roll(tangent, -1, 0)
        )
        self.fine = fine.transpose(1, 0, 2).reshape(-1, 2)
        self.chords = np.roll(self.fine, -1, 0) - self.fine

    def place(self, points: np.ndarray) -> np.ndarray:
        """Distance to the left [m], distance along [m] and |curvature| [1/m] of points (n, 2)."""
        return np.concatenate([self._place(points[k : k + 2048]) for k in range(0, len(points), 2048)])

    def _place(self, points: np.ndarray) -> np.ndarray:
        coarse = self.points[:, :2]
        nearest = ((points**2).sum(1)[:, None] - 2 * points @ coarse.T + (coarse**2).sum(1)).argmin(1)
        chord = (nearest[:, None] * _FINER + np.arange(-_FINER, _FINER)) % len(self.fine)
        away, along = points[:, None] - self.fine[chord], self.chords[chord]
        share = np.clip((away * along).sum(2) / (along**2).sum(2), 0.0, 1.0)
        distance = np.hypot(*np.moveaxis(away - share[..., None] * along, 2, 0))
        side = np.sign(along[..., 0] * away[..., 1] - along[..., 1] * away[..., 0])
        best = np.arange(len(points)), distance.argmin(1)
        place = (chord + share)[best] * self.spacing / _FINER
        return np.column_stack([(distance * side)[best], place, np.abs(self.points[nearest, 3])])

    def at(self, along: np.ndarray, left: np.ndarray | float = 0.0) -> np.ndarray:
        """Points (n, 2) at distances along the road and to its left."""
        place = along / self.spacing * _FINER
        index, share = np.floor(place).astype(int) % len(self.fine), (place % 1.0)[:, None]
        unit = self.chords[index] / np.hypot(*self.chords[index].T)[:, None]
        normal = np.column_stack([-unit[:, 1], unit[:, 0]])
        return self.fine[index] + share * self.chords[index] + normal * np.reshape(left, (-1, 1))


class ReferenceCamera:
    """The pinhole camera of one row of a simulator.

    A mirrored row's picture is the one of the same camera with left and right exchanged.
    """

    def __init__(self, simulator: Simulator, row: int) -> None:
        self.row, self.look = simulator.rows[row].copy(), simulator.looks[row].copy()
        self.params = simulator.config.camera
        self.road = ReferenceRoad(simulator.config.split, int(self.row["level"]))
        yaw = float(self.row["yaw"])
        lift, pitch, roll, turn = (float(error) for error in self.look["errors"])
        self.rotation = _rotation(yaw + turn, self.params.pitch + pitch, roll)
        self.origin = np.array(
            [
                self.row["x"] + self.params.forward * np.cos(yaw),
                self.row["y"] + self.params.forward * np.sin(yaw),
                self.params.height + lift,
            ],
            np.float64,
        )

    def focal(self, width: int) -> float:
        return width / 2 / np.tan(self.params.field_of_view / 2)

    def project(self, points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Ground points (n, 2) → column, row and depth (n, 3); a depth ≤ 0 is behind the camera."""
        away = np.column_stack([points - self.origin[:2], np.full(len(points), -self.origin[2])])
        depth, left, up = (away @ self.rotation).T
        focal, mirror = self.focal(shape[1]), float(self.row["mirror"])
        with np.errstate(divide="ignore"):
            column = shape[1] / 2 - mirror * focal * left / depth
            return np.column_stack([column, shape[0] / 2 - focal * up / depth, depth])

    def ground(self, column: np.ndarray, row: np.ndarray, shape: tuple[int, int]):
        """Depth [m] and ground point of places in the picture (any shape); sky is `VIEW_DISTANCE` away."""
        focal, mirror = self.focal(shape[1]), float(self.row["mirror"])
        left, up = mirror * (shape[1] / 2 - column) / focal, (shape[0] / 2 - row) / focal
        ray = np.stack([np.ones_like(left), left, up], -1) @ self.rotation.T
        with np.errstate(divide="ignore"):
            depth = np.where(ray[..., 2] < 0.0, -self.origin[2] / ray[..., 2], np.inf)
        depth = np.minimum(depth, VIEW_DISTANCE)
        return depth, self.origin[:2] + depth[..., None] * ray[..., :2]

    def shares(self, pixels: np.ndarray, shape: tuple[int, int], side: float = 1.0):
        """What pixels (n, 2), (row, column), hold: shares (n, 5) of the classes and mean colour (n, 3).

        `side` is that of the square around a pixel's middle that is looked at, in pixels.
        Ground beyond the view distance is grass in the haze; a pixel is sky where its middle looks there.
        """
        inner = 0.5 + side * np.linspace(-0.375, 0.375, 4)
        row, column = np.broadcast_arrays(
            pixels[:, 0, None, None] + inner[:, None], pixels[:, 1, None, None] + inner
        )
        depth, points = self.ground(column.reshape(len(pixels), -1), row.reshape(len(pixels), -1), shape)
        place = self.road.place(points.reshape(-1, 2))
        offset, along, bend = (part.reshape(depth.shape) for part in place.T)
        along = along * np.rint(self.road.lap / 6.0) * 6.0 / self.road.lap  # dashes fit a lap
        classes = _classes(np.abs(offset), along, bend)
        colours = self._colours(classes, points, along, depth)
        shares = np.stack([(classes == k).mean(1) for k in range(5)], 1)
        middle, _ = self.ground(pixels[:, 1] + 0.5, pixels[:, 0] + 0.5, shape)
        shares[middle >= 0.99 * VIEW_DISTANCE] = np.eye(5)[SKY]
        return shares, colours.mean(1)

    def _colours(self, classes, points, along, depth) -> np.ndarray:
        look = self.look["colours"][:, :3].astype(np.float64)
        haze, dark, light, asphalt, paint, red, white = (look[k] for k in (1, 3, 4, 5, 6, 7, 8))
        lawn = np.floor((np.floor(points / 0.5) + 0.5) * 0.5 / 10.0).astype(int).sum(-1) & 1
        stripe = np.abs(along / 2.0 % 1.0 - 0.5) < 0.25
        colour = np.select(
            [(classes == k)[..., None] for k in (ROAD, LINE, GRASS, KERB)],
            [
                asphalt,
                paint,
                np.where(lawn[..., None], light, dark),
                np.where(stripe[..., None], white, red),
            ],
        )
        mist = np.minimum(depth * float(self.look["haze"]), 1.0)[..., None] ** 2
        return colour + mist * (haze - colour)


def _rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Columns: the camera's forward, left and up; yaw to the left, pitch downwards, roll clockwise."""
    cy, sy, cp, sp, cr, sr = (
        np.cos(yaw),
        np.sin(yaw),
        np.cos(pitch),
        np.sin(pitch),
        np.cos(roll),
        np.sin(roll),
    )
    about_up = np.array([[cy, -sy, 0.0], [sy, cy, 0.0], [0.0, 0.0, 1.0]])
    about_left = np.array([[cp, 0.0, sp], [0.0, 1.0, 0.0], [-sp, 0.0, cp]])
    about_forward = np.array([[1.0, 0.0, 0.0], [0.0, cr, -sr], [0.0, sr, cr]])
    return about_up @ about_left @ about_forward


def _classes(offset: np.ndarray, along: np.ndarray, bend: np.ndarray) -> np.ndarray:
    dash = np.abs(along / 6.0 % 1.0 - 0.5) < 0.25
    line = ((offset < 0.08) & dash) | (np.abs(offset - 3.15) < 0.09)
    kerb = (offset > 3.5) & (offset < 4.1) & (bend > 1.0 / 45.0)
    return np.select([kerb, offset > 3.5, line], [KERB, GRASS, LINE], ROAD)


@pytest.fixture(scope="session")
def reference_camera() -> type[ReferenceCamera]:
    return ReferenceCamera


@pytest.fixture(scope="session")
def reference_road() -> type[ReferenceRoad]:
    return ReferenceRoad


@pytest.fixture(scope="session")
def rotation() -> Callable[[float, float, float], np.ndarray]:
    return _rotation
