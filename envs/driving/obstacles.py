"""Obstacles: cones, barriers and parked cars, placed so that there is always a way past."""

import numpy as np

from envs.driving.actors import BARRIER, CONE, NOBODY, PARKED
from envs.driving.compiling import kernel
from envs.driving.lanes import lap_of, point_at, put_on_road
from envs.driving.randomness import between, uniform
from envs.driving.shapes import M_BARRIER, M_CONE, NUM_CAR_PAINTS, NUM_CARS, SIZES

_APART = np.float32(24.0)  # [m] at least along the road from one obstacle to the next
_FROM_START = np.float32(25.0)  # [m] free ahead of and behind the car at the start
_FROM_CROSSING = np.float32(14.0)  # [m] free before and behind a crossing
_TRIES = 12  # for each obstacle
_DRAWS = 64  # of the stream for each


@kernel
def _away(a, b, lap):
    """Distance along the closed road from a to b [m], whichever way is shorter."""
    gap = a - b
    return abs(gap - lap * np.rint(gap / lap))


@kernel
def _is_free(actors, along, guest, street):
    """Whether an obstacle may stand at a place along the road."""
    lap = lap_of(street)
    if _away(along, guest.along, lap) < _FROM_START:
        return False
    for crossing in street.crossings:
        if crossing >= 0.0 and _away(along, crossing, lap) < _FROM_CROSSING:
            return False
    for k in range(actors.shape[0]):
        standing = actors[k].kind == CONE or actors[k].kind == BARRIER or actors[k].kind == PARKED
        if standing and _away(along, actors[k].along, lap) < _APART:
            return False
    return True


@kernel
def _become(actor, kind, model, place, turn, street):
    """Let an empty place hold something that stands; `place` is along and to the side [m]."""
    actor.kind, actor.model = kind, model
    actor.half_length, actor.half_width = SIZES[model, 0], SIZES[model, 1]
    actor.along, actor.side, actor.direction = place[0], place[1], np.float32(0.0)
    actor.speed, actor.drift, actor.acceleration, actor.lane = 0.0, 0.0, 0.0, 0
    put_on_road(actor, turn, street)


@kernel
def place_obstacles(actors, places, guest, street, parked, key):
    """Put obstacles on the road, or cars beside it.

    Cones and barriers stand anywhere in the lanes. There is at most one thing within 24 m of road, none of
    them wider than a lane, so the rest of the road is free.

    Args:
        actors: (M,) `ACTOR` records; obstacles are filled in.
        places: index of the first and how many are asked for.
        guest: `Guest`, whose surroundings stay free.
        street: `Street`.
        parked: 0: cones and barriers; 1: cars parked beyond the edge; 2: cars parked half on the road.
        key: of the episode.

    Returns:
        how many fitted.
    """
    first, asked = places
    found = 0
    for n in range(asked):
        actors[first + n].kind = NOBODY
        for attempt in range(_TRIES):
            draw = _DRAWS * n + 4 * attempt
            along = uniform(key, draw) * lap_of(street)
            if _is_free(actors, along, guest, street):
                if parked > 0:
                    _park(actors[first + found], along, parked, street, key, draw)
                else:
                    _put_up(actors[first + found], along, street, key, draw)
                found += 1
                break
    return found


@kernel
def _half_width(along, street):
    """Middle of the road → its edge at a place along it [m]."""
    return street.half_width * street.points[point_at(along, street), 4]


@kernel
def _park(actor, along, parked, street, key, draw):
    """Park a car beside the road (1) or half on it (2), the way traffic goes there."""
    model = int(uniform(key, draw + 1) * NUM_CARS)
    left = uniform(key, draw + 2) < np.float32(0.5)
    beyond = np.float32(1.3) if parked == 1 else np.float32(-0.9)
    side = (_half_width(along, street) + beyond) * (np.float32(1.0) if left else np.float32(-1.0))
    turn = np.float32(np.pi) if left == (street.keep > 0.0) else np.float32(0.0)
    _become(actor, PARKED, model, (along, side), turn, street)
    actor.colour = int(uniform(key, draw + 3) * NUM_CAR_PAINTS)


@kernel
def _put_up(actor, along, street, key, draw):
    """Put a cone or a barrier anywhere in the lanes."""
    barrier = uniform(key, draw + 1) < np.float32(0.4)
    side = between(key, draw + 2, -1.0, 1.0) * (_half_width(along, street) - np.float32(1.2))
    kind, model = (BARRIER, M_BARRIER) if barrier else (CONE, M_CONE)
    _become(actor, kind, model, (along, side), np.float32(0.0), street)
