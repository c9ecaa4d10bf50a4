"""Traffic on circles and peanuts: closed forms of following, and nobody ever touches anybody."""

import numpy as np
import pytest
from numba import njit

from envs.driving.actors import ACTOR, CAR, NOBODY, PARKED, PEDESTRIAN
from envs.driving.collision import boxes_overlap
from envs.driving.following import DriverParams, equilibrium_gap
from envs.driving.lanes import Guest, Street, lap_of, room_for_spans
from envs.driving.placing import place_cars
from envs.driving.randomness import STREAM_TRAFFIC, stream_key
from envs.driving.traffic import HARDEST, STOP_LINE, _advance, step_traffic

DRIVER = DriverParams().record().view(np.recarray)[0]
SIZES = np.array([(1.95, 0.86), (2.3, 0.91), (2.6, 0.975), (3.6, 1.15)], np.float32)
DT = np.float32(0.05)


def guest(along: float = 0.0, side: float = 500.0, speed: float = 0.0, half=(2.2, 0.9)) -> Guest:
    return Guest(*(np.float32(value) for value in (along, side, speed, *half)))


def street(points: np.ndarray, lanes: int, crossings=(), keep: float = 1.0) -> Street:
    gap = np.roll(points[:, :2], -1, 0) - points[:, :2]
    spacing = np.float32(np.hypot(*gap.T).mean())
    places = np.full(4, -1.0, np.float32)
    places[: len(crossings)] = crossings
    half_width = np.float32(0.6 + 3.5 * lanes)
    return Street(
        points.astype(np.float32), spacing, places, lanes, np.float32(3.5), half_width, np.float32(keep)
    )


def circle(radius: float, lanes: int = 1, **keywords) -> Street:
    angle = np.linspace(0.0, 2 * np.pi, round(4 * np.pi * radius), endpoint=False)
    ones = np.ones_like(angle)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    points = np.column_stack([x, y, angle + np.pi / 2, ones / radius, ones, 20.0 * ones])
    return street(points, lanes, **keywords)


def peanut(size: float, lanes: int = 1, widening: float = 0.0, **keywords) -> Street:
    """r = size · (1 + 0.38 cos 2φ), bent both ways, driven at 3 m/s² to the side and 1.5 m/s² of braking."""
    angle = np.linspace(0.0, 2 * np.pi, 40001)
    radius = size * (1.0 + 0.38 * np.cos(2.0 * angle))
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    place = np.append(0.0, np.cumsum(np.hypot(np.diff(x), np.diff(y))))
    count = round(place[-1] / 0.5)
    along = np.arange(count) * place[-1] / count
    x, y = np.interp(along, place, x), np.interp(along, place, y)
    heading = np.arctan2(np.roll(y, -1) - np.roll(y, 1), np.roll(x, -1) - np.roll(x, 1))
    turn = (np.roll(heading, -1) - np.roll(heading, 1) + np.pi) % (2 * np.pi) - np.pi
    bend = turn / (2.0 * along[1])
    width = 1.0 + widening * (0.5 + 0.5 * np.cos(2 * np.pi * np.arange(count) / count))
    speed = np.minimum(np.sqrt(3.0 / np.maximum(np.abs(bend), 1e-6)), 20.0)
    for _ in range(200):
        before = np.minimum(np.roll(speed, 1), np.roll(speed, -1))
        speed = np.minimum(speed, np.sqrt(before**2 + 2 * 1.5 * along[1]))
    return street(np.column_stack([x, y, heading, bend, width, speed]), lanes, **keywords)


def crowd(where: Street, count: int, seed: int, ego: Guest | None = None, room: int = 0) -> np.ndarray:
    actors = np.zeros(count + room, ACTOR).view(np.recarray)
    key = np.uint64(stream_key(np.uint64(seed), 0, 0, STREAM_TRAFFIC))
    place_cars(
        actors,
        room_for_spans(len(actors)),
        (room, count),
        ego or guest(),
        where,
        DRIVER,
        (SIZES, 8, 1.0),
        key,
    )
    return actors


