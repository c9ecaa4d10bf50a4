"""Every registered environment: two checkers, random steps, wrappers, agents of Stable-Baselines3."""

import importlib.util
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import FrameStackObservation, RecordEpisodeStatistics, RecordVideo
from gymnasium.wrappers.vector import RecordEpisodeStatistics as RecordVectorStatistics
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3
from stable_baselines3.common.env_util import make_vec_env

import envs  # noqa: F401  (registers the environments)

DRIVING = "Hairpin/LaneFollow-v0"
IDS = sorted(name for name in gym.registry if name.startswith("Hairpin/"))
VARIANTS: dict[str, list[dict[str, Any]]] = {
    DRIVING: [
        {"obs": "gray"},
        {"obs": "semantic"},
        {"obs": "depth"},
        {"obs": "state"},
        {"obs": "dict"},
        {"actions": "continuous"},
        {"frame_stack": 3},
        {"frame_skip": 4},
        {"labels": True},
        {"look": "noisy", "image_size": [40, 72]},
        {"physics": "kinematic"},
        {"split": "ood"},
    ],
    "Hairpin/Lake-v0": [{"size": 8}, {"slippery": False}, {"map": ["SFH", "FFG"], "max_steps": 20}],
    "Hairpin/Cliff-v0": [{"slippery": True}],
    "Hairpin/FourRooms-v0": [{"slippery": False}],
    "Hairpin/WindyGrid-v0": [{"stochastic": True, "kings_moves": True}],
    "Hairpin/Chain-v0": [{"length": 30, "slip": 0.0}],
}
FEW_ROADS: dict[str, dict[str, Any]] = {DRIVING: {"num_levels": 4}}
CASES = [(name, keywords) for name in IDS for keywords in ({}, *VARIANTS.get(name, []))]

with_a_viewer = pytest.mark.skipif(
    importlib.util.find_spec("envs.viewer") is None, reason="there is no viewer yet"
)
unbounded = pytest.mark.filterwarnings("ignore:.*A Box observation space (min|max)imum value is")
no_picture = pytest.mark.filterwarnings("ignore:.*(is an image but|NatureCNN)")


def make(name: str, **keywords: Any) -> gym.Env:
    return gym.make(name, **{**FEW_ROADS.get(name, {}), **keywords})


def make_batch(name: str, num_envs: int, **keywords: Any) -> Any:
    return gym.make_vec(name, num_envs=num_envs, **{**FEW_ROADS.get(name, {}), **keywords})


def test_the_driving_environment_is_registered() -> None:
    assert DRIVING in IDS


@unbounded
@pytest.mark.parametrize(("name", "keywords"), CASES)
def test_gymnasiums_checker_passes(name: str, keywords: dict[str, Any]) -> None:
    check_env(make(name, **keywords).unwrapped, skip_render_check=True)


@no_picture
@pytest.mark.parametrize(("name", "keywords"), CASES)
def test_stable_baselines_checker_passes(name: str, keywords: dict[str, Any]) -> None:
    check_env_for_sb3(make(name, **keywords))


@with_a_viewer
@pytest.mark.parametrize("name", IDS)
def test_gymnasiums_checker_passes_with_pictures(name: str) -> None:
    env = make(name, render_mode="rgb_array").unwrapped
    check_env(env)
    env.close()


@pytest.mark.parametrize(("name", "keywords"), CASES)
def test_a_thousand_random_steps_stay_in_the_spaces(name: str, keywords: dict[str, Any]) -> None:
    env = make(name, **keywords)
    env.action_space.seed(0)
    obs, _ = env.reset(seed=0)
    ends = 0
    for _ in range(1000):
        assert env.observation_space.contains(obs)
        obs, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        assert np.isfinite(float(reward))
        assert not (terminated and truncated)
        if terminated or truncated:
            ends += 1
            obs, _ = env.reset()
    assert ends > 0
    env.close()


@pytest.mark.parametrize(("name", "keywords"), CASES)
def test_a_thousand_random_steps_of_a_batch_stay_in_the_spaces(name: str, keywords: dict[str, Any]) -> None:
    batch = make_batch(name, 8, **keywords)
    batch.action_space.seed(0)
    obs, _ = batch.reset(seed=0)
    for _ in range(125):
        assert batch.observation_space.contains(obs)
        obs, reward, terminated, truncated, _ = batch.step(batch.action_space.sample())
        assert np.isfinite(reward).all()
        assert (reward.shape, terminated.dtype, truncated.dtype) == ((8,), bool, bool)
    batch.close()


