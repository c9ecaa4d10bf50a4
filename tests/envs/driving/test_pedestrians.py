"""People at crossings: they wait, set out only when everybody can stop, and always get to the other side."""

import numpy as np
import pytest
from numba import njit

from envs.driving.actors import ACTOR, CAR, PEDESTRIAN
from envs.driving.collision import boxes_overlap
from envs.driving.following import DriverParams
from envs.driving.lanes import Guest, Street, room_for_spans
from envs.driving.pedestrians import crossing_busy, place_pedestrians, step_pedestrians
from envs.driving.placing import place_cars
from envs.driving.randomness import STREAM_TRAFFIC, stream_key
from envs.driving.traffic import step_traffic

DRIVER = DriverParams().record().view(np.recarray)[0]
DT = np.float32(0.05)
RADIUS, KERB = 100.0, 4.1 + 0.7
LOOKS = (7, 5, np.float32(0.3), np.float32(0.3))
CROSSINGS = (100.0, 300.0, 500.0)


def circle(crossings=CROSSINGS, width: float = 1.0, lanes: int = 1) -> Street:
    count = round(4 * np.pi * RADIUS)
    angle = np.linspace(0.0, 2 * np.pi, count, endpoint=False)
    ones = np.ones(count)
    x, y = RADIUS * np.cos(angle), RADIUS * np.sin(angle)
    points = np.column_stack([x, y, angle + np.pi / 2, ones / RADIUS, width * ones, 20.0 * ones])
    places = np.full(4, -1.0, np.float32)
    places[: len(crossings)] = crossings
    numbers = np.float32(3.5), np.float32(0.6 + 3.5 * lanes), np.float32(1.0)
    return Street(points.astype(np.float32), np.float32(2 * np.pi * RADIUS / count), places, lanes, *numbers)


def guest(along: float = 0.0, speed: float = 0.0, side: float = -1.75) -> Guest:
    return Guest(*(np.float32(value) for value in (along, side, speed, 2.2, 0.9)))


def actors_of(*records: dict) -> np.ndarray:
    actors = np.zeros(len(records), ACTOR).view(np.recarray)
    for k, record in enumerate(records):
        for name, value in record.items():
            actors[name][k] = value
    return actors


def person(**fields) -> dict:
    size = {"half_length": 0.3, "half_width": 0.3}
    return {"kind": PEDESTRIAN, "along": 100.0, "side": KERB, "timer": 0.01, **size, **fields}


def car(**fields) -> dict:
    size = {"half_length": 2.3, "half_width": 0.9}
    return {"kind": CAR, "direction": 1.0, "side": -1.75, **size, **fields}


def starts(actors: np.ndarray, ego: Guest | None = None) -> bool:
    step_pedestrians(actors, ego or guest(320.0), circle(), np.uint64(3), DT)
    return bool(actors["drift"][0] != 0.0)


def away(line: float, direction: float = 1.0, half_length: float = 2.3) -> float:
    """Where a car is whose front is so far from the stop line of the crossing at 100 m."""
    return 100.0 - direction * (line + 3.5 + half_length)


@pytest.mark.parametrize("direction", [1.0, -1.0])
@pytest.mark.parametrize(
    ("line", "speed", "free"),
    [
        (16.8, 10.0, True),  # 10² / (2 · 3) = 16.67 m
        (16.5, 10.0, False),
        (0.1, 0.0, True),  # waits at the line
        (-0.1, 0.0, False),  # stands over it
        (-3.0, 10.0, False),
        (-9.4, 10.0, True),  # gone: 3.5 to the middle, 1.2 beyond it, 4.6 of car
        (-9.2, 10.0, False),
        (150.0, 12.0, True),
    ],
)
def test_nobody_sets_out_before_a_car_that_cannot_stop(line, speed, free, direction) -> None:
    side = -1.75 * direction
    it = car(along=away(line, direction) % (2 * np.pi * RADIUS), direction=direction, speed=speed, side=side)
    assert starts(actors_of(person(), it)) == free


@pytest.mark.parametrize("direction", [1.0, -1.0])
@pytest.mark.parametrize(
    ("line", "speed", "free"), [(16.9, 10.0, True), (16.4, 10.0, False), (-8.0, 5.0, False)]
)
def test_nobody_sets_out_before_a_guest_that_cannot_stop(line, speed, free, direction) -> None:
    ego = guest(away(line, direction, 2.2), speed * direction, -1.75 * direction)
    assert starts(actors_of(person()), ego) == free


