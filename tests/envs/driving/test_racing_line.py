"""The racing line: optima found by hand, ramps in closed form, limits everywhere, and laps really driven."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from envs.driving import racing_line as racing
from envs.driving.levels import centreline
from envs.driving.params import CONTROL_STEP, GRAVITY, VehicleParams
from envs.driving.racing_line import (
    T_REVERSE_SPEED,
    RaceDriver,
    RacingLine,
    lap_time,
    minimum_curvature,
    nearest_point,
    path_shape,
    race,
    racing_line,
    speed_profile,
)
from envs.driving.vehicle import CAR_FIELDS, drive, tyre_force

CAR = VehicleParams(max_speed=30.0, max_drive=8000.0, max_brake=12000.0)
# Rails: next to no drag, tyres that hardly slip, brakes and engine too weak to reach their grip.
RAILS = replace(CAR, drag=1e-9, rolling=1e-9, stiffness=1e4, max_drive=4000.0, max_brake=6000.0)
HALF_WIDTH, MARGIN = 5.0, 1.0
ROOM = HALF_WIDTH - MARGIN
SPACING = 0.5


def laid(curvature: np.ndarray, turn: float = 0.0) -> np.ndarray:
    """A centreline (P, 4) of given curvature (P,) [1/m], by stepping along arcs."""
    heading = turn + SPACING * (np.cumsum(curvature) - 0.5 * curvature)
    x, y = (SPACING * np.cumsum(part(heading)) for part in (np.cos, np.sin))
    return np.column_stack([np.roll(x, 1), np.roll(y, 1), heading - 0.5 * SPACING * curvature, curvature])


def circle(radius: float, way: int = 1, count: int = 500) -> np.ndarray:
    angle = way * 2.0 * np.pi * np.arange(count) / count
    x, y, heading = radius * np.cos(angle), radius * np.sin(angle), angle + way * np.pi / 2.0
    return np.column_stack([x, y, heading, np.full(count, way / radius)])


def rounded_square(radius: float = 15.0, side: float = 60.0) -> np.ndarray:
    """Four right-angled corners with straights between, each a whole number of points."""
    bend = round(radius * np.pi / 2.0 / SPACING)
    corner = np.full(bend, np.pi / 2.0 / (bend * SPACING))
    return laid(np.tile(np.concatenate([np.zeros(round(side / SPACING)), corner]), 4))


def bending(points: np.ndarray, offset: np.ndarray) -> float:
    """∫κ² ds, by the angles between the chords of the path: shares no formula with the solver."""
    normal = np.column_stack([-np.sin(points[:, 2]), np.cos(points[:, 2])])
    path = points[:, :2] + offset[:, None] * normal
    chord = (np.roll(path, -1, 0) - path) @ np.array([1.0, 1j])
    turned = np.angle(chord / np.roll(chord, 1))
    return float((turned**2 / (0.5 * (np.abs(chord) + np.abs(np.roll(chord, 1))))).sum())


def bumps(rng: np.random.Generator, count: int) -> np.ndarray:
    """A smooth random closed function (count,) of amplitude 1: a few waves of up to 1/8 of the points."""
    phase = 2.0 * np.pi * np.arange(count) / count
    wave = sum(
        rng.normal() * np.cos(rng.integers(1, count // 8) * phase + rng.uniform(0.0, 2 * np.pi))
        for _ in range(3)
    )
    window = np.exp(rng.uniform(0.0, 30.0) * (np.cos(phase - rng.uniform(0.0, 2 * np.pi)) - 1.0))
    bump = np.asarray(wave) * window
    return bump / np.abs(bump).max()


@pytest.mark.parametrize("way", [1, -1])
def test_round_a_circle_the_best_path_is_the_outermost(way: int) -> None:
    """∫κ² ds ≥ (∫κ ds)² / length = 4π² / length, and no convex path is longer than the outer edge.

    The bound is met by the outer edge itself, where it is 4π² / 2π (R + w).
    """
    points = circle(40.0, way)
    offset = minimum_curvature(points, HALF_WIDTH, MARGIN)
    np.testing.assert_allclose(offset, -way * ROOM, atol=1e-3)
    assert bending(points, offset) == pytest.approx(2.0 * np.pi / (40.0 + ROOM), rel=1e-3)


def test_a_wide_bend_uses_the_whole_road_outside_inside_outside() -> None:
    points = rounded_square()
    offset = minimum_curvature(points, HALF_WIDTH, MARGIN)
    corner = points[:, 3] > 0.0
    apex = np.flatnonzero(corner)[corner.sum() // 8]  # the middle of the first of four corners
    assert offset[apex] == pytest.approx(ROOM, abs=1e-3)
    quarter = len(points) // 4
    middles = [(apex + quarter // 2 + k * quarter) % len(points) for k in range(4)]  # of the straights
    np.testing.assert_allclose(offset[middles], offset.min(), atol=0.02)


@pytest.mark.parametrize("points", [rounded_square(), centreline("train", 0), centreline("train", 7)])
def test_no_feasible_path_nearby_bends_less(points: np.ndarray) -> None:
    offset = minimum_curvature(points, HALF_WIDTH, MARGIN)
    least = bending(points, offset)
    assert np.abs(offset).max() <= ROOM
    assert least < 0.8 * bending(points, np.zeros(len(points)))
    rng = np.random.default_rng(0)
    for _ in range(200):
        size = 10.0 ** rng.uniform(-2.0, 0.3)
        other = np.clip(offset + size * bumps(rng, len(points)), -ROOM, ROOM)
        assert bending(points, other) > least * (1.0 - 1e-6)


def test_where_the_path_is_free_no_small_shift_helps_and_at_the_edge_only_outwards() -> None:
    points = centreline("train", 3)
    offset = minimum_curvature(points, HALF_WIDTH, MARGIN)
    free = edge = 0
    for n in range(30, len(points) - 30, 7):
        hat = np.exp(-(((np.arange(len(points)) - n) / 5.0) ** 2))
        slope = (bending(points, offset + 1e-3 * hat) - bending(points, offset - 1e-3 * hat)) / 2e-3
        share = slope / bending(points, offset)
        if np.abs(offset[n - 20 : n + 21]).max() < ROOM - 0.01:
            assert abs(share) < 2e-4
            free += 1
        if abs(offset[n]) > ROOM - 1e-3:
            assert share * np.sign(offset[n]) < 0.0
            edge += 1
    assert free > 20
    assert edge >= 5


def test_left_and_right_and_both_ways_round_are_alike() -> None:
    points = centreline("train", 2)
    offset = minimum_curvature(points, HALF_WIDTH, MARGIN)
    mirrored = points * [1.0, -1.0, -1.0, -1.0]
    np.testing.assert_allclose(minimum_curvature(mirrored, HALF_WIDTH, MARGIN), -offset, atol=0.02)
    back = points[::-1] * [1.0, 1.0, 1.0, -1.0] + [0.0, 0.0, np.pi, 0.0]
    np.testing.assert_allclose(minimum_curvature(back, HALF_WIDTH, MARGIN)[::-1], -offset, atol=0.02)
    shifted = minimum_curvature(np.roll(points, 100, 0), HALF_WIDTH, MARGIN)
    np.testing.assert_allclose(np.roll(shifted, -100), offset, atol=0.02)


def test_a_bend_sharper_than_the_road_is_wide_keeps_the_path_from_its_centre() -> None:
    offset = minimum_curvature(rounded_square(radius=4.5), HALF_WIDTH, 0.0)
    assert offset.max() <= 0.8 * 4.6 + 1e-3
    assert offset.min() >= -HALF_WIDTH


@pytest.mark.parametrize("margin", [5.0, 7.0, float("nan")])
def test_a_margin_without_room_is_refused(margin: float) -> None:
    with pytest.raises(ValueError, match=f"margin is {margin}; it must be below half_width, which is 5.0"):
        minimum_curvature(circle(40.0), 5.0, margin)


def test_the_ring_of_five_diagonals_is_solved_as_by_a_dense_solver() -> None:
    rng = np.random.default_rng(4)
    for count in (7, 8, 31):
        slopes, diagonal, wanted = (
            rng.normal(size=(count, 3)),
            rng.uniform(0.1, 1.0, count),
            rng.normal(size=count),
        )
        jacobian = np.zeros((count, count))
        for n in range(count):
            for k in range(3):
                jacobian[n, (n + k - 1) % count] = slopes[n, k]
        band, solution = np.empty((count, 5)), np.empty(count)
        racing._fill_band(slopes, diagonal, band)
        racing._factorise(band)
        racing._solve(band, wanted, np.empty(count), solution)
        dense = jacobian.T @ jacobian + np.diag(diagonal)
        np.testing.assert_allclose(solution, np.linalg.solve(dense, wanted), rtol=1e-8, atol=1e-10)


def test_the_slopes_are_the_derivatives_of_the_bends() -> None:
    points, offset = centreline("train", 0), np.random.default_rng(2).normal(0.0, 0.02, 893)
    centre = racing._normals(points)

    def bends(offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        path, bent, slopes = np.empty((len(offset), 2)), np.empty(len(offset)), np.empty((len(offset), 3))
        racing._lay_path(centre, offset, path)
        racing._linearise(centre, path, bent, slopes)
        return bent, slopes

    _, slopes = bends(offset)
    for n in (0, 1, 400, len(offset) - 1):
        nudge = np.zeros(len(offset))
        nudge[n] = 1e-6
        measured = (bends(offset + nudge)[0] - bends(offset - nudge)[0]) / 2e-6
        for k in range(3):
            assert slopes[(n - k + 1) % len(offset), k] == pytest.approx(
                measured[(n - k + 1) % len(offset)], rel=1e-4, abs=1e-5
            )


def test_a_path_beside_a_circle_has_its_shape() -> None:
    points = circle(30.0)
    x, y, heading, curvature, spacings = path_shape(points, np.full(500, -2.0))
    np.testing.assert_allclose(np.hypot(x, y), 32.0, rtol=1e-12)
    np.testing.assert_allclose(np.exp(1j * heading), np.exp(1j * points[:, 2]), atol=1e-9)
    np.testing.assert_allclose(curvature, 1.0 / 32.0, rtol=1e-3)
    assert spacings.sum() == pytest.approx(2.0 * np.pi * 32.0, rel=1e-4)


@pytest.mark.parametrize("radius", [12.0, 40.0, 90.0, 1e4])
@pytest.mark.parametrize("safety", [1.0, 0.8])
def test_round_a_circle_the_speed_is_that_of_the_grip_or_the_top_speed(radius: float, safety: float) -> None:
    speed = speed_profile(np.full(400, -1.0 / radius), np.full(400, SPACING), RAILS, safety)
    grip = safety * RAILS.friction * RAILS.front_grip * GRAVITY
    np.testing.assert_allclose(speed, min(np.sqrt(grip * radius), RAILS.max_speed), rtol=1e-3)


def test_tyres_that_slip_and_air_make_a_circle_slower_than_its_grip() -> None:
    """At the speed that can be held, the drive that the front tyres spare is all that the circle takes."""
    speed = speed_profile(np.full(2000, 1.0 / 30.0), np.full(2000, SPACING), CAR)
    held, limit = float(speed.mean()), float(np.sqrt(CAR.front_grip * GRAVITY * 30.0))
    assert np.ptp(speed) < 0.05
    assert 0.9 * limit < held < 0.99 * limit
    side = held**2 / 30.0
    spare = drive_limit(held, side, CAR, 1.0)
    assert spare == pytest.approx(slowing(held, side, CAR), abs=0.05)


def slip(share: float, car: VehicleParams) -> float:
    """Slip angle that gives a share of the grip, by bisection of the vehicle's own tyre curve."""
    record, low, high = car.record().view(np.recarray)[0], 0.0, 0.4
    for _ in range(40):
        middle = 0.5 * (low + high)
        force = tyre_force(np.float32(middle), np.float32(1.0), np.float32(0.0), record) / car.friction
        low, high = (middle, high) if force < share and middle < 0.3 else (low, middle)
    return low


