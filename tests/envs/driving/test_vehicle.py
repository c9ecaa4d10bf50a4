"""The vehicle against closed forms: circles, understeer, the limit of grip, braking; and what must not be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.driving import vehicle
from envs.driving.params import CONTROL_STEP, GRAVITY, PHYSICS_STEP, VehicleParams
from envs.driving.records import ROW
from envs.driving.vehicle import drive, tyre_force

PARAMS = VehicleParams()
CAR = PARAMS.record().view(np.recarray)[0]
DTYPE = ROW  # the record that the simulator compiles for


def standing(speed: float = 0.0, **fields: float):
    state = np.zeros(1, DTYPE).view(np.recarray)[0]
    state["vx"] = speed
    for name, value in fields.items():
        state[name] = value
    return state


def history(state, steer: float, pedal: float, actions: int, kinematic: bool = False) -> np.ndarray:
    """The state after each action, (actions + 1,) records."""
    states = [state.copy()]
    for _ in range(actions):
        drive(state, np.float32(steer), np.float32(pedal), kinematic, CAR)
        states.append(state.copy())
    return np.array(states, DTYPE)


def cruise(steer: float, speed: float, actions: int, kinematic: bool = False) -> np.ndarray:
    """Hold a steering share and a speed by feedback on the pedal; the states of the last fifth."""
    state, pedal, states = standing(speed), 0.0, []
    for n in range(actions):
        error = speed - float(state["vx"])
        pedal = float(np.clip(pedal + 0.05 * error, -1.0, 1.0))
        command = np.float32(np.clip(pedal + 0.5 * error, -1.0, 1.0))
        drive(state, np.float32(steer), command, kinematic, CAR)
        if n >= actions * 4 // 5:
            states.append(state.copy())
    return np.array(states, DTYPE)


def fitted_radius(states: np.ndarray) -> float:
    """Radius of the circle through the positions, by least squares."""
    x, y = states["x"].astype(float), states["y"].astype(float)
    system = np.column_stack([2 * x, 2 * y, np.ones_like(x)])
    a, b, c = np.linalg.lstsq(system, x**2 + y**2, rcond=None)[0]
    return float(np.sqrt(c + a**2 + b**2))


@pytest.mark.parametrize("steer", [0.2, -0.5, 1.0])
def test_the_kinematic_car_drives_the_circle_of_its_wheels(steer: float) -> None:
    states = cruise(steer, 5.0, 500, kinematic=True)
    turning = PARAMS.wheelbase / np.tan(abs(steer) * PARAMS.max_steer)
    assert fitted_radius(states) == pytest.approx(np.hypot(turning, PARAMS.rear_axle), rel=1e-3)
    assert np.sign(states["yaw_rate"]).tolist() == [np.sign(steer)] * len(states)
    slip = np.arctan2(states["vy"], states["vx"])
    assert slip == pytest.approx(np.arctan(PARAMS.rear_axle * np.sign(steer) / turning), abs=1e-4)


@pytest.mark.parametrize("speed", [4.0, 7.0, 10.0])
def test_steady_cornering_at_low_acceleration_follows_the_understeer_gradient(speed: float) -> None:
    """δ = L/R + K a_y − F δ / C_f with K = m b / (L C_f) − m a / (L C_r), C = stiffness × friction × load.

    F is what the steered front wheels pull with, against the resistance: a part of it points into the bend.
    """
    states = cruise(3.0 / speed**2, speed, 600)
    load = PARAMS.mass * GRAVITY / PARAMS.wheelbase
    front = PARAMS.stiffness * PARAMS.front_grip * PARAMS.friction * load * PARAMS.rear_axle
    rear = PARAMS.stiffness * PARAMS.friction * load * PARAMS.front_axle
    gradient = PARAMS.mass / PARAMS.wheelbase * (PARAMS.rear_axle / front - PARAMS.front_axle / rear)
    rate = states["yaw_rate"].astype(float).mean()
    acceleration = rate * speed
    steer = float(states["steer"].mean())
    assert 0.1 < acceleration < 1.0
    circle = np.arctan(PARAMS.wheelbase * rate / speed)
    pull = (PARAMS.rolling + PARAMS.drag * speed**2) * steer / front
    assert steer == pytest.approx(circle + gradient * acceleration - pull, rel=0.005)
    assert steer - circle == pytest.approx(gradient * acceleration - pull, rel=0.15, abs=5e-5)


def test_the_slip_angles_of_steady_cornering_carry_the_axles_shares_of_the_load() -> None:
    states = cruise(0.02, 12.0, 600)
    vx, vy, rate, steer = (states[name].astype(float).mean() for name in ("vx", "vy", "yaw_rate", "steer"))
    front = steer - np.arctan((vy + PARAMS.front_axle * rate) / vx)
    rear = -np.arctan((vy - PARAMS.rear_axle * rate) / vx)
    acceleration = rate * vx / GRAVITY
    assert rear == pytest.approx(acceleration / PARAMS.stiffness, rel=0.03)
    assert front == pytest.approx(acceleration / PARAMS.stiffness / PARAMS.front_grip, rel=0.03)


def test_the_front_wheels_drive_so_that_power_widens_a_bend() -> None:
    bent = cruise(0.45, 9.0, 300)[-1]
    start = {name: float(bent[name]) for name in ("vx", "vy", "yaw_rate", "steer")}
    curvature = []
    for pedal in (0.0, 1.0):
        states = history(standing(start.pop("vx", 9.0), **start), 0.45, pedal, 6)
        curvature.append(np.abs(states["yaw_rate"] / states["vx"])[-1])
    assert curvature[1] < 0.97 * curvature[0]


@pytest.mark.parametrize("speed", [9.0, 12.0])
def test_no_steering_corners_harder_than_friction_allows(speed: float) -> None:
    best = 0.0
    for steer in (0.3, 0.5, 0.7, 1.0):
        states = cruise(steer, speed, 400)
        sideways = np.abs(states["yaw_rate"] * states["vx"]).astype(float).mean()
        best = max(best, sideways)
        radius = states["vx"].astype(float).mean() / np.abs(states["yaw_rate"]).astype(float).mean()
        assert states["vx"].astype(float).mean() ** 2 < 1.02 * PARAMS.friction * GRAVITY * radius
    assert best > 0.85 * PARAMS.friction * GRAVITY, "and the limit is reached"


def test_the_kinematic_car_has_no_such_limit() -> None:
    states = cruise(1.0, 9.0, 200, kinematic=True)
    assert np.abs(states["yaw_rate"] * states["vx"]).mean() > 1.2 * GRAVITY


def braking_force(speed: float, deceleration: float) -> float:
    """Brake forces, each axle's within its grip under the load that the deceleration shifts, and drag."""
    shift = PARAMS.mass * deceleration * PARAMS.gravity_height / PARAMS.wheelbase
    weight = PARAMS.mass * GRAVITY / PARAMS.wheelbase
    front_grip = 0.98 * PARAMS.friction * PARAMS.front_grip * (weight * PARAMS.rear_axle + shift)
    rear_grip = 0.98 * PARAMS.friction * (weight * PARAMS.front_axle - shift)
    front = min(PARAMS.max_brake * PARAMS.brake_front, front_grip)
    rear = min(PARAMS.max_brake * (1.0 - PARAMS.brake_front), rear_grip)
    return front + rear + PARAMS.rolling + PARAMS.drag * speed**2


