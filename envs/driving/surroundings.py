"""Surroundings: what is near a car on its road, as its driver sees it. Part of the privileged state.

Distances ahead are along the road; to the side they are positive to the driver's left.
"""

import numpy as np

from envs.driving.actors import NOBODY, PEDESTRIAN
from envs.driving.compiling import kernel
from envs.driving.labels import bend_ahead
from envs.driving.sections import LANE_WIDTH

SIGHT = np.float32(40.0)  # [m] ahead that matters
NEAREST = 3  # things ahead, each with distance, side, half width and approach
EGO_CENTRE = np.float32(-0.08)  # [m] centre of gravity → middle of the car's box
EGO_HALF_LENGTH, EGO_HALF_WIDTH = np.float32(2.1), np.float32(0.9)  # [m]
_MARGIN = np.float32(0.3)  # [m] that a driver keeps to the side
_BESIDE = np.float32(3.4)  # [m] to the side within which who walks is in the way
_PAST, _SETS_OFF = np.float32(3.0), np.float32(3.0)  # [m] beyond a crossing; [m/s] from rest, on average
_WAYS = 5  # places across to each side of the car, a metre apart, for which the free way is told
_CLEARANCE = np.float32(0.1)  # [m] to the side that leaves a way free
_TO_SIDE = np.float32(1.0 / 7.0)
_SPEED = np.float32(0.1)
_BEND = np.float32(20.0)
_ONE, _ZERO, _HALF, _TWICE = np.float32(1.0), np.float32(0.0), np.float32(0.5), np.float32(2.0)

FAR = (45.0, 60.0, 80.0)  # [m] at which the road's curvature is told as well
ROADSIDE = ("left_edge", "right_edge", "middle", "curvature_45", "curvature_60", "curvature_80")
"""Where the road is and goes; all that there is on a raceway."""
SURROUNDINGS = (
    *ROADSIDE,
    "crossing",
    "crossing_busy",
    "crossing_side",
    *(
        f"{corridor}_{what}"
        for corridor in ("left", "own", "right")
        for what in ("gap", "approach", "behind_gap", "behind_approach")
    ),
    *(f"thing_{k}_{what}" for k in range(NEAREST) for what in ("gap", "side", "half_width", "approach")),
    *(f"way_{k:+d}" for k in range(-_WAYS, _WAYS + 1)),
)
"""Each of about ± 1: sides / 7 m, distances / 40 m and 1 for nothing, speeds / 10 m/s, bends · 20 m.

`way_+2` is how far the car could go on 2 m to the left of where it is before it hit something; 0 beyond the
road's edges.
"""
_CROSSING = len(ROADSIDE)
_CORRIDORS, _THINGS = _CROSSING + 3, _CROSSING + 15
_WAY = _THINGS + 4 * NEAREST


@kernel
def _wrap(distance, lap):
    """A distance along the road, the shorter way round."""
    return distance - lap * np.floor(distance / lap + _HALF)


@kernel
def place_of_actor(row, actor, along, lap):
    """Where an actor is: ahead and to the left [m], and how fast it comes nearer [m/s], as the driver has it.

    Args:
        row: `ROW` record.
        actor: `ACTOR` record.
        along: of the car [m].
        lap: length of the road [m].
    """
    ahead = _wrap((actor.along - along) * row.direction, lap)
    left = (actor.side - row.offset) * row.direction * row.mirror
    return ahead, left, row.vx - actor.speed * actor.direction * row.direction


@kernel
def gives_way_to(row, person, ahead):
    """Whether a driver has to let somebody cross: who is in the car's way, or will be before it is past.

    Args:
        row: `ROW` record.
        person: `ACTOR` record of who walks on a crossing.
        ahead: the crossing's distance [m].
    """
    left = (person.side - row.offset) * row.direction * row.mirror
    comes = person.drift * row.direction * row.mirror * left < _ZERO
    time = max(ahead + _PAST, _ZERO) / max(row.vx, _SETS_OFF)
    return abs(left) < _BESIDE + (abs(person.drift) * time if comes else _ZERO)


@kernel
def lead(row, actors, along, lap):
    """Gap to what is next in the car's own way [m], its speed [m/s] and its kind; `NOBODY` for none."""
    gap, speed, kind = np.float32(1e6), _ZERO, NOBODY
    for k in range(actors.shape[0]):
        it = actors[k]
        if it.kind == NOBODY:
            continue
        ahead, left, approach = place_of_actor(row, it, along, lap)
        free = ahead - it.half_length - EGO_HALF_LENGTH
        if ahead > _ZERO and free < gap and abs(left) < it.half_width + EGO_HALF_WIDTH + _MARGIN:
            gap, speed, kind = max(free, _ZERO), row.vx - approach, it.kind
    return gap, speed, kind


@kernel
def _see_corridor(see, number, ahead, free, approach):
    """Take note of something in one of the three corridors."""
    at = _CORRIDORS + 4 * number + (0 if ahead > _ZERO else 2)
    gap = min(max(free, _ZERO) / SIGHT, _ONE)
    if gap < see[at]:
        see[at], see[at + 1] = gap, (approach if ahead > _ZERO else -approach) * _SPEED


@kernel
def _see_thing(see, ahead, left, half_width, approach):
    """Take note of something among the nearest things ahead, in order."""
    gap = ahead / SIGHT
    for k in range(NEAREST):
        at = _THINGS + 4 * k
        if gap < see[at]:
            for other in range(NEAREST - 1, k, -1):
                for part in range(4):
                    see[_THINGS + 4 * other + part] = see[_THINGS + 4 * other + part - 4]
            see[at], see[at + 1] = gap, left * np.float32(0.25)
            see[at + 2], see[at + 3] = half_width, approach * _SPEED
            return


