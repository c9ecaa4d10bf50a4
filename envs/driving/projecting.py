"""Projecting: which pixels of a frame an upright box may cover, and the rays through them."""

import numpy as np

from envs.driving.casting import NEAR
from envs.driving.compiling import FAST, inlined, kernel, wide_vectors
from envs.driving.tracing import VIEW_DISTANCE

_SMALLEST = np.float32(1.0 / 0.8)  # 1 / the least radius that is drawn [pixels]
_CORNERS = np.array([[1 if n >> axis & 1 else -1 for n in range(8)] for axis in range(3)], np.float32)
_HALF = np.float32(0.5)


@inlined
def in_sight(view, x, y, size, half):
    """Whether a ball of radius `size` [m] on the ground may be in the picture, half of which is so wide.

    What would be smaller than a pixel is not: it would only flicker.
    """
    dx, dy = x - view.origin[0], y - view.origin[1]
    depth = dx * view.axes[0, 0] + dy * view.axes[0, 1]
    right = dx * view.axes[1, 0] + dy * view.axes[1, 1]
    near = (depth > -size) & (depth < min(size * view.focal * _SMALLEST, np.float32(VIEW_DISTANCE)))
    return near & (abs(right) * view.focal - half * depth < size * (view.focal + half))


@inlined
def first_ray(view, height, width):
    """The ray through the first pixel's middle, and its change by column and row."""
    axes, step = view.axes, np.float32(1.0) / view.focal
    right = (np.float32(0.5) - np.float32(0.5) * np.float32(width)) * step
    down = (np.float32(0.5) - np.float32(0.5) * np.float32(height)) * step
    first = (
        axes[0, 0] + right * axes[1, 0] + down * axes[2, 0],
        axes[0, 1] + right * axes[1, 1] + down * axes[2, 1],
        axes[0, 2] + right * axes[1, 2] + down * axes[2, 2],
    )
    by_column = (step * axes[1, 0], step * axes[1, 1], step * axes[1, 2])
    return first, by_column, (step * axes[2, 0], step * axes[2, 1], step * axes[2, 2])


@kernel
def stand(view, pose, upright):
    """Bring an object's frame into the camera's.

    Args:
        view: `VIEW` record.
        pose: x, y [m], cosine and sine of the yaw, scale.
        upright: (4, 3) float32, filled: the object's place, and a step along each of its axes, by how deep,
            how far right and how far down they are.
    """
    x, y, cos, sin, scale = pose
    dx, dy, dz = x - view.origin[0], y - view.origin[1], -view.origin[2]
    for k in range(3):
        ahead, left, up = view.axes[k, 0], view.axes[k, 1], view.axes[k, 2]
        upright[0, k] = dx * ahead + dy * left + dz * up
        upright[1, k] = scale * (cos * ahead + sin * left)
        upright[2, k] = scale * (cos * left - sin * ahead)
        upright[3, k] = scale * up


@kernel(fastmath=FAST)
def window(upright, middle, half, focal, size):
    """Columns and rows [left, right, top, bottom) around the corners of a box.

    Args:
        upright: of `stand`.
        middle: of the box in the object's frame [m].
        half: half sizes of the box [m].
        focal: focal length [pixels].
        size: height and width of the frame.
    """
    wide_vectors()
    (height, width), (mx, my, mz) = size, middle
    d0 = upright[0, 0] + mx * upright[1, 0] + my * upright[2, 0] + mz * upright[3, 0]
    r0 = upright[0, 1] + mx * upright[1, 1] + my * upright[2, 1] + mz * upright[3, 1]
    w0 = upright[0, 2] + mx * upright[1, 2] + my * upright[2, 2] + mz * upright[3, 2]
    dx, dy, dz = half[0] * upright[1, 0], half[1] * upright[2, 0], half[2] * upright[3, 0]
    rx, ry, rz = half[0] * upright[1, 1], half[1] * upright[2, 1], half[2] * upright[3, 1]
    wx, wy, wz = half[0] * upright[1, 2], half[1] * upright[2, 2], half[2] * upright[3, 2]
    if d0 - abs(dx) - abs(dy) - abs(dz) < NEAR:  # it reaches behind the camera
        return 0, width, 0, height
    left, right, top, bottom = np.float32(1e6), np.float32(-1e6), np.float32(1e6), np.float32(-1e6)
    for corner in range(8):
        a, b, c = _CORNERS[0, corner], _CORNERS[1, corner], _CORNERS[2, corner]
        scale = focal / (d0 + a * dx + b * dy + c * dz)
        column, row = (r0 + a * rx + b * ry + c * rz) * scale, (w0 + a * wx + b * wy + c * wz) * scale
        left, right = min(left, column), max(right, column)
        top, bottom = min(top, row), max(bottom, row)
    across, down = _HALF * np.float32(width), _HALF * np.float32(height)
    first, last = int(np.floor(left + across)), int(np.floor(right + across)) + 1
    upper, lower = int(np.floor(top + down)), int(np.floor(bottom + down)) + 1
    return max(first, 0), min(last, width), max(upper, 0), min(lower, height)
