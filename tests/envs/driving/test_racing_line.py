"""The racing line: bends measured another way, closed forms of speed, grip counted by axle, laps driven."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.driving import racing_speed as module
from envs.driving.levels import centreline
from envs.driving.params import CONTROL_STEP, GRAVITY, VehicleParams
from envs.driving.racing_driver import RaceDriver, nearest_point, race
from envs.driving.racing_line import RacingLine, path_shape, racing_line
from envs.driving.racing_path import minimum_curvature
from envs.driving.racing_speed import lap_time, speed_profile
from envs.driving.vehicle import CAR_FIELDS, drive, tyre_force

HALF_WIDTH = 5.0
RACER = VehicleParams(max_speed=30.0, max_drive=8000.0, max_brake=12000.0)
FRICTIONLESS = {
    "drag": 1e-6,
    "rolling": 1e-6,
    "stiffness": 1e6,
}  # no air, no slip: what moves keeps its speed
STATE = np.dtype(CAR_FIELDS)


def record(vehicle: VehicleParams):
    return vehicle.record().view(np.recarray)[0]


def ring(radius: float, count: int, turn: int = 1) -> np.ndarray:
    """A circle driven to the left (1) or to the right (−1)."""
    angle = turn * 2.0 * np.pi * np.arange(count) / count
    bend = np.full(count, turn / radius)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), angle + turn * np.pi / 2, bend])


def rounded_square(straight: float, radius: float, spacing: float = 0.5) -> np.ndarray:
    """Four straights, four quarter circles to the left: place by integrating the heading finely."""
    side = straight + 0.5 * np.pi * radius
    count = 4 * round(side / spacing)
    fine = np.arange(count * 50) * 4.0 * side / (count * 50)
    turned = np.clip((fine % side - straight) / radius, 0.0, None) + 0.5 * np.pi * (fine // side)
    step = 4.0 * side / (count * 50)
    middle = np.interp(fine + 0.5 * step, np.append(fine, 4.0 * side), np.append(turned, 2.0 * np.pi))
    x, y = np.cumsum(np.cos(middle)) * step, np.cumsum(np.sin(middle)) * step
    bend = np.where(fine % side < straight, 0.0, 1.0 / radius)
    return np.column_stack([np.append(0.0, x[:-1]), np.append(0.0, y[:-1]), turned, bend])[::50]


def bending(points: np.ndarray, offset: np.ndarray) -> float:
    """∫κ² ds of the path, each bend being that of the circle through three neighbours: 4 × area / (a b c)."""
    here = points[:, :2] + offset[:, None] * np.column_stack([-np.sin(points[:, 2]), np.cos(points[:, 2])])
    before, after = np.roll(here, 1, 0), np.roll(here, -1, 0)
    a, b, c = (np.hypot(*(to - of).T) for of, to in ((before, here), (here, after), (before, after)))
    area = 0.5 * (
        (here - before)[:, 0] * (after - before)[:, 1] - (here - before)[:, 1] * (after - before)[:, 0]
    )
    return float((((4.0 * area / (a * b * c)) ** 2) * 0.5 * (a + b)).sum())


@pytest.mark.parametrize(("turn", "outside"), [(1, -4.0), (-1, 4.0)])
def test_round_a_circle_the_line_is_its_outer_edge(turn: int, outside: float) -> None:
    """∫κ² ds = 2 π / R: the greatest circle bends least."""
    points = ring(30.0, 376, turn)
    offset = minimum_curvature(points, HALF_WIDTH, 1.0)
    np.testing.assert_allclose(offset, outside, atol=1e-3)
    assert bending(points, offset) == pytest.approx(2.0 * np.pi / 34.0, rel=1e-3)


def test_through_corners_no_path_nearby_bends_less() -> None:
    points = rounded_square(40.0, 12.0)
    offset = minimum_curvature(points, HALF_WIDTH, 1.0)
    least = bending(points, offset)
    assert least < 0.8 * bending(points, np.zeros(len(points)))
    rng, place = np.random.default_rng(0), np.arange(len(points))
    for size in np.geomspace(0.02, 2.0, 200):
        waves = np.cos(
            2 * np.pi * (np.outer(rng.integers(0, 25, 6), place) / len(points) + rng.random((6, 1)))
        )
        shifted = np.clip(offset + size * rng.normal(size=6) @ waves, -4.0, 4.0)
        assert np.abs(shifted - offset).max() > 0.0
        assert bending(points, shifted) > least * (1.0 - 1e-6)


def test_a_corner_is_cut_from_outside_to_inside_to_outside_and_all_four_alike() -> None:
    points = rounded_square(60.0, 12.0)
    offset = minimum_curvature(points, HALF_WIDTH, 1.0)
    quarter = len(points) // 4
    for corner in range(1, 4):
        np.testing.assert_allclose(np.roll(offset, -corner * quarter), offset, atol=0.01)
    length = 60.0 + 6.0 * np.pi
    apex, straight = (round(at / length * quarter) for at in (60.0 + 3.0 * np.pi, 30.0))
    assert offset[apex] == pytest.approx(4.0, abs=0.01)
    assert offset[:quarter].min() == pytest.approx(-4.0, abs=0.01)
    assert offset[straight] < -3.0
    assert np.abs(offset).max() <= 4.0


@pytest.mark.parametrize("level", range(4))
def test_on_the_edge_the_line_is_pushed_outwards_and_elsewhere_not_at_all(level: int) -> None:
    """The optimum's conditions: no slope of ∫κ² ds by a free offset, none inwards by one at its bound."""
    points = centreline("train", level, "raceway")
    offset = minimum_curvature(points, HALF_WIDTH, 1.0)
    assert bending(points, offset) < 0.75 * bending(points, np.zeros(len(points)))
    hat = np.maximum(1.0 - np.abs(np.arange(-20, 21)) / 20.0, 0.0) ** 2  # 10 m either side
    slopes, room = [], []
    for n in range(0, len(points), 7):
        near = (n + np.arange(-20, 21)) % len(points)
        shift = np.zeros(len(points))
        shift[near] = 1e-3 * hat
        slopes.append((bending(points, offset + shift) - bending(points, offset - shift)) / 2e-3)
        room.append([4.0 - offset[near].max(), 4.0 + offset[near].min()])
    slope, (above, below) = np.array(slopes), np.array(room).T
    free = (above > 1e-3) & (below > 1e-3)
    scale = np.abs(slope).max()
    assert free.sum() > 20
    assert np.abs(slope[free]).max() < 0.05 * scale
    assert (slope[below > 1e-3] < 0.05 * scale).all()
    assert (slope[above > 1e-3] > -0.05 * scale).all()


