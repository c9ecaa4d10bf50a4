"""The single environment: a row of the batch, behind Gymnasium's own interface."""

import hashlib
import os
import subprocess
import sys
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import envs  # noqa: F401  (registers the environments)
from envs.driving.env import DrivingEnv
from envs.driving.expert import PurePursuit
from envs.driving.vector_env import DrivingVectorEnv

ID = "Hairpin/LaneFollow-v0"
SMALL: dict[str, Any] = {"num_levels": 4, "image_size": 8}
FIGURES = (
    "success",
    "route_completion",
    "mean_speed",
    "lateral_rmse",
    "jerk",
    "driving_score",
    "off_road",
    "timeout",
)


def same(a, b) -> bool:
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return np.asarray(a).dtype == np.asarray(b).dtype and np.array_equal(a, b)


@pytest.mark.parametrize("obs", ["camera", "gray", "semantic", "depth", "state", "dict"])
def test_it_is_a_row_of_the_batch(obs: str) -> None:
    single = gym.make(ID, obs=obs, **SMALL)
    batch = gym.make_vec(ID, num_envs=3, obs=obs, **SMALL)
    mine = single.reset(seed=12)[0]
    all_of_them = batch.reset(seed=10)[0]
    for t in range(30):
        row = {key: value[2] for key, value in all_of_them.items()} if obs == "dict" else all_of_them[2]
        assert same(mine, row)
        assert single.observation_space.contains(mine)
        action = (7 * t) % 15
        mine, reward, terminated, truncated, _ = single.step(np.int64(action))
        all_of_them, rewards, terminations, truncations, _ = batch.step(np.full(3, action))
        assert (np.float32(reward), terminated, truncated) == (rewards[2], terminations[2], truncations[2])
        if terminated or truncated:
            break


def test_it_gives_plain_numbers() -> None:
    env = gym.make(ID, labels=True, **SMALL)
    _, info = env.reset(seed=0)
    assert set(info) == {"labels"}
    labels = info["labels"]
    assert set(labels) == {"semantic", "depth", "lane_offset", "heading_error", "curvature", "speed"}
    assert (labels["semantic"].shape, labels["depth"].shape, labels["curvature"].shape) == (
        (8, 8),
        (8, 8),
        (3,),
    )
    assert all(type(labels[name]) is float for name in ("lane_offset", "heading_error", "speed"))
    terminated = truncated = False
    while not (terminated or truncated):
        _, reward, terminated, truncated, info = env.step(14)
        assert (type(reward), type(terminated), type(truncated)) == (float, bool, bool)
    assert all(type(info[name]) in (float, bool) for name in FIGURES)
    assert (info["off_road"], info["success"]) == (True, False)


def test_an_action_of_every_legal_type_is_taken() -> None:
    discrete, continuous = gym.make(ID, **SMALL), gym.make(ID, actions="continuous", **SMALL)
    discrete.reset(seed=0)
    continuous.reset(seed=0)
    for action in (3, np.int64(3), np.array(3), np.uint8(3)):
        discrete.step(action)
    for action in (np.zeros(2, np.float32), np.zeros(2), [0.0, 0.0], (0, 0)):
        continuous.unwrapped.step(action)


@pytest.mark.parametrize("action", [15, -1, 0.5, np.array([1]), None, "left", np.float32("nan")])
def test_a_bad_discrete_action_is_refused_in_one_sentence(action) -> None:
    env = DrivingEnv(**SMALL)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"^actions? .*\.$"):
        env.step(action)


@pytest.mark.parametrize(
    "action", [[np.nan, 0.0], [0.0, 1.01], [0.0], [[0.0, 0.0]], 0.0, [0.0, np.inf], None]
)
def test_a_bad_continuous_action_is_refused_in_one_sentence(action) -> None:
    env = DrivingEnv(actions="continuous", **SMALL)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"^actions? .*\.$"):
        env.step(action)


def test_the_level_option_pins_the_road() -> None:
    env = DrivingEnv(**SMALL)
    for level in (3, 0, 2):
        env.reset(options={"level": level})
        assert env.batch.simulator.rows["level"][0] == level
    with pytest.raises(ValueError, match=r"^levels reach from 4 to 4; split 'train' has 0 … 3 "):
        env.reset(options={"level": 4})


def test_seeded_resets_repeat_and_unseeded_ones_do_not() -> None:
    env = DrivingEnv(obs="state", **SMALL)

    def observed(other: DrivingEnv, seed: int | None = None) -> np.ndarray:
        return np.asarray(other.reset(seed=seed)[0])

    first = observed(env, seed=5)
    following = [observed(env) for _ in range(3)]
    np.testing.assert_array_equal(observed(env, seed=5), first)
    np.testing.assert_array_equal([observed(env) for _ in range(3)], following)
    drawn = [observed(DrivingEnv(obs="state", **SMALL)) for _ in range(4)]
    assert len(np.unique([first, *following, *drawn], axis=0)) == 8