@pytest.mark.parametrize(("along", "free"), [(100.0, False), (97.0, False), (96.0, True), (104.0, True)])
def test_a_guest_that_stands_is_walked_around_unless_it_stands_there(along: float, free: bool) -> None:
    assert starts(actors_of(person()), guest(along)) == free


def test_people_wait_until_they_want_to_go() -> None:
    actors = actors_of(person(timer=1.0))
    for n in range(60):
        before = float(actors["timer"][0])
        if starts(actors):
            assert before <= 0.051
            assert n == pytest.approx(19, abs=1)
            return
    raise AssertionError("nobody set out")


def test_who_finds_no_gap_lets_the_cars_go_first() -> None:
    actors, block = actors_of(person()), guest(100.0)
    timers = []
    for n in range(120):
        step_pedestrians(actors, block, circle(), np.uint64(n), DT)
        timers.append(float(actors["timer"][0]))
    assert actors["drift"][0] == 0.0
    assert -4.06 < min(timers) < -3.9
    assert np.argmin(timers) == pytest.approx(80, abs=2)
    assert 2.0 <= timers[np.argmin(timers) + 1] < 8.0


@pytest.mark.parametrize("side", [KERB, -KERB])
def test_people_walk_straight_over_and_rest(side: float) -> None:
    actors = actors_of(person(side=side))
    history = []
    for n in range(300):
        step_pedestrians(actors, guest(320.0), circle(), np.uint64(n), DT)
        history.append(actors[0].copy())
        if n and actors["drift"][0] == 0.0:
            break
    walked = np.array(history, ACTOR)
    pace = np.abs(walked["drift"][:-1])
    assert 1.2 <= pace[0] < 1.7
    assert (pace == pace[0]).all(), "and never stop on the road"
    assert len(walked) * 0.05 == pytest.approx(2 * KERB / pace[0], abs=0.11)
    assert walked["side"][-1] == pytest.approx(-side)
    assert 10.0 <= walked["timer"][-1] < 40.0
    assert (walked["along"] == 100.0).all()
    radius = RADIUS - walked["side"].astype(float)
    np.testing.assert_allclose(walked["x"], radius * np.cos(1.0), atol=2e-3)
    np.testing.assert_allclose(walked["y"], radius * np.sin(1.0), atol=2e-3)
    facing = 1.0 + np.pi / 2 - np.sign(side) * np.pi / 2
    turned = (walked["yaw"][:-1] - facing + np.pi) % (2 * np.pi) - np.pi
    np.testing.assert_allclose(turned, 0.0, atol=1e-3)
    np.testing.assert_allclose(walked["speed"][:-1], pace)


def test_people_stand_at_the_kerbs_of_all_crossings() -> None:
    sides, timers = [], []
    for seed in range(50):
        actors = np.zeros(7, ACTOR).view(np.recarray)
        street = circle(width=1.2)
        key = np.uint64(stream_key(np.uint64(seed), 0, 0, STREAM_TRAFFIC))
        assert place_pedestrians(actors, (1, 6), street, LOOKS, key) == 6
        people = actors[1:]
        assert actors["kind"][0] == 0
        assert (people["kind"] == PEDESTRIAN).all()
        np.testing.assert_array_equal(people["lane"], [0, 1, 2, 0, 1, 2])
        assert (np.abs(people["along"] - np.array(CROSSINGS)[people["lane"]]) <= 0.8).all()
        np.testing.assert_allclose(np.abs(people["side"]), 4.1 * 1.2 + 0.7, rtol=1e-5)
        assert (people["drift"] == 0.0).all()
        np.testing.assert_allclose(np.hypot(people["x"], people["y"]), RADIUS - people["side"], atol=2e-3)
        sides.append(people["side"] > 0)
        timers.append(people["timer"])
    assert np.mean(sides) == pytest.approx(0.5, abs=0.1)
    assert 2.0 <= np.min(timers) < 2.3 < 7.7 < np.max(timers) < 8.0


def test_without_crossings_there_is_nobody() -> None:
    actors = np.zeros(4, ACTOR).view(np.recarray)
    assert place_pedestrians(actors, (0, 4), circle(()), LOOKS, np.uint64(0)) == 0
    assert (actors["kind"] == 0).all()


