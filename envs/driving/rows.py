"""The rows of the batch: one record a car, and the kernels that begin, step, paint and label them.

What a row does depends on its record, its action and its road alone, never on the rows beside it.
"""

from typing import NamedTuple

import numpy as np

from envs.driving.camera import VIEW, aim, label, paint, scratch
from envs.driving.compiling import kernel
from envs.driving.labels import lane_pose
from envs.driving.look import draw_look
from envs.driving.metrics import SUM_FIELDS, add_step, episode_metrics
from envs.driving.params import CONTROL_STEP
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
from envs.driving.reward import reward
from envs.driving.road import project
from envs.driving.sections import HALF_WIDTH
from envs.driving.sharing import next_few
from envs.driving.vehicle import CAR_FIELDS, drive

CRUISE_SPEED = 6.0  # [m/s] a lap may take as long as at this speed
_SEARCH = 6  # centreline points looked at on either side of the last one, each step

ROW = np.dtype(
    [
        *CAR_FIELDS,
        *SUM_FIELDS,
        ("seed", np.uint64),
        ("episode", np.int64),
        ("step", np.int64),  # control steps since the episode began
        ("level", np.int64),
        ("nearest", np.int64),  # centreline point nearest to the car
        ("advance", np.float32),  # [m] of the car beyond that point, along the centreline
        ("offset", np.float32),  # [m] of the car to the left of the centreline
        ("mirror", np.float32),  # −1 where the picture, the steering and the labels are mirrored
        ("direction", np.float32),  # −1 where the circuit is driven the other way round
        ("ended", np.bool_),
    ]
)


class Outcome(NamedTuple):
    """What a step gives, a row an environment."""

    reward: np.ndarray  # (N,) float32
    terminated: np.ndarray  # (N,) bool
    truncated: np.ndarray  # (N,) bool
    metrics: np.ndarray  # (N, 9) float64, zeros where no episode ended


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


@kernel
def next_episodes(rows, chosen, counts, levels, given):
    """Go on to the next episode of every row that is chosen; returns whether all their roads are there.

    Args:
        rows: the batch.
        chosen: (N,) bool.
        counts: of `RoadArrays`, below 0 for a road that has not been built.
        levels: (N,) int64, filled for the chosen rows unless `given`.
        given: whether the levels are there already.
    """
    there = True
    for n in range(rows.shape[0]):
        if chosen[n]:
            row = rows[n]
            row.episode += 1
            if not given:
                key = stream_key(row.seed, row.episode, 0, STREAM_LEVEL)
                levels[n] = mix(key, np.uint64(0)) % np.uint64(counts.shape[0])
            there = there and 0 <= levels[n] < counts.shape[0] and counts[levels[n]] > 0
    return there


@kernel(nogil=True)
def begin_rows(rows, looks, chosen, levels, roads, look_mode):
    """Start a new episode in every row that is chosen."""
    for n in range(rows.shape[0]):
        if chosen[n]:
            level = levels[n]
            centreline = roads.centrelines[level, : roads.counts[level]]
            _begin(rows[n], level, centreline, roads.spacings[level])
            draw_look(looks[n], look_mode, stream_key(rows[n].seed, rows[n].episode, 0, STREAM_LOOK))


@kernel
def _step_few(stepping, first, last):
    """Step rows [first, last)."""
    rows, active, actions, roads, rules, outcome = stepping
    kinematic, skip, vehicles, weights = rules
    for n in range(first, last):
        if outcome.terminated[n] or outcome.truncated[n]:
            outcome.metrics[n] = 0.0
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


@kernel
def _paint_few(rows, roads, painting, workspace, first, last):
    """Paint the frames of rows [first, last). `workspace` is (`VIEW` record, buffers of `scratch`)."""
    looks, lens, frames = painting
    view, buffers = workspace
    for n in range(first, last):
        row = rows[n]
        aim(view, row, lens[0], lens[1], looks[n].errors)
        key = np.uint32(stream_key(row.seed, row.episode, row.step, STREAM_NOISE) >> np.uint64(32))
        paint(view, looks[n], (roads.surfaces[row.level], roads.marks), key, frames[n], buffers)


@kernel(nogil=True)
def step_rows(stepping, turn):
    """Step rows; one that is not active gets zeros.

    Args:
        stepping: rows, which of them are active (N,) bool, actions (N, 2), `RoadArrays`, rules, `Outcome`;
            the rules are (kinematic, frame skip, `VEHICLE` record array, `REWARD` record array).
        turn: of `next_few`.
    """
    count = stepping[0].shape[0]
    first, last = next_few(turn, count)
    while first < last:
        _step_few(stepping, first, last)
        first, last = next_few(turn, count)


@kernel(nogil=True)
def paint_rows(rows, roads, painting, turn):
    """Paint frames.

    Args:
        rows: the batch.
        roads: `RoadArrays`.
        painting: looks, (focal length, mounting), frames (N, H, W, C).
        turn: of `next_few`.
    """
    workspace = (np.zeros(1, VIEW)[0], scratch())
    first, last = next_few(turn, rows.shape[0])
    while first < last:
        _paint_few(rows, roads, painting, workspace, first, last)
        first, last = next_few(turn, rows.shape[0])


@kernel(nogil=True)
def step_and_paint_rows(stepping, painting, turn):
    """Step rows and paint them: arguments of `step_rows` and of `paint_rows`.

    One kernel, because to hand work to a thread takes as long as to paint a few frames.
    """
    rows, roads = stepping[0], stepping[3]
    workspace = (np.zeros(1, VIEW)[0], scratch())
    first, last = next_few(turn, rows.shape[0])
    while first < last:
        _step_few(stepping, first, last)
        _paint_few(rows, roads, painting, workspace, first, last)
        first, last = next_few(turn, rows.shape[0])


@kernel(nogil=True)
def label_rows(rows, roads, labelling, turn):
    """Label frames.

    Args:
        rows: the batch.
        roads: `RoadArrays`.
        labelling: looks, (focal length, mounting), classes (N, H, W), depths (N, H, W).
        turn: of `next_few`.
    """
    looks, lens, classes, depths = labelling
    view, buffers = np.zeros(1, VIEW)[0], scratch()
    first, last = next_few(turn, rows.shape[0])
    while first < last:
        for n in range(first, last):
            aim(view, rows[n], lens[0], lens[1], looks[n].errors)
            road = (roads.surfaces[rows[n].level], roads.marks)
            label(view, road, classes[n], depths[n], buffers)
        first, last = next_few(turn, rows.shape[0])


@kernel(nogil=True)
def pose_rows(rows, roads, poses, states, turn):
    """Fill lane poses (N, 5) and states (N, 9), both in SI units."""
    first, last = next_few(turn, rows.shape[0])
    while first < last:
        for n in range(first, last):
            row = rows[n]
            count = roads.counts[row.level]
            lane_pose(row, roads.centrelines[row.level, :count], count, roads.spacings[row.level], poses[n])
            states[n, :5] = poses[n]
            states[n, 5], states[n, 6] = row.vx, row.vy * row.mirror
            states[n, 7], states[n, 8] = row.yaw_rate * row.mirror, row.steer * row.mirror
        first, last = next_few(turn, rows.shape[0])
