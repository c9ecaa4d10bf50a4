"""The racing line of a closed road: where to drive and how fast, for a car and the grip it has."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from envs.driving.params import VehicleParams
from envs.driving.racing_path import minimum_curvature, normals
from envs.driving.racing_speed import lap_time, speed_profile

T_X, T_Y, T_HEADING, T_CURVATURE, T_SPACING, T_SPEED, T_REVERSE_SPEED = range(7)  # columns of a line's table


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
    centre = normals(points)
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
