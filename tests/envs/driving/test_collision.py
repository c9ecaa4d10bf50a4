"""Boxes that touch: against clipped polygons, and what no motion of both may change."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from envs.driving.actors import ACTOR, CAR, NOBODY
from envs.driving.collision import boxes_overlap, first_hit

POSE = np.dtype([("x", np.float32), ("y", np.float32), ("yaw", np.float32)])
number = st.floats(-6.0, 6.0, width=32)
half = st.floats(0.25, 4.0, width=32)
boxes = st.tuples(number, number, number, half, half)


def single(box) -> tuple:
    return tuple(np.float32(value) for value in box)


def overlap(a, b) -> bool:
    return bool(boxes_overlap(single(a), single(b)))


def corners(box) -> np.ndarray:
    x, y, yaw, half_length, half_width = (float(value) for value in box)
    ahead, left = np.array([np.cos(yaw), np.sin(yaw)]), np.array([-np.sin(yaw), np.cos(yaw)])
    signs = [(1, 1), (-1, 1), (-1, -1), (1, -1)]  # counter-clockwise
    return np.array([[x, y] + a * half_length * ahead + b * half_width * left for a, b in signs])


def shared_area(a, b) -> float:
    """Area of both boxes' intersection: one polygon clipped by each edge of the other."""
    polygon = corners(a)
    clip = corners(b)
    for start, end in zip(clip, np.roll(clip, -1, 0), strict=True):
        edge = end - start
        inside = edge[0] * (polygon[:, 1] - start[1]) - edge[1] * (polygon[:, 0] - start[0])
        kept = []
        for k in range(len(polygon)):
            here, there = inside[k - 1], inside[k]
            if (here < 0.0) != (there < 0.0):
                share = here / (here - there)
                kept.append(polygon[k - 1] + share * (polygon[k] - polygon[k - 1]))
            if there >= 0.0:
                kept.append(polygon[k])
        if not kept:
            return 0.0
        polygon = np.array(kept)
    x, y = polygon.T
    return 0.5 * abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))


def grown(box, by: float) -> tuple:
    return (*box[:3], box[3] + by, box[4] + by)


@settings(max_examples=400, deadline=None)
@given(boxes, boxes)
def test_boxes_overlap_where_their_polygons_share_ground(a, b) -> None:
    outside = shared_area(grown(a, 1e-3), grown(b, 1e-3)) == 0.0
    inside = shared_area(a, b) > 1e-4
    assume(outside or inside)  # what just touches is decided by rounding
    assert overlap(a, b) == inside


@settings(max_examples=200, deadline=None)
@given(boxes, boxes)
def test_neither_box_comes_first(a, b) -> None:
    assert overlap(a, b) == overlap(b, a)


@settings(max_examples=200, deadline=None)
@given(boxes, boxes, number, number, number)
def test_moving_both_changes_nothing(a, b, dx, dy, turn) -> None:
    cos, sin = np.cos(float(turn)), np.sin(float(turn))

    def moved(box):
        x, y = float(box[0]), float(box[1])
        return (cos * x - sin * y + dx, sin * x + cos * y + dy, box[2] + turn, *box[3:])

    assume((shared_area(grown(a, 1e-3), grown(b, 1e-3)) == 0.0) or shared_area(a, b) > 1e-4)
    assert overlap(moved(a), moved(b)) == overlap(a, b)


@pytest.mark.parametrize(
    ("yaw", "gap", "touching"),
    [(0.0, -0.01, True), (0.0, 0.01, False), (np.pi / 4, -0.01, True), (np.pi / 4, 0.01, False)],
)
def test_a_corner_touches_where_it_reaches(yaw: float, gap: float, touching: bool) -> None:
    """A square of half side 1 reaches √2 to the side when it stands on its corner."""
    reach = np.sqrt(2.0) if yaw else 1.0
    assert overlap((0.0, 0.0, 0.0, 2.0, 1.0), (2.0 + reach + gap, 0.0, yaw, 1.0, 1.0)) == touching


def test_neighbours_at_an_angle_are_apart_though_their_bounds_are_not() -> None:
    """Two slanted boxes side by side: only the slanted axis separates them."""
    a, b = (0.0, 0.0, np.pi / 4, 4.0, 0.5), (1.0, -1.0, np.pi / 4, 4.0, 0.5)
    assert not overlap(a, b)
    assert overlap(a, (0.6, -0.6, np.pi / 4, 4.0, 0.5))
    bounds = np.abs(corners(a)).max(0) + np.abs(corners(b) - [1.0, -1.0]).max(0)
    assert (np.abs([1.0, -1.0]) < bounds).all()


def standing(x: float, y: float, yaw: float, kind: int = CAR) -> np.ndarray:
    actor = np.zeros(1, ACTOR)
    actor["kind"], actor["x"], actor["y"], actor["yaw"] = kind, x, y, yaw
    actor["half_length"], actor["half_width"] = 2.3, 0.9
    return actor


def hit(car, *others: np.ndarray, centre: float = 1.3) -> int:
    pose = np.array([car], POSE).view(np.recarray)[0]
    actors = np.concatenate(others).view(np.recarray)
    return first_hit(pose, np.float32(centre), np.float32(2.2), np.float32(0.9), actors)


def test_the_first_hit_is_the_first_that_touches() -> None:
    away, touching = standing(40.0, 0.0, 0.0), standing(5.0, 0.5, 0.3)
    assert hit((0.0, 0.0, 0.0), away, touching, touching) == 1
    assert hit((0.0, 0.0, 0.0), away, away) == -1
    assert hit((0.0, 0.0, 0.0), standing(5.0, 0.5, 0.3, NOBODY), touching) == 1


def test_the_cars_box_is_ahead_of_its_reference_point() -> None:
    ahead, behind = standing(5.5, 0.0, 0.0), standing(-3.5, 0.0, 0.0)
    assert hit((0.0, 0.0, 0.0), ahead) == 0
    assert hit((0.0, 0.0, 0.0), behind) == -1
    assert hit((0.0, 0.0, np.pi), ahead) == -1
    assert hit((0.0, 0.0, 0.0), ahead, centre=0.0) == -1
    assert hit((0.0, 0.0, 0.0), behind, centre=0.0) == 0


@settings(max_examples=200, deadline=None)
@given(number, number, number, number, number, number)
def test_the_quick_rejection_rejects_no_hit(x, y, yaw, other_x, other_y, other_yaw) -> None:
    other = standing(other_x, other_y, other_yaw)
    centre = np.float32(1.3)
    box = (x + centre * np.cos(np.float32(yaw)), y + centre * np.sin(np.float32(yaw)), yaw, 2.2, 0.9)
    target = (other_x, other_y, other_yaw, 2.3, 0.9)
    assume((shared_area(grown(box, 1e-3), grown(target, 1e-3)) == 0.0) or shared_area(box, target) > 1e-4)
    assert hit((x, y, yaw), other) == (0 if shared_area(box, target) > 1e-4 else -1)


def test_the_compiled_test_is_the_written_one() -> None:
    rng = np.random.default_rng(1)
    for row in rng.uniform(-4.0, 4.0, (60, 10)):
        a, b = (single((*part[:3], *np.abs(part[3:]) / 2)) for part in (row[:5], row[5:]))
        assert boxes_overlap(a, b) == boxes_overlap.py_func(a, b)
