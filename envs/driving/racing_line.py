"""The racing line of a closed road: where to drive, how fast, and a driver who does.

The path is the one of least ∫κ² ds between the edges. Linearised in the sideways shifts of its points, that
is a convex quadratic programme in a box, whose matrix is five diagonals closed to a ring. The speed is then
the greatest that tyres, engine and brakes allow, found by passes forwards and backwards. The driver works
out the tyre force that keeps the car on the line, and the slip at which the front wheels give it.
Sources: Heilmeier et al., Minimum curvature trajectory planning and control for an autonomous race car
(2020);
Kapania and Gerdes, Design of a feedback-feedforward steering controller (2015).
"""

from dataclasses import astuple, dataclass
from functools import cached_property

import numpy as np

from envs.driving.compiling import allocating, kernel
from envs.driving.params import GRAVITY, VehicleParams
from envs.driving.vehicle import axle_loads

_G, _ONE, _ZERO, _HALF = np.float32(GRAVITY), np.float32(1.0), np.float32(0.0), np.float32(0.5)
_BAND = 4  # half-width of the band that five diagonals of a ring fold into
_LINEARISATIONS, _NEWTON_STEPS = 20, 60  # at most
_SETTLED = 1e-6  # share of ∫κ²: less gained by a linearisation ends the search
_GAP = 1e-9  # [1/m²] mean product of a bound's force and its distance that ends the search
_CENTRE_SHARE = 0.8  # of a bend's radius that a path may come towards its centre, before normals cross
_ROUNDS = 100  # of the speed passes at most; roads take three, a circle on which tyres drag takes more
_HALVINGS = 16  # of the interval in which a limit is sought
_STEADY = np.float32(0.9)  # of the rear axle's grip that a bend and the brakes may take, lest the car spins
_FULL = np.float32(0.98)  # of an axle's grip that the vehicle lets drive or brakes have
T_X, T_Y, T_HEADING, T_CURVATURE, T_SPACING, T_SPEED, T_REVERSE_SPEED = range(7)  # columns of a line's table


@kernel
def _lay_path(centre, offset, path):
    """Fill `path` (P, 2) from the centreline's points and left normals (P, 4) and the offsets (P,) [m]."""
    for n in range(offset.shape[0]):
        for axis in range(2):
            path[n, axis] = centre[n, axis] + offset[n] * centre[n, 2 + axis]


@kernel
def _differences(path, n):
    """First and second central differences of x and of y by the number of the point."""
    count = path.shape[0]
    before, after = path[(n - 1) % count], path[(n + 1) % count]
    dx, dy = 0.5 * (after[0] - before[0]), 0.5 * (after[1] - before[1])
    return dx, dy, after[0] - 2.0 * path[n, 0] + before[0], after[1] - 2.0 * path[n, 1] + before[1]


@kernel
def _bending(path):
    """∫κ² ds [1/m] = Σ (x' y'' − y' x'')² (x'² + y'²)^(−5/2)."""
    total = 0.0
    for n in range(path.shape[0]):
        dx, dy, ddx, ddy = _differences(path, n)
        total += (dx * ddy - dy * ddx) ** 2 * (dx * dx + dy * dy) ** -2.5
    return total


@kernel
def _linearise(centre, path, bends, slopes):
    """Fill b = √ds κ (P,) and its derivatives (P, 3) by the offsets of the points before, at and after."""
    count = path.shape[0]
    for n in range(count):
        dx, dy, ddx, ddy = _differences(path, n)
        square, cross = dx * dx + dy * dy, dx * ddy - dy * ddx
        power = square**-1.25
        bends[n] = cross * power
        for k in range(3):
            nx, ny = centre[(n + k - 1) % count, 2], centre[(n + k - 1) % count, 3]
            first, second = 0.5 * (k - 1), (1.0 if k != 1 else -2.0)
            turned = first * (nx * ddy - ny * ddx) + second * (dx * ny - dy * nx)
            stretched = 2.0 * first * (dx * nx + dy * ny)
            slopes[n, k] = power * (turned - 1.25 * cross * stretched / square)


@kernel
def _place(n, count):
    """Place of point n in the folded order 0, P − 1, 1, P − 2, …: neighbours on the ring stay near."""
    return 2 * n if 2 * n < count else 2 * (count - 1 - n) + 1


@kernel
def _fill_band(slopes, diagonal, band):
    """Fill `band` (P, 5) with the lower band of JᵀJ + diag, folded; column d is d left of the middle."""
    count = slopes.shape[0]
    band[:] = 0.0
    for n in range(count):
        band[_place(n, count), 0] += diagonal[n]
        for k in range(3):
            row = _place((n + k - 1) % count, count)
            for m in range(3):
                column = _place((n + m - 1) % count, count)
                if column <= row:
                    band[row, row - column] += slopes[n, k] * slopes[n, m]


