"""Keyword arguments: what is taken, and the one sentence for what is not."""

import dataclasses
import json
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import envs  # noqa: F401  (registers the environments)
from envs.driving.config import DrivingConfig
from envs.driving.vector_env import DrivingVectorEnv
from envs.driving.view import CameraParams

ID = "Hairpin/LaneFollow-v0"
BAD_VALUES = [
    ({"obs": "lidar"}, r"obs is 'lidar'; it must be one of camera, gray, semantic, depth, birdview, "),
    ({"obs": ["camera"]}, r"obs is \['camera'\]; it must be one of "),
    ({"split": "night"}, r"split is 'night'; it must be one of train, val, test, ood\."),
    ({"look": None}, r"look is None; it must be one of clean, randomized, noisy\."),
    ({"physics": "arcade"}, r"physics is 'arcade'; it must be one of dynamic, kinematic\."),
    ({"actions": 3}, r"actions is 3; it must be one of discrete, continuous\."),
    ({"frame_stack": 0}, r"frame_stack is 0; it must be a whole number from 1 to 16\."),
    ({"frame_stack": 2.0}, r"frame_stack is 2\.0; it must be a whole number"),
    ({"frame_skip": True}, r"frame_skip is True; it must be a whole number"),
    ({"frame_skip": -1}, r"frame_skip is -1; it must be a whole number"),
    ({"num_levels": 0}, r"num_levels is 0; it must be a whole number"),
    ({"num_threads": 0}, r"num_threads is 0; it must be a whole number"),
    ({"labels": 1}, r"labels is 1; it must be true or false\."),
    ({"expert": "yes"}, r"expert is 'yes'; it must be true or false\."),
    ({"image_size": 7}, r"image_size is 7; it must be a whole number from 8 to 1024, or two of them"),
    ({"image_size": 1025}, r"image_size is 1025; "),
    ({"image_size": [64]}, r"image_size is \[64\]; "),
    ({"image_size": [64, 64, 3]}, r"image_size is \[64, 64, 3\]; "),
    ({"image_size": "64"}, r"image_size is '64'; "),
    ({"image_size": [64.0, 64]}, r"image_size is \[64\.0, 64\]; "),
    ({"camera": 3}, r"camera is 3; it must be CameraParams or a dictionary of its numbers\."),
    ({"camera": {"height": -1.0}}, r"camera\.height is -1\.0; it must be a number from "),
    ({"camera": {"fov": 1.0}}, r"the camera has no number 'fov'; it has "),
]


@pytest.mark.parametrize(("keywords", "sentence"), BAD_VALUES)
def test_bad_values_get_one_sentence_from_both_classes(keywords: dict, sentence: str) -> None:
    for build in (lambda: gym.make_vec(ID, num_envs=2, **keywords), lambda: gym.make(ID, **keywords)):
        with pytest.raises(ValueError, match=f"^{sentence}") as refused:
            build()
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("keywords", "sentence"),
    [
        (
            {"image_sice": 64},
            r"Hairpin/LaneFollow-v0 has no option 'image_sice'; did you mean 'image_size'\?",
        ),
        ({"wind": 1}, r"Hairpin/LaneFollow-v0 has no option 'wind'; it takes task, difficulty, obs, "),
    ],
)
def test_unknown_options_are_named_with_the_nearest_known_one(keywords: dict, sentence: str) -> None:
    with pytest.raises(TypeError, match=sentence):
        gym.make(ID, **keywords)
    with pytest.raises(TypeError, match=sentence):
        gym.make_vec(ID, num_envs=1, **keywords)


@pytest.mark.parametrize("name", ["num_envs", "autoreset_mode", "copy"])
def test_options_of_the_vector_class_are_not_those_of_the_single_one(name: str) -> None:
    keywords: dict[str, Any] = {name: 1}
    with pytest.raises(TypeError, match=rf"Hairpin/LaneFollow-v0 has no option '{name}'"):
        gym.make(ID, **keywords)


@pytest.mark.parametrize("num_envs", [0, -3, 1.5, "4", True])
def test_a_batch_needs_a_whole_number_of_rows(num_envs) -> None:
    with pytest.raises(ValueError, match=r"^num_envs is .*; it must be a whole number above 0\.$"):
        DrivingVectorEnv(num_envs)


def test_a_batch_needs_a_known_render_mode() -> None:
    with pytest.raises(ValueError, match=r"^render_mode is 'ansi'; it must be human, rgb_array or none\.$"):
        DrivingVectorEnv(1, render_mode="ansi")


def test_a_batch_needs_a_known_autoreset_mode() -> None:
    sentence = r"^autoreset_mode is 'Later'; it must be one of NextStep, SameStep, Disabled\.$"
    with pytest.raises(ValueError, match=sentence):
        gym.make_vec(ID, num_envs=1, autoreset_mode="Later")


def test_defaults_are_those_promised() -> None:
    config = DrivingConfig()
    assert (config.obs, config.frame_shape, config.frame_stack, config.frame_skip) == (
        "camera",
        (64, 64),
        1,
        1,
    )
    assert (config.actions, config.physics, config.look) == ("discrete", "dynamic", "randomized")
    assert (config.split, config.labels, config.camera) == ("train", False, CameraParams())


def test_every_option_can_come_from_json() -> None:
    text = json.dumps(
        {
            "obs": "dict",
            "image_size": [48, 96],
            "frame_stack": 2,
            "frame_skip": 3,
            "actions": "continuous",
            "physics": "kinematic",
            "look": "noisy",
            "split": "ood",
            "num_levels": 3,
            "labels": True,
            "expert": True,
            "num_threads": 2,
            "camera": {"height": 1.2, "pitch": 0.1},
            "cameras": ["front", "rear"],
            "task": "weather",
            "difficulty": 0.25,
            "road": "street",
            "num_cars": 3,
            "num_parked": 1,
            "num_obstacles": 2,
            "num_pedestrians": 4,
            "scenery": False,
            "weather": {"fog": [0.1, 0.4], "night": 0.5},
            "car": {"friction": [0.6, 0.9], "action_delay": 2},
            "reward": {"lane": -0.1},
            "cruise_speed": 4.0,
        }
    )
    keywords = json.loads(text)
    assert set(keywords) == {field.name for field in dataclasses.fields(DrivingConfig)}
    config = DrivingConfig.from_keywords(keywords)
    assert config.frame_shape == (48, 96)
    assert config.camera == CameraParams(height=1.2, pitch=0.1)
    assert (config.level_count, config.threads) == (3, 2)


@given(st.integers(8, 1024), st.integers(8, 1024))
def test_a_side_or_two_are_an_image_size(height: int, width: int) -> None:
    assert DrivingConfig(image_size=height).frame_shape == (height, height)
    assert DrivingConfig(image_size=[height, width]).frame_shape == (height, width)
    assert DrivingConfig(image_size=(height, width)).frame_shape == (height, width)


@given(
    st.one_of(
        st.none(),
        st.floats(),
        st.text(max_size=3),
        st.integers(max_value=7),
        st.lists(st.integers(-2, 2000), max_size=4),
    )
)
def test_no_other_image_size_gets_through(image_size) -> None:
    sides = image_size if isinstance(image_size, list) else []
    if len(sides) == 2 and all(8 <= side <= 1024 for side in sides):
        return
    with pytest.raises(ValueError, match=r"^image_size is .*; it must be a whole number from 8 to 1024"):
        DrivingConfig(image_size=image_size)


def test_a_configuration_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DrivingConfig().obs = "gray"  # pyright: ignore[reportAttributeAccessIssue]
    assert np.isclose(CameraParams().field_of_view, np.pi / 2)
