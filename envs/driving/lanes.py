"""Where things are on a road with lanes, and what is next ahead or behind there."""

from typing import NamedTuple

import numpy as np

from envs.driving.actors import CAR, NOBODY
from envs.driving.compiling import FAST, inlined, kernel, wide_vectors

ZERO, HALF, ONE, TWO = (np.float32(value) for value in (0.0, 0.5, 1.0, 2.0))
HORIZON = np.float32(70.0)  # [m] drivers look ahead and behind
MARGIN = np.float32(0.3)  # [m] to either side of a car that drivers keep free
NONE, GUEST = -1, -2  # in place of an actor's index
S_ALONG, S_HALF, S_LOW, S_HIGH = range(4)  # what `note` notes
VECTOR = 16  # actors that are looked at at once
_NOWHERE = np.float32(1e9)  # [m]
_KEY_STEPS, _NO_KEY = np.float32(4096.0), np.int32(2**31 - 1)  # a metre; in place of a distance and an index
SWERVE = np.float32(0.45)  # slope of a change of lanes, at most
CROSS_SPEED = np.float32(1.5)  # [m/s] of a change of lanes, at most
_SURE_SWERVE, _SURE_SPEED = np.float32(0.3), np.float32(0.9)  # what a change makes good at least, likewise
_PI = np.float32(np.pi)


class Street(NamedTuple):
    """The road of one level, as traffic knows it."""

    points: np.ndarray  # (P, 6) float32: x, y [m], heading [rad], curvature [1/m], width factor, speed [m/s]
    spacing: np.float32  # [m] between neighbouring points
    crossings: np.ndarray  # (C,) float32 [m] along; negative: none
    lanes: int  # each way, 1 or 2
    lane_width: np.float32  # [m]
    half_width: np.float32  # [m] middle → kerb
    keep: np.float32  # +1: traffic keeps right, −1: left


class Guest(NamedTuple):
    """A car on the road that traffic minds but does not drive."""

    along: np.float32  # [m]
    side: np.float32  # [m] to the left of the centreline
    speed: np.float32  # [m/s] along the centreline, signed
    half_length: np.float32  # [m] of its extent along the road
    half_width: np.float32  # [m] of its extent across the road


class Scene(NamedTuple):
    """All that a driver can see, and how drivers are."""

    actors: np.ndarray  # (M,) `ACTOR` records
    spans: np.ndarray  # (4 · at least M,) float32, see `note`
    used: int  # how many of them may be there; all further ones are NOBODY
    busy: int  # bit c: people cross, or are about to, at crossing c
    lap: np.float32  # [m]
    guest: Guest
    street: Street
    driver: np.record  # `DRIVER`


@kernel
def lap_of(street):
    """Length of the road [m]."""
    return np.float32(street.points.shape[0]) * street.spacing


@kernel
def point_at(along, street):
    """Index of the centreline point nearest to a place along the road."""
    n = int(along / street.spacing + HALF)
    return n if n < street.points.shape[0] else 0


@kernel
def lane_side(direction, lane, width, street):
    """Middle of a lane [m] to the left of the centreline.

    −direction · keep · (lane + ½) · lane width · width factor
    """
    return -direction * street.keep * (np.float32(lane) + HALF) * street.lane_width * width


@kernel
def wrapped(along, lap):
    """A place along the road brought back into [0, lap), from one lap away at most."""
    if along < ZERO:
        along += lap
    if along >= lap:
        along -= lap
    return along


@kernel
def ahead_of(along, other, direction, lap):
    """How far ahead of a place another one is [m], driving in a direction; in [0, lap)."""
    distance = (other - along) * direction
    return distance + lap if distance < ZERO else distance