def test_the_other_way_round_and_in_a_mirror_the_line_is_the_same() -> None:
    points = centreline("train", 2, "raceway")
    offset = minimum_curvature(points, HALF_WIDTH, 1.0)
    back = points[::-1] * [1.0, 1.0, 1.0, -1.0] + [0.0, 0.0, np.pi, 0.0]
    np.testing.assert_allclose(minimum_curvature(back, HALF_WIDTH, 1.0)[::-1], -offset, atol=0.01)
    mirrored = points * [1.0, -1.0, -1.0, -1.0]
    np.testing.assert_allclose(minimum_curvature(mirrored, HALF_WIDTH, 1.0), -offset, atol=0.01)


def test_a_margin_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match=r"margin is 5\.0; it must be below half_width, which is 5\.0\."):
        minimum_curvature(ring(30.0, 100), 5.0, 5.0)


def test_where_the_road_is_wider_than_its_bend_the_line_does_not_fold() -> None:
    points = rounded_square(40.0, 4.0)
    _, _, heading, curvature, spacings = path_shape(points, minimum_curvature(points, HALF_WIDTH, 0.5))
    assert spacings.min() > 0.05
    turned = np.angle(np.exp(1j * (np.roll(heading, -1) - heading)))
    assert turned.sum() == pytest.approx(2.0 * np.pi)
    assert np.abs(curvature).max() < 0.25


