"""What an episode is judged by, counted again by hand from the cars' positions and speeds."""

import numpy as np
import pytest

from envs.driving.expert import PurePursuit
from envs.driving.metrics import METRICS
from envs.driving.params import CONTROL_STEP

KEYS = {
    "success",
    "route_completion",
    "mean_speed",
    "lateral_rmse",
    "jerk",
    "driving_score",
    "off_road",
    "timeout",
    "infractions_per_km",
}


def episode(env, act, seed: int = 0) -> tuple[dict, dict[str, list]]:
    """Drive row 0 to its end: the last info and what was seen on the way."""
    env.reset(seed=seed)
    rows = env.simulator.rows
    seen: dict[str, list] = {
        name: [float(rows[name][0])] for name in ("vx", "offset", "acceleration", "furthest")
    }
    while True:
        _, _, terminated, truncated, info = env.step(act(env))
        for name, values in seen.items():
            values.append(float(rows[name][0]))
        if terminated[0] or truncated[0]:
            return info, {**seen, "terminated": [terminated[0]], "truncated": [truncated[0]]}


def check_figures(info: dict, seen: dict) -> None:
    speeds, offsets = np.array(seen["vx"][1:]), np.array(seen["offset"][1:])
    jerks = np.abs(np.diff(seen["acceleration"])) / CONTROL_STEP
    assert info["mean_speed"][0] == pytest.approx(speeds.mean(), rel=1e-5)
    assert info["lateral_rmse"][0] == pytest.approx(np.sqrt((offsets**2).mean()), rel=1e-4)
    assert info["jerk"][0] == pytest.approx(jerks.mean(), rel=1e-4)
    kilometres = speeds.sum() * CONTROL_STEP / 1000.0
    assert info["infractions_per_km"][0] == pytest.approx(info["off_road"][0] / kilometres, rel=1e-4)


def road_length(env) -> float:
    level = env.simulator.rows["level"][0]
    return float(env.simulator.roads.counts[level] * env.simulator.roads.spacings[level])


def test_names_are_those_that_the_rest_reads() -> None:
    assert set(METRICS) == KEYS


def test_a_finished_lap(make_batch) -> None:
    env = make_batch(1, actions="continuous")
    info, seen = episode(env, PurePursuit().act)
    check_figures(info, seen)
    assert info["success"][0]
    assert (info["off_road"][0], info["timeout"][0]) == (False, False)
    assert (info["route_completion"][0], info["driving_score"][0]) == (1.0, 1.0)
    assert (seen["terminated"], seen["truncated"]) == ([False], [True])
    assert seen["furthest"][-1] >= road_length(env) > seen["furthest"][-2], "one whole lap, and no more"


def test_a_car_that_leaves_the_road(make_batch) -> None:
    env = make_batch(1, actions="continuous")
    info, seen = episode(env, lambda _: np.array([[0.35, 0.8]], np.float32), seed=4)
    check_figures(info, seen)
    assert (info["success"][0], info["off_road"][0], info["timeout"][0]) == (False, True, False)
    assert (seen["terminated"], seen["truncated"]) == ([True], [False])
    assert info["route_completion"][0] == pytest.approx(seen["furthest"][-1] / road_length(env), rel=1e-5)
    assert info["driving_score"][0] == pytest.approx(info["route_completion"][0] / 2.0)
    assert abs(seen["offset"][-1]) > 3.5 >= np.abs(seen["offset"][:-1]).max()


def test_a_car_that_takes_too_long(make_batch) -> None:
    env = make_batch(1, actions="continuous")
    info, seen = episode(env, lambda _: np.array([[0.0, -1.0]], np.float32), seed=1)
    check_figures(info, seen)
    assert (info["success"][0], info["off_road"][0], info["timeout"][0]) == (False, False, True)
    assert (seen["terminated"], seen["truncated"]) == ([False], [True])
    steps = len(seen["vx"]) - 1
    assert (steps - 1) * CONTROL_STEP < road_length(env) / 6.0 <= steps * CONTROL_STEP
    assert info["driving_score"][0] == info["route_completion"][0] < 0.1


def test_figures_are_there_at_the_end_and_only_there(make_batch) -> None:
    env = make_batch(12, actions="continuous")
    env.reset(seed=0)
    rng, ended = np.random.default_rng(0), 0
    for _ in range(120):
        actions = np.column_stack([rng.uniform(-1.0, 1.0, 12), rng.uniform(0.3, 1.0, 12)]).astype(np.float32)
        actions[:4, 0] = 0.5
        _, _, terminated, truncated, info = env.step(actions)
        over = terminated | truncated
        ended += over.sum()
        assert set(info) == ({*KEYS, *(f"_{key}" for key in KEYS)} if over.any() else set())
        for key in KEYS & set(info):
            np.testing.assert_array_equal(info[f"_{key}"], over)
            assert (info[key][~over] == 0).all()
            assert info[key].dtype == (bool if key in ("success", "off_road", "timeout") else np.float64)
    assert ended > 10