def slowing(speed: float, side: float, car: VehicleParams) -> float:
    """Air, wheels, and the sideways forces times the sines of the slip angles [m/s²]."""
    front_share, rear_share = car.rear_axle / car.wheelbase, car.front_axle / car.wheelbase
    used = side / (car.friction * GRAVITY)
    front, rear = (np.sin(slip(min(u, 0.98), car)) for u in (used / car.front_grip, used))
    return (car.drag * speed**2 + car.rolling) / car.mass + side * (front_share * front + rear_share * rear)


def drive_limit(speed: float, side: float, car: VehicleParams, grip: float) -> float:
    """Greatest drive [m/s²]: engine, or the root of (m a)² + F_y² = (grip μ F_z(a))² on the front axle."""
    engine = car.max_drive * float(np.clip((car.max_speed - speed) / 2.0, 0.0, 1.0)) / car.mass
    pull = grip * car.friction * car.front_grip
    rest, lift = GRAVITY * car.rear_axle / car.wheelbase, car.gravity_height / car.wheelbase
    across = side * car.rear_axle / car.wheelbase
    # (1 − p² l²) a² + 2 p² r l a + s² − p² r² = 0
    roots = np.roots([1.0 - (pull * lift) ** 2, 2.0 * pull**2 * rest * lift, across**2 - (pull * rest) ** 2])
    straight = 0.98 * pull * rest / (1.0 + 0.98 * pull * lift)
    return min(engine, straight, max(float(roots.real.max()), 0.0))