def cars(**fields) -> np.ndarray:
    """Cars whose fields are arrays or numbers."""
    count = max(np.size(value) for value in fields.values())
    actors = np.zeros(count, ACTOR).view(np.recarray)
    defaults = {"kind": CAR, "half_length": 2.3, "half_width": 0.9, "direction": 1.0, "side": -1.75}
    for name, value in {**defaults, "desired_speed": 11.0, "timer": 0.3, **fields}.items():
        actors[name] = value
    return actors


def drive(actors: np.ndarray, where: Street, steps: int, ego=None, seed: int = 0) -> np.ndarray:
    """All records after each step, (steps, M); `ego` is a guest, or makes one of the step's number."""
    history = np.empty((steps, len(actors)), ACTOR)
    for n in range(steps):
        key = np.uint64(stream_key(np.uint64(seed), 0, n, STREAM_TRAFFIC))
        now = ego(n) if callable(ego) else ego or guest()
        step_traffic(actors, room_for_spans(len(actors)), now, where, DRIVER, key, DT)
        history[n] = actors
    return history


@njit(error_model="numpy")
def _touch(a, b):
    dx, dy, reach = a.x - b.x, a.y - b.y, a.half_length + b.half_length + a.half_width + b.half_width
    if dx * dx + dy * dy > reach * reach:
        return False
    first = (a.x, a.y, a.yaw, a.half_length, a.half_width)
    return boxes_overlap(first, (b.x, b.y, b.yaw, b.half_length, b.half_width))


@njit(error_model="numpy")
def _touching(actors):
    pairs = 0
    for j in range(actors.shape[0]):
        for k in range(j):
            if actors[j].kind == CAR and actors[k].kind != NOBODY and _touch(actors[j], actors[k]):
                pairs += 1
    return pairs


@njit(error_model="numpy")
def _drive_far(actors, spans, ego, where, driver, steps, seed):
    """How many pairs touched, how many metres were driven, how many car-steps changed lanes."""
    touched, driven, changing = 0, 0.0, 0
    for n in range(steps):
        key = stream_key(np.uint64(seed), 0, n, STREAM_TRAFFIC)
        step_traffic(actors, spans, ego, where, driver, key, np.float32(0.05))
        touched += _touching(actors)
        for k in range(actors.shape[0]):
            driven += actors[k].speed * 0.05
            changing += actors[k].drift != 0.0
    return touched, driven, changing


def test_two_cars_find_the_equilibrium_gap() -> None:
    ring = circle(200.0)
    actors = cars(along=np.array([60.0, 30.0]), speed=5.0, desired_speed=np.array([6.0, 11.0]))
    drive(actors, ring, 3000)
    leader, follower = actors
    stretch = 1.0 + 1.75 / 200.0
    gap = (leader.along - follower.along) % lap_of(ring) * stretch - 4.6
    assert follower.speed == pytest.approx(leader.speed, abs=1e-3)
    expected = equilibrium_gap(np.float32(leader.speed), np.float32(11.0), DRIVER)
    assert gap == pytest.approx(float(expected), rel=0.01)


def test_alone_a_car_gains_speed_as_the_model_says() -> None:
    actors = cars(along=np.array([10.0]))
    speeds = drive(actors, circle(300.0), 400)["speed"][:, 0]
    speed, expected = 0.0, []
    for n in range(40000):
        if n % 100 == 99:
            expected.append(speed)
        speed += 1.8 * (1.0 - (speed / 11.0) ** 4) * 5e-4
    np.testing.assert_allclose(speeds, expected, atol=0.03)