@pytest.mark.parametrize("name", IDS)
def test_make_vec_builds_the_batch_that_belongs_to_the_environment(name: str) -> None:
    batch, single = make_batch(name, 3), make(name)
    assert gym.spec(name).vector_entry_point is not None
    assert batch.spec is not None
    assert batch.spec.id == name
    assert batch.num_envs == 3
    assert batch.single_observation_space == single.observation_space
    assert batch.single_action_space == single.action_space
    sync = make_batch(name, 3, vectorization_mode="sync")
    np.testing.assert_equal(batch.reset(seed=5)[0], sync.reset(seed=5)[0])


@pytest.mark.parametrize("name", IDS)
def test_record_episode_statistics_adds_up_the_rewards(name: str) -> None:
    env = RecordEpisodeStatistics(make(name))
    env.action_space.seed(1)
    env.reset(seed=1)
    total, steps = 0.0, 0
    while True:
        _, reward, terminated, truncated, info = env.step(env.action_space.sample())
        total, steps = total + float(reward), steps + 1
        if terminated or truncated:
            break
    assert info["episode"]["r"] == pytest.approx(total, rel=1e-5)
    assert info["episode"]["l"] == steps


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
@pytest.mark.parametrize("name", IDS)
def test_record_episode_statistics_adds_up_the_rewards_of_a_batch(name: str, mode: str) -> None:
    batch = RecordVectorStatistics(make_batch(name, 4, autoreset_mode=mode))
    batch.action_space.seed(1)
    batch.reset(seed=1)
    totals, ends = np.zeros(4), 0
    for _ in range(400):
        _, reward, terminated, truncated, info = batch.step(batch.action_space.sample())
        totals += reward
        over = terminated | truncated
        if over.any():
            recorded = info["episode"] if "episode" in info else info["final_info"]["episode"]
            np.testing.assert_allclose(recorded["r"][over], totals[over], rtol=1e-4)
            totals[over], ends = 0.0, ends + over.sum()
    assert ends > 3


@pytest.mark.parametrize("name", IDS)
def test_frame_stack_observation_stacks(name: str) -> None:
    env = FrameStackObservation(make(name), 3)
    obs, _ = env.reset(seed=0)
    assert env.observation_space.contains(obs)
    env.action_space.seed(0)
    following, *_ = env.step(env.action_space.sample())
    assert env.observation_space.contains(following)
    np.testing.assert_equal(following[0], obs[1])


@with_a_viewer
@pytest.mark.parametrize("name", IDS)
def test_record_video_writes_a_film(name: str, tmp_path: Path) -> None:
    single, folder = make(name, render_mode="rgb_array"), str(tmp_path / "films")
    env = RecordVideo(single, folder, episode_trigger=lambda episode: episode == 0, disable_logger=True)
    env.action_space.seed(0)
    env.reset(seed=0)
    for _ in range(10):
        _, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            env.reset()
    env.close()
    films = list(tmp_path.glob("films/*.mp4"))
    assert len(films) == 1
    assert films[0].stat().st_size > 1000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "keywords"),
    [("CnnPolicy", {}), ("MultiInputPolicy", {"obs": "dict"}), ("MlpPolicy", {"obs": "state"})],
)
def test_stable_baselines_dqn_trains_on_driving(policy: str, keywords: dict[str, Any]) -> None:
    env = make_vec_env(DRIVING, n_envs=1, seed=0, env_kwargs={**FEW_ROADS[DRIVING], **keywords})
    agent = DQN(policy, env, buffer_size=500, learning_starts=50, batch_size=16, train_freq=8, seed=0)
    agent.learn(200)
    assert agent.num_timesteps >= 200
    assert agent._n_updates > 10
    assert env.action_space.contains(agent.predict(env.reset())[0][0])  # pyright: ignore[reportArgumentType]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "keywords"),
    [
        ("CnnPolicy", {"actions": "continuous", "frame_stack": 2, "obs": "gray"}),
        ("MultiInputPolicy", {"obs": "dict"}),
    ],
)
def test_stable_baselines_ppo_trains_on_driving(policy: str, keywords: dict[str, Any]) -> None:
    env = make_vec_env(DRIVING, n_envs=2, seed=0, env_kwargs={**FEW_ROADS[DRIVING], **keywords})
    agent = PPO(policy, env, n_steps=64, batch_size=64, n_epochs=1, seed=0)
    agent.learn(256)
    assert agent.num_timesteps == 256
    assert agent._n_updates == 2
