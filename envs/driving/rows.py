"""The rows of the batch: the kernels that begin, step and measure them.

What a row does depends on its record, its action and its road alone, never on the rows beside it.

`rich` says by its type, None or bool, whether there is more than a car on a plain track: numba leaves out
what nobody needs, and the plain track compiles in a fraction of the time.
"""

import numpy as np

from envs.driving.compiling import kernel
from envs.driving.labels import lane_pose
from envs.driving.life import begin_life, go_on_living, hit_kind, new_events, street_of, take_lane
from envs.driving.look import draw_look
from envs.driving.metrics import (
    OFF_ROAD,
    add_step,
    begin_sums,
    episode_metrics,
)
from envs.driving.params import CONTROL_STEP
from envs.driving.randomness import (
    STREAM_CAR,
    STREAM_LEVEL,
    STREAM_LOOK,
    STREAM_POSE,
    STREAM_WEATHER,
    between,
    mix,
    stream_key,
    uniform,
)
from envs.driving.records import MOST_DELAY
from envs.driving.reward import reward
from envs.driving.road import project
from envs.driving.sections import M_HALF_WIDTH, M_LANES
from envs.driving.sharing import next_few
from envs.driving.surroundings import ROADSIDE, look_round, see_road
from envs.driving.vehicle import drive
from envs.driving.weather import draw_weather

_SEARCH = 6  # centreline points looked at on either side of the last one, each step


@kernel
def _locate(row, centreline, marks, search):
    """Find the car's place on the centreline, and its lane."""
    row.nearest, row.offset, row.advance = project(centreline, row.nearest, search, row.x, row.y)
    take_lane(row, centreline[row.nearest, 4], marks)


@kernel
def _begin(row, level, centreline, marks):
    """Place a row's car at the start of a new episode."""
    key = stream_key(row.seed, row.episode, 0, STREAM_POSE)
    count, lanes = centreline.shape[0], int(marks[M_LANES])
    row.level, row.step, row.ended = level, 0, False
    row.mirror = np.float32(1.0) if uniform(key, 0) < 0.5 else np.float32(-1.0)
    row.direction = np.float32(1.0) if uniform(key, 1) < 0.5 else np.float32(-1.0)
    row.nearest = int(uniform(key, 2) * count) % count
    offset, turn = between(key, 3, -1.5, 1.5), between(key, 4, -0.15, 0.15)
    if lanes > 0:
        row.offset = -row.direction * row.mirror * np.float32(7.0 * uniform(key, 6) if lanes > 1 else 1.0)
        take_lane(row, centreline[row.nearest, 4], marks)
        offset, turn = row.lane_side + np.float32(0.3) * offset, np.float32(0.3) * turn
    heading = centreline[row.nearest, 2]
    row.x = centreline[row.nearest, 0] - offset * np.sin(heading)
    row.y = centreline[row.nearest, 1] + offset * np.cos(heading)
    row.yaw = heading + turn + (np.float32(0.0) if row.direction > 0 else np.float32(np.pi))
    row.vx = between(key, 5, 0.0, 8.0)
    row.vy, row.yaw_rate, row.steer, row.acceleration = 0.0, 0.0, 0.0, 0.0
    row.wrong_time, row.pushing = 0.0, False
    begin_sums(row)
    _locate(row, centreline, marks, 3)


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
def _delayed(row, action):
    """The action that reaches the car now, this one having been given."""
    if row.delay == 0:
        return action[0], action[1]
    now, then = row.step % MOST_DELAY, (row.step - row.delay) % MOST_DELAY
    row.pending[now, 0], row.pending[now, 1] = action[0], action[1]
    if row.step < row.delay:
        return np.float32(0.0), np.float32(0.0)
    return row.pending[then, 0], row.pending[then, 1]


@kernel
def _act(row, action, there, n, road, rules, rich):
    """Drive one row for one action.

    Args:
        row: `ROW` record.
        action: (2,) steering and pedal.
        there: `Inhabitants`.
        n: number of the row.
        road: centreline (P, 6), spacing [m], crossings (C,), `Section.numbers()`, scenery (K,), its places.
        rules: whether the tyres never slip, frame skip, `DRIVER` record.
        rich: None where the car has a plain track to itself.

    Returns:
        new metres, whether the car left the road, the kind of infraction of a collision (0: none), whether it
        did not yield, whether it went the wrong way.
    """
    kinematic, skip, driver = rules
    centreline, spacing, _, marks = road[:4]
    advance, off_road, hit, pushed, wrong = np.float32(0.0), False, 0, False, False
    for _ in range(skip):
        before, advance_before, acceleration = row.nearest, row.advance, row.acceleration
        steer, pedal = _delayed(row, action)
        drive(row, steer * row.mirror, pedal, kinematic, there.cars[n])
        _locate(row, centreline, marks, _SEARCH)
        advance += _travel(row, before, advance_before, centreline.shape[0], spacing)
        row.step += 1
        aside = row.offset - row.lane_side
        add_step(row, row.vx, aside, (row.acceleration - acceleration) / np.float32(CONTROL_STEP))
        if rich is not None:
            actors, street = there.actors[n], street_of(row, road[:4])
            go_on_living(row, actors, there.spans[n], street, driver)
            hit = hit_kind(row, actors, road[4], road[5])
            rude, astray = new_events(row, actors, street)
            pushed, wrong = pushed or rude, wrong or astray
        off_road = abs(row.offset) > marks[M_HALF_WIDTH] * centreline[row.nearest, 4]
        if off_road or hit > 0 or row.furthest >= spacing * centreline.shape[0]:
            break
    return advance, off_road, hit, pushed, wrong


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
def begin_rows(batch, chosen, levels, roads, there, drawing, rich):
    """Start a new episode in every row that is chosen.

    Args:
        batch: the rows and their looks.
        chosen: (N,) bool.
        levels: (N,) int64.
        roads: `RoadArrays`.
        there: `Inhabitants`.
        drawing: number of the look, ranges of effects (E, 2) and of the numbers of the car (F, 2), these
            numbers of all cars (N, F), the range of the delay of actions (2,), how many there are of what, of
            `begin_life`, `DRIVER` record array.
        rich: None where the car has a plain track to itself.
    """
    rows, looks = batch
    look_mode, effects, numbers, plain, delays, counts, driver = drawing
    for n in range(rows.shape[0]):
        if chosen[n]:
            level, row = levels[n], rows[n]
            line = roads.centrelines[level, : roads.counts[level]]
            _begin(row, level, line, roads.marks)
            draw_look(looks[n], look_mode, stream_key(row.seed, row.episode, 0, STREAM_LOOK))
            draw_weather(there.weathers[n], effects, stream_key(row.seed, row.episode, 0, STREAM_WEATHER))
            looks[n].wet = there.weathers[n].wet
            key = stream_key(row.seed, row.episode, 0, STREAM_CAR)
            for k in range(numbers.shape[0]):
                plain[n, k] = between(key, k, numbers[k, 0], numbers[k, 1])
            row.delay = int(delays[0] + uniform(key, numbers.shape[0]) * (delays[1] - delays[0] + 1))
            if rich is not None:
                spacing, crossings = roads.spacings[level], roads.crossings[level]
                street = street_of(row, (line, spacing, crossings, roads.marks))
                begin_life(row, there.actors[n], there.spans[n], street, driver[0], counts)