def brake_limit(side: float, car: VehicleParams, grip: float) -> float:
    """Greatest deceleration [m/s²] at which both axles' forces lie within their circles, by trying many."""
    tried = np.linspace(0.0, car.max_brake / car.mass, 4001)
    shift = tried * car.gravity_height / car.wheelbase
    fits, side = np.ones(len(tried), bool), side * (1.0 - 1e-5)  # at the limit itself nothing would fit
    axles = (
        (car.brake_front, car.rear_axle / car.wheelbase, 1.0, car.front_grip),
        (1.0 - car.brake_front, car.front_axle / car.wheelbase, -1.0, 1.0),
    )
    for share, weight, sign, tyre in axles:
        hold = grip * car.friction * tyre * (GRAVITY * weight + sign * shift)
        fits &= np.hypot(tried * share, side * weight) <= hold
        fits &= tried * share <= 0.98 * hold
    return float(tried[: len(tried) if fits.all() else int(np.argmin(fits))].max(initial=0.0))


def test_the_ramps_after_and_before_a_bend_are_those_of_even_acceleration() -> None:
    """v² = v0² + 2 a s, a = F / m; the top speed and the drive's fading stay out of reach."""
    curvature = np.zeros(400)
    curvature[:60] = 1.0 / 20.0
    speed = speed_profile(curvature, np.full(400, SPACING), RAILS)
    slowest = np.sqrt(RAILS.front_grip * GRAVITY * 20.0)
    assert speed[59] == pytest.approx(slowest, rel=1e-4)
    distance = SPACING * np.arange(41)
    gain, loss = RAILS.max_drive / RAILS.mass, RAILS.max_brake / RAILS.mass
    # at the last point of the bend no grip is left: the ramp begins one point on
    np.testing.assert_allclose(speed[60:101], np.sqrt(slowest**2 + 2.0 * gain * distance), rtol=1e-3)
    # at its first the brakes' own shift of load spares some
    assert slowest < speed[399] < np.sqrt(slowest**2 + 2.0 * loss * SPACING)
    np.testing.assert_allclose(speed[399:358:-1], np.sqrt(speed[399] ** 2 + 2.0 * loss * distance), rtol=1e-3)
    top = np.argmax(speed)
    assert 60 < top < 399
    assert (400 - top) * loss == pytest.approx((top - 60) * gain, rel=0.03), "where both ramps meet"


