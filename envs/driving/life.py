"""Life on the road: who is there when an episode begins, what they do, what they hold against the car."""

import numpy as np

from envs.driving.actors import BARRIER, CONE, NOBODY, PEDESTRIAN
from envs.driving.collision import boxes_overlap, first_hit
from envs.driving.compiling import FAST, kernel
from envs.driving.lanes import Guest, Street, lap_of
from envs.driving.metrics import FAILED_TO_YIELD, HIT_PEDESTRIAN, HIT_STATIC, HIT_VEHICLE, WRONG_WAY
from envs.driving.obstacles import place_obstacles
from envs.driving.params import CONTROL_STEP
from envs.driving.pedestrians import place_pedestrians, step_pedestrians
from envs.driving.placing import place_cars
from envs.driving.randomness import STREAM_ACTORS, STREAM_TRAFFIC, mix, stream_key
from envs.driving.sections import LANE_WIDTH, M_HALF_WIDTH, M_LANES
from envs.driving.shapes import M_PERSON, NUM_CAR_PAINTS, NUM_CARS, SIZES
from envs.driving.surroundings import EGO_CENTRE, EGO_HALF_LENGTH, EGO_HALF_WIDTH, lead
from envs.driving.traffic import step_traffic

_CAR_SIZES = SIZES[:NUM_CARS, :2].copy()
_PERSON = (M_PERSON, NUM_CAR_PAINTS, np.float32(0.3), np.float32(0.3))
_DT = np.float32(CONTROL_STEP)
_ON_CROSSING = np.float32(2.0)  # [m] half the length of a crossing
_BEFORE_FEET = np.float32(2.6)  # [m] to the side of somebody who walks
_SLOW = np.float32(0.5)  # [m/s] one may stand on a crossing
_ASTRAY = np.float32(1.0)  # [s] on the wrong side that count
_HALF = np.float32(0.5)


@kernel
def take_lane(row, width, marks):
    """Find the middle and half the width of the lane that the car is in, or nearest to on its own side [m].

    On a road without lanes it is the middle of the road.
    """
    lanes = marks[M_LANES]
    if lanes <= 0:
        row.lane_side, row.lane_half = np.float32(0.0), marks[M_HALF_WIDTH]
        return
    lane_width = np.float32(LANE_WIDTH) * width
    from_middle = -row.offset * row.direction * row.mirror
    lane = min(max(np.floor(from_middle / lane_width), np.float32(0.0)), lanes - np.float32(1.0))
    row.lane_side = -row.direction * row.mirror * (lane + _HALF) * lane_width
    row.lane_half = _HALF * lane_width


@kernel
def street_of(row, road):
    """The `Street` that a row drives on; `road` as `rows` has it, without scenery."""
    centreline, spacing, crossings, marks = road
    lanes, width = max(int(marks[M_LANES]), 1), np.float32(LANE_WIDTH)
    return Street(centreline, spacing, crossings, lanes, width, marks[M_HALF_WIDTH], row.mirror)


@kernel
def guest_of(row, street):
    """The car as a `Guest` of the others."""
    point = street.points[row.nearest]
    turn = row.yaw - point[2]
    cos, sin = np.cos(turn), np.sin(turn)
    long = EGO_HALF_LENGTH * abs(cos) + EGO_HALF_WIDTH * abs(sin)
    wide = EGO_HALF_LENGTH * abs(sin) + EGO_HALF_WIDTH * abs(cos)
    lap = lap_of(street)
    along = np.float32(row.nearest) * street.spacing + row.advance
    along = along - lap if along >= lap else along + lap if along < 0.0 else along
    return Guest(along, row.offset, row.vx * cos, long, wide)


@kernel
def begin_life(row, actors, spans, street, driver, counts):
    """Fill the road for a new episode.

    Args:
        row: `ROW` record, placed.
        actors: (M,) `ACTOR` records, filled.
        spans: of `lanes.room_for_spans`, to work in.
        street: `Street`.
        driver: `DRIVER` record of the others.
        counts: how many cars move, are parked and where (1: beside the road, 2: half on it), how many cones
            and barriers, how many people.
    """
    moving, parked, where, standing, people = counts
    key = stream_key(row.seed, row.episode, 0, STREAM_ACTORS)
    guest = guest_of(row, street)
    for k in range(actors.shape[0]):
        actors[k].kind = NOBODY
    place_pedestrians(actors, (moving, people), street, _PERSON, mix(key, np.uint64(1)))
    first = moving + people
    place_obstacles(actors, (first, standing), guest, street, 0, mix(key, np.uint64(2)))
    place_obstacles(actors, (first + standing, parked), guest, street, where, mix(key, np.uint64(3)))
    looks = (_CAR_SIZES, NUM_CAR_PAINTS, np.float32(1.0))
    place_cars(actors, spans, (0, moving), guest, street, driver, looks, mix(key, np.uint64(4)))


