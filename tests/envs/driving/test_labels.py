"""Labels against geometry: edges projected through a pinhole, and poses measured on the road in float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.driving.camera import VIEW_DISTANCE
from envs.driving.config import DrivingConfig
from envs.driving.labels import INSTRUMENTS, LOOK_AHEAD, POSE, STATE, STATE_SCALE, wrap_angle
from envs.driving.observations import state_names
from envs.driving.sections import HALF_WIDTH
from envs.driving.simulator import Simulator

SKY, GRASS, ROAD, LINE, KERB = range(5)
ROWS = 24


@pytest.fixture(params=["train", "ood"])
def scattered(request, make_simulator):
    """Cars at random places, offsets and headings, in all variants of their roads."""
    simulator = make_simulator(ROWS, seed=100, split=request.param)
    rows, rng = simulator.rows, np.random.default_rng(1)
    direction = np.tile(np.array([1.0, 1.0, -1.0, -1.0], np.float32), ROWS // 4)
    rows["yaw"] += np.where(direction != rows["direction"], np.float32(np.pi), np.float32(0.0))
    rows["mirror"], rows["direction"] = np.tile([1.0, -1.0], ROWS // 2), direction
    everyone = np.ones(ROWS, np.bool_)
    for _ in range(12):
        simulator.step(everyone, rng.uniform(-1.0, 1.0, (ROWS, 2)).astype(np.float32))
    rows["yaw"] += rng.uniform(-0.3, 0.3, ROWS).astype(np.float32)
    return simulator


def measured(simulator, reference_road, n: int) -> np.ndarray:
    """Lane offset, heading error and curvatures of one row, from the reference road alone."""
    row = simulator.rows[n]
    road = reference_road(simulator.config.split, int(row["level"]))
    mirror, direction = float(row["mirror"]), float(row["direction"])
    left, along, _ = road.place(np.array([[row["x"], row["y"]]], np.float64))[0]
    a, b = road.at(np.array([along - 0.02, along + 0.02]))
    tangent = direction * (b - a)
    error = float(row["yaw"]) - np.arctan2(tangent[1], tangent[0])
    error = np.arctan2(np.sin(error), np.cos(error))
    index = (along + direction * np.array(LOOK_AHEAD)) / road.spacing
    bends = np.interp(
        index % len(road.points),
        np.arange(len(road.points) + 1),
        np.append(road.points[:, 3], road.points[0, 3]),
    )
    return np.array([left * mirror * direction, error * mirror, *(bends * mirror * direction)])


def test_lane_poses_agree_with_measurements_on_the_road(scattered, reference_road) -> None:
    poses = scattered.poses()[0]
    assert poses.shape == (ROWS, len(POSE))
    for n in range(ROWS):
        offset, heading, *bends = measured(scattered, reference_road, n)
        assert poses[n, 0] == pytest.approx(offset, abs=0.01)
        assert poses[n, 1] == pytest.approx(heading, abs=0.006)
        np.testing.assert_allclose(poses[n, 2:], bends, atol=0.003)
    assert poses[:, 0].min() < -0.5 < 0.5 < poses[:, 0].max()


def test_a_mirrored_row_has_the_opposite_labels(scattered) -> None:
    poses, states = (part.copy() for part in scattered.poses())
    scattered.rows["mirror"] *= -1.0
    mirrored, turned = scattered.poses()
    np.testing.assert_array_equal(mirrored, -poses)
    np.testing.assert_array_equal(turned[:, 6:], -states[:, 6:])
    np.testing.assert_array_equal(turned[:, 5], states[:, 5])


def test_a_road_driven_the_other_way_bends_the_other_way(scattered, reference_road) -> None:
    before = scattered.poses()[0][:, 0].copy()
    rows = scattered.rows
    rows["direction"] *= -1.0
    rows["yaw"] += np.float32(np.pi)
    poses = scattered.poses()[0]
    np.testing.assert_array_equal(poses[:, 0], -before)
    for n in range(0, ROWS, 5):
        np.testing.assert_allclose(poses[n], measured(scattered, reference_road, n), atol=0.01)


def test_the_state_holds_the_pose_and_the_cars_motion_as_its_driver_feels_it(scattered) -> None:
    poses, states = scattered.poses()
    rows = scattered.rows
    assert STATE[5:] == ("speed", "side_speed", "yaw_rate", "steer")
    np.testing.assert_array_equal(states[:, :5], poses)
    np.testing.assert_array_equal(states[:, 5], rows["vx"])
    for column, name in ((6, "vy"), (7, "yaw_rate"), (8, "steer")):
        np.testing.assert_array_equal(states[:, column], rows[name] * rows["mirror"])
    np.testing.assert_array_equal(scattered.privileged(), states * STATE_SCALE)
    assert np.abs(scattered.privileged()).max() < 4.0


def test_instruments_tell_of_the_car_s_own_motion_only(scattered) -> None:
    state = scattered.privileged()
    expected = np.column_stack([state[:, STATE.index(name)] for name in INSTRUMENTS])
    np.testing.assert_array_equal(scattered.instruments(), expected)
    assert set(INSTRUMENTS) == set(STATE[5:])


@pytest.mark.parametrize("shape", [(64, 64), (84, 84), (48, 120)])
def test_the_roads_edges_are_where_the_projected_edges_are(scattered, reference_camera, shape) -> None:
    classes = np.zeros((ROWS, *shape), np.uint8)
    scattered.label(classes, np.zeros((ROWS, *shape), np.float32))
    for n in range(0, ROWS, 3):
        camera = reference_camera(scattered, n)
        on_road = (classes[n] == ROAD) | (classes[n] == LINE)
        pixels = seen_edge(camera, shape, nearest=2.0, furthest=15.0)
        assert len(pixels) > 20
        both = [_holds_both(on_road, int(row), int(column)) for column, row in pixels[:, :2]]
        assert np.mean(both) > 0.985, "within a pixel of the edge there is road and there is not"
        assert _far_from_edges(on_road, seen_edge(camera, shape, 0.2, VIEW_DISTANCE)) < 0.02


def seen_edge(camera, shape, nearest: float, furthest: float) -> np.ndarray:
    """Column, row and depth of points 5 cm apart along both edges, where they are in the picture."""
    along = np.arange(0.0, camera.road.lap, 0.05)
    edges = np.concatenate([camera.road.at(along, side * HALF_WIDTH) for side in (-1.0, 1.0)])
    seen = camera.project(edges, shape)
    column, row, depth = seen.T
    inside = (column > 1) & (column < shape[1] - 1) & (row > 1) & (row < shape[0] - 1)
    return seen[inside & (depth > nearest) & (depth < furthest)]


def _holds_both(on_road: np.ndarray, row: int, column: int) -> bool:
    around = on_road[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
    return bool(around.any() and not around.all())


def _far_from_edges(on_road: np.ndarray, edge: np.ndarray) -> float:
    """Share of the mask's borders from column to column that have no projected edge within two pixels."""
    row, column = np.nonzero(on_road[2:-2, 3:-2] != on_road[2:-2, 2:-3])
    row, column = row + 2.5, column + 3.0
    gap = np.hypot(row[:, None] - edge[:, 1], column[:, None] - edge[:, 0]).min(1)
    return float((gap > 2.0).mean())


