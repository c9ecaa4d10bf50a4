"""Held-out axes: each changes what it says and nothing else, and every task can be driven along its own."""

import gymnasium as gym
import pytest

from envs.driving.axes import CAMERA, FRICTION, held_out_axes
from envs.driving.config import DrivingConfig
from envs.driving.tasks import IDS


def axes_of(**keywords) -> dict:
    return held_out_axes(DrivingConfig.from_keywords(keywords))


def test_each_axis_changes_what_it_says() -> None:
    axes = axes_of(task="traffic", car={"friction": [0.8, 1.0], "mass": 1400.0})
    assert list(axes) == ["curvature", "density", "friction", "look", "camera"]
    assert axes["curvature"] == {"split": "ood"}
    assert axes["density"] == {"num_cars": 32, "num_parked": 8}
    assert axes["friction"] == {"car": {"friction": [FRICTION * 0.8, FRICTION * 1.0], "mass": 1400.0}}
    assert axes["camera"] == {"camera": CAMERA}


def test_axes_that_would_change_nothing_are_left_out() -> None:
    assert list(axes_of(obs="state")) == ["curvature", "friction"]
    assert axes_of(task="obstacles", num_parked=0, num_obstacles=3)["density"] == {"num_obstacles": 6}
    assert axes_of(task="traffic", num_cars=30)["density"]["num_cars"] == 32, "as many as there may be"


@pytest.mark.parametrize("task", IDS)
def test_every_task_can_be_driven_along_its_axes(task: str) -> None:
    for obs in ("state", "dict"):
        for kwargs in axes_of(task=task, obs=obs).values():
            env = gym.make_vec(IDS[task], num_envs=2, **{"obs": obs, "num_levels": 2, **kwargs})
            own = gym.make_vec(IDS[task], num_envs=2, obs=obs, num_levels=2)
            assert env.single_observation_space == own.single_observation_space
            if obs == "state":
                env.reset(seed=0)
                env.step(env.action_space.sample())
            env.close()
            own.close()
