"""What is kept of every row of the batch: its car's record, what lives on its road, what a step gives."""

from typing import NamedTuple

import numpy as np

from envs.driving.metrics import SUM_FIELDS
from envs.driving.vehicle import CAR_FIELDS

MOST_DELAY = 8  # [control steps] of an action

ROW = np.dtype(
    [
        ("seed", np.uint64),  # first, so that a row is not taken for a longer record of a car
        *CAR_FIELDS,
        *SUM_FIELDS,
        ("episode", np.int64),
        ("step", np.int64),  # control steps since the episode began
        ("level", np.int64),
        ("nearest", np.int64),  # centreline point nearest to the car
        ("advance", np.float32),  # [m] of the car beyond that point, along the centreline
        ("offset", np.float32),  # [m] of the car to the left of the centreline
        ("mirror", np.float32),  # −1 where the picture, the steering and the labels are mirrored
        ("direction", np.float32),  # −1 where the circuit is driven the other way round
        ("lane_side", np.float32),  # [m] of the middle of the car's lane to the left of the centreline
        ("lane_half", np.float32),  # [m] half the lane's width
        ("wrong_time", np.float32),  # [s] on the wrong side of the road
        ("pushing", np.bool_),  # on a crossing before somebody's feet
        ("delay", np.int32),  # control steps until an action is carried out
        ("pending", np.float32, (MOST_DELAY, 2)),  # actions on their way, by the step they were given in
        ("ended", np.bool_),
    ]
)


class Inhabitants(NamedTuple):
    """What there is on the roads beside the cars that are driven, a row an environment."""

    actors: np.ndarray  # (N, M) `ACTOR`
    spans: np.ndarray  # (N, 4 · at least M) of `lanes.room_for_spans`, to work in
    cars: np.ndarray  # (N,) `VEHICLE`, the driven ones
    weathers: np.ndarray  # (N,) `WEATHER`


class Outcome(NamedTuple):
    """What a step gives, a row an environment."""

    reward: np.ndarray  # (N,) float32
    terminated: np.ndarray  # (N,) bool
    truncated: np.ndarray  # (N,) bool
    metrics: np.ndarray  # (N, 22) float64, zeros where no episode ended