@pytest.mark.parametrize(("direction", "side"), [(1.0, -5.25), (-1.0, 5.25)])
def test_the_inner_lane_is_the_shorter_way_round(direction: float, side: float) -> None:
    """A lap of the lane is 2π (R − side) however long the centreline is."""
    ring = circle(40.0, lanes=2)
    actors = cars(along=np.array([0.0]), direction=direction, side=side, lane=1, desired_speed=8.0, speed=8.0)
    history = drive(actors, ring, 1000)
    turned = np.unwrap(np.arctan2(history["y"][:, 0], history["x"][:, 0]))
    driven = np.cumsum(history["speed"][:, 0].astype(float)) * 0.05
    assert abs(turned[-1] - turned[0]) * (40.0 - side) == pytest.approx(driven[-1] - driven[0], rel=2e-3)
    assert np.sign(turned[-1] - turned[0]) == direction


def test_a_platoon_damps_what_its_leader_does() -> None:
    ring, stretch = circle(300.0), 1.0 + 1.75 / 300.0
    speed, place, states = 9.0, 1000.0, []
    spacing = float(equilibrium_gap(np.float32(9.0), np.float32(11.0), DRIVER)) + 4.6
    for n in range(4000):
        target = 3.0 if 200 < n < 500 else 9.0
        speed += np.clip(target - speed, -2.5 * 0.05, 1.5 * 0.05)
        place += speed * 0.05 / stretch
        states.append((place % float(lap_of(ring)), speed / stretch))
    actors = cars(along=1000.0 - np.arange(1, 21) * spacing / stretch, speed=9.0)
    history = drive(actors, ring, 4000, lambda n: guest(states[n][0], -1.75, states[n][1], (2.3, 0.9)))
    deviation = np.sqrt(((history["speed"].astype(float) - 9.0) ** 2).mean(0))
    assert deviation[0] > 1.0, "the first is disturbed"
    assert (np.diff(deviation) < 0.0).all(), "and each less than the one before"
    assert np.abs(history["speed"][-1] - 9.0).max() < 0.01
    gaps = np.diff(history["along"].astype(float), axis=1) % -float(lap_of(ring))
    assert (-gaps * stretch - 4.6).min() > 2.0


@pytest.mark.parametrize(("count", "lanes", "seed"), [(32, 2, 1), (16, 1, 2)])
def test_a_million_steps_without_a_touch(count: int, lanes: int, seed: int) -> None:
    road = peanut(65.0, lanes) if lanes == 2 else peanut(50.0, widening=0.25, keep=-1.0)
    actors = crowd(road, count, seed)
    assert (actors["kind"] == CAR).sum() == count
    steps = 1_000_000 // count
    touched, driven, changing = _drive_far(
        actors, room_for_spans(len(actors)), guest(), road, DRIVER, steps, seed
    )
    assert touched == 0
    assert driven / (steps * count * 0.05) > 5.0, "they do drive"
    assert (changing > 1000) == (lanes == 2)


def test_the_search_for_touches_finds_one() -> None:
    actors = crowd(circle(60.0), 8, 0)
    assert _touching(actors) == 0
    actors[3] = actors[5]
    assert _touching(actors) == 1


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_who_stands_across_a_lane_is_not_hit(lanes: int, seed: int) -> None:
    """The guest stands as a car that no car drives, with its box where the guest says that it is."""
    road = peanut(60.0, lanes)
    lane = -1.75 if lanes == 1 else -3.4
    ego = guest(100.0, lane, 0.0, (0.9, 2.2))
    actors = crowd(road, 16, seed, ego, room=1)
    box = cars(along=np.array([100.0]), side=lane, kind=PARKED, half_length=0.9, half_width=2.2)
    actors[0] = box[0]
    n = int(100.0 / road.spacing + 0.5)
    x, y, heading = (float(value) for value in road.points[n, :3])
    actors[0].x, actors[0].y, actors[0].yaw = x - lane * np.sin(heading), y + lane * np.cos(heading), heading
    touched, driven, _ = _drive_far(actors, room_for_spans(len(actors)), ego, road, DRIVER, 6000, seed)
    assert touched == 0
    assert driven > 1000.0


