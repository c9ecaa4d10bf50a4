"""Roads as the compiled code reads them: a centreline for the car, a surface map for the camera.

The surface map is a square grid of `TEXEL` metres. Each texel
holds, at its own centre, the signed distance to the centreline with its gradient and the distance
along the road with its stretch: 8 bytes from which the camera extrapolates to any point of the
texel. The error is second order, below 1 cm on the sharpest inner edge, so lines stay thin and
smooth however close one looks.

    low half:  distance to the left [1/256 m] int16 · gradient x, y [1/127] int8, int8
    high half: distance along [1/64 m] uint16 · |∇ along| [1/64] uint8 · flags uint8

Flags: 1: kerb, 2: light grass, 4: near a crossing, whence the distance along then counts, less
`CROSSING_ZERO`; 8: the line in the middle is solid. Where a road widens, distances to the centreline are
stored as they would be at its narrowest, so that all lines follow.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from envs.driving.compiling import allocating, kernel
from envs.driving.course import lay_crossings, lay_out
from envs.driving.levels import STREAMS, draw_circuit
from envs.driving.scenery import MAX_SCENERY, SCENERY, place_scenery
from envs.driving.sections import M_CROSSINGS, M_LANES, M_MIDDLE, SECTIONS
from envs.driving.shapes import RADII

TEXEL = 0.5  # [m]
STRIPE_PERIOD = 6.0  # [m] of the dashes in the middle; a lap holds a whole number of them
KERB_CURVATURE = 1.0 / 45.0  # [1/m] bends sharper than this have kerbs
MAX_CROSSINGS = 4  # a lap
_MARGIN = 10.0  # [m] of map around the centreline
_LAWN = 10.0  # [m] side of a patch of grass
OFFSET_STEPS, ALONG_STEPS = 256.0, 64.0  # to the metre
CROSSING_ZERO = 512.0  # [m] stored at a crossing
_NEAR_CROSSING = 7.0  # [m]
_SOLID_BEFORE = 30.0  # [m] from a crossing the line in the middle is solid
_SOLID_CURVATURE = 1.0 / 60.0  # [1/m] and in sharper bends


@kernel
def _squared(points, n, x, y):
    return (x - points[n, 0]) ** 2 + (y - points[n, 1]) ** 2


@kernel
def _sweep(points, nearest, gap, step):
    """One pass over the grid: every texel takes over a nearer point from four neighbours behind it."""
    grid = nearest.shape[0]
    start = 1 if step > 0 else grid - 2
    for b in range(grid - 2):
        j = start + step * b
        for a in range(grid - 2):
            i = start + step * a
            x, y = (i - grid // 2 + 0.5) * TEXEL, (j - grid // 2 + 0.5) * TEXEL
            for m in range(4):
                dj, di = (0, -step) if m == 0 else (-step, m - 2)
                n = nearest[j + dj, i + di]
                if n >= 0 and n != nearest[j, i]:
                    squared = _squared(points, n, x, y)
                    if squared < gap[j, i]:
                        gap[j, i], nearest[j, i] = squared, n


@allocating
def _nearest_points(points, nearest):
    """Fill `nearest` with the index of a close centreline point of each texel, by sweeping from the road."""
    grid = nearest.shape[0]
    gap = np.full((grid, grid), np.float32(1e12), np.float32)
    nearest[:] = -1
    for n in range(points.shape[0]):
        j, i = int(points[n, 1] / TEXEL + grid // 2), int(points[n, 0] / TEXEL + grid // 2)
        nearest[j, i] = n
        gap[j, i] = _squared(points, n, (i - grid // 2 + 0.5) * TEXEL, (j - grid // 2 + 0.5) * TEXEL)
    for step in (1, -1, 1, -1):
        _sweep(points, nearest, gap, step)
    for edge, inner in ((0, 1), (grid - 1, grid - 2)):
        nearest[edge, :], nearest[:, edge] = nearest[inner, :], nearest[:, inner]


@kernel
def project(points, start, search, x, y):
    """Project (x, y) on the closed centreline near index `start`.

    Args:
        points: (n, ≥ 4) x, y [m], heading [rad], curvature [1/m].
        start: index to search around.
        search: how many points to look at on either side.
        x: [m].
        y: [m].

    Returns:
        index of the nearest point, distance to the left of the road [m], advance beyond that
        point along the road [m].
    """
    count = points.shape[0]
    best, best_squared = start, np.float32(1e12)
    for k in range(-search, search + 1):
        n = (start + k) % count
        squared = (x - points[n, 0]) ** 2 + (y - points[n, 1]) ** 2
        if squared < best_squared:
            best, best_squared = n, squared
    cos, sin = np.cos(points[best, 2]), np.sin(points[best, 2])
    dx, dy = x - points[best, 0], y - points[best, 1]
    along, left = dx * cos + dy * sin, dy * cos - dx * sin
    bend = points[best, 3]
    towards_centre = max(np.float32(1.0) - bend * left, np.float32(0.2))
    advance = along / towards_centre
    return best, left - np.float32(0.5) * bend * along * advance, advance


@kernel
def _encode(points, tangents, course, n, x, y):
    """The texel centred on (x, y); `n` is a centreline point near (x, y); `course` of `_draw_surface`."""
    spacing, crossings, marks = course
    advance = along = left = stretch = 0.0
    for _ in range(3):
        dx, dy = x - points[n, 0], y - points[n, 1]
        along, left = dx * tangents[n, 0] + dy * tangents[n, 1], dy * tangents[n, 0] - dx * tangents[n, 1]
        stretch = 1.0 / max(1.0 - points[n, 3] * left, 0.26)
        advance = along * stretch
        if abs(advance) <= 0.6 * spacing:
            break
        n = (n + int(np.rint(advance / spacing))) % points.shape[0]
    turn = points[n, 3] * advance
    left -= 0.5 * turn * along
    wide = 127.0 / points[n, 4]
    gx, gy = -tangents[n, 1] - turn * tangents[n, 0], tangents[n, 0] - turn * tangents[n, 1]
    distance, near = _distance_along(points, course, n * spacing + advance)
    kerbed = marks[M_LANES] == 0.0 and abs(points[n, 3]) > KERB_CURVATURE  # where one races, not on streets
    flags = (1 if kerbed else 0) | _lawn(x, y) | (4 if near <= _NEAR_CROSSING else 0)
    bend = abs(points[n, 3]) > _SOLID_CURVATURE
    if marks[M_LANES] > 0.0 and (marks[M_MIDDLE] > 0.0 or bend or near <= _SOLID_BEFORE):
        flags |= 8
    left = min(max(left / points[n, 4], -127.0), 127.0)
    low = _pack(left * OFFSET_STEPS, gx * wide, gy * wide)
    return (_pack(distance * ALONG_STEPS, stretch * 64.0, flags) << 32) | (low & 0xFFFFFFFF)


@kernel
def _distance_along(points, course, along):
    """The distance along that a texel stores [m], and how far the nearest crossing is [m]."""
    spacing, crossings, marks = course
    length = points.shape[0] * spacing
    near, nearest = 1e6, 0.0
    for k in range(int(marks[M_CROSSINGS])):
        crossing = crossings[k]
        away = along - crossing
        away -= length * np.rint(away / length)
        if crossing >= 0.0 and abs(away) < near:
            near, nearest = abs(away), away
    if near <= _NEAR_CROSSING:
        return nearest + CROSSING_ZERO, near
    stripes = np.rint(length / STRIPE_PERIOD) * STRIPE_PERIOD / length
    return (along % length) * stripes, near


@kernel(inline="always")
def _lawn(x, y):
    """The flag of light grass: a chequered lawn."""
    return 2 * ((int(np.floor(x / _LAWN)) + int(np.floor(y / _LAWN))) & 1)


@kernel(inline="always")
def _pack(high, middle, low):
    return (int(np.rint(high)) << 16) | ((int(np.rint(middle)) & 255) << 8) | (int(np.rint(low)) & 255)


@allocating
def _draw_surface(points, course, surface):
    """Fill `surface` (grid, grid) from the centreline `points` (n, 6).

    `course` is the spacing of the points [m], the places of the crossings, and `Section.numbers()`.
    """
    grid = surface.shape[0]
    nearest = np.empty((grid, grid), np.int32)
    _nearest_points(points, nearest)
    tangents = np.empty((points.shape[0], 2))
    tangents[:, 0], tangents[:, 1] = np.cos(points[:, 2]), np.sin(points[:, 2])
    for j in range(grid):
        for i in range(grid):
            x, y = (i - grid // 2 + 0.5) * TEXEL, (j - grid // 2 + 0.5) * TEXEL
            surface[j, i] = _encode(points, tangents, course, nearest[j, i], x, y)


@kernel
def _lap(points):
    """Length of the closed polyline [m]."""
    length = 0.0
    for n in range(points.shape[0]):
        following = points[(n + 1) % points.shape[0]]
        length += np.hypot(following[0] - points[n, 0], following[1] - points[n, 1])
    return length


@allocating(nogil=True)
def _build_level(drawn, ranges, marks, centreline, spacing, surface, beside):
    """Draw one circuit with all it has; returns how many points the centreline has, and things stand beside.

    Args:
        drawn: the stream and the level's number.
        ranges: `CircuitRange.numbers()`.
        marks: `Section.numbers()`.
        centreline: (max_points, 6), filled.
        spacing: (1,), filled.
        surface: (grid, grid), filled.
        beside: the places of the crossings along [m] (C,), −1 for none, and the scenery (K,), filled.
    """
    stream, level = drawn
    crossings, scenery = beside
    things = 0
    points = np.ones((centreline.shape[0], 6))
    count = draw_circuit(stream, level, ranges, points)
    if count > 0:
        points = points[:count]
        spacing[0] = _lap(points) / count
        lay_out(points, spacing[0], stream, level, marks)
        lay_crossings(points, spacing[0], stream, level, int(marks[M_CROSSINGS]), crossings)
        centreline[:count] = points
        _draw_surface(points, (spacing[0], crossings, marks), surface)
        things = place_scenery(points, spacing[0], drawn, marks, crossings, scenery)
    return count, things


class RoadArrays(NamedTuple):
    """The road library as the compiled code takes it; see `Roads`."""

    centrelines: np.ndarray
    counts: np.ndarray
    spacings: np.ndarray
    surfaces: np.ndarray
    crossings: np.ndarray
    scenery: np.ndarray
    places: np.ndarray
    scenery_counts: np.ndarray
    marks: np.ndarray  # `Section.numbers()`


class Roads:
    """The roads of one split, built when first asked for and then kept.

    Attributes:
        centrelines: (levels, max_points, 6) float32: x, y [m], heading [rad], curvature [1/m], width (1
            where the road is narrowest), the speed of a comfortable driver [m/s].
        counts: (levels,) int32: how many points each centreline has; −1: not built yet.
        spacings: (levels,) float32: [m] between neighbouring points.
        surfaces: (levels, grid, grid) int64: see the head of this file.
        crossings: (levels, 4) float32: [m] along, −1 for none.
        scenery: (levels, things) `SCENERY` records, of which there are `scenery_counts` (levels,).
        places: (levels, 3, things) float32: x, y, radius [m] of the scenery, 0 where there is none.
        section: across the road.
    """

    def __init__(self, split: str, num_levels: int, road: str = "track") -> None:
        self.section = SECTIONS[road]
        circuits = self.section.circuits(split)
        self.split, self.num_levels = split, num_levels
        grid = 2 * int(np.ceil((circuits.extent / 2 + _MARGIN) / TEXEL))
        self.centrelines = np.zeros((num_levels, circuits.max_points, 6), np.float32)
        self.counts = np.full(num_levels, -1, np.int32)
        self.spacings = np.zeros(num_levels, np.float32)
        self.surfaces = np.empty((num_levels, grid, grid), np.int64)
        self.crossings = np.full((num_levels, MAX_CROSSINGS), -1.0, np.float32)
        self.scenery = np.zeros((num_levels, MAX_SCENERY), SCENERY)
        self.places = np.zeros((num_levels, 3, MAX_SCENERY), np.float32)
        self.scenery_counts = np.zeros(num_levels, np.int32)
        self._ranges, self._marks = circuits.numbers(), self.section.numbers()

    def arrays(self) -> RoadArrays:
        """The roads as the compiled code takes them."""
        lines = self.centrelines, self.counts, self.spacings
        return RoadArrays(
            *lines,
            self.surfaces,
            self.crossings,
            self.scenery,
            self.places,
            self.scenery_counts,
            self._marks,
        )

    def require(self, levels: np.ndarray) -> None:
        """Build those of `levels` (integers in [0, num_levels)) that are not there yet.

        Raises:
            IndexError: a level is outside the split's range.
        """
        if levels.size and not 0 <= levels.min() <= levels.max() < self.num_levels:
            raise IndexError(
                f"level {levels.max() if levels.max() >= self.num_levels else levels.min()} is outside "
                f"split {self.split!r}, whose levels here are 0 … {self.num_levels - 1}."
            )
        missing = np.unique(levels[self.counts[levels] < 0])
        if missing.size == 1:
            self._build(int(missing[0]))
        elif missing.size:
            with ThreadPoolExecutor() as workers:
                list(workers.map(self._build, missing.tolist()))

    def _build(self, n: int) -> None:
        line, spacing, surface = self.centrelines[n], self.spacings[n : n + 1], self.surfaces[n]
        drawn = (STREAMS[self.split], n)
        beside = self.crossings[n], self.scenery[n]
        count, things = _build_level(drawn, self._ranges, self._marks, line, spacing, surface, beside)
        if count == 0:
            raise RuntimeError(f"level {n} of split {self.split!r} has no circuit; ask for fewer levels.")
        standing = self.scenery[n, :things]
        radii = RADII[standing["model"]] * standing["scale"]
        self.places[n, :, :things] = standing["x"], standing["y"], radii
        self.scenery_counts[n], self.counts[n] = things, count


@lru_cache(maxsize=8)
def roads(split: str, num_levels: int, road: str = "track") -> Roads:
    """The roads of a split, shared by every environment of the process that drives on them."""
    return Roads(split, num_levels, road)
