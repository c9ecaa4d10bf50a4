"""A driver who follows a racing line.

It works out the tyre force that keeps the car on the line, and the slip at which the front wheels give it.
Source: Kapania and Gerdes, Design of a feedback-feedforward steering controller (2015).
"""

from dataclasses import astuple, dataclass

import numpy as np

from envs.driving.compiling import kernel
from envs.driving.racing_line import (
    T_CURVATURE,
    T_HEADING,
    T_REVERSE_SPEED,
    T_SPACING,
    T_SPEED,
    T_X,
    T_Y,
    RacingLine,
)
from envs.driving.racing_speed import STEADY, braking, engine, resistance, slip_at, spare, traction
from envs.driving.vehicle import axle_loads

_ONE, _ZERO, _HALF = np.float32(1.0), np.float32(0.0), np.float32(0.5)


@kernel
def nearest_point(line, x, y):
    """Number of the point of a line's table nearest to (x, y) [m]."""
    best, best_squared = 0, np.float32(1e12)
    for n in range(line.shape[0]):
        squared = (line[n, T_X] - x) ** 2 + (line[n, T_Y] - y) ** 2
        if squared < best_squared:
            best, best_squared = n, squared
    return best


@kernel
def _ahead(line, nearest, way, metres):
    """Place `metres` on from a point, in numbers of points; `way` is 1, or −1 the other way round."""
    place, step, count = nearest, 1 if way > _ZERO else -1, line.shape[0]
    for _ in range(count):
        spacing = line[place if step > 0 else (place - 1) % count, T_SPACING]
        if metres < spacing:
            return place, (place + step) % count, max(metres / spacing, _ZERO)
        metres -= spacing
        place = (place + step) % count
    return place, place, _ZERO


@kernel
def _read(line, place, column):
    """A column between two points; `place` is of `_ahead`."""
    return line[place[0], column] + place[2] * (line[place[1], column] - line[place[0], column])


@kernel
def _astray(state, line, nearest, way):
    """How far the car is on beyond a point [m], to the left of the path [m], and turned to its left [rad]."""
    half_turn = np.float32(np.pi) if way < _ZERO else _ZERO
    heading = line[nearest, T_HEADING] + half_turn
    cos, sin = np.cos(heading), np.sin(heading)
    dx, dy = state.x - line[nearest, T_X], state.y - line[nearest, T_Y]
    along, left = dx * cos + dy * sin, dy * cos - dx * sin
    bend = way * line[nearest, T_CURVATURE]
    turned = state.yaw - heading - bend * along
    turn = np.float32(2.0 * np.pi)
    return along, left - _HALF * bend * along * along, turned - turn * np.floor(turned / turn + _HALF)


@kernel
def _side_limit(state, car):
    """Greatest sideways acceleration [m/s²] that both axles hold under their present loads."""
    loads = axle_loads(state.acceleration, car)
    front, rear = car.front_grip * loads[0] / car.rear_axle, STEADY * loads[1] / car.front_axle
    return car.friction * min(front, rear) * (car.front_axle + car.rear_axle) / car.mass


@kernel
def _side_wanted(state, line, nearest, way, gains, car):
    """What the line asks for, and with the way back to it, as sideways accelerations [m/s²] to the left.

    a = v² κ + 2 ζ ω (u − ė), where u = −ω e / 2 ζ is how fast the car comes back to the line, up to a limit.
    """
    rate, damping, fastest, preview = gains[0], gains[1], gains[2], gains[3]
    along, left, turned = _astray(state, line, nearest, way)
    bend = way * _read(line, _ahead(line, nearest, way, along + preview * state.vx), T_CURVATURE)
    drift = state.vx * np.sin(turned) + state.vy * np.cos(turned)
    back = min(max(-rate * left / (np.float32(2.0) * damping), -fastest), fastest)
    limit = _side_limit(state, car)
    of_line = min(max(state.vx * state.vx * bend, -limit), limit)
    wanted = of_line + np.float32(2.0) * damping * rate * (back - drift)
    return of_line, min(max(wanted, -limit), limit)


