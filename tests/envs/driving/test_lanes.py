"""Places on a road with lanes, against a circle; what is next in a corridor, by hand."""

import numpy as np
import pytest

from envs.driving.actors import ACTOR, CAR, NOBODY, PARKED
from envs.driving.following import DriverParams
from envs.driving.lanes import (
    GUEST,
    HORIZON,
    MARGIN,
    NONE,
    Guest,
    Scene,
    Street,
    ahead_of,
    clear_gap,
    in_way,
    lane_side,
    lap_of,
    nearest,
    note,
    put_on_road,
    room_for_spans,
    sweep_of,
    wrapped,
)

RADIUS = 30.0
DRIVER = DriverParams().record().view(np.recarray)[0]
NOBODY_ELSE = Guest(*(np.float32(value) for value in (0.0, 500.0, 0.0, 2.2, 0.9)))


def circle(radius: float = RADIUS, turn: float = 1.0, lanes: int = 1, keep: float = 1.0) -> Street:
    """A circle through the origin's right (radius, 0), to the left (turn +1) or to the right (−1)."""
    count = round(2 * np.pi * radius / 0.5)
    angle = np.arange(count) / count * 2 * np.pi * turn
    points = np.ones((count, 6), np.float32)
    points[:, 0], points[:, 1] = radius * np.cos(angle), radius * np.sin(angle)
    points[:, 2], points[:, 3], points[:, 5] = angle + turn * np.pi / 2, turn / radius, 20.0
    spacing = np.float32(2 * np.pi * radius / count)
    crossings = np.full(4, -1.0, np.float32)
    return Street(points, spacing, crossings, lanes, np.float32(3.5), np.float32(4.1), np.float32(keep))


def actor(**fields: float):
    record = np.zeros(1, ACTOR).view(np.recarray)[0]
    values = {"kind": CAR, "half_length": 2.3, "half_width": 0.9, "direction": 1.0, **fields}
    for name, value in values.items():
        record[name] = value
    return record


@pytest.mark.parametrize("turn", [1.0, -1.0])
@pytest.mark.parametrize("side", [0.0, 1.75, -5.25])
def test_places_on_a_circle_are_those_of_polar_coordinates(turn: float, side: float) -> None:
    street = circle(turn=turn)
    lap = float(lap_of(street))
    for along in np.append(np.random.default_rng(0).uniform(0.0, lap, 200), [0.0, lap - 0.01]):
        it = actor(along=along, side=side)
        put_on_road(it, np.float32(0.0), street)
        angle, radius = turn * along / RADIUS, RADIUS - turn * side
        assert float(it["x"]) == pytest.approx(radius * np.cos(angle), abs=1e-3)
        assert float(it["y"]) == pytest.approx(radius * np.sin(angle), abs=1e-3)
        error = float(it["yaw"]) - angle - turn * np.pi / 2
        assert (error + np.pi) % (2 * np.pi) - np.pi == pytest.approx(0.0, abs=1e-4)
        assert -np.pi <= it["yaw"] <= np.pi


def test_who_turns_faces_elsewhere() -> None:
    it, street = actor(along=10.0), circle()
    put_on_road(it, np.float32(np.pi), street)
    assert float(it["yaw"]) == pytest.approx(10.0 / RADIUS + np.pi / 2 - np.pi, abs=1e-4)


@pytest.mark.parametrize(
    ("direction", "lane", "width", "keep", "side"),
    [
        (1.0, 0, 1.0, 1.0, -1.75),
        (-1.0, 0, 1.0, 1.0, 1.75),
        (1.0, 1, 1.0, 1.0, -5.25),
        (1.0, 0, 1.2, 1.0, -2.1),
        (1.0, 1, 1.0, -1.0, 5.25),
    ],
)
def test_lanes_lie_on_their_own_side(direction, lane, width, keep, side) -> None:
    street = circle(keep=keep)
    assert lane_side(np.float32(direction), lane, np.float32(width), street) == pytest.approx(side)


def test_places_and_distances_wrap_round_the_lap() -> None:
    lap = np.float32(100.0)
    assert wrapped(np.float32(-1.0), lap) == 99.0
    assert wrapped(np.float32(100.5), lap) == 0.5
    assert 0.0 <= wrapped(np.float32(-1e-9), lap) < lap
    assert ahead_of(np.float32(95.0), np.float32(5.0), np.float32(1.0), lap) == 10.0
    assert ahead_of(np.float32(95.0), np.float32(5.0), np.float32(-1.0), lap) == 90.0


