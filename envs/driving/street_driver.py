"""The expert where there are others: where to drive across the road, how fast, and when to stop.

It weighs places across the road by how fast it could go on to each, and takes the one that pays most: so it
swerves around what stands, and overtakes. It follows by the Intelligent Driver Model, stops at crossings for
people, brakes ahead of bends, and steers by pure pursuit. It knows the road and everybody on it.

All is told as the driver has it: ahead along his way, sides to his left of the middle of the road. Traffic
keeps right then, whatever way the road is driven and whether or not it is mirrored.
"""

from dataclasses import astuple, dataclass

import numpy as np

from envs.driving.actors import CAR, NOBODY, PEDESTRIAN
from envs.driving.compiling import kernel
from envs.driving.driven import Driven
from envs.driving.following import DriverParams, idm_acceleration
from envs.driving.lanes import in_way
from envs.driving.params import CONTROL_STEP, GRAVITY
from envs.driving.sections import LANE_WIDTH, M_HALF_WIDTH, M_LANES
from envs.driving.simulator import Simulator
from envs.driving.surroundings import EGO_HALF_LENGTH, EGO_HALF_WIDTH, gives_way_to, place_of_actor
from envs.driving.traffic import STOP_LINE

_ZERO, _HALF, _ONE, _TWO, _FAR = (np.float32(value) for value in (0.0, 0.5, 1.0, 2.0, 1e6))
_STEP = np.float32(0.35)  # [m] from one place across the road to the next that is weighed
_EDGE = np.float32(0.7)  # [m] that the middle of the car keeps from the edge of the road
_SLOPE, _SIDE_SPEED = np.float32(0.3), np.float32(1.4)  # of a swerve, at most; the latter in m/s
_MARGIN, _AT_REST = np.float32(0.4), np.float32(0.05)  # [m] kept free to the side, at speed and at rest
_EAGER = np.float32(1.5)  # pure pursuit comes near its path as an exponential does: it aims beyond
_ROOM = np.float32(8.0)  # [m] kept to what stands, to get round it
_SIGHT = np.float32(70.0)  # [m]
_SWING = np.float32(1.5)  # [s] for which who moves to the side is taken to go on
_CAN_STOP = np.float32(6.0)  # [m/s²] of braking that it accepts for people at a crossing
_WALKED = np.float32(1.4)  # [m] before the middle of a crossing people walk
_CLOSE_UP = np.float32(1.0)  # [m] that it stops closer to a line than to a bumper
_SQUEEZED = np.float32(3.0)  # [m/s] what it is worth to keep the whole margin
_NO_WAY = np.float32(-100.0)  # what a place is worth that cannot be taken


@dataclass(frozen=True)
class StreetDriver:
    """How the driver is. SI units."""

    speed: float = 9.0  # [m/s] that it likes to have
    look_ahead: float = 3.0  # [m] at rest
    look_ahead_time: float = 0.4  # [s] × speed is added
    side_acceleration: float = 5.0  # [m/s²] that it never steers for more of
    shift_price: float = 0.2  # [m/s] of speed that a metre to the side is worth
    lane_price: float = 0.3  # [m/s] and a metre off the middle of a lane
    other_side_price: float = 1.0  # [m/s] and driving on the other side
    patience: float = 2.0  # [s] that it leaves who comes from behind

    def act(self, env: Driven) -> np.ndarray:
        """Actions (N,) or (N, 2) for the environment's present state, as its action space wants them."""
        actions = np.empty((env.num_envs, 2), np.float32)
        self.drive(env.simulator, actions)
        return env.nearest_actions(actions)

    def drive(self, simulator: Simulator, actions: np.ndarray) -> None:
        """Fill `actions` (N, 2) with steering and pedal in [−1, 1]."""
        minds = self.numbers(), follower()
        drive_streets(simulator.rows, simulator.there, simulator.roads.arrays(), minds, actions)

    def numbers(self) -> tuple[np.float32, ...]:
        """The numbers that the compiled code takes."""
        return tuple(np.float32(number) for number in astuple(self))


