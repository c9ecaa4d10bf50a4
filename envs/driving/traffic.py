"""Traffic: cars that follow, change lanes, stop for people at crossings, and never touch each other.

All cars look first, then some of them decide to change lanes, one after the other, and then all move: what a
car does depends on where the others were, not on the order of their records.
"""

import numpy as np

from envs.driving.actors import BARRIER, CAR, CONE, NOBODY, PARKED, PEDESTRIAN
from envs.driving.compiling import kernel
from envs.driving.following import idm_acceleration, mobil_wants_change
from envs.driving.lanes import (
    GUEST,
    HALF,
    MARGIN,
    NONE,
    ONE,
    ZERO,
    Scene,
    ahead_of,
    clear_gap,
    corridor_of,
    lane_side,
    lap_of,
    motion_of,
    nearest,
    note,
    point_at,
    put_on_road,
    swerve_slope,
    wrapped,
)
from envs.driving.randomness import between

STOP_LINE = np.float32(3.5)  # [m] before the middle of a crossing
SOON = np.float32(1.5)  # [s] before people want to cross that drivers notice
HARDEST = np.float32(8.0)  # [m/s²] of braking, whatever happens
_CAN_STOP = np.float32(6.0)  # [m/s²] of braking that a driver accepts for people at a crossing
_CLOSE_UP = np.float32(1.5)  # [m] that a driver stops closer to a line than to a bumper
_ROOM = np.float32(7.0)  # [m] that he keeps behind what blocks one of two lanes, to get out again
_URGE = np.float32(1.5)  # [m/s²] that it is worth to leave a blocked lane
_FAR = np.float32(1e6)  # [m]
_NO_DRIFT = np.float32(1e-6)  # [m/s] of a car that stands in the middle of a change of lanes
_PI = np.float32(np.pi)


@kernel(inline="always")  # numba cannot return a record
def look_around(actors, spans, guest, street, driver):
    """The `Scene` at this moment; `spans` are filled."""
    used, busy = 0, 0
    for k in range(actors.shape[0]):
        note(spans, k, actors[k], street)
        if actors[k].kind != NOBODY:
            used = k + 1
            if actors[k].kind == PEDESTRIAN and (actors[k].drift != ZERO or actors[k].timer < SOON):
                busy |= 1 << actors[k].lane
    return Scene(actors, spans, used, busy, lap_of(street), guest, street, driver)


@kernel
def _blocks(scene, found):
    """Whether what was found will not drive on."""
    if found < 0:
        return False
    kind = scene.actors[found].kind
    return kind in (PARKED, CONE, BARRIER)


@kernel
def _wish(car, street):
    """The speed [m/s] that a car would like to have where it is."""
    return min(car.desired_speed, street.points[point_at(car.along, street), 5])


@kernel
def _line_gap(scene, k):
    """Gap to the next stop line where a car must and can stop [m]."""
    car, street, best = scene.actors[k], scene.street, _FAR
    for c in range(street.crossings.shape[0]):
        crossing = street.crossings[c]
        if crossing >= ZERO and (scene.busy >> c) & 1:
            distance = ahead_of(car.along, crossing, car.direction, scene.lap) - STOP_LINE
            gap = clear_gap(car, (ZERO, crossing), distance, street)
            if ZERO <= gap < best and car.speed * car.speed <= np.float32(2.0) * _CAN_STOP * gap:
                best = gap
    return best


@kernel
def acceleration_in(scene, k, corridor):
    """Acceleration of a car that drives in a corridor [m/s²], and what is next there, as of `nearest`."""
    car, driver = scene.actors[k], scene.driver
    wish, gap, approach = _wish(car, scene.street), _FAR, ZERO
    found, distance = nearest(scene, k, corridor, car.direction)
    if found != NONE:
        speed, half_length, along = motion_of(scene, found, car.direction)
        gap, approach = clear_gap(car, (half_length, along), distance, scene.street), car.speed - speed
        if scene.street.lanes > 1 and _blocks(scene, found):
            gap -= _ROOM
    acceleration = idm_acceleration(car.speed, wish, gap, approach, driver)
    if scene.busy != 0:
        gap = _line_gap(scene, k) + _CLOSE_UP
        acceleration = min(acceleration, idm_acceleration(car.speed, wish, gap, car.speed, driver))
    return max(acceleration, -HARDEST), found, distance


@kernel
def _of_follower(scene, k, found, gap, leader_speed):
    """Accelerations of who is behind car k [m/s²], as it is and with a leader of a speed `gap` ahead."""
    if found == NONE:
        return ZERO, ZERO
    direction = scene.actors[k].direction
    speed, _, _ = motion_of(scene, found, direction)
    speed = max(speed, ZERO)
    before, wish = ZERO, speed
    if found != GUEST:
        before, wish = scene.actors[found].acceleration, _wish(scene.actors[found], scene.street)
    return before, idm_acceleration(speed, wish, gap, speed - leader_speed, scene.driver)


