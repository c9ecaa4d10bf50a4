"""The path of a racing line: the one of least ∫κ² ds between the edges of a closed road.

Linearised in the sideways shifts of its points, that is a convex quadratic programme in a box, whose matrix
is five diagonals closed to a ring.
Source: Heilmeier et al., Minimum curvature trajectory planning and control for an autonomous race car (2020).
"""

import numpy as np

from envs.driving.compiling import allocating, kernel

_BAND = 4  # half-width of the band that five diagonals of a ring fold into
_LINEARISATIONS, _NEWTON_STEPS = 20, 60  # at most
_SETTLED = 1e-6  # share of ∫κ²: less gained by a linearisation ends the search
_GAP = 1e-9  # [1/m²] mean product of a bound's force and its distance that ends the search
_CENTRE_SHARE = 0.8  # of a bend's radius that a path may come towards its centre, before normals cross


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


def normals(points: np.ndarray) -> np.ndarray:
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
    _straighten(normals(points), low, high, offset)
    return np.clip(offset, low, high)
