"""Projecting: which pixels of a frame an upright box may cover, and the rays through them."""

import numpy as np

from envs.driving.casting import NEAR
from envs.driving.compiling import FAST, inlined, kernel, wide_vectors
from envs.driving.shading import SUN
from envs.driving.tiles import EYE, RAYS, SUN_AT, TURN, UPRIGHT
from envs.driving.tracing import VIEW_DISTANCE

# 1 / the least radius that is drawn [pixels], of an actor and of what stands beside the road
_SMALLEST, _SMALLEST_BESIDE = np.float32(1.0 / 0.8), np.float32(1.0 / 1.5)
_THINNEST = np.float32(1.0 / 3.0)  # [pixels] across: parts that are thinner are not drawn
_CORNERS = np.array([[1 if n >> axis & 1 else -1 for n in range(8)] for axis in range(3)], np.float32)
_EDGES = np.array(
    [(n, n | bit) for bit in (1, 2, 4) for n in range(8) if not n & bit]
)  # corners at both ends
_HALF, _FAR = np.float32(0.5), np.float32(1e6)


@inlined
def _in_sight(view, x, y, size, half, smallest):
    """Whether a ball on the ground may be in the picture and is not too small to be drawn."""
    dx, dy = x - view.origin[0], y - view.origin[1]
    depth = dx * view.axes[0, 0] + dy * view.axes[0, 1]
    right = dx * view.axes[1, 0] + dy * view.axes[1, 1]
    near = (depth > -size) & (depth < min(size * view.focal * smallest, np.float32(VIEW_DISTANCE)))
    return near & (abs(right) * view.focal - half * depth < size * (view.focal + half))


@inlined
def in_sight(view, x, y, size, half):
    """Whether an actor in a ball of radius `size` [m] may be in the picture, half of which is so wide.

    What would be smaller than a pixel is not: it would only flicker.
    """
    return _in_sight(view, x, y, size, half, _SMALLEST)


@kernel(fastmath=FAST)
def those_in_sight(view, places, half, chosen):
    """Fill `chosen` (K,) int32 with the numbers of things that may be in the picture; returns how many.

    Args:
        view: `VIEW` record.
        places: (3, K) float32: x, y, radius [m] of what stands beside the road.
        half: half the picture's width [pixels].
        chosen: filled.
    """
    wide_vectors()
    for k in range(places.shape[1]):
        seen = _in_sight(view, places[0, k], places[1, k], places[2, k], half, _SMALLEST_BESIDE)
        chosen[k] = np.int32(1) if seen else np.int32(0)
    count = 0
    for k in range(places.shape[1]):
        if chosen[k]:
            chosen[count] = k
            count += 1
    return count


@kernel
def take_rays(view, height, width, desk):
    """Put the rays of a frame on the desk of `tiles`."""
    step, axes = np.float32(1.0) / view.focal, view.axes
    right = (_HALF - _HALF * np.float32(width)) * step
    down = (_HALF - _HALF * np.float32(height)) * step
    for k in range(3):
        desk[RAYS + k] = axes[0, k] + right * axes[1, k] + down * axes[2, k]
        desk[RAYS + 3 + k], desk[RAYS + 6 + k] = step * axes[1, k], step * axes[2, k]


@kernel
def stand(view, pose, desk):
    """Put an object's frame on the desk of `tiles`.

    Args:
        view: `VIEW` record.
        pose: x, y [m], cosine and sine of the yaw, scale.
        desk: filled.
    """
    x, y, cos, sin, scale = pose
    dx, dy, dz = x - view.origin[0], y - view.origin[1], -view.origin[2]
    for k in range(3):
        ahead, left, up = view.axes[k, 0], view.axes[k, 1], view.axes[k, 2]
        desk[UPRIGHT + k] = dx * ahead + dy * left + dz * up
        desk[UPRIGHT + 3 + k] = scale * (cos * ahead + sin * left)
        desk[UPRIGHT + 6 + k] = scale * (cos * left - sin * ahead)
        desk[UPRIGHT + 9 + k] = scale * up
    desk[TURN], desk[TURN + 1], desk[TURN + 2] = cos, sin, np.float32(1.0) / scale
    desk[EYE], desk[EYE + 1], desk[EYE + 2] = -dx, -dy, -dz
    desk[SUN_AT], desk[SUN_AT + 1] = SUN[0] * cos + SUN[1] * sin, SUN[1] * cos - SUN[0] * sin
    desk[SUN_AT + 2] = SUN[2]