@pytest.mark.parametrize(("radius", "safety"), [(15.0, 1.0), (40.0, 1.0), (40.0, 0.8), (300.0, 1.0)])
def test_a_circle_is_driven_at_the_front_axles_grip_or_at_top_speed(radius: float, safety: float) -> None:
    vehicle = VehicleParams(max_speed=30.0, **FRICTIONLESS)
    speed = speed_profile(np.full(200, -1.0 / radius), np.full(200, 0.5), vehicle, safety)
    grip = safety * vehicle.friction * vehicle.front_grip * GRAVITY
    np.testing.assert_allclose(speed, min(np.sqrt(grip * radius), 30.0), rtol=1e-4)


def test_with_resistance_a_circle_is_driven_where_drive_and_bend_share_the_front_axles_grip() -> None:
    speed = speed_profile(np.full(200, 1.0 / 20.0), np.full(200, 0.5), RACER)
    assert np.ptp(speed) < 1e-3
    front, _ = axle_use(speed[0], 1.0 / 20.0, 0.0)
    assert front == pytest.approx(1.0, abs=0.01)
    assert speed[0] < 0.99 * np.sqrt(RACER.front_grip * GRAVITY * 20.0)


def test_between_bends_speed_squared_rises_and_falls_by_twice_the_force_times_the_way() -> None:
    vehicle = VehicleParams(max_speed=200.0, max_drive=1225.0, max_brake=2450.0, **FRICTIONLESS)  # 1, 2 m/s²
    curvature = np.zeros(800)
    curvature[:60] = 1.0 / 20.0
    speed = speed_profile(curvature, np.full(800, 0.5), vehicle)
    slow = vehicle.front_grip * GRAVITY * 20.0
    way = 0.5 * (np.arange(60, 800) - 60)
    faster, slower = slow + 2.0 * 1.0 * way, slow + 2.0 * 2.0 * (369.5 - way)
    np.testing.assert_allclose(speed[:60] ** 2, slow, rtol=1e-4)
    np.testing.assert_allclose(speed[60:] ** 2, np.minimum(faster, slower), rtol=1e-3)
    gains = np.diff(speed[60:] ** 2)
    assert gains[5] == pytest.approx(1.0, rel=1e-3)
    assert gains[-5] == pytest.approx(-2.0, rel=1e-3)


def test_on_a_straight_the_pedals_are_held_back_by_the_loads_that_they_shift() -> None:
    """Front wheels: d = μ_f g b / (L + μ_f h). Rear brakes: d (1 − β) L = μ_r (g a − d h)."""
    car, zero = record(RACER), np.float32(0.0)
    front, rear = 0.98 * RACER.front_grip, 0.98 * 0.9
    pull = front * GRAVITY * RACER.rear_axle / (RACER.wheelbase + front * RACER.gravity_height)
    assert module.traction(zero, zero, np.float32(1.0), car) == pytest.approx(pull, rel=1e-3)
    share = RACER.wheelbase * (1.0 - RACER.brake_front)
    stop = rear * GRAVITY * RACER.front_axle / (share + rear * RACER.gravity_height)
    assert module.braking(zero, zero, np.float32(1.0), car) == pytest.approx(stop, rel=1e-3)