def follower() -> np.ndarray:
    """How it follows: a `DRIVER` record array of shape (1,)."""
    return DriverParams(time_headway=1.0, acceleration=2.5, comfortable_deceleration=2.5).record()


@kernel
def _reach_of(it, row):
    """From where to where something takes up the road, or will soon: least and greatest side [m]."""
    hand = row.direction * row.mirror
    side, swing = it.side * hand, it.drift * hand * _SWING
    if it.kind == CAR and it.drift != _ZERO:  # to the lane that it changes to
        lane = -it.direction * row.direction * (np.float32(it.lane) + _HALF) * np.float32(LANE_WIDTH)
        swing = lane - side
    return side + min(swing, _ZERO) - it.half_width, side + max(swing, _ZERO) + it.half_width


@kernel
def _closes_off(it, span, place, corridor):
    """Whether something beside or behind keeps the car from going to a place across the road.

    Args:
        it: `ACTOR` record.
        span: from where to where it takes up the road [m].
        place: how far ahead it is [m], less than both half lengths; how fast it comes up [m/s]; `patience`.
        corridor: as `in_way` takes it.
    """
    ahead, comes, patience = place
    side, missing, _, half = corridor
    if ahead > -(it.half_length + EGO_HALF_LENGTH + _HALF):
        if abs(missing) < _HALF * _STEP:
            return in_way(span[0], span[1], (side, _ZERO, _ZERO, half), _ZERO)  # no room to stay there
        if missing > _ZERO:
            return span[1] > side and span[0] < side + missing + half
        return span[0] < side and span[1] > side + missing - half
    if it.kind != CAR or abs(missing) < _TWO * _STEP:
        return False
    behind = -ahead - it.half_length - EGO_HALF_LENGTH
    there = (side + missing, _ZERO, _ZERO, half)
    return in_way(span[0], span[1], there, _ZERO) and behind < _ONE + max(comes, _ZERO) * patience


@kernel
def _comes_over(it, span, ahead, corridor):
    """Whether a car beside, not behind, changes lanes into the car's own place."""
    mine = (corridor[0], _ZERO, _ZERO, EGO_HALF_WIDTH)
    return ahead > _ZERO and it.kind == CAR and it.drift != _ZERO and in_way(span[0], span[1], mine, _ZERO)


@kernel
def _may_drive(row, it, ahead, approach):
    """Speed that something in the way allows [m/s], gap to where it is met [m], and its speed [m/s]."""
    free, its = ahead - it.half_length - EGO_HALF_LENGTH, row.vx - approach
    if its < _ZERO:  # they meet before
        free, its = free * row.vx / max(row.vx - its, _ONE), _ZERO
    free -= _ROOM if its < _HALF and it.kind != PEDESTRIAN else _ONE
    return np.sqrt(its * its + max(free, _ZERO)), max(free, np.float32(0.1)), its


@kernel
def _way_to(row, actors, here, corridor, bend, patience):
    """What is first on the way to a place across the road.

    Args:
        row: `ROW` record.
        actors: (M,) `ACTOR` records.
        here: of the car along the road, and the lap [m].
        corridor: as `in_way` takes it.
        bend: curvature of the road [1/m], without a sign: what is straight sticks out by ½ κ l².
        patience: of `StreetDriver`.

    Returns:
        the speed that it allows [m/s], the gap to it [m], its speed [m/s]; the first is below 0 where
        the place cannot be taken.
    """
    allowed, gap, speed = _FAR, _FAR, _ZERO
    for k in range(actors.shape[0]):
        it = actors[k]
        if it.kind == NOBODY:
            continue
        ahead, _, approach = place_of_actor(row, it, here[0], here[1])
        if abs(ahead) > _SIGHT:
            continue
        free, (low, high) = ahead - it.half_length - EGO_HALF_LENGTH, _reach_of(it, row)
        out = _HALF * bend * (it.half_length * it.half_length + EGO_HALF_LENGTH * EGO_HALF_LENGTH)
        span = (low - out, high + out)
        if free > _ZERO:
            if in_way(span[0], span[1], corridor, free):
                may, room, its = _may_drive(row, it, ahead, approach)
                if may < allowed:
                    allowed, gap, speed = may, room, its
        elif _comes_over(it, span, ahead, corridor):
            return _ZERO, np.float32(0.1), row.vx - approach
        elif _closes_off(it, span, (ahead, -approach, patience), corridor):
            return -_ONE, _FAR, _ZERO
    return allowed, gap, speed