@pytest.mark.parametrize("kinematic", [False, True])
def test_braking_distance_is_that_of_the_forces(kinematic: bool) -> None:
    start, end = 14.0, 2.0
    deceleration, speed, distance = 7.0, start, 0.0
    while speed > end:
        for _ in range(20):
            deceleration = braking_force(speed, deceleration) / PARAMS.mass
        distance += speed * 1e-3
        speed -= deceleration * 1e-3
    states = history(standing(start), 0.0, -1.0, 60, kinematic)
    simulated = np.interp(-end, -states["vx"].astype(float), states["x"].astype(float))
    assert simulated == pytest.approx(distance, rel=0.03)
    assert simulated == pytest.approx((start**2 - end**2) / (2.0 * deceleration), rel=0.05)


def test_the_car_stops_and_stays() -> None:
    states = history(standing(6.0), 0.0, -1.0, 120)
    assert (np.diff(states["vx"]) <= 0.0).all()
    assert states["vx"][-1] < 0.01
    assert states["x"][-1] - states["x"][-40] < 0.02


def test_top_speed_is_where_the_drive_has_faded() -> None:
    states = history(standing(0.0), 0.0, 1.0, 600)
    assert (np.diff(states["vx"]) >= -1e-5).all()
    assert 14.0 < states["vx"][-1] <= PARAMS.max_speed