def axle_use(speed, curvature, gain, vehicle: VehicleParams = RACER):
    """Shares of the front and rear axle's grip that a place of a lap takes; `gain` is a_x [m/s²].

    From the forces, in float64: what slows the car is of the slips at which tyres give their side force.
    """
    side = speed**2 * np.abs(curvature)
    need = side / (vehicle.friction * GRAVITY)
    slips = [
        vehicle.shape / vehicle.stiffness * np.tan(np.arcsin(np.minimum(need / grip, 0.98)) / vehicle.shape)
        for grip in (vehicle.front_grip, 1.0)
    ]
    front_part, rear_part = vehicle.rear_axle / vehicle.wheelbase, vehicle.front_axle / vehicle.wheelbase
    tyres = side * (front_part * np.sin(slips[0]) + rear_part * np.sin(slips[1]))
    force = vehicle.mass * (gain + tyres) + vehicle.drag * speed**2 + vehicle.rolling
    shift = vehicle.mass * gain * vehicle.gravity_height / vehicle.wheelbase
    weight = vehicle.mass * GRAVITY
    front_load, rear_load = weight * front_part - shift, weight * rear_part + shift
    along = np.where(force > 0.0, force, vehicle.brake_front * force)
    behind = np.where(force > 0.0, 0.0, (1.0 - vehicle.brake_front) * force)
    front = np.hypot(along, vehicle.mass * side * front_part) / (vehicle.front_grip * front_load)
    rear = np.hypot(behind, vehicle.mass * side * rear_part) / rear_load
    return front / vehicle.friction, rear / vehicle.friction


def overdrawn(speed: np.ndarray, curvature: np.ndarray, spacings: np.ndarray, vehicle: VehicleParams = RACER):
    """The most that each step of a lap (P,) takes of any limit, 1 being all of it."""
    gain = (np.roll(speed, -1) ** 2 - speed**2) / (2.0 * spacings)
    ahead, bend_ahead = np.roll(speed, -1), np.roll(curvature, -1)
    drive_front, _ = axle_use(speed, curvature, gain, vehicle)
    brake_front, brake_rear = axle_use(ahead, bend_ahead, gain, vehicle)
    resist = (vehicle.drag * speed**2 + vehicle.rolling) / vehicle.mass
    engine = vehicle.max_drive / vehicle.mass * np.clip((vehicle.max_speed - speed) / 2.0, 0.0, 1.0)
    pushing, braking = gain > -resist, gain < -(resist + 1.8)  # between the two, tyres alone slow the car
    grip = np.where(pushing, drive_front, np.where(braking, np.maximum(brake_front, brake_rear / 0.9), 0.0))
    power = np.where(gain > 0.0, (gain + resist) / np.maximum(engine, 1e-9), 0.0)
    stop = np.where(braking, -gain / (vehicle.max_brake / vehicle.mass + resist + 1.8), 0.0)
    side = speed**2 * np.abs(curvature) / (vehicle.friction * vehicle.front_grip * GRAVITY)
    return np.max([grip, power, stop, side], axis=0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-0.12, 0.12), min_size=6, max_size=12), st.floats(0.3, 1.0))
def test_no_lap_asks_for_more_than_the_car_has(bends: list[float], spacing: float) -> None:
    curvature = np.interp(np.arange(len(bends) * 40) / 40.0, np.arange(len(bends) + 1), [*bends, bends[0]])
    spacings = np.full(len(curvature), spacing)
    speed = speed_profile(curvature, spacings, RACER)
    assert (speed > 0.0).all()
    assert overdrawn(speed, curvature, spacings).max() < 1.01


@pytest.mark.parametrize("level", range(3))
def test_nowhere_on_a_lap_could_the_car_be_faster(level: int) -> None:
    points = centreline("train", level, "raceway")
    _, _, _, curvature, spacings = path_shape(points, minimum_curvature(points, HALF_WIDTH, 1.0))
    speed = speed_profile(curvature, spacings, RACER)
    assert overdrawn(speed, curvature, spacings).max() < 1.01
    for n in range(0, len(speed), 9):
        faster = speed.copy()
        faster[n] *= 1.01
        assert overdrawn(faster, curvature, spacings).max() > 1.02, n