@kernel
def _rate(speed):
    """Metres to the side a metre of the way."""
    return min(_SLOPE, _SIDE_SPEED / max(speed, _ONE))


@kernel
def _corridor(row, target, margin):
    """The corridor, as `in_way` takes it, of a car that goes to a place across the road."""
    side = row.offset * row.direction * row.mirror
    return side, target - side, _rate(row.vx), EGO_HALF_WIDTH + margin


@kernel
def _off_lane(target, lanes):
    """How far a place across the road is from the middle of the nearest of its own lanes [m]."""
    width = np.float32(LANE_WIDTH)
    lane = min(max(np.floor(-target / width), _ZERO), np.float32(lanes) - _ONE)
    return abs(target + (lane + _HALF) * width)


@kernel
def choose_place(row, actors, here, road, numbers):
    """Where to drive across the road: side [m], left of its middle; gap [m] and speed [m/s] of the next.

    A place is worth the speed that its way allows, less a price for going there, for driving off the middle
    of a lane, and on the other side of the road.

    Args:
        row: `ROW` record.
        actors: (M,) `ACTOR` records.
        here: of the car along the road, and the lap [m].
        road: half the road's width [m], lanes each way, curvature without a sign [1/m].
        numbers: of `StreetDriver`.
    """
    side = row.offset * row.direction * row.mirror
    half, lanes, bend = road
    margin = min(_MARGIN, _AT_REST + np.float32(0.06) * row.vx)
    last = half - _EDGE if lanes == 1 else -_EDGE
    best, result = _TWO * _NO_WAY, (side, _FAR, _ZERO)
    count = int((last + half - _EDGE) / _STEP) + 1
    for k in range(count + 1):
        target = _EDGE - half + np.float32(k) * _STEP if k < count else min(max(side, _EDGE - half), last)
        allowed, gap, speed = _way_to(row, actors, here, _corridor(row, target, margin), bend, numbers[7])
        worth = min(allowed, numbers[0]) if allowed >= _ZERO else _NO_WAY
        if worth < numbers[0] - _SQUEEZED:  # with less room to the side, perhaps
            allowed, free, its = _way_to(
                row, actors, here, _corridor(row, target, _AT_REST), bend, numbers[7]
            )
            if min(allowed, numbers[0]) - _SQUEEZED > worth:
                worth, gap, speed = min(allowed, numbers[0]) - _SQUEEZED, free, its
        worth -= numbers[4] * abs(target - side) + numbers[5] * _off_lane(target, lanes)
        worth -= numbers[6] if target > _ZERO else _ZERO
        if worth > best:
            best, result = worth, (target, gap, speed)
    return result


@kernel
def gap_to_stop(row, actors, crossings, here):
    """Gap to where the car must and can stop for people next [m].

    That is the stop line; for who is past it or too fast, where people walk, if not too late for that too.
    """
    best, needed = _FAR, row.vx * row.vx / (_TWO * _CAN_STOP)
    for c in range(crossings.shape[0]):
        if crossings[c] < _ZERO:
            continue
        ahead = (crossings[c] - here[0]) * row.direction
        ahead -= here[1] * np.floor(ahead / here[1])
        gap = ahead - np.float32(STOP_LINE) - EGO_HALF_LENGTH
        if gap < needed:
            gap = max(ahead - _WALKED - EGO_HALF_LENGTH, _ZERO)
        if ahead - _WALKED < needed or gap > best:
            continue
        for k in range(actors.shape[0]):
            it = actors[k]
            walks = it.kind == PEDESTRIAN and it.lane == c and it.drift != _ZERO
            if walks and gives_way_to(row, it, ahead):
                best = gap
    return best


