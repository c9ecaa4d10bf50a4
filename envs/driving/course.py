"""What a circuit has along its way: how wide it is, how fast one drives there, where people cross."""

import numpy as np

from envs.driving.compiling import kernel
from envs.driving.randomness import STREAM_COURSE, stream_key, uniform
from envs.driving.sections import M_WIDENING

COMFORT = 3.0  # [m/s²] of side acceleration of a comfortable driver in bends
BRAKING = 1.5  # [m/s²] that she slows down with before them
FASTEST = 20.0  # [m/s] that she drives at all
_STRAIGHT = 1.0 / 45.0  # [1/m] people cross where the road bends less
_APART = 70.0  # [m] at least from a crossing to the next
_TRIES = 24


@kernel
def lay_out(points, spacing, stream, level, marks):
    """Fill columns 4 and 5 of a centreline (n, 6): its width over its least, and a comfortable speed [m/s].

    Args:
        points: x, y [m], heading [rad] and curvature [1/m] are there.
        spacing: [m] between neighbouring points.
        stream: of the split.
        level: the level's number.
        marks: `Section.numbers()`.
    """
    key = stream_key(np.uint64(stream), level, 0, STREAM_COURSE)
    waves, phase = 1 + int(2.0 * uniform(key, 0)), uniform(key, 1)
    count = points.shape[0]
    for n in range(count):
        bump = 0.5 + 0.5 * np.cos(2.0 * np.pi * (waves * n / count + phase))
        points[n, 4] = 1.0 + marks[M_WIDENING] * bump
        points[n, 5] = min(np.sqrt(COMFORT / max(abs(points[n, 3]), 1e-6)), FASTEST)
    for k in range(2 * count):  # twice round, so that it closes; once for either way of driving
        _brake_before(points, spacing, k % count, (k + 1) % count)
        _brake_before(points, spacing, (-k) % count, (-k - 1) % count)


@kernel
def _brake_before(points, spacing, bend, before):
    """Lower the speed at a point next to a slower one: v² ≤ v_bend² + 2 b Δs."""
    points[before, 5] = min(points[before, 5], np.sqrt(points[bend, 5] ** 2 + 2.0 * BRAKING * spacing))


@kernel
def lay_crossings(points, spacing, stream, level, most, crossings):
    """Fill the places of the crossings along the road [m], at most so many; −1 for none.

    They lie where the road is almost straight, and apart from each other.
    """
    key = stream_key(np.uint64(stream), level, 1, STREAM_COURSE)
    crossings[:] = -1.0
    count, found = points.shape[0], 0
    around = int(8.0 / spacing)
    for attempt in range(_TRIES):
        n = int(uniform(key, attempt) * count)
        bend = 0.0
        for k in range(-around, around + 1):
            bend = max(bend, abs(points[(n + k) % count, 3]))
        if found < most and bend < _STRAIGHT and _clear(crossings[:found], n * spacing, count * spacing):
            crossings[found] = n * spacing
            found += 1


@kernel
def _clear(crossings, along, length):
    """Whether a place is far enough from those that are crossings already."""
    for crossing in crossings:
        away = along - crossing
        if abs(away - length * np.rint(away / length)) < _APART:
            return False
    return True
