"""What an episode is judged by: sums kept a step, figures made at its end."""

import numpy as np

from envs.driving.compiling import kernel
from envs.driving.params import CONTROL_STEP

SUM_FIELDS = [
    ("travelled", np.float32),  # [m] along the route, less what was driven back
    ("furthest", np.float32),  # [m] the most that `travelled` was
    ("speed_sum", np.float64),  # [m/s]
    ("offset_squares", np.float64),  # [m²]
    ("jerk_sum", np.float64),  # [m/s³]
    ("nearest_miss", np.float32),  # [s] least time to a collision with what was ahead
    ("infractions", np.int32, 6),  # how often each of INFRACTIONS
]
METRICS = (
    "success",
    "route_completion",
    "mean_speed",
    "lateral_rmse",
    "jerk",
    "driving_score",
    "off_road",
    "timeout",
    "infractions_per_km",
)
INFRACTIONS = (
    "off_road",
    "collision_pedestrian",
    "collision_vehicle",
    "collision_static",
    "failed_to_yield",
    "wrong_way",
)
OFF_ROAD, HIT_PEDESTRIAN, HIT_VEHICLE, HIT_STATIC, FAILED_TO_YIELD, WRONG_WAY = range(len(INFRACTIONS))
WEIGHTS = np.array([1.0, 1.0, 0.7, 0.6, 0.4, 0.4])
"""Of each infraction in the driving score, after CARLA's leaderboard 2.1; leaving the road is the worst."""
ROAD_METRICS = (
    *INFRACTIONS[1:],
    *(f"{name}_per_km" for name in INFRACTIONS),
    "time_to_collision",  # [s] the least of the episode, 10 at most
    "lap_time",  # [s]; of a lap that was not finished, the time it was given
)
"""What is told beside `METRICS` of an episode on a road with more than the plain track has."""
LONGEST_MISS = np.float32(10.0)  # [s]


@kernel
def add_step(row, speed, offset, jerk):
    """Add one step to a row's sums."""
    row.speed_sum += speed
    row.offset_squares += offset * offset
    row.jerk_sum += abs(jerk)


@kernel
def begin_sums(row):
    """Start a new episode's account."""
    row.travelled, row.furthest = 0.0, 0.0
    row.speed_sum, row.offset_squares, row.jerk_sum = 0.0, 0.0, 0.0
    row.nearest_miss = LONGEST_MISS
    for k in range(WEIGHTS.shape[0]):
        row.infractions[k] = 0


@kernel
def episode_metrics(row, length, given, success, figures):
    """Fill `figures` (22,) with `METRICS` and `ROAD_METRICS` at an episode's end.

    driving score = route completion / (1 + Σ weight × infractions)

    Args:
        row: `ROW` record.
        length: of the lap [m].
        given: time that the lap may take [s].
        success: whether it was finished without a collision.
        figures: filled.
    """
    steps = max(row.step, 1)
    completion = min(max(row.furthest / length, np.float32(0.0)), np.float32(1.0))
    kilometres = max(row.speed_sum * CONTROL_STEP / 1000.0, 1e-3)
    penalty, infractions, kinds = 1.0, 0, WEIGHTS.shape[0]
    for k in range(kinds):
        penalty += WEIGHTS[k] * row.infractions[k]
        infractions += row.infractions[k]
        figures[13 + k + 1] = row.infractions[k] / kilometres
        if k > 0:
            figures[8 + k] = row.infractions[k]
    hard = row.infractions[OFF_ROAD] + row.infractions[HIT_PEDESTRIAN]
    hard += row.infractions[HIT_VEHICLE] + row.infractions[HIT_STATIC]
    figures[0] = 1.0 if success else 0.0
    figures[1] = completion
    figures[2] = row.speed_sum / steps
    figures[3] = np.sqrt(row.offset_squares / steps)
    figures[4] = row.jerk_sum / steps
    figures[5] = completion / penalty
    figures[6] = row.infractions[OFF_ROAD]
    figures[7] = 0.0 if hard > 0 or success else 1.0
    figures[8] = infractions / kilometres
    figures[20] = row.nearest_miss
    figures[21] = row.step * CONTROL_STEP if success else given