@kernel
def _factorise(band):
    """Cholesky's factor of a positive definite band matrix, in place."""
    for row in range(band.shape[0]):
        for d in range(min(row, _BAND), -1, -1):
            total = band[row, d]
            for e in range(1, _BAND + 1 - d):
                total -= band[row, d + e] * band[row - d, e]
            band[row, d] = total / band[row - d, 0] if d > 0 else np.sqrt(max(total, 1e-300))


@kernel
def _solve(band, wanted, folded, solution):
    """Fill `solution` (P,) with the solution for `wanted` (P,); `band` is factorised, `folded` is scratch."""
    count = band.shape[0]
    for n in range(count):
        folded[_place(n, count)] = wanted[n]
    for row in range(count):
        for d in range(1, min(row, _BAND) + 1):
            folded[row] -= band[row, d] * folded[row - d]
        folded[row] /= band[row, 0]
    for row in range(count - 1, -1, -1):
        for d in range(1, min(count - 1 - row, _BAND) + 1):
            folded[row] -= band[row + d, d] * folded[row + d]
        folded[row] /= band[row, 0]
    for n in range(count):
        solution[n] = folded[_place(n, count)]


@kernel
def _gradient(slopes, bends, gradient):
    """Fill Jᵀb (P,)."""
    count = bends.shape[0]
    gradient[:] = 0.0
    for n in range(count):
        for k in range(3):
            gradient[(n + k - 1) % count] += slopes[n, k] * bends[n]


@kernel
def _reach(value, step):
    """Greatest share ≤ 1 of `step` that keeps every value above zero, and a little off it."""
    share = 1.0
    for n in range(value.shape[0]):
        if step[n] < 0.0:
            share = min(share, -0.995 * value[n] / step[n])
    return share


@allocating
def _solve_box(slopes, bends, offset, low, high):
    """Minimise |b + J (x − offset)|² over low ≤ x ≤ high; returns x (P,).

    A primal-dual interior-point method: the bounds push with forces whose products with the distances to them
    are driven to zero together. Source: Nocedal and Wright, Numerical Optimization, section 16.6.
    """
    count = offset.shape[0]
    band, folded, step = np.empty((count, _BAND + 1)), np.empty(count), np.empty(count)
    gradient, shifted = np.empty(count), bends.copy()
    x = low + (high - low) * np.minimum(np.maximum((offset - low) / (high - low), 0.02), 0.98)
    push_low, push_high = np.full(count, 1e-3), np.full(count, 1e-3)
    for _ in range(_NEWTON_STEPS):
        to_low, to_high = x - low, high - x
        gap = 0.5 * ((push_low * to_low).mean() + (push_high * to_high).mean())
        if gap < _GAP:
            break
        goal = 0.15 * gap
        for n in range(count):
            shifted[n] = bends[n]
            for k in range(3):
                at = (n + k - 1) % count
                shifted[n] += slopes[n, k] * (x[at] - offset[at])
        _gradient(slopes, shifted, gradient)
        _fill_band(slopes, push_low / to_low + push_high / to_high + 1e-12, band)
        _factorise(band)
        _solve(band, goal / to_low - goal / to_high - gradient, folded, step)
        more_low = goal / to_low - push_low - push_low / to_low * step
        more_high = goal / to_high - push_high + push_high / to_high * step
        primal = min(_reach(to_low, step), _reach(to_high, -step))
        dual = min(_reach(push_low, more_low), _reach(push_high, more_high))
        x += primal * step
        push_low += dual * more_low
        push_high += dual * more_high
    return x


@allocating(nogil=True)
def _straighten(centre, low, high, offset):
    """Shift `offset` (P,), from within its bounds, to a minimum of ∫κ² ds."""
    count = offset.shape[0]
    path, bends, slopes = np.empty((count, 2)), np.empty(count), np.empty((count, 3))
    _lay_path(centre, offset, path)
    least = _bending(path)
    for _ in range(_LINEARISATIONS):
        _linearise(centre, path, bends, slopes)
        shift = _solve_box(slopes, bends, offset, low, high) - offset
        before, share = least, 1.0
        while share > 1e-3:
            _lay_path(centre, offset + share * shift, path)
            bending = _bending(path)
            if bending < least:
                least = bending
                offset += share * shift
                break
            share *= 0.5
        if before - least < _SETTLED * before:
            break


def _normals(points: np.ndarray) -> np.ndarray:
    """Points and unit normals to the left, (P, 4) float64."""
    x, y, heading = np.asarray(points, np.float64).T[:3]
    return np.column_stack([x, y, -np.sin(heading), np.cos(heading)])


