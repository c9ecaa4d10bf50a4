"""Where traffic starts: cars on all lanes, apart, and no faster than they could stop."""

import numpy as np

from envs.driving.actors import CAR, NOBODY
from envs.driving.compiling import kernel
from envs.driving.lanes import (
    GUEST,
    MARGIN,
    NONE,
    ZERO,
    clear_gap,
    lane_side,
    lap_of,
    motion_of,
    nearest,
    point_at,
    put_on_road,
)
from envs.driving.randomness import between, uniform
from envs.driving.traffic import look_around

_TRIES = 40  # of a place for one car
_DRAWS = 256  # of one car
_APART = np.float32(4.0)  # [m] at least between two bumpers
_SLOWEST, _FASTEST = np.float32(6.0), np.float32(11.0)  # [m/s] range of desired speeds
_BRAKING = np.float32(2.0)  # [m/s²] that would do to stop behind whatever is ahead
_AHEAD, _BEHIND = np.float32(25.0), np.float32(12.0)  # [m] of its lane that a guest has for itself
_PI = np.float32(np.pi)


@kernel
def _gap_in(scene, k, sense):
    """What is next in the lane of a car, as of `nearest`, and the gap between bumpers [m]."""
    car = scene.actors[k]
    found, distance = nearest(scene, k, (car.side, ZERO, ZERO, car.half_width + MARGIN), sense)
    if found == NONE:
        return found, distance - car.half_length
    _, half_length, along = motion_of(scene, found, car.direction)
    return found, clear_gap(car, (half_length, along), distance, scene.street)


@kernel
def _fits(scene, k):
    """Whether a car is far enough from all that was there before."""
    direction = scene.actors[k].direction
    found, gap = _gap_in(scene, k, direction)
    if gap < (_BEHIND if found == GUEST else _APART):
        return False
    found, gap = _gap_in(scene, k, -direction)
    return gap >= (_AHEAD if found == GUEST else _APART)


@kernel
def _draw_place(car, street, key, counter):
    """Draw a place on any lane of either direction."""
    car.direction = np.float32(1.0) if uniform(key, counter) < np.float32(0.5) else np.float32(-1.0)
    car.lane = min(int(uniform(key, counter + 1) * np.float32(street.lanes)), street.lanes - 1)
    car.along = min(uniform(key, counter + 2), np.float32(1.0 - 2.0**-20)) * lap_of(street)
    width = street.points[point_at(car.along, street), 4]
    car.side = lane_side(car.direction, car.lane, width, street)


@kernel
def _draw_car(car, looks, key, counter):
    """Draw what a car looks like and how fast it would like to be."""
    sizes, colours, pace = looks
    car.kind = CAR
    car.model = min(int(uniform(key, counter) * np.float32(sizes.shape[0])), sizes.shape[0] - 1)
    car.colour = min(int(uniform(key, counter + 1) * np.float32(colours)), colours - 1)
    car.half_length, car.half_width = sizes[car.model, 0], sizes[car.model, 1]
    car.desired_speed = between(key, counter + 2, _SLOWEST, _FASTEST) * np.float32(pace)
    car.timer = between(key, counter + 3, ZERO, np.float32(0.5))
    car.speed = car.acceleration = car.drift = ZERO


@kernel
def _safe_speed(scene, k):
    """The speed [m/s] to start with: what is wished for, if whatever is ahead could stop at once.

    v ≤ (s − s₀) / T  and  v² ≤ 2 b (s − s₀)
    """
    car, driver = scene.actors[k], scene.driver
    _, gap = _gap_in(scene, k, car.direction)
    free = max(gap - driver.minimum_gap, ZERO)
    wish = min(car.desired_speed, scene.street.points[point_at(car.along, scene.street), 5])
    return min(wish, free / driver.time_headway, np.sqrt(np.float32(2.0) * _BRAKING * free))


@kernel
def place_cars(actors, spans, places, guest, street, driver, looks, key):
    """Put cars on the road, all where nothing is; speeds are such that all could stop for what is ahead.

    A guest has 25 m of its lane free ahead and 12 m behind.

    Args:
        actors: (M,) `ACTOR` records; cars are filled in, places without one are emptied.
        spans: of `lanes.room_for_spans`, to work in.
        places: index of the first car and how many cars are asked for.
        guest: `Guest`.
        street: `Street`.
        driver: `DRIVER` record.
        looks: half length and half width [m] of the models of cars (K, 2) float32, how many colours,
            and what the desired speeds, 6 … 11 m/s, are multiplied by.
        key: of the episode; draws 0 … 256 · asked − 1 are taken.

    Returns:
        how many cars fitted.
    """
    first, asked = places
    for k in range(first, first + asked):
        actors[k].kind = NOBODY
    fitted = 0
    for n in range(asked):
        k = first + fitted
        _draw_car(actors[k], looks, key, _DRAWS * n)
        scene = look_around(actors, spans, guest, street, driver)
        for attempt in range(_TRIES):
            _draw_place(actors[k], street, key, _DRAWS * n + 4 + 3 * attempt)
            if _fits(scene, k):
                fitted += 1
                break
        else:
            actors[k].kind = NOBODY
    scene = look_around(actors, spans, guest, street, driver)
    for k in range(first, first + fitted):
        actors[k].speed = _safe_speed(scene, k)
        put_on_road(actors[k], ZERO if actors[k].direction > ZERO else _PI, street)
    return fitted