def scene(street: Street, *others, guest: Guest = NOBODY_ELSE) -> Scene:
    actors = np.array([it.copy() for it in others], ACTOR).view(np.recarray)
    spans = room_for_spans(len(others))
    for k in range(len(others)):
        note(spans, k, actors[k], street)
    return Scene(actors, spans, len(others), 0, lap_of(street), guest, street, DRIVER)


def straight_on(it):
    return it["side"], np.float32(0.0), np.float32(0.0), np.float32(it["half_width"] + MARGIN)


def test_the_next_in_a_corridor_is_the_nearest_that_reaches_into_it() -> None:
    street = circle(100.0, lanes=2)
    me = actor(along=620.0, side=-1.75)  # the lap is 628.3 m long
    far, near = actor(along=20.0, side=-1.75), actor(along=10.0, side=-3.6, kind=PARKED)
    beside, gone = actor(along=5.0, side=-5.25), actor(along=1.0, side=-1.75, kind=NOBODY)
    oncoming = actor(along=4.0, side=1.75, direction=-1.0)
    found, distance = nearest(
        scene(street, me, far, gone, near, beside, oncoming), 0, straight_on(me), me["direction"]
    )
    assert found == 3
    assert distance == pytest.approx(628.3185 - 620.0 + 10.0 - 2.3, abs=1e-2)
    found, distance = nearest(scene(street, me, gone, beside, oncoming), 0, straight_on(me), me["direction"])
    assert (found, distance) == (NONE, HORIZON)
    behind = nearest(scene(street, far, me), 0, straight_on(far), np.float32(-1.0))
    assert behind[0] == 1
    assert behind[1] == pytest.approx(628.3185 - 620.0 + 20.0 - 2.3, abs=1e-2)


def test_a_guest_counts_where_it_reaches() -> None:
    street, me = circle(100.0), actor(along=10.0, side=-1.75)
    for side, expected in ((-1.75, GUEST), (0.0, GUEST), (0.4, NONE), (-4.1, NONE)):
        guest = Guest(*(np.float32(value) for value in (30.0, side, 0.0, 2.2, 0.9)))
        assert nearest(scene(street, me, guest=guest), 0, straight_on(me), me["direction"])[0] == expected


def test_who_changes_lanes_takes_up_both() -> None:
    street = circle(100.0, lanes=2)
    low, high = sweep_of(actor(along=10.0, side=-2.5, lane=1, drift=-0.8, speed=8.0), street)
    assert low <= -5.25 - 0.9
    assert high >= -2.5 + 0.9 + 0.1, "and a corner swings out"
    me = actor(along=0.0, side=-5.25, lane=1)
    coming, staying = actor(along=10.0, side=-1.8, lane=1, drift=-1e-6), actor(along=10.0, side=-1.8)
    assert nearest(scene(street, me, coming), 0, straight_on(me), me["direction"])[0] == 1
    assert nearest(scene(street, me, staying), 0, straight_on(me), me["direction"])[0] == NONE


def test_a_car_that_leaves_its_lane_is_out_of_the_way_of_what_is_far_enough() -> None:
    """3.5 m to go, 0.3 m a metre: what ends 1 m to the left is cleared by a half width of 1.2 m in 7.4 m."""
    corridor = tuple(np.float32(value) for value in (0.0, -3.5, 0.3, 1.2))
    assert in_way(np.float32(-1.0), np.float32(1.0), corridor, np.float32(7.0))
    assert not in_way(np.float32(-1.0), np.float32(1.0), corridor, np.float32(7.5))
    assert in_way(np.float32(-4.0), np.float32(-3.0), corridor, np.float32(0.0)), "where it goes, always"
    assert in_way(np.float32(-4.0), np.float32(-3.0), corridor, np.float32(40.0))


@pytest.mark.parametrize("side", [-5.25, 5.25])
def test_gaps_are_measured_along_the_own_lane(side: float) -> None:
    street, me = circle(), actor(along=10.0, side=side)
    gap = clear_gap(me, (np.float32(2.0), np.float32(30.0)), np.float32(18.0), street)
    arc = 20.0 / RADIUS * (RADIUS - side)
    assert float(gap) == pytest.approx(arc - 2.0 - 2.3, abs=1e-3)