@kernel
def step_few(stepping, rich, first, last):
    """Step rows [first, last); arguments as those of `step_rows`."""
    rows, active, actions, roads, there, rules, outcome = stepping
    kinematic, skip, driver, weights, scenery, cruise = rules
    for n in range(first, last):
        if outcome.terminated[n] or outcome.truncated[n]:
            outcome.metrics[n] = 0.0
        outcome.reward[n] = 0.0
        outcome.terminated[n] = outcome.truncated[n] = False
        if not active[n]:
            continue
        row, level = rows[n], rows[n].level
        spacing, count = roads.spacings[level], roads.counts[level]
        beside = roads.scenery[level, : roads.scenery_counts[level] if scenery else 0]
        line, crossings, places = (
            roads.centrelines[level, :count],
            roads.crossings[level],
            roads.places[level],
        )
        road = (line, spacing, crossings, roads.marks, beside, places)
        dynamics = (kinematic, skip, driver[0])
        advance, off_road, hit, pushed, wrong = _act(row, actions[n], there, n, road, dynamics, rich)
        length = spacing * count
        failed = off_road or hit > 0
        lap = row.furthest >= length and not failed
        late = row.step * CONTROL_STEP >= length / cruise
        events = (off_road, hit > 0, pushed, wrong)
        outcome.reward[n] = reward((advance, skip), row, there.cars[n].max_steer, events, weights[0])
        outcome.terminated[n], outcome.truncated[n] = failed, (lap or late) and not failed
        row.ended = failed or lap or late
        row.infractions[OFF_ROAD] += 1 if off_road else 0
        if hit > 0:
            row.infractions[hit] += 1
        if row.ended:
            episode_metrics(row, length, length / cruise, lap, outcome.metrics[n])


@kernel(nogil=True)
def step_rows(stepping, rich, turn):
    """Step rows; one that is not active gets zeros.

    Args:
        stepping: rows, which of them are active (N,) bool, actions (N, 2), `RoadArrays`, `Inhabitants`,
            rules, `Outcome`; the rules are (kinematic, frame skip, `DRIVER` and `REWARD` record arrays,
            whether there is scenery, the speed [m/s] at which a lap takes as long as it may).
        rich: None where the car has a plain track to itself.
        turn: of `next_few`.
    """
    count = stepping[0].shape[0]
    first, last = next_few(turn, count)
    while first < last:
        step_few(stepping, rich, first, last)
        first, last = next_few(turn, count)


@kernel(nogil=True)
def pose_rows(rows, roads, there, poses, states, rich, turn):
    """Fill lane poses (N, 5) and states (N, 9), in SI units.

    States are wider where the road is no plain track: (N, 15) with `ROADSIDE` after the others on a
    raceway, (N, 53) with `SURROUNDINGS` on a street.
    """
    first, last = next_few(turn, rows.shape[0])
    while first < last:
        for n in range(first, last):
            row = rows[n]
            count, spacing = roads.counts[row.level], roads.spacings[row.level]
            line = roads.centrelines[row.level, :count]
            lane_pose(row, line, count, spacing, poses[n])
            for k in range(5):
                states[n, k] = poses[n, k]
            states[n, 5], states[n, 6] = row.vx, row.vy * row.mirror
            states[n, 7], states[n, 8] = row.yaw_rate * row.mirror, row.steer * row.mirror
            if rich is not None and states.shape[1] > 9:
                half = roads.marks[M_HALF_WIDTH] * line[row.nearest, 4]
                see_road(row, line, spacing, half, states[n, 9:])
                if states.shape[1] > 9 + len(ROADSIDE):
                    along = np.float32(row.nearest) * spacing + row.advance
                    place = (along, np.float32(count) * spacing, half)
                    look_round(row, there.actors[n], roads.crossings[row.level], place, states[n, 9:])
        first, last = next_few(turn, rows.shape[0])