def test_lap_time_is_the_sum_of_ways_over_speeds() -> None:
    assert lap_time(np.full(10, 5.0), np.full(10, 2.0)) == pytest.approx(4.0)
    speed = np.sqrt(100.0 + 2.0 * 3.0 * np.arange(51))  # 3 m/s² for 50 m, and a step back to the start
    spacings = np.append(np.ones(50), 0.0)
    assert lap_time(speed, spacings) == pytest.approx((speed[-1] - speed[0]) / 3.0, rel=1e-6)


def test_a_line_holds_what_its_parts_say() -> None:
    points = centreline("train", 3, "raceway")
    line = racing_line(points, HALF_WIDTH, RACER)
    np.testing.assert_array_equal(line.offset, minimum_curvature(points, HALF_WIDTH, 1.0))
    away = np.column_stack([line.x, line.y]) - points[:, :2]
    np.testing.assert_allclose(np.hypot(*away.T), np.abs(line.offset), atol=1e-9)
    steps = np.column_stack([np.roll(line.x, -1) - line.x, np.roll(line.y, -1) - line.y])
    np.testing.assert_allclose(line.spacings, np.hypot(*steps.T))
    turned = np.angle(np.exp(1j * (np.roll(line.heading, -1) - line.heading)))
    middle = 0.5 * (line.curvature + np.roll(line.curvature, -1))
    np.testing.assert_allclose(turned, middle * line.spacings, atol=3e-4)
    assert line.lap_time == pytest.approx((line.spacings / line.speed).sum(), rel=1e-3)
    assert line.lap_time < 0.85 * lap_time(
        speed_profile(points[:, 3], np.full(len(points), 0.5), RACER, 0.95), np.full(len(points), 0.5)
    )
    assert line.table.shape == (len(points), 7)
    assert line.table.dtype == np.float32


def test_driven_backwards_the_line_has_the_speeds_of_the_road_reversed() -> None:
    points = centreline("train", 4, "raceway")
    line = racing_line(points, HALF_WIDTH, RACER)
    back = racing_line(points[::-1] * [1, 1, 1, -1] + [0, 0, np.pi, 0], HALF_WIDTH, RACER)
    np.testing.assert_allclose(line.reverse_speed, back.speed[::-1], atol=0.05)
    x, y = line.x[::-1], line.y[::-1]
    spacings = np.hypot(np.roll(x, -1) - x, np.roll(y, -1) - y)
    speed = speed_profile(-line.curvature[::-1], spacings, RACER, 0.95)
    np.testing.assert_allclose(line.reverse_speed[::-1], speed, atol=1e-6)
    assert line.reverse_lap_time == pytest.approx(back.lap_time, rel=1e-4)
    assert np.abs(line.reverse_speed - line.speed).max() > 1.0, "brakes are not the engine turned round"


def test_the_inverted_tyre_curve_is_the_tyres() -> None:
    car, load = record(RACER), np.float32(5000.0)
    for share in (-0.9, -0.3, 0.0, 0.5, 0.95):
        slip = module.slip_at(np.float32(share), car)
        assert tyre_force(slip, load, np.float32(0.0), car) == pytest.approx(
            share * 5000.0, rel=1e-3, abs=0.01
        )


def start(line: RacingLine, direction: int, share: float = 0.9, left: float = 0.0):
    """A car at the line's first point, `left` [m] of it, at a share of its speed."""
    state = np.zeros(1, STATE).view(np.recarray)[0]
    speed = (line.speed if direction > 0 else line.reverse_speed)[0]
    heading = line.heading[0] + (0.0 if direction > 0 else np.pi)
    state.x, state.y = line.x[0] - left * np.sin(heading), line.y[0] + left * np.cos(heading)
    state.yaw, state.vx = np.angle(np.exp(1j * heading)), share * speed
    state.yaw_rate = direction * line.curvature[0] * state.vx
    state.steer = direction * line.curvature[0] * RACER.wheelbase
    return state