@kernel
def put_on_road(actor, turn, street):
    """Fill an actor's place in the world from its place on the road.

    Second order around the nearest point of the centreline; the error is below 1 mm.

    Args:
        actor: `ACTOR` record, changed in place.
        turn: [rad] of the actor against the direction of the centreline.
        street: the road.
    """
    n = point_at(actor.along, street)
    beyond = actor.along - np.float32(n) * street.spacing
    if n == 0 and beyond > street.spacing:
        beyond -= lap_of(street)
    heading = street.points[n, 2]
    cos, sin = np.cos(heading), np.sin(heading)
    bend = street.points[n, 3] * beyond
    forward = beyond - actor.side * bend
    left = actor.side - HALF * bend * bend * actor.side + HALF * bend * beyond
    actor.x = street.points[n, 0] + forward * cos - left * sin
    actor.y = street.points[n, 1] + forward * sin + left * cos
    yaw = heading + bend + turn
    actor.yaw = yaw - TWO * _PI * np.floor(yaw / (TWO * _PI) + HALF)


@kernel
def swerve_share(missing, width):
    """How much of its steepest slope a change of lanes has, by what is still missing of it [m].

    Half a cosine wave: 2 √(q (1 − q)) for the share q done, and a little to begin and to end with.
    """
    done = min(max(ONE - abs(missing) / width, ZERO), ONE)
    return np.sqrt(np.float32(4.0) * done * (ONE - done) + np.float32(0.01))


@kernel
def swerve_slope(missing, speed, width):
    """Slope of a change of lanes: its lateral over its forward speed, without a sign."""
    steepest = min(SWERVE, CROSS_SPEED / max(speed, ONE))
    return min(swerve_share(missing, width), ONE) * steepest


@kernel
def sweep_of(actor, street):
    """What an actor that changes lanes takes up, here and there: least and greatest side [m]."""
    low, high = actor.side - actor.half_width, actor.side + actor.half_width
    if actor.kind == CAR:
        width = street.points[point_at(actor.along, street), 4]
        target = lane_side(actor.direction, actor.lane, width, street)
        slope = swerve_slope(target - actor.side, actor.speed, street.lane_width * width)
        corner = slope * actor.half_length
        low = min(low - corner, target - actor.half_width)
        high = max(high + corner, target + actor.half_width)
    return low, high


@inlined
def in_way(low, high, corridor, gap):
    """Whether what lies between two sides is in the way of a car that has to go `gap` to get there.

    Args:
        low: least side [m].
        high: greatest side [m].
        corridor: of the car: side [m], what is missing to the middle of its lane [m], how much of it the car
            makes good a metre, half width with margin [m].
        gap: [m].
    """
    side, missing, rate, half = corridor
    reach = rate * max(gap, ZERO)
    there = side + min(max(missing, -reach), reach)
    target = side + missing
    return (high > min(there, target) - half) & (low < max(there, target) + half)


@kernel
def corridor_of(actor, width, street):
    """The corridor, as `in_way` takes it, that a car drives in or changes to."""
    missing = lane_side(actor.direction, actor.lane, width, street) - actor.side
    rate = min(_SURE_SWERVE, _SURE_SPEED / max(actor.speed, ONE))
    return actor.side, missing, rate, actor.half_width + MARGIN


