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
INFRACTION_WEIGHT = 1.0  # of leaving the road, in the driving score


@kernel
def add_step(row, speed, offset, jerk):
    """Add one step to a row's sums."""
    row.speed_sum += speed
    row.offset_squares += offset * offset
    row.jerk_sum += abs(jerk)


@kernel
def episode_metrics(row, length, off_road, success, figures):
    """Fill `figures` (9,) with `METRICS` at an episode's end.

    driving score = route completion / (1 + Σ weight × infractions)
    """
    steps = max(row.step, 1)
    completion = min(max(row.furthest / length, np.float32(0.0)), np.float32(1.0))
    infractions = 1.0 if off_road else 0.0
    figures[0] = 1.0 if success else 0.0
    figures[1] = completion
    figures[2] = row.speed_sum / steps
    figures[3] = np.sqrt(row.offset_squares / steps)
    figures[4] = row.jerk_sum / steps
    figures[5] = completion / (1.0 + INFRACTION_WEIGHT * infractions)
    figures[6] = infractions
    figures[7] = 0.0 if off_road or success else 1.0
    figures[8] = infractions / max(row.speed_sum * CONTROL_STEP / 1000.0, 1e-3)