def test_a_powerful_car_is_held_by_its_driven_wheels() -> None:
    """a = μ_f g b / (L + μ_f h): the front axle's load falls with the acceleration that it gives."""
    curvature = np.zeros(400)
    curvature[:40] = 1.0 / 15.0
    strong = replace(RAILS, max_drive=1e5, max_speed=200.0)
    speed = speed_profile(curvature, np.full(400, SPACING), strong)
    pull = 0.98 * strong.front_grip
    gain = pull * GRAVITY * strong.rear_axle / (strong.wheelbase + pull * strong.gravity_height)
    np.testing.assert_allclose(np.diff(speed[45:100] ** 2), 2.0 * gain * SPACING, rtol=1e-3)


profiles = st.tuples(
    st.lists(st.floats(-0.12, 0.12), min_size=4, max_size=14),
    st.floats(0.5, 1.0),
    st.sampled_from([CAR, VehicleParams(), replace(CAR, friction=0.6), replace(CAR, max_drive=3000.0)]),
)


@settings(max_examples=25, deadline=None)
@given(profiles)
def test_no_speed_profile_exceeds_a_limit_anywhere(profile: tuple) -> None:
    corners, safety, car = profile
    place = np.arange(40 * len(corners)) / 40.0
    curvature = np.interp(place, np.arange(len(corners) + 1), [*corners, corners[0]])
    spacings = 0.5 + 0.2 * np.sin(2.0 * np.pi * place / len(corners))
    speed = speed_profile(curvature, spacings, car, safety)
    grip = safety * car.friction * car.front_grip * GRAVITY
    side = speed**2 * np.abs(curvature)
    assert (speed > 0.0).all()
    assert (speed <= car.max_speed).all()
    assert (side <= grip * (1.0 + 1e-5)).all()
    change = (np.roll(speed, -1) ** 2 - speed**2) / (2.0 * spacings)
    for n in range(0, len(speed), 5):
        after = (n + 1) % len(speed)
        most = drive_limit(speed[n], side[n], car, safety) - slowing(speed[n], side[n], car)
        least = brake_limit(side[after], car, safety) + slowing(speed[after], side[after], car)
        assert change[n] <= most + 0.05
        assert -change[n] <= least + 0.05


