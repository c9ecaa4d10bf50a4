"""The simulator: a batch of cars, each on its own road, stepped and seen by compiled code.

A row of the batch is one record; what a row does depends on that record, its action and its road
alone, never on the rows beside it. Rows are shared out to threads in whole blocks.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from envs.driving.camera import VIEW, aim, label, paint, scratch
from envs.driving.compiling import kernel
from envs.driving.config import DrivingConfig
from envs.driving.labels import INSTRUMENT_SCALE, POSE, STATE, STATE_SCALE, lane_pose
from envs.driving.levels import HALF_WIDTH
from envs.driving.look import LOOK, LOOKS, draw_look
from envs.driving.metrics import METRICS, SUM_FIELDS, add_step, episode_metrics
from envs.driving.params import CONTROL_STEP, VehicleParams
from envs.driving.randomness import (
    STREAM_LEVEL,
    STREAM_LOOK,
    STREAM_NOISE,
    STREAM_POSE,
    between,
    mix,
    stream_key,
    uniform,
)
from envs.driving.reward import RewardWeights, reward
from envs.driving.road import project, roads
from envs.driving.vehicle import CAR_FIELDS, PHYSICS, drive

CRUISE_SPEED = 6.0  # [m/s] a lap may take as long as at this speed
_BUFFERS = tuple(buffer.size for buffer in scratch())
_SEARCH = 6  # centreline points looked at on either side of the last one, each step

ROW = np.dtype(
    [
        *CAR_FIELDS,
        *SUM_FIELDS,
        ("seed", np.uint64),
        ("episode", np.int64),
        ("step", np.int64),  # actions since the episode began
        ("level", np.int64),
        ("nearest", np.int64),  # centreline point nearest to the car
        ("advance", np.float32),  # [m] of the car beyond that point, along the centreline
        ("offset", np.float32),  # [m] of the car to the left of the centreline
        ("mirror", np.float32),  # −1 where the picture, the steering and the labels are mirrored
        ("direction", np.float32),  # −1 where the circuit is driven the other way round
        ("ended", np.bool_),
    ]
)


class RoadArrays(NamedTuple):
    """The road library as the compiled code takes it; see `Roads`."""

    centrelines: np.ndarray
    counts: np.ndarray
    spacings: np.ndarray
    surfaces: np.ndarray


class Outcome(NamedTuple):
    """What a step gives, a row an environment."""

    reward: np.ndarray  # (N,) float32
    terminated: np.ndarray  # (N,) bool
    truncated: np.ndarray  # (N,) bool
    metrics: np.ndarray  # (N, 9) float64, valid where the episode ended


@kernel
def _locate(row, centreline, search):
    """Find the car's place on the centreline."""
    row.nearest, row.offset, row.advance = project(centreline, row.nearest, search, row.x, row.y)


@kernel
def _begin(row, level, centreline, spacing):
    """Place a row's car at the start of a new episode."""
    key = stream_key(row.seed, row.episode, 0, STREAM_POSE)
    count = centreline.shape[0]
    row.level, row.step, row.ended = level, 0, False
    row.mirror = np.float32(1.0) if uniform(key, 0) < 0.5 else np.float32(-1.0)
    row.direction = np.float32(1.0) if uniform(key, 1) < 0.5 else np.float32(-1.0)
    row.nearest = int(uniform(key, 2) * count) % count
    offset, turn = between(key, 3, -1.5, 1.5), between(key, 4, -0.15, 0.15)
    heading = centreline[row.nearest, 2]
    row.x = centreline[row.nearest, 0] - offset * np.sin(heading)
    row.y = centreline[row.nearest, 1] + offset * np.cos(heading)
    row.yaw = heading + turn + (np.float32(0.0) if row.direction > 0 else np.float32(np.pi))
    row.vx = between(key, 5, 0.0, 8.0)
    row.vy, row.yaw_rate, row.steer, row.acceleration = 0.0, 0.0, 0.0, 0.0
    row.travelled, row.furthest = 0.0, 0.0
    row.speed_sum, row.offset_squares, row.jerk_sum = 0.0, 0.0, 0.0
    _locate(row, centreline, 3)


@kernel
def _travel(row, before, advance_before, count, spacing):
    """Keep account of the metres along the route; returns how many of them are new."""
    points = row.nearest - before
    points -= count * int(np.rint(points / count))
    row.travelled += row.direction * (points * spacing + row.advance - advance_before)
    new = max(row.travelled - row.furthest, np.float32(0.0))
    row.furthest = max(row.furthest, row.travelled)
    return new