def test_a_parked_car_is_overtaken_where_there_are_two_lanes() -> None:
    ring = circle(60.0, lanes=2)
    block = cars(along=np.array([100.0]), kind=PARKED, direction=0.0, side=-1.75)
    movers = cars(along=np.arange(10.0, 90.0, 14.0), lane=np.arange(6) % 2, desired_speed=9.0)
    movers["side"] = -1.75 - 3.5 * movers["lane"]
    actors = np.concatenate([block, movers]).view(np.recarray)
    history = drive(actors, ring, 2400)
    angle = np.unwrap(np.arctan2(history["y"], history["x"]).astype(float), axis=0)
    assert (angle[-1, 1:] - angle[0, 1:] > 4 * np.pi).all(), "everybody drives on, lap after lap"
    for state in history[::10]:
        state = state.copy().view(np.recarray)
        state[0].x, state[0].y, state[0].yaw = *_on_circle(60.0, 100.0, -1.75), 100.0 / 60.0 + np.pi / 2
        assert _touching(state) == 0


def _on_circle(radius: float, along: float, side: float) -> tuple[float, float]:
    return (radius - side) * np.cos(along / radius), (radius - side) * np.sin(along / radius)


def test_where_there_is_one_lane_they_wait_behind_it() -> None:
    block = cars(along=np.array([100.0]), kind=PARKED, direction=0.0)
    actors = np.concatenate([block, cars(along=np.array([40.0]), speed=8.0)]).view(np.recarray)
    history = drive(actors, circle(300.0), 1000)
    gap = (100.0 - actors[1].along) * (1.0 + 1.75 / 300.0) - 4.6
    assert actors[1].speed < 0.05
    assert gap == pytest.approx(2.0, abs=0.2)
    assert history["acceleration"][:, 1].min() > -4.0


def test_a_slower_car_is_overtaken_smoothly() -> None:
    ring = circle(200.0, lanes=2)
    actors = cars(along=np.array([60.0, 20.0]), desired_speed=np.array([5.0, 11.0]), speed=5.0)
    history = drive(actors, ring, 600)
    mover = history[:, 1]
    side = mover["side"].astype(float)
    assert mover["lane"].max() == 1
    changing = np.flatnonzero(mover["drift"] != 0.0)
    first = changing[: np.argmax(np.diff(np.append(changing, 10**6)) > 1) + 1]
    assert 2.0 < len(first) * 0.05 < 4.5
    assert np.abs(np.diff(side)).max() <= 1.5 * 0.05 + 1e-5
    assert side[first[-1]] == pytest.approx(-5.25, abs=0.02)
    own = mover["yaw"].astype(float) - np.arctan2(mover["y"], mover["x"]).astype(float) - np.pi / 2
    own = (own + np.pi) % (2 * np.pi) - np.pi
    assert 0.1 < np.abs(own).max() < 0.4
    assert np.abs(np.diff(own)).max() < 0.06, "no jerk of the nose"
    assert own[first].min() < -0.1, "which points to the right on the way to the right"


@pytest.mark.parametrize(("behind", "changes"), [(5.0, False), (60.0, True)])
def test_nobody_cuts_in_before_somebody_fast(behind: float, changes: bool) -> None:
    """A slow leader ahead, a fast car on the other lane: 5 m behind it forbids the change."""
    along = np.array([80.0, 62.0, 62.0 - behind])
    actors = cars(along=along, lane=np.array([0, 0, 1]), speed=np.array([2.0, 4.0, 11.0]), timer=0.01)
    actors["desired_speed"] = np.array([2.0, 11.0, 11.0])
    actors["side"] = -1.75 - 3.5 * actors["lane"]
    drive(actors, circle(300.0, lanes=2), 1)
    assert actors[1].lane == int(changes)


@pytest.mark.parametrize(("other", "changes"), [(19.0, False), (60.0, True)])
def test_nobody_leaves_a_blocked_lane_for_one_that_is_hardly_better(other: float, changes: bool) -> None:
    """Full braking in the own lane; where the other one would ask for more than 3 m/s² too, they stay."""
    actors = cars(along=np.array([100.0, 112.0, 100.0 + other]), lane=np.array([0, 0, 1]), timer=0.01)
    actors["speed"], actors["side"] = np.array([8.0, 0.0, 0.0]), -1.75 - 3.5 * actors["lane"]
    drive(actors, circle(300.0, lanes=2), 1)
    assert actors[0].acceleration == -HARDEST
    assert actors[0].lane == int(changes)


