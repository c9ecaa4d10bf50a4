"""A cheap labelled road for the tests of perception: nothing here needs the simulator.

The car stands at a lateral offset d and a heading error ψ on a clothoid of curvature k0 + k1·s, drawn flat:
a ground point (x, y) of the car's frame lies at X = x cos ψ − y sin ψ, Y = d + x sin ψ + y cos ψ
of the road's, and its distance from the centreline is about (Y − k0 X²/2 − k1 X³/6) / √(1 + Y'²).
"""

import numpy as np
import pytest
import torch

CLASS_NAMES = ("sky", "grass", "road", "line", "kerb")
POSE_NAMES = ("lane_offset", "heading_error", "curvature_8", "curvature_16", "curvature_30")
SKY, GRASS, ROAD, LINE, KERB = range(5)
HALF_WIDTH = 3.5  # [m]
LINE_WIDTH = 0.25  # [m]


def ground_table(size: int, height: float = 1.3, pitch: float = 0.12, field_of_view: float = 1.4):
    """Where each pixel's ray meets the ground, x forward and y left [m]; infinite above the horizon."""
    focal = size / 2 / np.tan(field_of_view / 2)
    right, down = np.meshgrid(
        (np.arange(size) + 0.5 - size / 2) / focal, (np.arange(size) + 0.5 - size / 2) / focal
    )
    forward = np.cos(pitch) - down * np.sin(pitch)
    fall = np.sin(pitch) + down * np.cos(pitch)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(fall > 1e-3, height / fall, np.inf)
        x, y = forward * distance, -right * distance
    return np.where(x < 80, x, np.inf).astype(np.float32), y.astype(np.float32)