def test_the_profile_leaves_nothing_unused() -> None:
    """Every point is at the limit of its bend, or driven or braked as hard as the car can: bang, bang."""
    line = line_of(0)
    speed, spacings = line.speed, line.spacings
    side = speed**2 * np.abs(line.curvature)
    change = (np.roll(speed, -1) ** 2 - speed**2) / (2.0 * spacings)
    unused = []
    for n in range(len(speed)):
        after = (n + 1) % len(speed)
        most = drive_limit(speed[n], side[n], CAR, 0.95) - slowing(speed[n], side[n], CAR)
        least = brake_limit(side[after], CAR, 0.95) + slowing(speed[after], side[after], CAR)
        limit = 0.95 * CAR.front_grip * GRAVITY
        bend = max(side[n], side[after]) > limit * (1.0 - 1e-3)
        unused.append(0.0 if bend else min(abs(most - change[n]), abs(least + change[n])))
    assert np.quantile(unused, 0.98) < 0.05


def test_a_lap_takes_the_distance_over_the_speed() -> None:
    line = line_of(1)
    assert line.lap_time == pytest.approx((line.spacings / line.speed).sum(), rel=1e-3)
    ramp = np.sqrt(100.0 + 2.0 * 3.0 * np.arange(41.0))  # 40 m at 3 m/s²
    there_and_back = np.concatenate([ramp, ramp[-2:0:-1]])
    expected = 2.0 * (ramp[-1] - ramp[0]) / 3.0
    assert lap_time(there_and_back, np.ones(80)) == pytest.approx(expected, rel=1e-9)