@pytest.mark.parametrize(("distance", "stops"), [(40.0, True), (20.0, True), (6.0, False)])
@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_a_car_stops_at_the_line_for_people_if_it_can(distance, stops, direction) -> None:
    ring = circle(300.0, crossings=(500.0,))
    walker = cars(along=np.array([500.0]), kind=PEDESTRIAN, direction=0.0, side=4.8, drift=-1.3)
    start = 500.0 - direction * (distance + float(STOP_LINE) + 2.3)
    mover = cars(along=np.array([start]), direction=direction, side=-1.75 * direction, speed=9.0)
    actors = np.concatenate([mover, walker]).view(np.recarray)
    drive(actors, ring, 400)
    left = (500.0 - actors[0].along) * direction * (1.0 + 1.75 * direction / 300.0) - STOP_LINE - 2.3
    assert (actors[0].speed < 0.05) == stops
    assert 0.2 < left < 1.0 if stops else left < -20.0


def test_people_who_rest_do_not_stop_anybody() -> None:
    walker = cars(along=np.array([200.0]), kind=PEDESTRIAN, direction=0.0, side=4.8, timer=9.0)
    actors = np.concatenate([cars(along=np.array([150.0]), speed=9.0), walker]).view(np.recarray)
    drive(actors, circle(300.0, crossings=(200.0,)), 200)
    assert actors[0].speed > 10.0


def test_nobody_brakes_harder_than_a_car_can() -> None:
    actors = cars(along=np.array([100.0]), speed=11.0)
    history = drive(actors, circle(300.0), 40, guest(108.0, -1.75))
    assert history["acceleration"].min() == -HARDEST
    assert (history["speed"] >= 0.0).all()


def test_bends_are_driven_at_their_speed() -> None:
    """Where the speed falls by 1.5 m/s² the model lags: 1.8 (1 − (v / v₀)⁴) = −1.5 for v = 1.163 v₀."""
    road = peanut(50.0)
    history = drive(cars(along=np.array([0.0]), desired_speed=18.0), road, 3000)[200:]
    allowed = road.points[(history["along"][:, 0] / road.spacing).astype(int) % len(road.points), 5]
    share = history["speed"][:, 0] / allowed
    assert share.max() < 1.2
    assert share.mean() > 0.93


def test_the_same_start_ends_in_the_same_bits_whatever_else_is_driven() -> None:
    road, other = peanut(60.0, lanes=2), circle(80.0)
    ends = []
    for company in (False, True):
        actors, others = crowd(road, 24, 5), crowd(other, 16, 6)
        spans = room_for_spans(len(actors))
        for n in range(600):
            if company:
                drive(others, other, 1, seed=n)
            step_traffic(actors, spans, guest(50.0, -1.75, 4.0), road, DRIVER, np.uint64(n), DT)
        ends.append(actors.tobytes())
    assert ends[0] == ends[1]


def test_the_compiled_move_is_the_written_one() -> None:
    road = peanut(60.0, lanes=2)
    compiled = cars(along=np.arange(8) * 30.0, lane=1, drift=-1e-6, speed=6.0, acceleration=0.4)
    compiled["direction"][::2] = -1.0
    compiled["side"] = -1.75 * compiled["direction"]
    written = compiled.copy().view(np.recarray)
    for k in range(8):
        for _ in range(80):
            _advance(compiled[k], road, DT)
            _advance.py_func(written[k], road, DT)
    for name in ACTOR.names or ():
        np.testing.assert_allclose(compiled[name], written[name], rtol=1e-3, atol=2e-3)
    np.testing.assert_allclose(np.abs(written["side"]), 5.25, rtol=1e-5)
