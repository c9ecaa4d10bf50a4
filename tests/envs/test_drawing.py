from typing import Any

import numpy as np
import pytest

from envs.drawing import (
    MapScale,
    RowCamera,
    Watch,
    colour_depth,
    contact_sheet,
    ending,
    fit_frame,
    lap_length,
    lap_share,
    readings,
    row_centreline,
    start_line,
    state_readings,
)
from envs.driving.actions import ACTION_NAMES, ACTION_TABLE
from envs.driving.config import DrivingConfig
from envs.driving.expert import PurePursuit
from envs.driving.simulator import Simulator
from envs.driving.vector_env import DrivingVectorEnv


def make_batch(num_envs: int = 3, seed: int = 0, **keywords: Any) -> DrivingVectorEnv:
    env = DrivingVectorEnv(num_envs, **{"num_levels": 4, "image_size": 32, **keywords})
    env.reset(seed=seed)
    return env


@pytest.mark.parametrize(
    "keywords",
    [
        {"obs": "camera"},
        {"obs": "camera", "look": "noisy"},
        {"obs": "gray", "image_size": [24, 40]},
        {"obs": "dict", "frame_stack": 3, "frame_skip": 2},
        {"obs": "semantic"},
        {"obs": "depth"},
        {"obs": "state"},
    ],
)
def test_a_row_observed_alone_gives_the_pixels_of_its_observation(keywords: dict[str, Any]):
    env = make_batch(**keywords)
    camera, config = RowCamera(env.simulator), env.config
    env.step(np.full(3, 5))
    env.step(np.full(3, 5))
    obs = env.step(np.full(3, 5))[0]
    frames = obs["camera"] if isinstance(obs, dict) else obs
    for row in range(3):
        camera.turn_to(row)
        observed = camera.observe()
        newest = frames[row] if config.obs == "state" else frames[row][..., -observed.shape[-1] :]
        assert observed.dtype == newest.dtype
        assert np.array_equal(observed, newest)


def test_looking_changes_nothing():
    env = make_batch()
    before = env.state_dict()
    camera, watch = RowCamera(env.simulator), Watch()
    camera.turn_to(1)
    camera.paint((60, 96, 3))
    camera.label((60, 96))
    watch.look(env.simulator, 1)
    readings(env.simulator, 1, None, watch)
    after = env.state_dict()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_a_small_frame_is_enlarged_by_a_whole_number_and_a_large_one_thinned_out():
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (40, 64, 3), np.uint8)
    large = fit_frame(frame, 192)
    assert large.shape == (120, 192, 3)
    assert np.array_equal(large[1::3, 1::3], frame)
    assert np.array_equal(large[2::3, ::3], frame)
    wide = rng.integers(0, 256, (100, 400, 3), np.uint8)
    assert np.array_equal(fit_frame(wide, 192), wide[::3, ::3])


def test_depth_darkens_with_every_metre():
    colours = colour_depth(np.geomspace(1.5, 220.0, 30)[None])[0].astype(int)
    assert (np.diff(colours.sum(axis=1)) < 0).all()
    assert np.array_equal(colour_depth(np.array([[0.1, 900.0]]))[0], colours[[0, -1]])


@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_left_on_the_road_is_left_on_the_map(mirror: float):
    env = make_batch(1, actions="continuous")
    rows = env.simulator.rows
    rows["mirror"], rows["vx"] = mirror, 6.0
    centreline = row_centreline(env.simulator, 0)
    scale = MapScale.around(centreline[:, :2], 192, 7.0, mirror)
    watch = Watch()
    for _ in range(12):
        watch.look(env.simulator, 0)
        env.step(np.array([[1.0, 0.5]], np.float32))
    places = scale.place(np.array(watch.trail))
    first, last = places[1] - places[0], places[-1] - places[-2]
    assert first[0] * last[1] - first[1] * last[0] < 0.0  # rows count downwards: to the left
    arrow = scale.arrow(rows[0], 10.0)
    forward = arrow[0] - arrow[[1, 3]].mean(axis=0)
    assert forward @ last > 0.99 * np.hypot(*forward) * np.hypot(*last)