def test_the_other_way_round_is_the_line_of_the_road_reversed() -> None:
    points = centreline("train", 1)
    line = line_of(1)
    back = points[::-1] * [1.0, 1.0, 1.0, -1.0] + [0.0, 0.0, np.pi, 0.0]
    reverse = racing_line(back, HALF_WIDTH, CAR)
    np.testing.assert_allclose(reverse.speed[::-1], line.reverse_speed, atol=0.05)
    np.testing.assert_allclose(reverse.reverse_speed[::-1], line.speed, atol=0.05)
    assert reverse.lap_time == pytest.approx(line.reverse_lap_time, rel=1e-4)
    assert np.abs(line.speed - line.reverse_speed).max() > 1.0, "brakes are stronger than the engine"
    np.testing.assert_array_equal(line.table[:, T_REVERSE_SPEED], line.reverse_speed.astype(np.float32))


def test_the_line_beats_the_middle_of_the_road() -> None:
    points, line = centreline("train", 4), line_of(4)
    *_, curvature, spacings = path_shape(points, np.zeros(len(points)))
    middle = speed_profile(curvature, spacings, CAR, 0.95)
    assert line.lap_time < 0.92 * lap_time(middle, spacings)


@cache
def line_of(level: int) -> RacingLine:
    return racing_line(centreline("train", level), HALF_WIDTH, CAR)