@kernel
def go_on_living(row, actors, spans, street, driver):
    """Let everybody move for one control step, and note how near a collision was."""
    if actors.shape[0] == 0:
        return
    key = stream_key(row.seed, row.episode, row.step, STREAM_TRAFFIC)
    guest = guest_of(row, street)
    step_pedestrians(actors, guest, street, key, _DT)
    step_traffic(actors, spans, guest, street, driver, key, _DT)
    gap, speed, _ = lead(row, actors, guest.along, lap_of(street))
    closing = row.vx - speed
    if closing > _SLOW:
        row.nearest_miss = min(row.nearest_miss, gap / closing)


@kernel(fastmath=FAST)
def _any_near(places, x, y):
    """Whether anything beside the road is so near that the car may touch it."""
    near = 0
    for k in range(places.shape[1]):
        reach = places[2, k] + EGO_HALF_LENGTH
        near |= (abs(places[0, k] - x) < reach) & (abs(places[1, k] - y) < reach)
    return near != 0


@kernel
def hit_kind(row, actors, scenery, places):
    """The infraction of the collision that the car is in, 0 for none.

    Args:
        row: `ROW` record.
        actors: (M,) `ACTOR` records.
        scenery: (K,) `SCENERY` records.
        places: (3, K) float32: x, y, radius [m] of the scenery; more of them do not matter.
    """
    number = first_hit(row, EGO_CENTRE, EGO_HALF_LENGTH, EGO_HALF_WIDTH, actors)
    if number >= 0:
        kind = actors[number].kind
        if kind == PEDESTRIAN:
            return HIT_PEDESTRIAN
        return HIT_STATIC if kind in (CONE, BARRIER) else HIT_VEHICLE
    x, y = row.x + EGO_CENTRE * np.cos(row.yaw), row.y + EGO_CENTRE * np.sin(row.yaw)
    for k in range(scenery.shape[0] if _any_near(places, x, y) else 0):
        it, reach = scenery[k], places[2, k] + EGO_HALF_LENGTH
        if abs(it.x - x) < reach and abs(it.y - y) < reach:
            box = (it.x, it.y, it.yaw, SIZES[it.model, 0] * it.scale, SIZES[it.model, 1] * it.scale)
            if boxes_overlap((x, y, row.yaw, EGO_HALF_LENGTH, EGO_HALF_WIDTH), box):
                return HIT_STATIC
    return 0


@kernel
def _pushes(row, actors, street):
    """Whether the car is on a crossing right before somebody who walks there."""
    if row.vx < _SLOW:
        return False
    lap, along = lap_of(street), np.float32(row.nearest) * street.spacing + row.advance
    for c in range(street.crossings.shape[0]):
        away = along - street.crossings[c]
        if street.crossings[c] < 0.0 or abs(away - lap * np.rint(away / lap)) > _ON_CROSSING:
            continue
        for k in range(actors.shape[0]):
            it = actors[k]
            walking = it.kind == PEDESTRIAN and it.lane == c and it.drift != 0.0
            if walking and abs(it.side - row.offset) < _BEFORE_FEET:
                return True
    return False


@kernel
def new_events(row, actors, street):
    """Whether the car now begins to push people off a crossing, and to drive on the wrong side.

    The second counts where there are two lanes each way, so that nobody needs the other side.
    """
    pushes = actors.shape[0] > 0 and _pushes(row, actors, street)
    rude = pushes and not row.pushing
    row.pushing = pushes
    wrong = street.lanes > 1 and row.offset * row.direction * row.mirror > 0.0
    before = row.wrong_time
    row.wrong_time = before + _DT if wrong else np.float32(0.0)
    astray = before < _ASTRAY and row.wrong_time >= _ASTRAY
    row.infractions[FAILED_TO_YIELD] += 1 if rude else 0
    row.infractions[WRONG_WAY] += 1 if astray else 0
    return rude, astray