class FakeRoadSource:
    """A labelled source in numpy: batch number n depends on (seed, n) only."""

    def __init__(self, batch_size: int = 32, seed: int = 0, size: int = 64, noise: float = 4.0) -> None:
        self._batch_size, self._seed, self._size, self._noise = batch_size, seed, size, noise
        self._number = 0
        self._ground = ground_table(size)

    def schema(self) -> dict:
        return {
            "camera": {"image_size": [self._size, self._size], "height": 1.3, "pitch": 0.12},
            "channels": 3,
            "classes": list(CLASS_NAMES),
            "pose": list(POSE_NAMES),
            "pose_units": ["m", "rad", "1/m", "1/m", "1/m"],
        }

    def state_dict(self) -> dict:
        return {"number": self._number}

    def load_state_dict(self, state: dict) -> None:
        self._number = int(state["number"])

    def next_batch(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        generator = np.random.default_rng([self._seed, self._number])
        self._number += 1
        pose, slope = _draw_pose(generator, self._batch_size)
        semantic = self._classes(pose, slope)
        palette = _draw_palette(generator, self._batch_size)
        frames = palette[np.arange(self._batch_size)[:, None, None], semantic]
        frames = frames + generator.normal(0, self._noise, frames.shape).astype(np.float32)
        return np.clip(frames, 0, 255).astype(np.uint8), semantic, pose

    def _classes(self, pose: np.ndarray, slope: np.ndarray) -> np.ndarray:
        x, y = self._ground
        offset, heading, near = (pose[:, column, None, None] for column in (0, 1, 2))
        rate = slope[:, None, None]
        with np.errstate(invalid="ignore"):
            along = x * np.cos(heading) - y * np.sin(heading)
            across = offset + x * np.sin(heading) + y * np.cos(heading)
            curvature = near - 8 * rate
            bend = curvature * along**2 / 2 + rate * along**3 / 6
            tangent = curvature * along + rate * along**2 / 2
            distance = np.abs(across - bend) / np.sqrt(1 + tangent**2)
            dashed = (distance < LINE_WIDTH / 2) & (np.mod(along, 6) < 3)
        semantic = np.full(distance.shape, GRASS, np.uint8)
        semantic[distance < HALF_WIDTH + 0.4] = KERB
        semantic[distance < HALF_WIDTH] = ROAD
        semantic[(np.abs(distance - HALF_WIDTH + 0.3) < LINE_WIDTH / 2) | dashed] = LINE
        semantic[:, np.isinf(x)] = SKY
        return semantic


class FakeSceneSource:
    """Boxes of three kinds before a wall: whole scenes in numpy, batch number n from (seed, n) only.

    The farther a box, the smaller; nearer ones hide farther ones.
    """

    WALL, FLOOR, FIRST = 0, 1, 2
    THINGS = ("vehicle", "pedestrian", "obstacle")
    COLOURS = np.array([[150, 180, 220], [90, 90, 95], [200, 40, 40], [240, 220, 60], [60, 200, 220]])

    def __init__(self, batch_size: int = 8, seed: int = 0, shape: tuple[int, int] = (32, 48)) -> None:
        self._batch_size, self._seed, self._shape, self._number = batch_size, seed, shape, 0

    def schema(self) -> dict:
        return {
            "camera": {"image_size": list(self._shape)},
            "channels": 3,
            "classes": ["wall", "floor", *self.THINGS],
            "pose": ["nearest"],
            "pose_units": ["m"],
            "things": list(self.THINGS),
            "furthest": 100.0,
        }

    def state_dict(self) -> dict:
        return {"number": self._number}

    def load_state_dict(self, state: dict) -> None:
        self._number = int(state["number"])

    def next_batch(self) -> tuple[np.ndarray, ...]:
        generator = np.random.default_rng([self._seed, self._number])
        self._number += 1
        scenes = [self._scene(generator) for _ in range(self._batch_size)]
        semantic, depth, instances, nearest = (np.stack(part) for part in zip(*scenes, strict=True))
        frames = self.COLOURS[semantic] + generator.normal(0, 6, (*semantic.shape, 3))
        return (
            np.clip(frames, 0, 255).astype(np.uint8),
            semantic.astype(np.uint8),
            nearest.astype(np.float32)[:, None],
            depth.astype(np.float32),
            instances.astype(np.uint8),
        )

    def _scene(self, generator: np.random.Generator) -> tuple[np.ndarray, ...]:
        height, width = self._shape
        row = np.arange(height)[:, None] + 0.5
        floor = np.maximum(row - height / 2, 0.0)
        depth = np.broadcast_to(np.minimum(4.0 * height / np.maximum(floor, 1e-6), 100.0), self._shape).copy()
        semantic = np.where(depth < 100.0, self.FLOOR, self.WALL)
        instances = np.zeros(self._shape, np.int64)
        count, nearest = int(generator.integers(1, 4)), 100.0
        for number in range(1, count + 1):
            away, kind = float(generator.uniform(8.0, 30.0)), int(generator.integers(0, 3))
            side = max(round(100.0 / away), 3)
            top, left = int(generator.integers(0, height - side)), int(generator.integers(0, width - side))
            part = (slice(top, top + side), slice(left, left + side + kind))
            shown = depth[part] > away
            depth[part][shown], semantic[part][shown] = away, self.FIRST + kind
            instances[part][shown] = number
            nearest = min(nearest, away)
        return semantic, depth, instances, np.array(nearest)


def _draw_pose(generator: np.random.Generator, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    offset = generator.uniform(-3, 3, batch_size)
    heading = generator.uniform(-0.5, 0.5, batch_size)
    curvature = generator.uniform(-0.06, 0.06, batch_size)
    slope = generator.uniform(-0.002, 0.002, batch_size)
    ahead = [curvature + distance * slope for distance in (8, 16, 30)]
    return np.stack([offset, heading, *ahead], 1).astype(np.float32), slope.astype(np.float32)


def _draw_palette(generator: np.random.Generator, batch_size: int) -> np.ndarray:
    base = np.array(
        [[135, 180, 235], [70, 130, 60], [95, 95, 100], [230, 230, 230], [180, 90, 80]], np.float32
    )
    tint = generator.normal(0, 18, (batch_size, len(CLASS_NAMES), 3))
    light = generator.uniform(0.7, 1.2, (batch_size, 1, 1))
    return ((base + tint) * light).astype(np.float32)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """One thread: these networks are small, and several test processes share the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def road() -> FakeRoadSource:
    return FakeRoadSource()


@pytest.fixture
def make_scene():
    return FakeSceneSource


@pytest.fixture
def make_road():
    return FakeRoadSource