def test_acceleration_from_rest_is_force_over_mass() -> None:
    states = history(standing(1.0), 0.0, 0.8, 20)  # more would lift the driven wheels' load below the force
    gained = float(states["vx"][-1]) - 1.0
    force = 0.8 * PARAMS.max_drive - PARAMS.rolling - PARAMS.drag * 3.0**2
    assert gained == pytest.approx(force / PARAMS.mass * 20 * CONTROL_STEP, rel=0.02)


@pytest.mark.parametrize("kinematic", [False, True])
@pytest.mark.parametrize(("steer", "pedal"), [(1.0, 0.0), (-1.0, -1.0), (0.0, -1.0)])
def test_at_a_standstill_nothing_moves_but_the_wheels(kinematic: bool, steer: float, pedal: float) -> None:
    last = history(standing(0.0, x=3.0, y=-2.0, yaw=0.5), steer, pedal, 100, kinematic)[-1]
    assert (last["x"], last["y"], last["yaw"]) == (np.float32(3.0), np.float32(-2.0), np.float32(0.5))
    assert (last["vx"], last["vy"], last["yaw_rate"]) == (0.0, 0.0, 0.0)
    assert last["steer"] == pytest.approx(steer * PARAMS.max_steer)


def test_the_steering_turns_no_faster_than_its_rate() -> None:
    steer = history(standing(5.0), 1.0, 0.0, 20)["steer"].astype(float)
    np.testing.assert_allclose(np.diff(steer)[:6], PARAMS.steer_rate * CONTROL_STEP, rtol=1e-5)
    assert steer.max() == pytest.approx(PARAMS.max_steer)
    back = history(standing(5.0, steer=PARAMS.max_steer), -1.0, 0.0, 20)["steer"].astype(float)
    assert np.diff(back).min() >= -PARAMS.steer_rate * CONTROL_STEP * 1.0001
    assert back.min() == pytest.approx(-PARAMS.max_steer)


def energy(states: np.ndarray) -> np.ndarray:
    along, across, rate = (states[name].astype(float) for name in ("vx", "vy", "yaw_rate"))
    return 0.5 * PARAMS.mass * (along**2 + across**2) + 0.5 * PARAMS.yaw_inertia * rate**2


@settings(max_examples=40, deadline=None)
@given(st.floats(4.0, 15.0), st.lists(st.floats(-1.0, 1.0), min_size=20, max_size=60), st.floats(-1.0, 0.0))
def test_without_drive_no_steering_makes_energy(speed: float, steers: list[float], pedal: float) -> None:
    state, states = standing(speed), []
    for steer in steers:
        for _ in range(3):
            states.append(state.copy())
            drive(state, np.float32(steer), np.float32(pedal), False, CAR)
    recorded = np.array(states, DTYPE)
    fast = recorded["vx"] > 3.0  # below, the blend with the kinematic model sets the sideways motion
    total = energy(recorded)
    assert (np.diff(total)[fast[:-1] & fast[1:]] < 0.002 * total[0]).all()
    assert total.max() <= total[0] * 1.002


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.0, 15.0, width=32),
    st.lists(st.tuples(st.floats(-1.0, 1.0), st.floats(-1.0, 1.0)), min_size=5, max_size=80),
    st.booleans(),
)
def test_no_driving_style_breaks_the_car(speed: float, actions: list, kinematic: bool) -> None:
    state = standing(speed)
    for steer, pedal in actions:
        drive(state, np.float32(steer), np.float32(pedal), kinematic, CAR)
        for name in DTYPE.names or ():
            assert np.isfinite(state[name]).all(), name
        assert 0.0 <= state["vx"] <= PARAMS.max_speed + 0.1
        assert abs(state["steer"]) <= PARAMS.max_steer * 1.0001
        assert abs(state["yaw"]) <= np.pi * 1.0001
        assert abs(state["yaw_rate"]) < 4.0


