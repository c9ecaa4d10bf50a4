"""Objects against rays cast another way: masks, boxes, depths and pictures must tell the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.driving.actors import CAR, NOBODY
from envs.driving.config import DrivingConfig
from envs.driving.shapes import MODELS, NUM_CARS
from envs.driving.simulator import Simulator

SHAPE = (64, 64)
EVERYONE = np.ones(1, np.bool_)
VAN, HATCHBACK = 3, 0
UNSEEN = 220.0  # [m]


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    config = DrivingConfig(
        task="traffic", road="avenue", num_cars=6, num_levels=2, look="clean", num_threads=1
    )
    simulator = Simulator(config, 1)
    simulator.seed_rows(EVERYONE, np.array([3], np.uint64))
    simulator.begin(EVERYONE)
    return simulator


def stand(simulator: Simulator, *cars: tuple[int, float, float, float]) -> None:
    """Leave nobody on the road but cars: model, metres ahead of the row's car and to its left, turn [rad]."""
    row, actors = simulator.rows[0], simulator.there.actors[0]
    actors["kind"] = NOBODY
    cos, sin = np.cos(row["yaw"]), np.sin(row["yaw"])
    for k, (model, ahead, left, turn) in enumerate(cars):
        actors[k]["kind"], actors[k]["model"], actors[k]["colour"] = CAR, model, k
        actors[k]["x"] = row["x"] + ahead * cos - left * sin
        actors[k]["y"] = row["y"] + ahead * sin + left * cos
        actors[k]["yaw"] = row["yaw"] + turn


def seen(simulator: Simulator, shape: tuple[int, int] = SHAPE):
    """Picture, classes, depths, instances and boxes of the only row."""
    frames = np.zeros((1, *shape, 3), np.uint8)
    classes, depths = np.zeros((1, *shape), np.uint8), np.zeros((1, *shape), np.float32)
    simulator.paint(frames)
    instances, boxes = simulator.label(classes, depths)
    return frames[0], classes[0], depths[0], instances[0], boxes[0]


def cast(simulator: Simulator, reference_camera, k: int, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Depth (H, W) at which pixels' middles meet a car made of boxes, ∞ where they do not, in float64."""
    camera, actor = reference_camera(simulator, 0), simulator.there.actors[0][k]
    row, column = np.mgrid[: shape[0], : shape[1]] + 0.5
    focal, mirror = camera.focal(shape[1]), float(camera.row["mirror"])
    left, up = mirror * (shape[1] / 2 - column) / focal, (shape[0] / 2 - row) / focal
    rays = np.stack([np.ones_like(left), left, up], -1) @ camera.rotation.T
    cos, sin = np.cos(float(actor["yaw"])), np.sin(float(actor["yaw"]))
    into = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    origin = into @ (camera.origin - [actor["x"], actor["y"], 0.0])
    rays = rays @ into.T
    nearest = np.full(shape, np.inf)
    for part in MODELS[actor["model"]].parts:
        with np.errstate(divide="ignore", invalid="ignore"):
            a = (np.array(part.middle) - part.half - origin) / rays
            b = (np.array(part.middle) + part.half - origin) / rays
        enter, leave = np.minimum(a, b).max(-1), np.maximum(a, b).min(-1)
        nearest = np.where((enter <= leave) & (enter > 0.25), np.minimum(nearest, enter), nearest)
    return nearest


places = st.tuples(
    st.integers(0, NUM_CARS - 1), st.floats(6.0, 45.0), st.floats(-8.0, 8.0), st.floats(-np.pi, np.pi)
)


@settings(max_examples=40, deadline=None)
@given(cars=st.lists(places, min_size=1, max_size=5))
def test_masks_depths_and_boxes_are_those_of_the_rays(simulator, reference_camera, cars) -> None:
    stand(simulator, *cars)
    _, _, depths, instances, boxes = seen(simulator)
    each = np.stack([cast(simulator, reference_camera, k) for k in range(len(cars))])
    nearest = each.min(0)
    expected = np.where(nearest < UNSEEN, each.argmin(0) + 1, 0)
    assert (instances == expected).mean() > 0.998, "but for rays along an edge"
    alike = (instances == expected) & (expected > 0)
    np.testing.assert_allclose(depths[alike], nearest[alike], rtol=2e-3)
    for k in range(len(cars)):
        rows, columns = np.nonzero(each[k] < UNSEEN)
        assert abs(boxes[k, 4] - len(rows)) <= 2 + 0.02 * len(rows), "pixels, the hidden ones too"
        assert boxes[k, 5] == (instances == k + 1).sum(), "pixels that are seen"
        if len(rows):
            around = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert np.abs(boxes[k, :4] - around).max() <= 1


@settings(max_examples=40, deadline=None)
@given(cars=st.lists(places, min_size=2, max_size=5))
def test_without_an_object_only_its_pixels_and_its_shadow_change(simulator, cars) -> None:
    stand(simulator, *cars)
    picture, _, depths, instances, _ = seen(simulator)
    simulator.there.actors[0][0]["kind"] = NOBODY
    bare, classes, further, others, _ = seen(simulator)
    mask = instances == 1
    assert (others[~mask] == instances[~mask]).all()
    assert (depths[~mask] == further[~mask]).all()
    assert (depths[mask] <= further[mask]).all(), "what it hid is further away"
    changed = (picture != bare).any(-1) & ~mask
    assert (classes[changed] < 5).all(), "a shadow falls on the ground alone"
    assert (picture[changed] <= bare[changed]).all(), "and darkens it"


def test_what_stands_behind_a_van_is_not_seen(simulator) -> None:
    stand(simulator, (HATCHBACK, 18.0, 0.0, 0.0), (VAN, 9.0, 0.0, 0.0))
    *_, instances, boxes = seen(simulator)
    assert boxes[0, 4] > 10, "it has pixels"
    assert boxes[0, 5] == 0, "all of them hidden"
    assert not (instances == 1).any()
    assert boxes[1, 5] == boxes[1, 4] > 0


def test_what_is_behind_the_camera_or_beside_its_view_has_no_pixels(simulator) -> None:
    stand(simulator, (VAN, -8.0, 0.0, 0.0), (VAN, 2.0, 20.0, 0.0))
    *_, instances, boxes = seen(simulator)
    assert not instances.any()
    assert (boxes[:, 4:] == 0).all()


@pytest.mark.parametrize("shape", [(8, 8), (33, 47), (64, 200), (400, 640)])
def test_every_size_shows_the_same_car(simulator, reference_camera, shape) -> None:
    stand(simulator, (HATCHBACK, 9.0, 1.0, 0.7))
    _, classes, _, instances, _ = seen(simulator, shape)
    met = cast(simulator, reference_camera, 0, shape) < UNSEEN
    assert met.any()
    assert ((instances == 1) != met).sum() <= max(1, 0.01 * met.size), "but for rays along an edge"
    assert (classes[instances == 1] == 5).all(), "a vehicle"


def test_colours_are_those_of_the_paint_and_gray_is_their_luma(simulator) -> None:
    stand(simulator, (VAN, 7.0, 0.0, 0.0))
    picture, *_, instances, _ = seen(simulator)
    gray = np.zeros((1, *SHAPE, 1), np.uint8)
    simulator.paint(gray)
    body = picture[instances == 1].astype(float)
    red = (body[:, 0] > 1.8 * body[:, 1]) & (body[:, 0] > 1.8 * body[:, 2])
    assert red.mean() > 0.2, "the first paint is red"
    luma = body @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(gray[0, ..., 0][instances == 1], luma, atol=1.0)