@kernel
def _act(row, action, centreline, spacing, rules):
    """Drive one row for one action. Returns new metres and whether the car left the road."""
    kinematic, skip, vehicle = rules
    advance, off_road = np.float32(0.0), False
    for _ in range(skip):
        before, advance_before, acceleration = row.nearest, row.advance, row.acceleration
        drive(row, action[0] * row.mirror, action[1], kinematic, vehicle)
        _locate(row, centreline, _SEARCH)
        advance += _travel(row, before, advance_before, centreline.shape[0], spacing)
        row.step += 1
        add_step(row, row.vx, row.offset, (row.acceleration - acceleration) / np.float32(CONTROL_STEP))
        off_road = abs(row.offset) > np.float32(HALF_WIDTH)
        if off_road or row.furthest >= spacing * centreline.shape[0]:
            break
    return advance, off_road


@kernel(nogil=True)
def begin_rows(rows, looks, chosen, levels, roads, look_mode):
    """Start a new episode in every row that is chosen."""
    for n in range(rows.shape[0]):
        if chosen[n]:
            level = levels[n]
            centreline = roads.centrelines[level, : roads.counts[level]]
            _begin(rows[n], level, centreline, roads.spacings[level])
            draw_look(looks[n], look_mode, stream_key(rows[n].seed, rows[n].episode, 0, STREAM_LOOK))


@kernel(nogil=True)
def step_rows(rows, active, actions, roads, rules, outcome, first, last):
    """Step every active row of [first, last); the others get zeros.

    `rules` is (kinematic, frame skip, `VEHICLE` record array, `REWARD` record array).
    """
    kinematic, skip, vehicles, weights = rules
    for n in range(first, last):
        outcome.reward[n] = 0.0
        outcome.terminated[n] = outcome.truncated[n] = False
        if not active[n]:
            continue
        row = rows[n]
        spacing, count = roads.spacings[row.level], roads.counts[row.level]
        centreline = roads.centrelines[row.level, :count]
        advance, off_road = _act(row, actions[n], centreline, spacing, (kinematic, skip, vehicles[0]))
        length = spacing * count
        lap = row.furthest >= length and not off_road
        late = row.step * CONTROL_STEP >= length / CRUISE_SPEED
        outcome.reward[n] = reward(advance, row, vehicles[0].max_steer, off_road, weights[0])
        outcome.terminated[n], outcome.truncated[n] = off_road, (lap or late) and not off_road
        row.ended = off_road or lap or late
        if row.ended:
            episode_metrics(row, length, off_road, lap, outcome.metrics[n])


@kernel(nogil=True)
def paint_rows(rows, looks, roads, lens, frames, buffers, first, last):
    """Paint the frames (N, H, W, C) of rows [first, last). `lens` is (focal, mounting)."""
    view = np.zeros(1, VIEW)[0]
    floats, integers = np.empty(buffers[0], np.float32), np.empty(buffers[1], np.int32)
    for n in range(first, last):
        row, level = rows[n], rows[n].level
        aim(view, row, lens[0], lens[1], looks[n].errors)
        key = np.uint32(stream_key(row.seed, row.episode, row.step, STREAM_NOISE) >> np.uint64(32))
        paint(view, looks[n], roads.surfaces[level], key, frames[n], floats, integers)


@kernel(nogil=True)
def step_and_paint_rows(stepping, painting, first, last):
    """Step rows [first, last), then paint them: arguments of `step_rows` and of `paint_rows`.

    One kernel, because to hand work to a thread takes as long as to paint a few frames.
    """
    rows, active, actions, roads, rules, outcome = stepping
    step_rows(rows, active, actions, roads, rules, outcome, first, last)
    looks, lens, frames, buffers = painting
    paint_rows(rows, looks, roads, lens, frames, buffers, first, last)


@kernel(nogil=True)
def label_rows(rows, looks, roads, lens, masks, buffers, first, last):
    """Label the frames of rows [first, last); `masks` is (classes (N, H, W), depths (N, H, W))."""
    view = np.zeros(1, VIEW)[0]
    floats, integers = np.empty(buffers[0], np.float32), np.empty(buffers[1], np.int32)
    for n in range(first, last):
        level = rows[n].level
        aim(view, rows[n], lens[0], lens[1], looks[n].errors)
        label(view, roads.surfaces[level], masks[0][n], masks[1][n], floats, integers)


@kernel(nogil=True)
def pose_rows(rows, roads, poses, states, first, last):
    """Fill lane poses (N, 5) and states (N, 9), both in SI units, of rows [first, last)."""
    for n in range(first, last):
        row = rows[n]
        count = roads.counts[row.level]
        lane_pose(row, roads.centrelines[row.level, :count], count, roads.spacings[row.level], poses[n])
        states[n, :5] = poses[n]
        states[n, 5], states[n, 6] = row.vx, row.vy * row.mirror
        states[n, 7], states[n, 8] = row.yaw_rate * row.mirror, row.steer * row.mirror