def test_the_middle_line_is_where_the_centreline_projects(scattered, reference_camera) -> None:
    shape = (96, 96)
    classes = np.zeros((ROWS, *shape), np.uint8)
    scattered.label(classes, np.zeros((ROWS, *shape), np.float32))
    hits, dashes = 0, 0
    for n in range(ROWS):
        camera = reference_camera(scattered, n)
        period = camera.road.lap / np.rint(camera.road.lap / 6.0)
        middles = (np.arange(round(camera.road.lap / period)) + 0.5) * period
        column, row, depth = camera.project(camera.road.at(middles), shape).T
        seen = (column > 0) & (column < 96) & (row > 0) & (row < 96) & (depth > 1.0) & (depth < 5.0)
        hits += (classes[n][row[seen].astype(int), column[seen].astype(int)] == LINE).sum()
        dashes += seen.sum()
    assert dashes >= 5
    assert hits / dashes > 0.9, "the middle of a dash is a line"


@given(st.floats(-50.0, 50.0, width=32))
def test_wrapped_angles_are_the_same_direction(angle: float) -> None:
    wrapped = float(wrap_angle(np.float32(angle)))
    assert -np.pi - 1e-5 < wrapped <= np.pi + 1e-5
    assert np.cos(wrapped) == pytest.approx(np.cos(angle), abs=2e-5)
    assert np.sin(wrapped) == pytest.approx(np.sin(angle), abs=2e-5)
    python = float(wrap_angle.py_func(np.float32(angle)))
    assert wrapped == pytest.approx(python, abs=1e-5)


@pytest.mark.parametrize("task", ["race", "traffic"])
def test_bends_far_ahead_are_those_of_the_centreline(task: str) -> None:
    config = DrivingConfig.from_keywords({"task": task, "num_levels": 4, "obs": "state"})
    simulator = Simulator(config, 32)
    simulator.seed_rows(np.ones(32, np.bool_), np.arange(32).astype(np.uint64))
    simulator.begin(np.ones(32, np.bool_))
    state, roads = simulator.privileged(), simulator.roads
    names, largest = state_names(config), 0.0
    assert state.shape == (32, len(names))
    assert (len(names) == len(STATE) + 6) == (task == "race"), "nobody else on a raceway"
    for n, row in enumerate(simulator.rows):
        spacing, count = roads.spacings[row["level"]], roads.counts[row["level"]]
        for metres in (45, 60, 80):
            place = np.floor(row["nearest"] + (row["direction"] * metres + row["advance"]) / spacing)
            bends = roads.centrelines[row["level"], [int(place) % count, (int(place) + 1) % count], 3]
            bend = 20.0 * row["mirror"] * row["direction"] * bends
            told = state[n, names.index(f"curvature_{metres}")]
            assert bend.min() - 1e-4 <= told <= bend.max() + 1e-4
            largest = max(largest, abs(told))
    assert 0.2 < largest < 3.0