def test_a_map_holds_the_circuit_and_flips_it_for_mirrored_rows():
    centreline = row_centreline(make_batch(1).simulator, 0)[:, :2]
    scale, flipped = (MapScale.around(centreline, 192, 7.0, mirror) for mirror in (1.0, -1.0))
    places = scale.place(centreline)
    assert 0.0 < places.min() < places.max() < 192.0
    assert np.allclose(flipped.place(centreline), places * [-1, 1] + [192, 0])
    distances = np.hypot(*np.diff(places, axis=0).T) / np.hypot(*np.diff(centreline, axis=0).T)
    assert np.allclose(distances, scale.pixels_per_metre, rtol=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_the_start_stays_where_the_car_began(seed: int):
    env = make_batch(1, seed=seed)
    rows, begun = env.simulator.rows, start_line(env.simulator, 0, 10.0)
    car = np.array([rows["x"][0], rows["y"][0]])
    across = begun[1] - begun[0]
    assert np.isclose(np.hypot(*across), 10.0)
    assert abs(np.cross(np.append(across, 0), np.append(car - begun[0], 0))[2]) / 10.0 < 1.0
    for _ in range(100):
        env.step(PurePursuit().act(env))
    assert rows["travelled"][0] > 20.0
    assert np.abs(start_line(env.simulator, 0, 10.0) - begun).max() < 1.5


def test_what_was_watched_adds_up_the_rewards():
    env, watch = make_batch(2, seed=3), Watch()
    watch.look(env.simulator, 1)
    total = 0.0
    for step in range(20):
        _, reward, terminated, _, _ = env.step(PurePursuit().act(env))
        assert not terminated.any()
        total += float(reward[1])
        watch.look(env.simulator, 1)
        watch.look(env.simulator, 1)  # the same step again
        assert len(watch.trail) == step + 2
    assert watch.total == pytest.approx(total)
    env.step(PurePursuit().act(env))
    env.step(PurePursuit().act(env))
    watch.look(env.simulator, 1)
    assert watch.total is None  # a step went by unseen
    env.reset()
    watch.look(env.simulator, 1)
    assert (watch.total, len(watch.trail)) == (0.0, 1)


def test_a_state_taken_back_starts_another_trail():
    env, watch = make_batch(1, seed=3), Watch()
    early = env.state_dict()
    for _ in range(5):
        env.step(np.array([8]))
        watch.look(env.simulator, 0)
    env.load_state_dict(early)
    watch.look(env.simulator, 0)
    assert len(watch.trail) == 1


def test_the_instruments_say_what_the_car_does():
    env = make_batch(1, actions="discrete")
    rows = env.simulator.rows
    rows["vx"], rows["steer"], rows["mirror"], rows["step"] = 10.0, 0.21, -1.0, 1300
    rows["travelled"] = 0.25 * lap_length(env.simulator, 0)
    action = ACTION_TABLE[ACTION_NAMES.index("hard left, brake")]
    speed, steering, told, lap, time, total = readings(env.simulator, 0, action, Watch())
    assert (speed.words, speed.high) == ("36 km/h", pytest.approx(10 / 15))
    assert steering.words == "12° right"
    assert (steering.low, steering.high) == (0.5, pytest.approx(0.75))
    assert told.words == "hard left, brake"
    assert (told.low, told.high) == (pytest.approx(0.5 + 0.5 * action[1]), 0.5)
    assert (lap.words, time.words, total.words) == ("25 %", "1:05.0", "–")
    assert lap_share(env.simulator, 0) == pytest.approx(0.25)


def test_continuous_actions_are_told_in_numbers():
    env = make_batch(1, actions="continuous")
    told = readings(env.simulator, 0, np.array([0.5, -1.0], np.float32), Watch())[2]
    assert told.words == "steer +0.50, pedal -1.00"


def test_a_state_is_drawn_with_the_left_on_the_left():
    gauges = {gauge.name: gauge for gauge in state_readings(np.full(9, 0.5, np.float32))}
    assert (gauges["lane offset"].low, gauges["lane offset"].high) == (0.25, 0.5)
    assert (gauges["speed"].low, gauges["speed"].high) == (0.5, 0.75)


def test_every_ending_has_its_words():
    env = make_batch(1)
    simulator = env.simulator
    assert ending(simulator, 0) is None
    simulator.rows["ended"] = True
    assert ending(simulator, 0) == "Time is over"
    simulator.rows["furthest"] = lap_length(simulator, 0)
    assert ending(simulator, 0) == "Lap complete"
    simulator.outcome.terminated[0] = True
    assert ending(simulator, 0) == "Left the road"


def test_a_contact_sheet_holds_the_frames_of_every_row():
    simulator = Simulator(DrivingConfig(num_levels=4, image_size=16), 3)
    simulator.begin(np.ones(3, np.bool_))
    frames = np.empty((3, 16, 16, 3), np.uint8)
    simulator.paint(frames)
    sheet = contact_sheet(simulator, zoom=2, gap=4)
    assert sheet.shape == (3 * 36 - 4, 3 * 36 - 4, 3)
    for row in range(3):
        assert np.array_equal(sheet[:32:2, 36 * row : 36 * row + 32 : 2], frames[row])
    assert (sheet[32:36] == 255).all()