@pytest.mark.parametrize("kinematic", [False, True])
def test_left_and_right_are_alike(kinematic: bool) -> None:
    rng = np.random.default_rng(0)
    left, right = standing(8.0), standing(8.0)
    for steer, pedal in rng.uniform(-1.0, 1.0, (200, 2)).astype(np.float32):
        drive(left, steer, pedal, kinematic, CAR)
        drive(right, -steer, pedal, kinematic, CAR)
        assert left["vx"] == right["vx"]
        for name in ("y", "vy", "yaw_rate", "steer"):
            assert left[name] == -right[name]


def test_a_pushed_car_comes_back_to_its_line() -> None:
    """Understeering, it is stable at every speed: a sideways push dies away."""
    states = history(standing(14.0, vy=0.8, yaw_rate=0.2), 0.0, 0.3, 60)
    assert abs(states["vy"][-1]) < 0.01
    assert abs(states["yaw_rate"][-1]) < 0.01


def test_smaller_physics_steps_change_little(monkeypatch: pytest.MonkeyPatch) -> None:
    def finish(step: float) -> np.ndarray:
        monkeypatch.setattr(vehicle, "_DT", np.float32(step))
        state = standing(8.0)
        for n in range(round(2.0 / step)):
            target = np.float32(0.1 * np.sin(2.0 * n * step))
            vehicle._step.py_func(state, target, np.float32(0.2), False, CAR)
        return np.array([state["x"], state["y"], state["vx"]], np.float64)

    monkeypatch.setattr(vehicle, "_move", vehicle._move.py_func)
    coarse, fine, finest = (finish(PHYSICS_STEP / share) for share in (1, 2, 8))
    assert np.abs(coarse - finest).max() < 0.05
    assert np.abs(fine - finest).max() < 0.6 * np.abs(coarse - finest).max()


def test_the_compiled_car_is_the_written_one() -> None:
    compiled, written = standing(9.0), standing(9.0)
    for steer, pedal in np.random.default_rng(3).uniform(-1.0, 1.0, (40, 2)).astype(np.float32):
        drive(compiled, steer, pedal, False, CAR)
        drive.py_func(written, steer, pedal, False, CAR)
    for name in DTYPE.names or ():
        assert compiled[name] == pytest.approx(written[name], rel=1e-3, abs=1e-4)


def test_the_tyres_force_rises_with_its_stiffness_and_saturates_in_the_ellipse() -> None:
    load = np.float32(6000.0)
    small = tyre_force(np.float32(1e-3), load, np.float32(0.0), CAR)
    assert small == pytest.approx(11.0 * 1e-3 * 6000.0, rel=1e-3)
    slips = np.linspace(0.0, 1.0, 200, dtype=np.float32)
    forces = np.array([tyre_force(slip, load, np.float32(0.0), CAR) for slip in slips])
    assert forces.max() == pytest.approx(PARAMS.friction * 6000.0, rel=1e-3)
    for share in (0.3, 0.6, 0.9):
        along = np.float32(share * 6000.0)
        peak = max(tyre_force(slip, load, along, CAR) for slip in slips)
        assert np.hypot(peak, along) == pytest.approx(6000.0, rel=1e-3)


@pytest.mark.parametrize(("name", "value"), [("mass", 0.0), ("friction", -1.0), ("max_steer", float("nan"))])
def test_impossible_cars_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"VehicleParams\.{name} is {value}; it must be above 0\."):
        VehicleParams(**{name: value})
