"""Level numbers → closed circuits.

A circuit is a closed uniform cubic B-spline whose control points stand around a ring, each at an
angle and a distance drawn from (split, level, attempt). Curvature times length does not change
with scale, so a curve is scaled until its sharpest bend has exactly the radius drawn for the
level, and kept if its length, its extent, how much it winds and the distance between its passes
fit the split. Splits draw from different streams: their geometries share nothing.
"""

import numpy as np

from envs.driving.compiling import allocating, kernel
from envs.driving.randomness import STREAM_CIRCUIT, between, stream_key, uniform
from envs.driving.sections import POINT_SPACING, SECTIONS

STREAMS = {"train": 0, "val": 1, "test": 4, "ood": 3}
"""Splits, and the stream that the circuits of each are drawn from.

2 is spent: its roads have served choices, so they can test nothing. Who chooses by looking at the test roads
gives them a stream that has never been used.
"""
SPLITS = tuple(STREAMS)
_SAMPLES_PER_CORNER = 36
_ATTEMPTS = 20_000  # about 1 in 30 fits
_PASS_ARC = 30.0  # [m] along the road from which two points count as two passes


@kernel
def _draw_corners(key, attempt, spread, corners):
    """Fill `corners` (2, n) with control points around a ring."""
    n = corners.shape[1]
    for i in range(n):
        draw = attempt * 64 + 2 * i + 1
        angle = (i + between(key, draw, -0.3, 0.3)) * 2.0 * np.pi / n
        distance = 1.0 + spread * between(key, draw + 1, -1.0, 1.0)
        corners[0, i], corners[1, i] = distance * np.cos(angle), distance * np.sin(angle)


@kernel
def _spline(corners, curve):
    """Fill `curve` (6, samples): x, y and their first and second derivatives by t (1 a corner)."""
    n = corners.shape[1]
    for i in range(curve.shape[1]):
        corner, u = i // _SAMPLES_PER_CORNER, (i % _SAMPLES_PER_CORNER) / _SAMPLES_PER_CORNER
        v = 1.0 - u
        for axis in range(2):
            a, b = corners[axis, corner], corners[axis, (corner + 1) % n]
            c, d = corners[axis, (corner + 2) % n], corners[axis, (corner + 3) % n]
            weighted = v**3 * a + (3 * u**3 - 6 * u**2 + 4) * b + (3 * v**3 - 6 * v**2 + 4) * c + u**3 * d
            curve[axis, i] = weighted / 6.0
            curve[2 + axis, i] = (v**2 * (b - a) + (1 + 2 * u * v) * (c - b) + u**2 * (d - c)) / 2.0
            curve[4 + axis, i] = v * (a - 2 * b + c) + u * (b - 2 * c + d)


@kernel
def _arc_and_curvature(curve, arc, curvature):
    """Fill arc length up to each sample (last entry: the whole) and signed curvature; return the winding."""
    samples = curve.shape[1]
    arc[0] = winding = 0.0
    for i in range(samples):
        j = (i + 1) % samples
        speed = np.hypot(curve[2, i], curve[3, i])
        cross = curve[2, i] * curve[5, i] - curve[3, i] * curve[4, i]
        curvature[i] = cross / max(speed**3, 1e-9)
        arc[i + 1] = arc[i] + 0.5 * (speed + np.hypot(curve[2, j], curve[3, j])) / _SAMPLES_PER_CORNER
        winding += abs(curvature[i]) * speed / _SAMPLES_PER_CORNER
    return winding / (2.0 * np.pi)


@kernel
def _passes_apart(curve, arc, scale, distance):
    """Whether the road never comes nearer than `distance` [m] to another pass of itself."""
    length = arc[-1] * scale
    for i in range(0, curve.shape[1], 3):
        for j in range(i + 3, curve.shape[1], 3):
            along = (arc[j] - arc[i]) * scale
            if min(along, length - along) > _PASS_ARC:
                gap = np.hypot(curve[0, i] - curve[0, j], curve[1, i] - curve[1, j]) * scale
                if gap < distance:
                    return False
    return True


