"""Where the car is on its road: labels for perception, and the privileged state."""

import numpy as np

from envs.driving.compiling import kernel
from envs.driving.sections import HALF_WIDTH

LOOK_AHEAD = (8.0, 16.0, 30.0)  # [m] at which the road's curvature is labelled
POSE = ("lane_offset", "heading_error", "curvature_8", "curvature_16", "curvature_30")
POSE_UNITS = ("m", "rad", "1/m", "1/m", "1/m")
STATE = (*POSE, "speed", "side_speed", "yaw_rate", "steer")
# A privileged state of about ± 1: offset / 3.5 m, heading / 0.5 rad, curvatures / 0.1, speeds / 15 m/s, …
STATE_SCALE = np.array([1 / HALF_WIDTH, 2.0, 10.0, 10.0, 10.0, 1 / 15.0, 0.5, 1.0, 2.4], np.float32)
INSTRUMENTS = ("speed", "steer", "yaw_rate", "side_speed")
"""What the car itself knows of its motion: no picture shows it, and near the limit of grip it matters."""
INSTRUMENT_SCALE = np.array([1 / 15.0, 2.4, 1.0, 0.5], np.float32)


@kernel
def wrap_angle(angle):
    """An angle in (−π, π]."""
    turn = np.float32(2.0 * np.pi)
    return angle - turn * np.ceil(angle / turn - np.float32(0.5))


@kernel
def bend_ahead(row, centreline, count, spacing, metres):
    """Curvature of the road so many metres ahead of a car [1/m], positive to its driver's left."""
    points = metres / spacing * row.direction + row.advance / spacing
    base = int(np.floor(points))
    share = points - np.float32(base)
    here = centreline[(row.nearest + base) % count, 3]
    following = centreline[(row.nearest + base + 1) % count, 3]
    return row.mirror * row.direction * (here + share * (following - here))


@kernel
def lane_pose(row, centreline, count, spacing, pose):
    """Fill `pose` (5,) with the labels of `POSE`.

    Lane offset and curvature are positive to the left as the driver sees it; the heading error is the
    car's heading less the road's.

    Args:
        row: `ROW` record: the car, the nearest centreline point and the variant of the road.
        centreline: (points, 4) of the level.
        count: points in a lap.
        spacing: [m] between points.
        pose: filled, (5,) float32.
    """
    side = row.mirror * row.direction
    heading = centreline[row.nearest, 2] + centreline[row.nearest, 3] * row.advance
    ahead = heading if row.direction > 0 else heading + np.float32(np.pi)
    pose[0] = (row.offset - row.lane_side) * side
    pose[1] = wrap_angle(row.yaw - ahead) * row.mirror
    for k in range(3):
        pose[2 + k] = bend_ahead(row, centreline, count, spacing, np.float32(LOOK_AHEAD[k]))
