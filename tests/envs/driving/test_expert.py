"""The expert completes every road: the proof that they can be driven."""

import numpy as np
import pytest

from envs.driving.actions import controls
from envs.driving.config import LEVELS
from envs.driving.expert import PurePursuit
from envs.driving.levels import SPLITS
from envs.driving.metrics import METRICS
from envs.driving.vector_env import DrivingVectorEnv


def drive(
    split: str, levels: range, actions: str, physics: str = "dynamic", seed: int = 0
) -> dict[str, np.ndarray]:
    """Figures of one episode on each of `levels`."""
    env = DrivingVectorEnv(
        len(levels),
        split=split,
        obs="state",
        actions=actions,
        physics=physics,
        num_levels=LEVELS[split],
        autoreset_mode="Disabled",
    )
    env.reset(seed=seed, options={"levels": np.array(levels)})
    expert, rows, metrics = PurePursuit(), env.simulator.rows, np.zeros((env.num_envs, len(METRICS)))
    while not rows["ended"].all():
        wanted = expert.act(env)
        space = env.single_action_space
        assert all(space.contains(action) for action in wanted)
        step_all(env, wanted)
        metrics += env.simulator.outcome.metrics[:, : len(METRICS)]  # of the rows that have just ended
    return {"success": metrics[:, 0], "mean_speed": metrics[:, 2], "lateral_rmse": metrics[:, 3]}


def step_all(env: DrivingVectorEnv, actions: np.ndarray) -> None:
    """Step the rows that have not ended; the others wait."""
    wanted = np.zeros((env.num_envs, 2), np.float32)
    controls(env.config.actions, actions, wanted)
    env.simulator.step(~env.simulator.rows["ended"], wanted)


@pytest.mark.parametrize("actions", ["continuous", "discrete"])
@pytest.mark.parametrize("split", SPLITS)
def test_the_expert_completes_roads_of_every_split(split: str, actions: str) -> None:
    figures = drive(split, range(48), actions)
    assert figures["success"].all(), np.flatnonzero(figures["success"] == 0.0)
    assert figures["mean_speed"].min() > 6.0
    assert figures["lateral_rmse"].max() < 1.6


def test_the_expert_completes_roads_in_the_easy_mode() -> None:
    assert drive("test", range(24), "continuous", physics="kinematic")["success"].all()


@pytest.mark.slow
@pytest.mark.parametrize("actions", ["continuous", "discrete"])
@pytest.mark.parametrize("split", SPLITS)
def test_the_expert_completes_every_road(split: str, actions: str) -> None:
    figures = drive(split, range(LEVELS[split]), actions, seed=7)
    assert figures["success"].all(), np.flatnonzero(figures["success"] == 0.0)