@kernel
def _steer(state, wanted, pull, yaw_gain, car):
    """Steering angle [rad] that gives a sideways acceleration [m/s²], and the yaw rate that goes with it.

    The front wheels stand at the slip that gives F = (m b a + I k (a / v − r)) / L, from where they roll to:
    so a car that turns in too fast is countersteered, and none turns its wheels past their greatest grip.
    """
    speed = max(state.vx, _ONE)
    turning = car.yaw_inertia * yaw_gain * (wanted / speed - state.yaw_rate)
    force = (car.mass * car.rear_axle * wanted + turning) / (car.front_axle + car.rear_axle)
    load = axle_loads(state.acceleration, car)[0]
    share = force / max(spare(load, pull, car.friction * car.front_grip), _ONE)
    return np.arctan((state.vy + car.front_axle * state.yaw_rate) / speed) + slip_at(share, car)


@kernel
def _acceleration_wanted(state, line, nearest, way, gains):
    """What brings the car to the line's speed and its change a little ahead [m/s²]."""
    column = T_SPEED if way > _ZERO else T_REVERSE_SPEED
    gain, soon = gains[5], gains[6] * state.vx
    span = max(np.float32(0.1) * state.vx, _ONE)
    along = _astray(state, line, nearest, way)[0]
    here = _read(line, _ahead(line, nearest, way, along), column)
    before = _read(line, _ahead(line, nearest, way, along + soon), column)
    after = _read(line, _ahead(line, nearest, way, along + soon + span), column)
    return _HALF * (after * after - before * before) / span + gain * (here - state.vx)


@kernel
def _pedal(state, wanted, sides, grip, car):
    """Pedal [−1, 1] for an acceleration [m/s²], within what the tyres hold; `sides` is of `_side_wanted`.

    Brakes leave alone what the line takes of the grip, not what the car does: when it turns in too fast or
    strays, they would let go just where they are needed.
    """
    side = abs(sides[0])
    slowed = resistance(state.vx, side, car)
    power = engine(state.vx, car)
    most = min(traction(max(side, abs(sides[1])), slowed, grip, car), power / car.mass)
    force = car.mass * min(max(wanted + slowed, -braking(side, slowed, grip, car)), most)
    return min(force / max(power, _ONE), _ONE) if force > _ZERO else max(force / car.max_brake, -_ONE)


@kernel
def race(state, line, nearest, way, gains, car):
    """Steering and pedal [−1, 1] of a driver who follows a racing line.

    Args:
        state: record with `CAR_FIELDS`.
        line: table of a `RacingLine`.
        nearest: the point of the line near the car: its own nearest one, or the centreline's.
        way: 1, or −1 where the circuit is driven the other way round.
        gains: `RaceDriver.gains()`.
        car: `VEHICLE` record.
    """
    sides = _side_wanted(state, line, nearest, way, gains, car)
    pedal = _pedal(state, _acceleration_wanted(state, line, nearest, way, gains), sides, gains[7], car)
    pull = pedal * (engine(state.vx, car) if pedal > _ZERO else car.max_brake * car.brake_front)
    steer = _steer(state, sides[1], pull, gains[4], car)
    return min(max(steer / car.max_steer, -_ONE), _ONE), pedal


@dataclass(frozen=True)
class RaceDriver:
    """A driver who follows a racing line at the limits of the tyres. SI units."""

    path_rate: float = 1.8  # [1/s] ω of its way back to the line
    path_damping: float = 0.9  # ζ
    return_speed: float = 1.2  # [m/s] that it comes back at, at most
    steer_preview: float = 0.1  # [s] ahead it reads the curvature
    yaw_gain: float = 10.0  # [1/s] at which it corrects the yaw rate
    speed_gain: float = 2.0  # [1/s] of acceleration for speed missing
    speed_preview: float = 0.15  # [s] ahead it reads the speed
    grip: float = 1.0  # share of the tyres' grip that it uses with the pedals

    def gains(self) -> tuple[np.float32, ...]:
        """The numbers that the compiled code takes."""
        return tuple(np.float32(number) for number in astuple(self))

    def act(
        self, state: np.record, line: RacingLine, direction: float, vehicle: np.record
    ) -> tuple[float, float]:
        """Steering and pedal [−1, 1] for a car's state; see `race`."""
        nearest = nearest_point(line.table, state["x"], state["y"])
        return race(state, line.table, nearest, np.float32(direction), self.gains(), vehicle)
