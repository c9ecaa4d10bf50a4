"""Looks: what is drawn, within which bounds, and from what."""

import numpy as np
import pytest

from envs.driving.camera import VIEW_DISTANCE
from envs.driving.look import CLEAN_COLOURS, LOOK, LOOKS, draw_look

LUMA = np.array([0.299, 0.587, 0.114])


def drawn(look: str, count: int = 400) -> np.ndarray:
    looks = np.zeros(count, LOOK)
    for n in range(count):
        draw_look(looks[n], LOOKS.index(look), np.uint64(n * 7919 + 1))
    return looks


def test_a_clean_look_is_one_palette_and_a_camera_exactly_mounted() -> None:
    looks = drawn("clean", 3)
    np.testing.assert_array_equal(looks["colours"][:, :, :3], np.tile(CLEAN_COLOURS, (3, 1, 1)))
    assert (looks["errors"] == 0.0).all()
    assert (looks["noise"] == 0.0).all()


def test_randomized_looks_differ_in_everything_and_have_no_noise() -> None:
    looks = drawn("randomized")
    assert (looks["noise"] == 0.0).all()
    assert (looks["errors"].std(0) > 0.0).all()
    assert (looks["colours"].std(0) > 3.0).all()
    for name in ("haze", "errors"):
        assert len(np.unique(looks[name], axis=0)) == len(looks)


def test_pose_errors_are_small_and_centred() -> None:
    errors = drawn("randomized")["errors"]
    bound = np.array([0.05, 0.02, 0.015, 0.006])
    assert (np.abs(errors) <= bound).all()
    assert (np.abs(errors).max(0) > 0.95 * bound).all()
    assert (np.abs(errors.mean(0)) < 0.1 * bound).all()
    assert np.abs(np.corrcoef(errors.T) - np.eye(4)).max() < 0.2


def test_a_noisy_look_is_a_randomized_one_with_noise() -> None:
    noisy, randomized = drawn("noisy"), drawn("randomized")
    for name in ("colours", "haze", "errors"):
        np.testing.assert_array_equal(noisy[name], randomized[name])
    assert noisy["noise"].min() >= 0.0
    assert 9.0 < noisy["noise"].max() <= 10.0


@pytest.mark.parametrize("look", LOOKS)
def test_colours_leave_room_for_noise_and_gray_is_their_luma(look: str) -> None:
    colours = drawn(look, 100)["colours"]
    assert colours.min() >= 4.0
    assert colours.max() <= 252.0
    np.testing.assert_allclose(colours[..., 3], colours[..., :3] @ LUMA, rtol=1e-5)


@pytest.mark.parametrize("look", LOOKS)
def test_the_haze_hides_the_end_of_the_world(look: str) -> None:
    haze = drawn(look, 100)["haze"]
    assert (haze * VIEW_DISTANCE >= 0.999).all(), (
        "what is as far as the camera sees has the colour of the haze"
    )
    assert (haze * VIEW_DISTANCE <= 1.7).all()


def test_a_road_can_be_told_from_its_lines_and_its_grass_under_every_look() -> None:
    colours = drawn("randomized")["colours"][:, :, :3]
    dark, light, asphalt, paint = (colours[:, n] for n in (3, 4, 5, 6))
    assert np.abs(asphalt - paint).max(1).min() > 40.0
    for grass in (dark, light):
        assert np.quantile(np.abs(asphalt - grass).max(1), 0.02) > 8.0


def test_the_look_is_a_function_of_its_key() -> None:
    a, b = np.zeros(2, LOOK), np.zeros(2, LOOK)
    b["haze"], b["noise"] = 5.0, 7.0
    for looks in (a, b):
        draw_look(looks[0], 2, np.uint64(12345))
        draw_look(looks[1], 2, np.uint64(12346))
    assert a.tobytes() == b.tobytes()
    assert a[0].tobytes() != a[1].tobytes()


def test_episodes_have_their_own_looks(make_simulator) -> None:
    simulator = make_simulator(5)
    first = simulator.looks.copy()
    simulator.begin(np.array([True, False, True, False, False]))
    changed = [first[n].tobytes() != simulator.looks[n].tobytes() for n in range(5)]
    assert changed == [True, False, True, False, False]
