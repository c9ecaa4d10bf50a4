"""The simulator: a batch of cars, each on its own road, stepped and seen by compiled code."""

import numpy as np

from envs.driving.config import DrivingConfig
from envs.driving.labels import INSTRUMENT_SCALE, POSE, STATE, STATE_SCALE
from envs.driving.look import LOOK, LOOKS
from envs.driving.metrics import METRICS
from envs.driving.params import VehicleParams
from envs.driving.reward import RewardWeights
from envs.driving.road import roads
from envs.driving.rows import (
    ROW,
    Outcome,
    begin_rows,
    label_rows,
    next_episodes,
    paint_rows,
    pose_rows,
    step_and_paint_rows,
    step_rows,
)
from envs.driving.sharing import SharedWork
from envs.driving.vehicle import PHYSICS


class Simulator:
    """A batch of cars.

    Attributes:
        rows: (N,) `ROW` records: the whole state of the batch but for its look.
        looks: (N,) `LOOK` records.
        outcome: what the last step gave.
    """

    def __init__(self, config: DrivingConfig, num_rows: int) -> None:
        self.config, self.num_rows = config, num_rows
        self._work = SharedWork(num_rows, config.threads)
        self.roads = roads(config.split, config.level_count, config.road)
        self.rows, self.looks = np.zeros(num_rows, ROW), np.zeros(num_rows, LOOK)
        self.outcome = Outcome(
            np.zeros(num_rows, np.float32),
            np.zeros(num_rows, np.bool_),
            np.zeros(num_rows, np.bool_),
            np.zeros((num_rows, len(METRICS))),
        )
        self._arrays = self.roads.arrays()
        vehicle, weights = VehicleParams().record(), RewardWeights().record()
        self._rules = (PHYSICS.index(config.physics) == 1, config.frame_skip, vehicle, weights)
        self._look_mode = LOOKS.index(config.look)
        self._poses = np.zeros((num_rows, len(POSE)), np.float32)
        self._states = np.zeros((num_rows, len(STATE)), np.float32)

    def seed_rows(self, chosen: np.ndarray, seeds: np.ndarray) -> None:
        """Give the chosen rows new seeds; their next episode is their first."""
        self.rows["seed"][chosen] = seeds[chosen]
        self.rows["episode"][chosen] = -1

    def begin(self, chosen: np.ndarray, levels: np.ndarray | None = None) -> None:
        """Start the next episode of the chosen rows, (N,) bool, on the given or on drawn levels (N,)."""
        given = levels is not None
        levels = np.empty(self.num_rows, np.int64) if levels is None else levels
        if not next_episodes(self.rows, chosen, self.roads.counts, levels, given):
            self.roads.require(levels[chosen])
        begin_rows(self.rows, self.looks, chosen, levels, self._arrays, self._look_mode)

    def step(self, active: np.ndarray, actions: np.ndarray, frames: np.ndarray | None = None) -> Outcome:
        """Step the active rows, and paint all of them.

        Args:
            active: (N,) bool.
            actions: (N, 2) float32: steering and pedal in [−1, 1].
            frames: as `paint` takes them; none are painted without.
        """
        stepping = (self.rows, active, actions, self._arrays, self._rules, self.outcome)
        if frames is None:
            self._work.run(step_rows, stepping)
        else:
            painting = (self.looks, self.lens(frames.shape[2]), frames)
            self._work.run(step_and_paint_rows, stepping, painting)
        return self.outcome

    def lens(self, width: int) -> tuple[np.float32, np.ndarray]:
        """Focal length [pixels] and mounting of the camera for a frame of that width."""
        camera = self.config.camera
        mounting = np.array([camera.height, camera.forward, camera.pitch], np.float32)
        return np.float32(camera.focal_length(width)), mounting

    def paint(self, frames: np.ndarray) -> None:
        """Paint frames (N, H, W, 3 or 1) uint8."""
        painting = (self.looks, self.lens(frames.shape[2]), frames)
        self._work.run(paint_rows, self.rows, self._arrays, painting)

    def label(self, classes: np.ndarray, depths: np.ndarray) -> None:
        """Fill class masks (N, H, W) uint8 and depths (N, H, W) float32 [m]."""
        labelling = (self.looks, self.lens(classes.shape[2]), classes, depths)
        self._work.run(label_rows, self.rows, self._arrays, labelling)

    def poses(self) -> tuple[np.ndarray, np.ndarray]:
        """Lane poses (N, 5) and states (N, 9) in SI units; overwritten by the next call."""
        self._work.run(pose_rows, self.rows, self._arrays, self._poses, self._states)
        return self._poses, self._states

    def instruments(self) -> np.ndarray:
        """Speed and steering angle of each row, (N, 2) float32, scaled to about ± 1."""
        steer = self.rows["steer"] * self.rows["mirror"]
        return np.stack([self.rows["vx"], steer], axis=1) * INSTRUMENT_SCALE

    def privileged(self) -> np.ndarray:
        """The privileged state of each row, (N, 9) float32, scaled to about ± 1."""
        return self.poses()[1] * STATE_SCALE