def test_a_step_past_the_end_is_refused() -> None:
    env = DrivingEnv(**SMALL)
    with pytest.raises(RuntimeError, match="step was called before reset"):
        env.step(0)
    env.reset(seed=0)
    while not any(env.step(14)[2:4]):
        pass
    with pytest.raises(RuntimeError, match="has ended; reset it"):
        env.step(0)
    env.reset()
    env.step(0)


@pytest.mark.parametrize("obs", ["gray", "camera", "depth", "dict", "semantic"])
def test_a_stack_holds_the_last_frames_newest_last(obs: str) -> None:
    plain, stacked = DrivingEnv(obs=obs, **SMALL), DrivingEnv(obs=obs, frame_stack=3, **SMALL)

    def camera(observation: Any) -> np.ndarray:
        return observation["camera"] if obs == "dict" else observation

    for seed in (1, 2):
        seen = [camera(plain.reset(seed=seed)[0])] * 3
        got = camera(stacked.reset(seed=seed)[0])
        np.testing.assert_array_equal(got, np.concatenate(seen, axis=-1))
        for action in (8, 8, 5, 11, 8):
            seen = [*seen[1:], camera(plain.step(action)[0])]
            got = camera(stacked.step(action)[0])
            np.testing.assert_array_equal(got, np.concatenate(seen, axis=-1))


def test_a_skip_repeats_the_action_and_adds_up_the_progress() -> None:
    plain, skipping = DrivingEnv(look="noisy", **SMALL), DrivingEnv(look="noisy", frame_skip=4, **SMALL)
    plain.reset(seed=9)
    skipping.reset(seed=9)
    for action in (8, 7, 10, 8):
        before = plain.batch.simulator.rows["furthest"][0]
        obs = [plain.step(action)[0] for _ in range(4)][-1]
        got, reward, *_ = skipping.step(action)
        np.testing.assert_array_equal(got, obs)
        row = plain.batch.simulator.rows[0]
        assert skipping.batch.simulator.rows[0].tobytes() == row.tobytes()
        cost = 0.2 * (row["offset"] / 3.5) ** 2 + 0.006 * abs(row["steer"]) / 0.42
        cost += 0.5 * (row["vx"] * row["yaw_rate"] / 9.81) ** 2
        assert reward == pytest.approx(0.2 * (row["furthest"] - before) / 0.75 - cost, abs=1e-4)


def test_a_skip_ends_where_the_episode_ends() -> None:
    plain, skipping = DrivingEnv(**SMALL), DrivingEnv(frame_skip=16, **SMALL)
    infos = []
    for env in (plain, skipping):
        env.reset(seed=9)
        while True:
            _, _, terminated, truncated, info = env.step(14)
            if terminated or truncated:
                infos.append(info)
                break
    assert infos[0] == infos[1]


PROGRAM = """
import hashlib
import gymnasium as gym, numpy as np
import envs
digest = hashlib.sha256()
for keywords in ({"obs": "dict", "look": "noisy"}, {"obs": "depth"}, {"obs": "state", "split": "ood"}):
    keywords = {"num_levels": 4, "frame_stack": 2, "labels": True, **keywords}
    env = gym.make_vec("Hairpin/LaneFollow-v0", num_envs=5, **keywords)
    obs, info = env.reset(seed=123)
    rng = np.random.default_rng(0)
    for _ in range(60):
        for value in obs.values() if isinstance(obs, dict) else [obs]:
            digest.update(value.tobytes())
        for value in info["labels"].values():
            digest.update(value.tobytes())
        obs, reward, terminated, truncated, info = env.step(rng.integers(0, 15, 5))
        digest.update(reward.tobytes() + terminated.tobytes() + truncated.tobytes())
print(digest.hexdigest())
"""


def test_new_processes_see_the_same_bits_whatever_their_hash_seed() -> None:
    done = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert len(done[0].strip()) == len(hashlib.sha256().hexdigest())
    assert done[0] == done[1]


def test_the_expert_finishes_a_lap_in_the_single_environment() -> None:
    env = DrivingEnv(actions="continuous", **SMALL)
    env.reset(seed=2)
    expert, total = PurePursuit(), 0.0
    while True:
        _, reward, terminated, truncated, info = env.step(expert.act(env.batch)[0])
        total += reward
        if terminated or truncated:
            break
    assert (terminated, truncated, info["success"]) == (False, True, True)
    row = env.batch.simulator.rows[0]
    assert 0.5 < total / (0.2 * row["furthest"] / 0.75) < 1.0


def test_rendering_is_off_unless_asked_for() -> None:
    env = DrivingEnv(**SMALL)
    env.reset(seed=0)
    assert env.render() is None
    env.close()
    assert isinstance(env.batch, DrivingVectorEnv)