@kernel
def _resample(curve, arc, curvature, scale, points):
    """Fill `points` with (x, y, heading, curvature) at even arc length; returns how many."""
    samples = curve.shape[1]
    count = int(round(arc[-1] * scale / POINT_SPACING))
    x_mid = 0.5 * (curve[0].min() + curve[0].max())
    y_mid = 0.5 * (curve[1].min() + curve[1].max())
    i = 0
    for n in range(count):
        target = arc[-1] * n / count
        while arc[i + 1] <= target:
            i += 1
        share = (target - arc[i]) / (arc[i + 1] - arc[i])
        j, step = (i + 1) % samples, 1.0 / _SAMPLES_PER_CORNER
        x, y = (
            _hermite(curve[0], curve[2], i, j, share, step),
            _hermite(curve[1], curve[3], i, j, share, step),
        )
        dx = curve[2, i] + share * (curve[2, j] - curve[2, i])
        dy = curve[3, i] + share * (curve[3, j] - curve[3, i])
        points[n, 0], points[n, 1] = (x - x_mid) * scale, (y - y_mid) * scale
        points[n, 2] = np.arctan2(dy, dx)
        points[n, 3] = (curvature[i] + share * (curvature[j] - curvature[i])) / scale
    return count


@kernel(inline="always")
def _hermite(value, slope, i, j, share, step):
    """Cubic Hermite interpolation between samples i and j."""
    a, b = share * share * (3.0 - 2.0 * share), share * (1.0 - share)
    tangents = b * ((1.0 - share) * slope[i] - share * slope[j]) * step
    return value[i] + a * (value[j] - value[i]) + tangents


@allocating
def draw_circuit(stream, level, ranges, points):
    """Draw one circuit into `points`; returns how many points it has, 0 where none was found.

    Args:
        stream: of `STREAMS`.
        level: the level's number, ≥ 0.
        ranges: `CircuitRange.numbers()`.
        points: (max_points, 4), filled with x, y [m], heading [rad], curvature [1/m] at about
            0.5 m apart, the bounding box centred on the origin.
    """
    corners, spread, least_winding = int(ranges[0]), ranges[1], ranges[2]
    key = stream_key(np.uint64(stream), level, int(ranges[9]), STREAM_CIRCUIT)
    ring = np.empty((2, corners))
    curve = np.empty((6, corners * _SAMPLES_PER_CORNER))
    arc, curvature = np.empty(curve.shape[1] + 1), np.empty(curve.shape[1])
    for attempt in range(_ATTEMPTS):
        _draw_corners(key, attempt, spread, ring)
        _spline(ring, curve)
        winding = _arc_and_curvature(curve, arc, curvature)
        radius = ranges[3] + (ranges[4] - ranges[3]) * uniform(key, attempt * 64)
        scale = radius * np.abs(curvature).max()
        if winding < least_winding or not ranges[5] <= arc[-1] * scale <= ranges[6]:
            continue
        side = max(curve[0].max() - curve[0].min(), curve[1].max() - curve[1].min())
        if side * scale <= ranges[7] and _passes_apart(curve, arc, scale, ranges[8]):
            return _resample(curve, arc, curvature, scale, points)
    return 0


def centreline(split: str, level: int, road: str = "track") -> np.ndarray:
    """The centreline of one level, (n, 4): x, y [m], heading [rad], curvature [1/m].

    Raises:
        ValueError: the split or the road is unknown, or the level negative.
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; it must be one of {', '.join(SPLITS)}.")
    if road not in SECTIONS:
        raise ValueError(f"road is {road!r}; it must be one of {', '.join(SECTIONS)}.")
    if level < 0:
        raise ValueError(f"level is {level}; levels are numbered from 0.")
    circuits = SECTIONS[road].circuits(split)
    points = np.empty((circuits.max_points, 4))
    count = draw_circuit(STREAMS[split], level, circuits.numbers(), points)
    if count == 0:
        raise ValueError(f"level {level} of split {split!r} has no circuit; take another number.")
    return points[:count]
