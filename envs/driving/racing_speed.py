"""The speed along a racing line: the greatest that tyres, engine and brakes allow.

Bends give limits; a pass forwards lets no point be faster than the engine makes it from the one before, and a
pass backwards none faster than the brakes can slow to the next.
"""

import numpy as np

from envs.driving.compiling import kernel
from envs.driving.params import GRAVITY, VehicleParams
from envs.driving.vehicle import axle_loads

_G, _ONE, _ZERO, _HALF = np.float32(GRAVITY), np.float32(1.0), np.float32(0.0), np.float32(0.5)
_ROUNDS = 100  # of the speed passes at most; roads take three, a circle on which tyres drag takes more
_HALVINGS = 16  # of the interval in which a limit is sought
STEADY = np.float32(0.9)  # of the rear axle's grip that a bend and the brakes may take, lest the car spins
_FULL = np.float32(0.98)  # of an axle's grip that the vehicle lets drive or brakes have


@kernel
def slip_at(share, car):
    """Slip angle [rad] at which a tyre gives this share of its grip, the curve of `tyre_force` inverted.

    α = C / (B C) · tan(asin(share) / C)
    """
    angle = np.arcsin(min(max(share, -_FULL), _FULL)) / car.shape
    return car.shape / car.stiffness * np.tan(min(max(angle, np.float32(-1.4)), np.float32(1.4)))


@kernel
def corner_slips(side, car):
    """Slip angles [rad] of the front and rear axle that a sideways acceleration [m/s²] to the left takes."""
    share = side / (car.friction * _G)
    return slip_at(share / car.front_grip, car), slip_at(share, car)


@kernel
def resistance(speed, side, car):
    """What slows the car [m/s²] at a speed [m/s]: air, wheels, and tyres that slip under `side` [m/s²].

    (c v² + R) / m + |a_y| (b sin |α_f| + a sin |α_r|) / L
    """
    front, rear = corner_slips(abs(side), car)
    across = car.rear_axle * np.sin(front) + car.front_axle * np.sin(rear)
    tyres = abs(side) * across / (car.front_axle + car.rear_axle)
    return (car.drag * speed * speed + car.rolling) / car.mass + tyres


@kernel
def spare(load, side_force, grip):
    """What an axle's grip, a share of its load, leaves the pedals [N] beside a sideways force [N]."""
    left = np.sqrt(max((grip * load) ** 2 - side_force**2, _ZERO))
    return min(left, _FULL * grip * load)


@kernel
def traction(side, slowed, grip, car):
    """Greatest drive [m/s²] that the front wheels hold in a bend.

    m a_x = √((μ F_z)² − F_y²), where F_z falls as a_x less the resistance grows.

    Args:
        side: sideways acceleration, ≥ 0 [m/s²].
        slowed: `resistance` [m/s²].
        grip: the share of the tyres' grip that is used.
        car: `VEHICLE` record.
    """
    low, high = _ZERO * side, car.friction * car.front_grip * _G + _ZERO * side
    force = car.mass * side * car.rear_axle / (car.front_axle + car.rear_axle)
    for _ in range(_HALVINGS):
        middle = _HALF * (low + high)
        load = axle_loads(middle - slowed, car)[0]
        if car.mass * middle <= spare(load, force, grip * car.friction * car.front_grip):
            low = middle
        else:
            high = middle
    return low


@kernel
def braking(side, slowed, grip, car):
    """Greatest deceleration by the brakes [m/s²] that both axles hold in a bend; see `traction`.

    The rear axle, whose load falls, is most often the limit, and keeps some grip back, lest the car spins.
    """
    wheelbase = car.front_axle + car.rear_axle
    low, high = _ZERO * side, car.max_brake / car.mass + _ZERO * side
    for _ in range(_HALVINGS):
        middle = _HALF * (low + high)
        loads = axle_loads(-middle - slowed, car)
        force, grips = car.mass * middle, grip * car.friction
        front = spare(loads[0], car.mass * side * car.rear_axle / wheelbase, grips * car.front_grip)
        rear = spare(loads[1], car.mass * side * car.front_axle / wheelbase, STEADY * grips)
        if force * car.brake_front <= front and force * (_ONE - car.brake_front) <= rear:
            low = middle
        else:
            high = middle
    return low


@kernel
def engine(speed, car):
    """Greatest drive force of the engine [N] at a speed [m/s]: it fades to nothing at the top speed."""
    return car.max_drive * min(max((car.max_speed - speed) * _HALF, _ZERO), _ONE)


@kernel(nogil=True)
def _profile(curvature, spacings, grip, car, speed):
    """Fill `speed` (P,); see `speed_profile`."""
    count = curvature.shape[0]
    side_limit = grip * car.friction * min(car.front_grip, STEADY) * _G
    for n in range(count):
        speed[n] = min(np.sqrt(side_limit / max(abs(curvature[n]), 1e-9)), car.max_speed)
    for _ in range(_ROUNDS):
        change = 0.0
        for m in range(count):
            n, after = m, (m + 1) % count
            side = min(speed[n] ** 2 * abs(curvature[n]), side_limit)
            slowed = resistance(speed[n], side, car)
            drive = min(engine(speed[n], car) / car.mass, traction(side, slowed, grip, car))
            square = speed[n] ** 2 + 2.0 * spacings[n] * (drive - slowed)
            fastest = np.sqrt(max(square, 0.25))  # no slower than walking, whatever the engine
            if fastest < speed[after]:
                change = max(change, speed[after] - fastest)
                speed[after] = fastest
        for m in range(count - 1, -1, -1):
            n, after = m, (m + 1) % count
            side = min(speed[after] ** 2 * abs(curvature[after]), side_limit)
            slowed = resistance(speed[after], side, car)
            slowed += braking(side, slowed, grip, car)
            fastest = np.sqrt(speed[after] ** 2 + 2.0 * spacings[n] * slowed)
            if fastest < speed[n]:
                change = max(change, speed[n] - fastest)
                speed[n] = fastest
        if change < 1e-4:
            break


def speed_profile(
    curvature: np.ndarray, spacings: np.ndarray, vehicle: VehicleParams, safety: float = 1.0
) -> np.ndarray:
    """Greatest speeds (P,) [m/s] along a closed path, on a flying lap.

    v² |κ| ≤ μ g min(front grip, 0.9); from each point to the next v² gains at most 2 ds a, where a is what
    engine or tyres allow (`traction`) less `resistance`, and loses at most what brakes and tyres allow.
    Loads shift along the car, as in the vehicle itself; across it there is one wheel an axle.

    Args:
        curvature: (P,) [1/m].
        spacings: (P,) [m] from each point to the next.
        vehicle: the car.
        safety: share of the tyres' grip that is used.
    """
    speed = np.empty(len(curvature))
    arrays = np.asarray(curvature, np.float64), np.asarray(spacings, np.float64)
    _profile(*arrays, float(safety), vehicle.record().view(np.recarray)[0], speed)
    return speed


def lap_time(speed: np.ndarray, spacings: np.ndarray) -> float:
    """Σ ds / v [s], v being the mean of the speeds (P,) at both ends of each of the spacings (P,) [m]."""
    return float((2.0 * spacings / (speed + np.roll(speed, -1))).sum())