def test_a_crossing_is_busy_while_somebody_walks_there() -> None:
    busy = np.array([True, True, True, True])
    crossings = circle().crossings
    waiting, walking = person(lane=0), person(lane=2, drift=-1.3)
    crossing_busy(actors_of(waiting, walking, car(lane=1, drift=0.5)), crossings, busy)
    np.testing.assert_array_equal(busy, [False, False, True, False])


@njit(error_model="numpy")
def _run_over(a, b):
    first = (a.x, a.y, a.yaw, a.half_length, a.half_width)
    return boxes_overlap(first, (b.x, b.y, b.yaw, b.half_length, b.half_width))


@njit(error_model="numpy")
def _live(actors, spans, people, ego, street, driver, steps, seed):
    """How many arrived, walkers touched by a car, longest walk [steps], metres driven in the last half."""
    arrived, touched, longest, driven = 0, 0, 0, 0.0
    walks = np.zeros(people, np.int64)
    for n in range(steps):
        key = stream_key(np.uint64(seed), 0, n, STREAM_TRAFFIC)
        step_pedestrians(actors, ego, street, key, np.float32(0.05))
        step_traffic(actors, spans, ego, street, driver, key, np.float32(0.05))
        for j in range(people, actors.shape[0]):
            driven += actors[j].speed * 0.05 if 2 * n >= steps else 0.0
        for k in range(people):
            if actors[k].drift != 0.0:
                walks[k] += 1
                longest = max(longest, walks[k])
                for j in range(people, actors.shape[0]):
                    touched += _run_over(actors[k], actors[j])
            elif walks[k] > 0:
                arrived += 1
                walks[k] = 0
    return arrived, touched, longest, driven


@pytest.mark.parametrize("lanes", [1, 2])
def test_in_traffic_everybody_crosses_and_nobody_is_hit(lanes: int) -> None:
    people, street = 3, circle(lanes=lanes)
    actors = np.zeros(people + 16, ACTOR).view(np.recarray)
    place_pedestrians(actors, (0, people), street, LOOKS, np.uint64(4))
    sizes, ego = np.array([(2.3, 0.91), (3.6, 1.15)], np.float32), guest(0.0, 0.0, 500.0)
    place_cars(
        actors, room_for_spans(len(actors)), (people, 16), ego, street, DRIVER, (sizes, 5, 1.0), np.uint64(5)
    )
    steps = 40_000
    arrived, touched, longest, driven = _live(
        actors, room_for_spans(len(actors)), people, ego, street, DRIVER, steps, 6
    )
    assert touched == 0
    width = 2 * (0.6 + 3.5 * lanes + 0.7)
    assert longest <= width / 1.2 / 0.05 + 2, "nobody stops on the road"
    most = steps * 0.05 * people / (25.0 + width / 1.45)
    assert 0.8 * most < arrived < 1.1 * most
    assert driven / (0.5 * steps * 0.05 * 16) > 1.0, "and traffic flows to the end"


def test_no_crowd_at_the_kerbs_stops_traffic_for_good() -> None:
    """Nine people at three crossings leave few gaps; cars queue over one crossing for people at the next."""
    people, street = 9, circle()
    actors = np.zeros(people + 16, ACTOR).view(np.recarray)
    place_pedestrians(actors, (0, people), street, LOOKS, np.uint64(4))
    sizes, ego = np.array([(2.3, 0.91)], np.float32), guest(0.0, 0.0, 500.0)
    place_cars(
        actors, room_for_spans(len(actors)), (people, 16), ego, street, DRIVER, (sizes, 5, 1.0), np.uint64(5)
    )
    _, touched, _, driven = _live(actors, room_for_spans(len(actors)), people, ego, street, DRIVER, 40_000, 6)
    assert touched == 0
    assert driven / (1000.0 * 16) > 0.2


def test_the_compiled_step_is_the_written_one() -> None:
    compiled = actors_of(
        person(), person(lane=1, along=300.0, side=-KERB, timer=0.6), car(along=200.0, speed=3.0)
    )
    written = compiled.copy().view(np.recarray)
    for n in range(250):
        step_pedestrians(compiled, guest(320.0), circle(), np.uint64(n), DT)
        step_pedestrians.py_func(written, guest(320.0), circle(), np.uint64(n), DT)
    for name in ACTOR.names or ():
        np.testing.assert_allclose(compiled[name], written[name], rtol=1e-4, atol=1e-3)