@inlined
def _corner(box, corner):
    """How deep a corner of a box is, how far right and how far down [m]."""
    (d, r, w), (dx, rx, wx), (dy, ry, wy), (dz, rz, wz) = box
    a, b, c = _CORNERS[0, corner], _CORNERS[1, corner], _CORNERS[2, corner]
    return d + a * dx + b * dy + c * dz, r + a * rx + b * ry + c * rz, w + a * wx + b * wy + c * wz


@kernel
def _bounds_before_camera(box, focal):
    """Least and greatest column and row [pixels from the middle] of a box that is cut off at `NEAR`."""
    left, right, top, bottom = _FAR, -_FAR, _FAR, -_FAR
    for edge in range(_EDGES.shape[0]):
        (d0, r0, w0), (d1, r1, w1) = _corner(box, _EDGES[edge, 0]), _corner(box, _EDGES[edge, 1])
        if max(d0, d1) < NEAR:
            continue
        for end in range(2):
            d, r, w = (d0, r0, w0) if end == 0 else (d1, r1, w1)
            if d < NEAR:
                share = (NEAR - d0) / (d1 - d0)
                d, r, w = NEAR, r0 + share * (r1 - r0), w0 + share * (w1 - w0)
            column, row = focal * r / d, focal * w / d
            left, right = min(left, column), max(right, column)
            top, bottom = min(top, row), max(bottom, row)
    return left, right, top, bottom


@inlined
def _bounds(box, focal):
    """Least and greatest column and row [pixels from the middle] of a box before the camera."""
    left, right, top, bottom = _FAR, -_FAR, _FAR, -_FAR
    for corner in range(8):
        d, r, w = _corner(box, corner)
        scale = focal / d
        column, row = r * scale, w * scale
        left, right = min(left, column), max(right, column)
        top, bottom = min(top, row), max(bottom, row)
    return left, right, top, bottom


@kernel(fastmath=FAST)
def window(middle, half, focal, size, desk):
    """Columns and rows [left, right, top, bottom) that a box may cover.

    There are none where left ≥ right: it is out of the picture, or too thin.

    Args:
        middle: of the box in the object's frame [m].
        half: half sizes of the box [m].
        focal: focal length [pixels].
        size: height and width of the frame.
        desk: of `tiles`, with the object's frame.
    """
    wide_vectors()
    (height, width), (mx, my, mz) = size, middle
    d = desk[UPRIGHT] + mx * desk[UPRIGHT + 3] + my * desk[UPRIGHT + 6] + mz * desk[UPRIGHT + 9]
    r = desk[UPRIGHT + 1] + mx * desk[UPRIGHT + 4] + my * desk[UPRIGHT + 7] + mz * desk[UPRIGHT + 10]
    w = desk[UPRIGHT + 2] + mx * desk[UPRIGHT + 5] + my * desk[UPRIGHT + 8] + mz * desk[UPRIGHT + 11]
    x = (half[0] * desk[UPRIGHT + 3], half[0] * desk[UPRIGHT + 4], half[0] * desk[UPRIGHT + 5])
    y = (half[1] * desk[UPRIGHT + 6], half[1] * desk[UPRIGHT + 7], half[1] * desk[UPRIGHT + 8])
    z = (half[2] * desk[UPRIGHT + 9], half[2] * desk[UPRIGHT + 10], half[2] * desk[UPRIGHT + 11])
    box, reach = ((d, r, w), x, y, z), abs(x[0]) + abs(y[0]) + abs(z[0])
    if d + reach < NEAR:
        return 0, 0, 0, 0
    left, right, top, bottom = _bounds(box, focal) if d - reach > NEAR else _bounds_before_camera(box, focal)
    if min(right - left, bottom - top) < _THINNEST:
        return 0, 0, 0, 0
    across, down = _HALF * np.float32(width), _HALF * np.float32(height)
    left, right = max(left + across, np.float32(-1.0)), min(right + across, np.float32(width))
    top, bottom = max(top + down, np.float32(-1.0)), min(bottom + down, np.float32(height))
    first, last = int(np.floor(left)), int(np.floor(right)) + 1
    upper, lower = int(np.floor(top)), int(np.floor(bottom)) + 1
    return max(first, 0), min(last, width), max(upper, 0), min(lower, height)