@njit
def _drive_laps(state, line, centre, way, gains, car, laps):
    """Drive; returns the times at which laps ended (laps,), and the greatest distance from the middle [m]."""
    count, time, travelled, farthest = line.shape[0], 0.0, 0.0, np.float32(0.0)
    ends, before, lap = np.full(laps, np.inf), 0.0, 0
    nearest = nearest_point(line, state.x, state.y)
    while lap < laps and time < 120.0 * laps and farthest < 20.0:
        steer, pedal = race(state, line, nearest, way, gains, car)
        drive(state, steer, pedal, False, car)
        time += CONTROL_STEP
        now = nearest_point(line, state.x, state.y)
        step = (now - nearest + count // 2) % count - count // 2
        travelled += way * step
        nearest = now
        spacing = line[now, 4]
        cos, sin = np.cos(line[now, 2]), np.sin(line[now, 2])
        along = (state.x - line[now, 0]) * cos + (state.y - line[now, 1]) * sin
        place = (travelled + way * along / spacing) / count
        away = np.sqrt(((centre[:, 0] - state.x) ** 2 + (centre[:, 1] - state.y) ** 2).min())
        farthest = max(farthest, np.float32(away))
        if place >= lap + 1:
            ends[lap] = time - CONTROL_STEP * (place - lap - 1) / (place - before)
            lap += 1
        before = place
    return ends, farthest


def start(line: RacingLine, way: int, speed: float, aside: float = 0.0):
    """A car on the line's first point, or `aside` [m] to its left."""
    state = np.zeros(1, np.dtype(CAR_FIELDS)).view(np.recarray)[0]
    turn = line.heading[0] + (0.0 if way > 0 else np.pi)
    state["x"], state["y"] = line.x[0] - aside * np.sin(turn), line.y[0] + aside * np.cos(turn)
    state["yaw"], state["vx"] = turn, speed
    return state


def laps(line: RacingLine, points: np.ndarray, way: int, state, car: VehicleParams, count: int = 2):
    gains, record = RaceDriver().gains(), car.record().view(np.recarray)[0]
    return _drive_laps(state, line.table, points, np.float32(way), gains, record, count)


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize("level", range(8))
def test_the_driver_drives_flying_laps_close_to_the_lines_own_time(level: int, way: int) -> None:
    points, line = centreline("train", level), line_of(level)
    ends, farthest = laps(line, points, way, start(line, way, 0.8 * line.speed[0]), CAR)
    best = line.lap_time if way > 0 else line.reverse_lap_time
    assert farthest < HALF_WIDTH
    assert 0.99 * best < ends[1] - ends[0] < 1.05 * best


@pytest.mark.parametrize(
    "car",
    [
        VehicleParams(),
        replace(CAR, friction=0.6),
        replace(CAR, front_grip=1.0),
        replace(CAR, mass=1500.0, yaw_inertia=2200.0),
    ],
)
@pytest.mark.parametrize("way", [1, -1])
def test_the_driver_knows_other_cars(car: VehicleParams, way: int) -> None:
    points = centreline("train", 5)
    line = racing_line(points, HALF_WIDTH, car)
    ends, farthest = laps(line, points, way, start(line, way, 0.8 * line.speed[0]), car)
    best = line.lap_time if way > 0 else line.reverse_lap_time
    assert farthest < HALF_WIDTH
    assert 0.99 * best < ends[1] - ends[0] < 1.05 * best


def test_the_driver_starts_from_rest_beside_the_line() -> None:
    line = line_of(6)
    aside = -np.sign(line.offset[0]) * 3.0
    ends, farthest = laps(line, centreline("train", 6), 1, start(line, 1, 0.0, aside), CAR, 1)
    assert farthest < HALF_WIDTH
    assert ends[0] < line.lap_time + 5.0


def test_a_line_too_fast_for_the_tyres_cannot_be_driven() -> None:
    """The bound is no accident: promised a quarter more grip than there is, the car leaves the road."""
    points = centreline("train", 0)
    line = racing_line(points, HALF_WIDTH, CAR, safety=1.5)
    _, farthest = laps(line, points, 1, start(line, 1, 15.0), CAR)
    assert farthest > HALF_WIDTH


def test_left_and_right_are_driven_alike() -> None:
    points = centreline("train", 2)
    line, driver, record = line_of(2), RaceDriver(), CAR.record().view(np.recarray)[0]
    mirrored = replace(line, y=-line.y, heading=-line.heading, curvature=-line.curvature, offset=-line.offset)
    rng = np.random.default_rng(5)
    for n in rng.integers(0, len(points), 50):
        state = start(line, 1, float(rng.uniform(0.0, 25.0)))
        state["x"], state["y"] = line.x[n] + rng.uniform(-1, 1), line.y[n] + rng.uniform(-1, 1)
        state["yaw"] = line.heading[n] + rng.uniform(-0.2, 0.2)
        state["vy"], state["yaw_rate"] = rng.uniform(-1.0, 1.0), rng.uniform(-0.4, 0.4)
        steer, pedal = driver.act(state, line, 1.0, record)
        for name in ("y", "yaw", "vy", "yaw_rate"):
            state[name] = -state[name]
        opposite, same = driver.act(state, mirrored, 1.0, record)
        assert opposite == pytest.approx(-steer, abs=2e-4)
        assert same == pytest.approx(pedal, abs=2e-4)
        assert abs(steer) <= 1.0
        assert abs(pedal) <= 1.0


def test_the_compiled_driver_is_the_written_one_and_stays_in_single_precision() -> None:
    line, gains, record = line_of(3), RaceDriver().gains(), CAR.record().view(np.recarray)[0]
    for n in (0, 200, 500):
        state = start(line, 1, 12.0)
        state["x"], state["y"], state["yaw"] = line.x[n] + 0.5, line.y[n], line.heading[n] + 0.1
        compiled = race(state, line.table, n, np.float32(-1.0), gains, record)
        written = race.py_func(state, line.table, n, np.float32(-1.0), gains, record)
        assert compiled == pytest.approx(written, rel=1e-4, abs=1e-4)
    assert {str(kind) for kind in race.nopython_signatures[-1].return_type.types} == {"float32"}
