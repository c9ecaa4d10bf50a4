"""Overlays: they show what the labels say, where it is, and nothing else."""

import numpy as np
import pytest

from envs.drawing import CLASS_COLOURS, RowCamera
from envs.driving.actors import CAR
from envs.driving.vector_env import DrivingVectorEnv
from envs.overlays import KIND_COLOURS, OVERLAYS, Labels, draw_boxes, lay_over
from envs.window import as_surface

SHAPE = (120, 192)


@pytest.fixture(scope="module")
def labels() -> Labels:
    env = DrivingVectorEnv(1, task="traffic", num_cars=12, look="clean", num_levels=2, obs="state")
    for seed in range(40):
        env.reset(seed=seed)
        camera = RowCamera(env.simulator)
        camera.turn_to(0)
        found = Labels(*camera.boxes(SHAPE))
        if (found.boxes[found.kinds == CAR, 5] > 20).any():
            return found
    raise AssertionError("no car in sight on forty roads")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_picture_is_tinted_by_what_is_there(labels: Labels, overlay: str) -> None:
    picture = np.full((*SHAPE, 3), 100, np.uint8)
    lay_over(picture, overlay, labels)
    if overlay == "none":
        assert (picture == 100).all()
    elif overlay == "semantic":
        expected = 0.45 * 100 + 0.55 * CLASS_COLOURS[labels.classes]
        assert np.abs(picture - expected).max() <= 1.0
    else:
        near, far = labels.depths < 6.0, labels.depths > 150.0
        assert picture[near].mean() > picture[far].mean() + 40, "near is light, far is dark"


def test_boxes_stand_around_what_is_seen(labels: Labels) -> None:
    picture = np.zeros((*SHAPE, 3), np.uint8)
    draw_boxes(as_surface(picture), labels)
    shown = (picture == KIND_COLOURS[CAR][:3]).all(-1)
    cars = labels.boxes[(labels.kinds == CAR) & (labels.boxes[:, 5] > 20)]
    for left, top, right, bottom, _, _ in cars:
        assert shown[top:bottom, left].all()
        assert shown[top, left:right].all()
    hidden = labels._replace(boxes=labels.boxes * np.array([1, 1, 1, 1, 1, 0], np.int32))
    empty = np.zeros((*SHAPE, 3), np.uint8)
    draw_boxes(as_surface(empty), hidden)
    assert (empty == 0).all(), "what is hidden has no box"