@kernel
def _see_way(see, left, half_width, free):
    """Take note of how far the way is free at the places across the road where something would be hit."""
    reach = half_width + EGO_HALF_WIDTH + _CLEARANCE
    gap = min(max(free, _ZERO) / SIGHT, _ONE)
    first = max(int(np.ceil(left - reach)), -_WAYS)
    for k in range(first, min(int(np.floor(left + reach)), _WAYS) + 1):
        see[_WAY + _WAYS + k] = min(see[_WAY + _WAYS + k], gap)


@kernel
def _see_edges(row, half_width, see):
    """Begin with a free way everywhere on the road and none beyond its edges."""
    left = half_width - row.offset * row.direction * row.mirror
    for k in range(-_WAYS, _WAYS + 1):
        place = np.float32(k)
        inside = left - _TWICE * half_width < place < left
        see[_WAY + _WAYS + k] = _ONE if inside else _ZERO


@kernel
def see_road(row, centreline, spacing, half_width, see):
    """Fill the first numbers of `see` with `ROADSIDE`.

    Args:
        row: `ROW` record.
        centreline: (P, 6) of the level.
        spacing: [m] between its points.
        half_width: half the road's width here [m].
        see: filled.
    """
    from_middle = -row.offset * row.direction * row.mirror  # to the driver's right of the middle
    see[0], see[1] = (half_width + from_middle) * _TO_SIDE, (half_width - from_middle) * _TO_SIDE
    see[2] = from_middle * _TO_SIDE
    for k in range(len(FAR)):
        metres = np.float32(FAR[k])
        see[3 + k] = bend_ahead(row, centreline, centreline.shape[0], spacing, metres) * _BEND


@kernel
def look_round(row, actors, crossings, road, see):
    """Fill what follows `ROADSIDE` in `SURROUNDINGS`.

    Args:
        row: `ROW` record.
        actors: (M,) `ACTOR` records.
        crossings: (C,) along the road [m], −1 for none.
        road: the car's place along [m], the lap [m], half the road's width here [m].
        see: (44,), filled.
    """
    along, lap, half_width = road
    see[_CROSSING], see[_CROSSING + 1], see[_CROSSING + 2] = _ONE, _ZERO, _ZERO
    for at in range(_CORRIDORS, see.shape[0]):
        see[at] = _ZERO
    for number in range(3):
        see[_CORRIDORS + 4 * number] = see[_CORRIDORS + 4 * number + 2] = _ONE
        see[_THINGS + 4 * number] = _ONE
    _see_crossing(row, actors, crossings, (along, lap), see)
    _see_edges(row, half_width, see)
    for k in range(actors.shape[0]):
        it = actors[k]
        if it.kind == NOBODY:
            continue
        ahead, left, approach = place_of_actor(row, it, along, lap)
        if abs(ahead) > SIGHT + it.half_length:
            continue
        free = abs(ahead) - it.half_length - EGO_HALF_LENGTH
        for number in range(3):
            middle = np.float32(LANE_WIDTH) * np.float32(1 - number)
            if abs(left - middle) < it.half_width + EGO_HALF_WIDTH + _MARGIN:
                _see_corridor(see, number, ahead, free, approach)
        if ahead > _ZERO:
            _see_way(see, left, it.half_width, free)
            if abs(it.side) < half_width + _ONE:
                _see_thing(see, ahead, left, it.half_width, approach)


@kernel
def _see_crossing(row, actors, crossings, place, see):
    """Take note of the next crossing ahead and of somebody there for whom the car has to stop."""
    along, lap = place
    for c in range(crossings.shape[0]):
        ahead = _wrap((crossings[c] - along) * row.direction, lap)
        if crossings[c] < _ZERO or ahead < np.float32(-2.0) or ahead > SIGHT * see[_CROSSING]:
            continue
        see[_CROSSING], nearest = max(ahead, _ZERO) / SIGHT, np.float32(1e6)
        see[_CROSSING + 1] = see[_CROSSING + 2] = _ZERO
        for k in range(actors.shape[0]):
            it = actors[k]
            walks = it.kind == PEDESTRIAN and it.lane == c and it.drift != _ZERO
            left = (it.side - row.offset) * row.direction * row.mirror
            if walks and abs(left) < nearest and gives_way_to(row, it, ahead):
                nearest = abs(left)
                see[_CROSSING + 1], see[_CROSSING + 2] = _ONE, left * _TO_SIDE


@kernel
def look_ahead(rows, actors, roads, ahead):
    """Fill `ahead` (N, 3): gap to what is next in the car's way [m], its speed [m/s], people on the road.

    The gap is 1e6 where there is nothing; people count who walk within 40 m.
    """
    for n in range(rows.shape[0]):
        row = rows[n]
        lap = np.float32(roads.counts[row.level]) * roads.spacings[row.level]
        along = np.float32(row.nearest) * roads.spacings[row.level] + row.advance
        ahead[n, 0], ahead[n, 1], _ = lead(row, actors[n], along, lap)
        ahead[n, 2] = _ZERO
        for k in range(actors.shape[1]):
            it = actors[n, k]
            if it.kind == PEDESTRIAN and it.drift != _ZERO:
                far, _, _ = place_of_actor(row, it, along, lap)
                ahead[n, 2] += _ONE if _ZERO < far < SIGHT else _ZERO


def surroundings_of(lanes: int, plain: bool) -> tuple[str, ...]:
    """What the privileged state tells beside the lane, for a road's lanes each way (0: no lanes)."""
    if plain:
        return ()
    return SURROUNDINGS if lanes > 0 else ROADSIDE
