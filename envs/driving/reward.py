"""The reward of one action: named terms × weights.

| term | range | weight |
| --- | --- | --- |
| progress: new metres over those of a step at 15 m/s; none twice, none beyond pace | [0, frame_skip] | 0.2 |
| lane: (distance from the middle of the lane / half its width)² | [0, 1] | −0.2 |
| comfort: share of the greatest steering angle | [0, 1] | −0.006 |
| grip: (lateral acceleration / 1 g)², near 1 where the tyres slide | [0, 1] | −0.5 |
| off_road: the car's centre left the road; the episode terminates | {0, 1} | −2 |
| collision: the car hit something; the episode terminates | {0, 1} | −2 |
| yielding: the car drove over a crossing before somebody's feet | {0, 1} | −0.5 |
| wrong_way: the car began to drive on the other side of a road with two lanes each way | {0, 1} | −0.5 |

An action of several steps (`frame_skip`) earns the progress of all of them, and the other terms once. The
weights keep action values below about ten: a Huber loss is quadratic only for errors below one.
"""

from dataclasses import dataclass, fields

import numpy as np

from envs.driving.compiling import kernel
from envs.driving.params import CONTROL_STEP, GRAVITY

_FULL_STEP = np.float32(15.0 * CONTROL_STEP)  # [m] of one control step at 15 m/s


@dataclass(frozen=True)
class RewardWeights:
    """Weight of each term of the reward."""

    progress: float = 0.2
    lane: float = -0.2
    comfort: float = -0.006
    grip: float = -0.5
    off_road: float = -2.0
    collision: float = -2.0
    yielding: float = -0.5
    wrong_way: float = -0.5
    pace: float = 1000.0  # [m/s] no weight: who is faster is not paid for it

    def record(self) -> np.ndarray:
        """The weights as a record array of shape (1,)."""
        return np.array([tuple(getattr(self, field.name) for field in fields(self))], REWARD)


REWARD = np.dtype([(field.name, np.float32) for field in fields(RewardWeights)])


@kernel
def reward(advance, row, max_steer, events, weights):
    """The reward of one action.

    Args:
        advance: new metres along the route, and how many control steps they took.
        row: record with offset from the middle of the road and of its lane [m], half the lane's width [m],
            steer [rad], vx [m/s], yaw_rate [rad/s].
        max_steer: greatest steering angle [rad].
        events: whether the car left the road, hit something, did not yield, went the wrong way.
        weights: `REWARD` record.
    """
    off_road, hit, pushed, wrong = events
    lane = min(abs(row.offset - row.lane_side) / row.lane_half, np.float32(1.0))
    grip = min(abs(row.vx * row.yaw_rate) / np.float32(GRAVITY), np.float32(1.0))
    metres, steps = advance
    metres = min(metres, weights.pace * np.float32(CONTROL_STEP) * np.float32(steps))
    total = weights.progress * metres / _FULL_STEP + weights.lane * lane * lane
    total += weights.comfort * abs(row.steer) / max_steer + weights.grip * grip * grip
    total += (weights.yielding if pushed else np.float32(0.0)) + (
        weights.wrong_way if wrong else np.float32(0.0)
    )
    total += weights.collision if hit else np.float32(0.0)
    return total + weights.off_road if off_road else total
