"""People who wait at crossings, and cross when everybody who comes can stop."""

import numpy as np

from envs.driving.actors import CAR, PEDESTRIAN
from envs.driving.compiling import kernel
from envs.driving.lanes import HALF, ONE, ZERO, ahead_of, lap_of, point_at, put_on_road
from envs.driving.randomness import between, uniform
from envs.driving.traffic import STOP_LINE

_AWAY = np.float32(0.7)  # [m] from the kerb where people wait
_SHORTEST_WAIT, _LONGEST_WAIT = np.float32(2.0), np.float32(8.0)  # [s]
_ERRAND = np.float32(5.0)  # times as long as others wait to cross, until who has crossed wants to come back
_SLOWEST, _FASTEST = np.float32(1.2), np.float32(1.7)  # [m/s]
_PATIENCE = np.float32(4.0)  # [s] until people who find no gap let the cars go first
_COMFORT = np.float32(3.0)  # [m/s²] of braking that people ask of others
_STANDS = np.float32(0.3)  # [m/s] below which a guest stands
_BODY = np.float32(1.2)  # [m] to either side of the middle of a crossing that a walker needs
_SPREAD = np.float32(0.8)  # [m] to either side of the middle of a crossing where people wait
_MODEL_DRAWS = 4  # of one person when placed
_FIRST_DRAW = 64  # of a step: those before are the traffic's
_HALF_TURN = np.float32(0.5 * np.pi)


@kernel
def _kerb(person, street):
    """How far from the middle of the road people wait [m]: half width · width factor + 0.7."""
    return street.half_width * street.points[point_at(person.along, street), 4] + _AWAY


@kernel
def _face(person, street):
    """Place somebody in the world, looking over the road."""
    across = person.drift if person.drift != ZERO else -person.side
    put_on_road(person, _HALF_TURN if across > ZERO else -_HALF_TURN, street)


@kernel
def _used(crossings):
    """How many crossings there are; those without a place come last."""
    used = 0
    while used < crossings.shape[0] and crossings[used] >= ZERO:
        used += 1
    return used


@kernel
def place_pedestrians(actors, places, street, looks, key):
    """Put people at the kerbs of crossings, waiting.

    Args:
        actors: (M,) `ACTOR` records, filled in.
        places: index of the first and how many are asked for.
        street: `Street`; its crossings are in front of the −1 that stand for none.
        looks: model, how many colours there are, half length and half width [m].
        key: of the episode; draws 0 … 4 · asked − 1 are taken.

    Returns:
        how many there are: all, or none where the road has no crossing.
    """
    first, asked = places
    used = _used(street.crossings)
    if used == 0:
        return 0
    for n in range(asked):
        person, counter = actors[first + n], _MODEL_DRAWS * n
        person.kind, person.model, person.lane = PEDESTRIAN, looks[0], n % used
        person.colour = min(int(uniform(key, counter) * np.float32(looks[1])), looks[1] - 1)
        person.half_length, person.half_width = np.float32(looks[2]), np.float32(looks[3])
        person.direction = person.drift = person.speed = person.acceleration = ZERO
        person.desired_speed = _FASTEST
        offset = between(key, counter + 1, -_SPREAD, _SPREAD)
        along, lap = street.crossings[person.lane] + offset, lap_of(street)
        person.along = along - lap if along >= lap else (along + lap if along < ZERO else along)
        kerb = _kerb(person, street)
        person.side = kerb if uniform(key, counter + 2) < HALF else -kerb
        person.timer = between(key, counter + 3, _SHORTEST_WAIT, _LONGEST_WAIT)
        _face(person, street)
    return asked


@kernel
def _lets_cross(front, back, speed):
    """Whether a car is no danger for people who set out now.

    Args:
        front: how far before the stop line its front is [m].
        back: how far beyond the strip that walkers need its back is [m].
        speed: [m/s] towards the crossing.
    """
    return back > ZERO or (front >= ZERO and speed * speed <= np.float32(2.0) * _COMFORT * front)


@kernel
def _car_lets_cross(along, direction, speed, half_length, crossing, lap):
    """`_lets_cross` by where a car is and which way it goes, (±1); speed is in that direction [m/s]."""
    ahead = ahead_of(along, crossing, direction, lap)
    if ahead > HALF * lap:
        ahead -= lap
    return _lets_cross(ahead - STOP_LINE - half_length, -ahead - half_length - _BODY, speed)


@kernel
def _safe_to_cross(actors, guest, street, crossing):
    """Whether all cars and the guest can stop comfortably before a crossing, or are past it."""
    lap = lap_of(street)
    for k in range(actors.shape[0]):
        car = actors[k]
        if car.kind == CAR and not _car_lets_cross(
            car.along, car.direction, car.speed, car.half_length, crossing, lap
        ):
            return False
    if abs(guest.speed) < _STANDS:
        away = ahead_of(guest.along, crossing, ONE, lap)
        return min(away, lap - away) > guest.half_length + _BODY
    direction = ONE if guest.speed > ZERO else -ONE
    return _car_lets_cross(guest.along, direction, abs(guest.speed), guest.half_length, crossing, lap)


@kernel
def _walk(person, street, rest, dt):
    """One step of somebody on the road, who never stops there; `rest` [s] is what his errand then takes.

    Long ones: two people who came back at once would keep all cars waiting for good.
    """
    kerb = _kerb(person, street)
    person.side += person.drift * dt
    if abs(person.side) >= kerb and person.side * person.drift > ZERO:
        person.side = kerb if person.side > ZERO else -kerb
        person.drift, person.timer = ZERO, rest


@kernel
def step_pedestrians(actors, guest, street, key, dt):
    """Move all people among the actors by one step.

    `lane` is the index of their crossing, `drift` how fast they walk, `timer` how long until they want to.
    Who finds no gap for some seconds waits anew: else a jam that stands on one crossing, because cars wait
    for people at the next one, would never dissolve.

    Args:
        actors: (M,) `ACTOR` records, changed in place.
        guest: `Guest`.
        street: `Street`.
        key: of the step; draws 64 … 64 + 2 M − 1 are taken.
        dt: [s].
    """
    dt = np.float32(dt)
    for k in range(actors.shape[0]):
        person = actors[k]
        if person.kind == PEDESTRIAN:
            rest = between(key, _FIRST_DRAW + 2 * k, _SHORTEST_WAIT, _LONGEST_WAIT)
            person.timer -= dt
            if person.drift != ZERO:
                _walk(person, street, _ERRAND * rest, dt)
            elif person.timer <= ZERO:
                if _safe_to_cross(actors, guest, street, street.crossings[person.lane]):
                    pace = between(key, _FIRST_DRAW + 2 * k + 1, _SLOWEST, _FASTEST)
                    person.drift = -pace if person.side > ZERO else pace
                elif person.timer < -_PATIENCE:
                    person.timer = rest
            person.speed = abs(person.drift)
            _face(person, street)


@kernel
def crossing_busy(actors, crossings, busy):
    """Fill `busy` (C,), whether somebody walks on each of the crossings (C,)."""
    for c in range(crossings.shape[0]):
        busy[c] = False
    for k in range(actors.shape[0]):
        if actors[k].kind == PEDESTRIAN and actors[k].drift != ZERO:
            busy[actors[k].lane] = True