def room_for_spans(count: int) -> np.ndarray:
    """Where `note` puts what it notes of so many actors: whole vectors of each of four numbers."""
    room = -(-max(count, 1) // VECTOR) * VECTOR
    return np.repeat(np.array([0.0, 0.0, _NOWHERE, -_NOWHERE], np.float32), room)


@inlined
def _span_at(spans, quantity, k):
    """Where a quantity of actor k is among the spans; unsigned, or no loop over it would be a vector."""
    return np.uint64(quantity) * (np.uint64(spans.shape[0]) >> np.uint64(2)) + np.uint64(k)


@kernel
def note(spans, k, actor, street):
    """Note what an actor takes up: its place along and half its length [m], its least and greatest side [m].

    Kept by quantity, so that `nearest` looks at many in a vector; who is not there is in nobody's way.
    """
    low, high = _NOWHERE, -_NOWHERE
    if actor.kind != NOBODY:
        low, high = actor.side - actor.half_width, actor.side + actor.half_width
        if actor.drift != ZERO:
            low, high = sweep_of(actor, street)
    spans[_span_at(spans, S_ALONG, k)], spans[_span_at(spans, S_HALF, k)] = actor.along, actor.half_length
    spans[_span_at(spans, S_LOW, k)], spans[_span_at(spans, S_HIGH, k)] = low, high


@kernel(fastmath=FAST)
def _next_of(spans, looker, corridor):
    """The nearest that lies in a corridor: its distance [¼ mm] times 128, plus its index; `_NO_KEY` for none.

    One number, because LLVM makes a vector of the search for the least of one, and of nothing that follows.

    Args:
        spans: of `note`.
        looker: place along, half length [m], sense and lap [m], as those of `nearest`.
        corridor: as `in_way` takes it.
    """
    wide_vectors()
    (along, half_length, sense, lap), best = looker, _NO_KEY
    for j in range(_span_at(spans, 1, 0)):
        ahead = (spans[j] - along) * sense
        distance = (ahead + lap if ahead < ZERO else ahead) - spans[_span_at(spans, S_HALF, j)]
        low, high = spans[_span_at(spans, S_LOW, j)], spans[_span_at(spans, S_HIGH, j)]
        near = min(distance, HORIZON)
        there = in_way(low, high, corridor, distance - half_length) & (near < HORIZON)
        key = np.int32(np.int32(np.int32(near * _KEY_STEPS) << np.int32(7)) + np.int32(j))
        best = min(best, key if there else _NO_KEY)
    return best


@kernel
def nearest(scene, k, corridor, sense):
    """What is next in a corridor.

    Args:
        scene: `Scene`.
        k: index of the car that looks.
        corridor: as `in_way` takes it.
        sense: where it looks, +1 along the centreline, −1 against it.

    Returns:
        index of an actor, GUEST or NONE; distance along the centreline from the middle of the car to the near
        end of what was found [m], `HORIZON` for NONE. It may be below 0 where the two are side by side.
    """
    guest, spans, lap, own = scene.guest, scene.spans, scene.lap, _span_at(scene.spans, S_LOW, k)
    along, half_length = scene.actors[k].along, scene.actors[k].half_length
    low = spans[own]
    spans[own] = _NOWHERE  # nobody is in his own way
    key, found, best = _next_of(spans, (along, half_length, sense, lap), corridor), NONE, HORIZON
    spans[own] = low
    if key != _NO_KEY:
        found = int(key & 127)
        other = scene.actors[found]
        best = ahead_of(along, other.along, sense, lap) - other.half_length
    distance = ahead_of(along, guest.along, sense, lap) - guest.half_length
    if distance < best:
        low, high = guest.side - guest.half_width, guest.side + guest.half_width
        if in_way(low, high, corridor, distance - half_length):
            found, best = GUEST, distance
    return found, best


@kernel
def motion_of(scene, found, direction):
    """Speed in a direction [m/s], half length [m] and place along [m] of what `nearest` found."""
    if found == GUEST:
        return scene.guest.speed * direction, scene.guest.half_length, scene.guest.along
    other = scene.actors[found]
    return other.speed * other.direction * direction, other.half_length, other.along


@kernel
def clear_gap(car, found, distance, street):
    """Gap from bumper to bumper along the car's own path [m].

    In a bend the inner lanes are shorter than the centreline; the shorter of both ends' stretch counts.

    Args:
        car: `ACTOR` record that looks.
        found: half length [m] and place along [m] of what was found.
        distance: of `nearest`.
        street: the road.
    """
    here = ONE - street.points[point_at(car.along, street), 3] * car.side
    there = ONE - street.points[point_at(found[1], street), 3] * car.side
    stretch = max(min(here, there), np.float32(0.2))
    return (distance + found[0]) * stretch - found[0] - car.half_length