@kernel
def draw_levels(rows, num_levels, levels):
    """The level of each row's present episode."""
    for n in range(rows.shape[0]):
        key = stream_key(rows[n].seed, rows[n].episode, 0, STREAM_LEVEL)
        levels[n] = mix(key, np.uint64(0)) % np.uint64(num_levels)


@lru_cache(maxsize=1)
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="hairpin-simulator")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_workers.cache_clear)  # threads do not survive a fork


class Simulator:
    """A batch of cars.

    Attributes:
        rows: (N,) `ROW` records: the whole state of the batch but for its look.
        looks: (N,) `LOOK` records.
        outcome: what the last step gave.
    """

    def __init__(self, config: DrivingConfig, num_rows: int) -> None:
        self.config, self.num_rows = config, num_rows
        self.roads = roads(config.split, config.level_count)
        self.rows, self.looks = np.zeros(num_rows, ROW), np.zeros(num_rows, LOOK)
        self.outcome = Outcome(
            np.zeros(num_rows, np.float32),
            np.zeros(num_rows, np.bool_),
            np.zeros(num_rows, np.bool_),
            np.zeros((num_rows, len(METRICS))),
        )
        self._arrays = RoadArrays(
            self.roads.centrelines, self.roads.counts, self.roads.spacings, self.roads.surfaces
        )
        vehicle, weights = VehicleParams().record(), RewardWeights().record()
        self._rules = (PHYSICS.index(config.physics) == 1, config.frame_skip, vehicle, weights)
        self._look_mode = LOOKS.index(config.look)
        self._poses = np.zeros((num_rows, len(POSE)), np.float32)
        self._states = np.zeros((num_rows, len(STATE)), np.float32)

    @cached_property
    def _blocks(self) -> list[tuple[int, int]]:
        """Rows of each thread: as even as they go, at least four a thread."""
        threads = max(1, min(self.config.threads, self.num_rows // 4))
        edges = np.linspace(0, self.num_rows, threads + 1).astype(int)
        return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))

    def _share_out(self, kernel, *arguments) -> None:
        """Run a kernel over all rows, the first block on this thread."""
        blocks = self._blocks
        if len(blocks) == 1:
            kernel(*arguments, *blocks[0])
            return
        others = [_workers().submit(kernel, *arguments, *block) for block in blocks[1:]]
        kernel(*arguments, *blocks[0])
        for other in others:
            other.result()

    def seed_rows(self, chosen: np.ndarray, seeds: np.ndarray) -> None:
        """Give the chosen rows new seeds; their next episode is their first."""
        self.rows["seed"][chosen] = seeds[chosen]
        self.rows["episode"][chosen] = -1

    def begin(self, chosen: np.ndarray, levels: np.ndarray | None = None) -> None:
        """Start the next episode of the chosen rows, (N,) bool, on the given or on drawn levels (N,)."""
        self.rows["episode"][chosen] += 1
        if levels is None:
            levels = np.empty(self.num_rows, np.int64)
            draw_levels(self.rows, self.roads.num_levels, levels)
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
            self._share_out(step_rows, *stepping)
        else:
            painting = (self.looks, self.lens(frames.shape[2]), frames, _BUFFERS)
            self._share_out(step_and_paint_rows, stepping, painting)
        return self.outcome

    def lens(self, width: int) -> tuple[np.float32, np.ndarray]:
        """Focal length [pixels] and mounting of the camera for a frame of that width."""
        camera = self.config.camera
        mounting = np.array([camera.height, camera.forward, camera.pitch], np.float32)
        return np.float32(camera.focal_length(width)), mounting

    def paint(self, frames: np.ndarray) -> None:
        """Paint frames (N, H, W, 3 or 1) uint8."""
        lens = self.lens(frames.shape[2])
        self._share_out(paint_rows, self.rows, self.looks, self._arrays, lens, frames, _BUFFERS)

    def label(self, classes: np.ndarray, depths: np.ndarray) -> None:
        """Fill class masks (N, H, W) uint8 and depths (N, H, W) float32 [m]."""
        lens = self.lens(classes.shape[2])
        masks = (classes, depths)
        self._share_out(label_rows, self.rows, self.looks, self._arrays, lens, masks, _BUFFERS)

    def poses(self) -> tuple[np.ndarray, np.ndarray]:
        """Lane poses (N, 5) and states (N, 9) in SI units; overwritten by the next call."""
        self._share_out(pose_rows, self.rows, self._arrays, self._poses, self._states)
        return self._poses, self._states

    def instruments(self) -> np.ndarray:
        """Speed and steering angle of each row, (N, 2) float32, scaled to about ± 1."""
        steer = self.rows["steer"] * self.rows["mirror"]
        return np.stack([self.rows["vx"], steer], axis=1) * INSTRUMENT_SCALE

    def privileged(self) -> np.ndarray:
        """The privileged state of each row, (N, 9) float32, scaled to about ± 1."""
        return self.poses()[1] * STATE_SCALE