def laps(
    points: np.ndarray, line: RacingLine, direction: int, state, seconds: float
) -> tuple[np.ndarray, ...]:
    """Drive; after each control step, distance to the centreline [m], to the line [m] and laps done."""
    driver, car = RaceDriver(), record(RACER)
    middle, path = points[:, 0] + 1j * points[:, 1], line.x + 1j * line.y
    places = np.empty((round(seconds / CONTROL_STEP), 3))
    for step in places:
        steer, pedal = driver.act(state, line, direction, car)
        assert abs(steer) <= 1.0
        assert abs(pedal) <= 1.0
        drive(state, steer, pedal, False, car)
        here = float(state.x) + 1j * float(state.y)
        near, far = np.abs(path - here), np.abs(middle - here)
        step[:] = far.min(), near.min(), near.argmin() * 2.0 * np.pi / len(path)
    done = direction * np.unwrap(places[:, 2]) / (2.0 * np.pi)
    return places[:, 0], places[:, 1], done - np.floor(done[0] + 0.5)


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("level", range(10))
def test_the_driver_laps_within_a_twentieth_of_the_lines_own_time(level: int, direction: int) -> None:
    points = centreline("train", level, "raceway")
    line = racing_line(points, HALF_WIDTH, RACER)
    target = line.lap_time if direction > 0 else line.reverse_lap_time
    off, astray, done = laps(points, line, direction, start(line, direction), 2.2 * target + 1.0)
    assert off.max() < HALF_WIDTH
    assert astray.max() < 1.0
    assert done[-1] > 2.0
    first, second = (np.interp(lap, done, np.arange(len(done)) * CONTROL_STEP) for lap in (1.0, 2.0))
    assert second - first == pytest.approx(target, rel=0.02)


@pytest.mark.parametrize(("share", "left"), [(0.0, 0.0), (0.5, 2.0), (0.5, -2.0), (0.9, 1.0)])
def test_from_a_standstill_or_beside_the_line_the_driver_finds_it(share: float, left: float) -> None:
    points = centreline("train", 5, "raceway")
    line = racing_line(points, HALF_WIDTH, RACER)
    _, astray, done = laps(points, line, 1, start(line, 1, share, left), 1.2 * line.lap_time)
    assert astray[:20].max() <= abs(left) + 0.6
    assert astray[100:].max() < 0.8
    assert done[-1] > 0.9


def test_a_driver_is_a_function_of_the_car_and_the_line_alone() -> None:
    line = racing_line(centreline("train", 1, "raceway"), HALF_WIDTH, RACER)
    state, car, driver = start(line, 1, 0.8, 0.7), record(RACER), RaceDriver()
    before = state.copy()
    actions = [driver.act(state, line, 1, car) for _ in range(2)]
    assert actions[0] == actions[1]
    assert state == before
    near = nearest_point(line.table, state.x, state.y)
    assert race(state, line.table, near, np.float32(1.0), driver.gains(), car) == actions[0]
    written = race.py_func(state, line.table, near, np.float32(1.0), driver.gains(), car)
    assert actions[0] == pytest.approx(written, abs=1e-5)


@pytest.mark.parametrize("direction", [1, -1])
def test_in_a_mirror_the_driver_steers_the_other_way(direction: int) -> None:
    points = centreline("train", 6, "raceway")
    line = racing_line(points, HALF_WIDTH, RACER)
    other = racing_line(points * [1.0, -1.0, -1.0, -1.0], HALF_WIDTH, RACER)
    state, car, driver = start(line, direction, 0.7, 0.8), record(RACER), RaceDriver()
    state.vy = 0.3
    mirrored = state.copy()
    for name in ("y", "yaw", "vy", "yaw_rate", "steer"):
        mirrored[name] = -mirrored[name]
    steer, pedal = driver.act(state, line, direction, car)
    across, along = driver.act(mirrored, other, direction, car)
    assert abs(steer) > 0.01
    assert (across, along) == pytest.approx((-steer, pedal), abs=0.01)
