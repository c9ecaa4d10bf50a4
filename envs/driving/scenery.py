"""Scenery: what stands beside a level's road, the same in every episode.

Lamp posts follow the edge, signs stand before crossings and sharp bends, trees and houses are scattered
behind them; nothing stands where the road passes.
"""

import numpy as np

from envs.driving.compiling import kernel
from envs.driving.randomness import STREAM_SCENERY, between, stream_key, uniform
from envs.driving.sections import M_HALF_WIDTH
from envs.driving.shapes import HOUSES, M_BEND_SIGN, M_CROSSING_SIGN, M_LAMP_POST, SIZES, TREES, WALLS

MAX_SCENERY = 160  # a level
SCENERY = np.dtype(
    [
        ("model", np.int32),  # of `shapes.MODELS`
        ("colour", np.int32),  # of `shapes.PAINTS`
        ("x", np.float32),  # [m]
        ("y", np.float32),  # [m]
        ("yaw", np.float32),  # [rad]
        ("scale", np.float32),
    ]
)
_LAMP_GAP = 36.0  # [m] along the road from one lamp post to the next, on alternating sides
_POST_GAP = 1.4  # [m] from the edge of the road to what stands beside it
_SHARP = 1.0 / 28.0  # [1/m] of a bend that a sign warns of
_WARNING = 22.0  # [m] before it
_HOUSES_IN_FIVE = 1  # of what is scattered


@kernel
def _room(points, x, y):
    """Distance of a place from the middle of the road, wherever it passes [m]."""
    best = 1e12
    for n in range(0, points.shape[0], 2):
        best = min(best, (points[n, 0] - x) ** 2 + (points[n, 1] - y) ** 2)
    return np.sqrt(best)


@kernel
def _stand(scenery, count, model, place, yaw, scale):
    """Add one thing at x, y; returns how many there are."""
    if count >= scenery.shape[0]:
        return count
    thing = scenery[count]
    thing.model, thing.x, thing.y, thing.yaw, thing.scale = model, place[0], place[1], yaw, scale
    thing.colour = WALLS[count % len(WALLS)]
    return count + 1


@kernel
def _beside(points, n, side, away, marks):
    """A place so far from the edge [m], on the left (1) or right (−1) of point n."""
    distance = side * (marks[M_HALF_WIDTH] * points[n, 4] + away)
    return points[n, 0] - distance * np.sin(points[n, 2]), points[n, 1] + distance * np.cos(points[n, 2])


@kernel
def _clear(points, place, radius, marks):
    """Whether a thing of that radius [m] stands clear of the road wherever it passes."""
    return _room(points, place[0], place[1]) > marks[M_HALF_WIDTH] * 1.25 + radius


@kernel
def _line_the_edge(points, spacing, marks, scenery):
    """Lamp posts; returns how many things there are."""
    count, gap = 0, int(_LAMP_GAP / spacing)
    for k in range(points.shape[0] // gap):
        n, side = k * gap, 1.0 if k % 2 == 0 else -1.0
        place = _beside(points, n, side, _POST_GAP, marks)
        if _clear(points, place, 0.5 * _POST_GAP, marks):
            across = points[n, 2] + (0.0 if side > 0 else np.pi)
            count = _stand(scenery, count, M_LAMP_POST, place, across, 1.0)
    return count


@kernel
def _signs(points, spacing, marks, crossings, scenery, count):
    """Signs before crossings and bends, for both ways of driving; returns how many things there are."""
    total = points.shape[0]
    for direction in (1, -1):
        yaw = 0.0 if direction > 0 else np.pi
        for crossing in crossings:
            if crossing >= 0.0:
                n = int((crossing - direction * 6.0) / spacing) % total
                place = _beside(points, n, -direction, _POST_GAP - 0.4, marks)
                count = _stand(scenery, count, M_CROSSING_SIGN, place, points[n, 2] + yaw, 1.0)
        for n in range(total):
            bend = abs(points[n, 3]) > _SHARP
            if bend and abs(points[(n - direction) % total, 3]) <= _SHARP:
                m = (n - direction * int(_WARNING / spacing)) % total
                place = _beside(points, m, -direction, _POST_GAP - 0.4, marks)
                if _clear(points, place, 0.4, marks):
                    count = _stand(scenery, count, M_BEND_SIGN, place, points[m, 2] + yaw, 1.0)
    return count


@kernel
def place_scenery(points, spacing, drawn, marks, crossings, scenery):
    """Fill `scenery` (MAX_SCENERY,) `SCENERY` records; returns how many things stand there.

    Args:
        points: (n, ≥ 5) the level's centreline.
        spacing: [m] between its points.
        drawn: the stream and the level's number.
        marks: `Section.numbers()`.
        crossings: (C,) places along [m], −1 for none.
        scenery: filled.
    """
    key = stream_key(np.uint64(drawn[0]), drawn[1], 0, STREAM_SCENERY)
    count = _line_the_edge(points, spacing, marks, scenery)
    count = _signs(points, spacing, marks, crossings, scenery, count)
    for attempt in range(2 * MAX_SCENERY):
        draw = attempt * 8
        if count >= scenery.shape[0]:
            break
        n = int(uniform(key, draw) * points.shape[0])
        side = 1.0 if uniform(key, draw + 1) < 0.5 else -1.0
        house = uniform(key, draw + 2) < _HOUSES_IN_FIVE / 5.0
        model = HOUSES[int(uniform(key, draw + 3) * len(HOUSES))]
        if not house:
            model = TREES[int(uniform(key, draw + 3) * len(TREES))]
        scale = between(key, draw + 4, 0.8, 1.3)
        radius = scale * np.hypot(SIZES[model, 0], SIZES[model, 1])
        away = radius + between(key, draw + 5, 1.5, 9.0 if house else 16.0)
        place = _beside(points, n, side, away, marks)
        if _clear(points, place, radius + 1.0, marks) and _apart(scenery, count, place, radius):
            count = _stand(scenery, count, model, place, points[n, 2], scale)
    return count


@kernel
def _apart(scenery, count, place, radius):
    """Whether a new thing would not stand in another."""
    for k in range(count):
        other = scenery[k].scale * max(SIZES[scenery[k].model, 0], SIZES[scenery[k].model, 1])
        if np.hypot(scenery[k].x - place[0], scenery[k].y - place[1]) < 0.8 * (radius + other):
            return False
    return True