@kernel
def _change_pays(scene, k, there):
    """Whether car k, in the corridor of its lane, should change to the corridor `there`."""
    car, driver = scene.actors[k], scene.driver
    here = (car.side, ZERO, ZERO, there[3])
    own, leader, _ = acceleration_in(scene, k, there)
    if own < -driver.safe_deceleration:
        return False
    found, distance = nearest(scene, k, there, -car.direction)
    behind = _of_follower(scene, k, found, distance - car.half_length, car.speed)
    if behind[1] < -driver.safe_deceleration:
        return False
    ahead, free = nearest(scene, k, here, car.direction)
    left = _left_behind(scene, k, here, (ahead, free))
    stay = car.acceleration - (_URGE if _blocks(scene, ahead) else ZERO)
    own -= _URGE if _blocks(scene, leader) else ZERO
    return mobil_wants_change((stay, own), behind, left, driver)


@kernel
def _left_behind(scene, k, here, leader):
    """Accelerations of who is behind car k [m/s²], with it there and without; `leader` is of `nearest`."""
    car = scene.actors[k]
    found, distance = nearest(scene, k, here, -car.direction)
    if leader[0] == NONE:
        return _of_follower(scene, k, found, _FAR, ZERO)
    speed, _, _ = motion_of(scene, leader[0], car.direction)
    return _of_follower(scene, k, found, distance + leader[1], speed)


@kernel
def _decide(scene, k, key, dt):
    """Let a car think about changing lanes when it is time to; MOBIL."""
    car, street = scene.actors[k], scene.street
    car.timer -= dt
    if car.timer > ZERO or car.drift != ZERO:
        return
    car.timer = between(key, k, np.float32(0.4), np.float32(0.6))
    width = street.points[point_at(car.along, street), 4]
    side = lane_side(car.direction, 1 - car.lane, width, street)
    if _change_pays(scene, k, (side, ZERO, ZERO, car.half_width + MARGIN)):
        car.lane = 1 - car.lane
        car.drift = _NO_DRIFT if side > car.side else -_NO_DRIFT
        note(scene.spans, k, car, street)


@kernel
def _advance(car, street, dt):
    """Move a car by one step.

    d along / dt = direction · v / (1 − κ · side)
    """
    speed = max(car.speed + car.acceleration * dt, ZERO)
    forward = HALF * (car.speed + speed) * dt
    car.speed = speed
    stretch = ONE - street.points[point_at(car.along, street), 3] * car.side
    stride = car.direction * forward / max(stretch, np.float32(0.2))
    car.along = wrapped(car.along + stride, lap_of(street))
    width = street.points[point_at(car.along, street), 4]
    turn = ZERO if car.direction > ZERO else _PI
    target = lane_side(car.direction, car.lane, width, street)
    if car.drift == ZERO:
        car.side = target
    else:
        turn += _swerve(car, target, street.lane_width * width, forward) * car.direction
    put_on_road(car, turn, street)


@kernel
def _swerve(car, target, width, forward):
    """Move a car that changes lanes to the side; returns by how much it points off the road's direction."""
    missing = target - car.side
    slope = swerve_slope(missing, car.speed, width)
    if abs(missing) <= slope * forward + np.float32(1e-4):
        car.side, car.drift = target, ZERO
        return ZERO
    sign = ONE if missing > ZERO else -ONE
    car.side += sign * slope * forward
    car.drift = sign * max(slope * car.speed, _NO_DRIFT)
    return sign * np.arctan(slope)


@kernel
def step_traffic(actors, spans, guest, street, driver, key, dt):
    """Move all cars among the actors by one step.

    Args:
        actors: (M,) `ACTOR` records, changed in place. A car changes lanes while its `drift` is not 0; `lane`
            is then the lane it goes to.
        spans: of `room_for_spans`, to work in.
        guest: `Guest`, which drives itself.
        street: `Street`.
        driver: `DRIVER` record.
        key: of the step; draws 0 … M − 1 are taken.
        dt: [s].
    """
    dt = np.float32(dt)
    scene = look_around(actors, spans, guest, street, driver)
    for k in range(scene.used):
        if actors[k].kind == CAR:
            width = street.points[point_at(actors[k].along, street), 4]
            corridor = corridor_of(actors[k], width, street)
            actors[k].acceleration = acceleration_in(scene, k, corridor)[0]
    if street.lanes > 1:
        for k in range(scene.used):
            if actors[k].kind == CAR:
                _decide(scene, k, key, dt)
    for k in range(scene.used):
        if actors[k].kind == CAR:
            _advance(actors[k], street, dt)
