"""Whether cars touch: oriented boxes on the ground, exactly."""

import numpy as np

from envs.driving.actors import NOBODY
from envs.driving.compiling import kernel


@kernel
def _separated(a, b, cos, sin):
    """Whether the length or width axis of box `a` separates it from `b`; cos, sin of the angle a → b."""
    along = (b[0] - a[0]) * np.cos(a[2]) + (b[1] - a[1]) * np.sin(a[2])
    left = (b[1] - a[1]) * np.cos(a[2]) - (b[0] - a[0]) * np.sin(a[2])
    cos, sin = abs(cos), abs(sin)
    return abs(along) > a[3] + b[3] * cos + b[4] * sin or abs(left) > a[4] + b[3] * sin + b[4] * cos


@kernel
def boxes_overlap(a, b):
    """Whether two boxes touch: no axis of either separates them.

    Args:
        a: x, y [m] of its middle, yaw [rad], half length and half width [m].
        b: likewise.
    """
    cos, sin = np.cos(b[2] - a[2]), np.sin(b[2] - a[2])
    return not (_separated(a, b, cos, sin) or _separated(b, a, cos, sin))


@kernel
def first_hit(car, centre, half_length, half_width, actors):
    """Index of the first actor that a car touches, −1 for none.

    Args:
        car: record with x, y [m] and yaw [rad].
        centre: [m] from there forward to the middle of the car's box.
        half_length: [m].
        half_width: [m].
        actors: (M,) `ACTOR` records.
    """
    x, y = car.x + centre * np.cos(car.yaw), car.y + centre * np.sin(car.yaw)
    box = (x, y, car.yaw, half_length, half_width)
    for k in range(actors.shape[0]):
        other = actors[k]
        if other.kind != NOBODY:
            reach = half_length + half_width + other.half_length + other.half_width
            dx, dy = other.x - x, other.y - y
            if dx * dx + dy * dy <= reach * reach and boxes_overlap(
                box, (other.x, other.y, other.yaw, other.half_length, other.half_width)
            ):
                return k
    return -1