def minimum_curvature(points: np.ndarray, half_width: float, margin: float) -> np.ndarray:
    """Offsets to the left (P,) [m] of the closed path of least ∫κ² ds within |n| ≤ half_width − margin.

    Where a bend is sharper than the road is wide, the path also keeps a fifth of its radius from its centre.

    Args:
        points: (P, ≥ 4) x, y [m], heading [rad], curvature [1/m], at even spacing, closed.
        half_width: [m] of the road.
        margin: [m] to keep from the edge.

    Raises:
        ValueError: the margin leaves no room.
    """
    room = half_width - margin
    if not room > 0.0:
        raise ValueError(f"margin is {margin}; it must be below half_width, which is {half_width}.")
    curvature = np.asarray(points[:, 3], np.float64)
    centre = _CENTRE_SHARE / np.maximum(np.abs(curvature), 1e-9)
    high = np.where(curvature > 0.0, np.minimum(room, centre), room)
    low = -np.where(curvature < 0.0, np.minimum(room, centre), room)
    offset = np.zeros(len(points))
    _straighten(_normals(points), low, high, offset)
    return np.clip(offset, low, high)


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
def _spare(load, side_force, grip):
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
        if car.mass * middle <= _spare(load, force, grip * car.friction * car.front_grip):
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
        front = _spare(loads[0], car.mass * side * car.rear_axle / wheelbase, grips * car.front_grip)
        rear = _spare(loads[1], car.mass * side * car.front_axle / wheelbase, _STEADY * grips)
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
    side_limit = grip * car.friction * min(car.front_grip, _STEADY) * _G
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


@dataclass(frozen=True)
class RacingLine:
    """A closed path and its speeds, a point for each of the centreline's. SI units; arrays are (P,) float64.

    The path is the same both ways round; the speeds are not, as brakes and engine differ.
    """

    offset: np.ndarray  # [m] to the left of the centreline
    x: np.ndarray
    y: np.ndarray
    heading: np.ndarray  # [rad] of the path, the centreline's way round
    curvature: np.ndarray  # [1/m]
    spacings: np.ndarray  # [m] from each point to the next
    speed: np.ndarray  # the centreline's way round
    lap_time: float
    reverse_speed: np.ndarray  # the other way round
    reverse_lap_time: float

    @cached_property
    def table(self) -> np.ndarray:
        """What the driver reads, (P, 7) float32; its columns are `T_X` and following."""
        path = self.x, self.y, self.heading, self.curvature, self.spacings
        return np.column_stack([*path, self.speed, self.reverse_speed]).astype(np.float32)


def path_shape(points: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, ...]:
    """x, y [m], heading [rad], curvature [1/m] and spacings to the next [m] of a path beside a centreline.

    Args:
        points: (P, ≥ 4) as for `minimum_curvature`.
        offset: (P,) [m] to the left.
    """
    centre = _normals(points)
    path = centre[:, :2] + offset[:, None] * centre[:, 2:]
    after, before = np.roll(path, -1, 0), np.roll(path, 1, 0)
    (dx, dy), (ddx, ddy) = (0.5 * (after - before)).T, (after - 2.0 * path + before).T
    curvature = (dx * ddy - dy * ddx) / (dx**2 + dy**2) ** 1.5
    return path[:, 0], path[:, 1], np.arctan2(dy, dx), curvature, np.hypot(*(after - path).T)


def racing_line(
    points: np.ndarray,
    half_width: float,
    vehicle: VehicleParams,
    margin: float = 1.0,
    safety: float = 0.95,
) -> RacingLine:
    """The path of least curvature along a closed road, and the speeds for it both ways round.

    Args:
        points: (P, ≥ 4) x, y [m], heading [rad], curvature [1/m], at even spacing, closed.
        half_width: [m] of the road.
        vehicle: the car.
        margin: [m] between the path and the edge.
        safety: share of the tyres' grip that is used.
    """
    offset = minimum_curvature(points, half_width, margin)
    x, y, heading, curvature, spacings = path_shape(points, offset)
    speed = speed_profile(curvature, spacings, vehicle, safety)
    back = np.roll(spacings[::-1], -1)  # of the points in reverse order
    reverse = speed_profile(curvature[::-1], back, vehicle, safety)
    times = lap_time(speed, spacings), lap_time(reverse, back)
    return RacingLine(
        offset, x, y, heading, curvature, spacings, speed, times[0], reverse[::-1].copy(), times[1]
    )


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
    front, rear = car.front_grip * loads[0] / car.rear_axle, _STEADY * loads[1] / car.front_axle
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
    share = force / max(_spare(load, pull, car.friction * car.front_grip), _ONE)
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