@kernel
def _steer_to(row, line, spacing, target, numbers):
    """Curvature [1/m] of the arc through a place ahead, to the left of the world; pure pursuit."""
    far = numbers[1] + numbers[2] * row.vx
    hand, count = row.direction * row.mirror, line.shape[0]
    side = row.offset * hand
    missing = _EAGER * (target - side)
    side += min(max(missing, -_rate(row.vx) * far), _rate(row.vx) * far)
    n = int(row.nearest + row.direction * np.rint(far / spacing)) % count
    x = line[n, 0] - side * hand * np.sin(line[n, 2]) - row.x
    y = line[n, 1] + side * hand * np.cos(line[n, 2]) - row.y
    bearing = np.arctan2(y, x) - row.yaw
    return _TWO * np.sin(bearing) / max(np.sqrt(x * x + y * y), _ONE)


@kernel
def pedal_for(acceleration, row, car):
    """Pedal [−1, 1] for an acceleration [m/s²], three quarters of the grip in braking at most."""
    slowed = car.rolling + car.drag * row.vx * row.vx
    hardest = np.float32(0.75 * GRAVITY) * car.friction
    force = car.mass * max(acceleration, -hardest) + slowed
    fade = max(min((car.max_speed - row.vx) * _HALF, _ONE), np.float32(0.05))
    return min(force / (car.max_drive * fade), _ONE) if force > _ZERO else max(force / car.max_brake, -_ONE)


@kernel
def drive_street(row, actors, road, car, minds):
    """Steering and pedal [−1, 1] of the driver.

    Args:
        row: `ROW` record.
        actors: (M,) `ACTOR` records.
        road: centreline (P, 6), spacing [m], crossings (C,) [m], `Section.numbers()`.
        car: `VEHICLE` record.
        minds: `StreetDriver.numbers()` and `follower()`.
    """
    (line, spacing, crossings, marks), (numbers, driver) = road, minds
    lap = np.float32(line.shape[0]) * spacing
    here = (np.float32(row.nearest) * spacing + row.advance, lap)
    half = marks[M_HALF_WIDTH] * line[row.nearest, 4]
    place = (half, int(marks[M_LANES]), abs(line[row.nearest, 3]))
    target, gap, speed = choose_place(row, actors, here, place, numbers)
    arc = _steer_to(row, line, spacing, target, numbers)
    late = np.float32(row.delay) * np.float32(CONTROL_STEP) * row.vx
    grip = min(numbers[3], np.float32(0.6 * GRAVITY) * car.friction)
    wish = min(min(numbers[0], line[row.nearest, 5]), np.sqrt(grip / max(abs(arc), np.float32(1e-3))))
    wanted = idm_acceleration(row.vx, wish, max(gap - late, np.float32(0.1)), row.vx - speed, driver[0])
    stop = gap_to_stop(row, actors, crossings, here)
    if stop < _FAR:
        stop = max(stop + _CLOSE_UP - late, np.float32(0.1))
        wanted = min(wanted, idm_acceleration(row.vx, wish, stop, row.vx, driver[0]))
    steer = np.arctan((car.front_axle + car.rear_axle) * arc) * row.mirror / car.max_steer
    return min(max(steer, -_ONE), _ONE), pedal_for(wanted, row, car)


@kernel(nogil=True)
def drive_streets(rows, there, roads, minds, actions):
    """Fill `actions` (N, 2) with steering and pedal of a driver on roads with lanes.

    Args:
        rows: (N,) `ROW` records.
        there: `Inhabitants`.
        roads: `RoadArrays`.
        minds: `StreetDriver.numbers()` and `follower()`.
        actions: filled.
    """
    for n in range(rows.shape[0]):
        row, level = rows[n], rows[n].level
        line = roads.centrelines[level, : roads.counts[level]]
        road = (line, roads.spacings[level], roads.crossings[level], roads.marks)
        steer, pedal = drive_street(row, there.actors[n], road, there.cars[n], minds)
        actions[n, 0], actions[n, 1] = steer, pedal
