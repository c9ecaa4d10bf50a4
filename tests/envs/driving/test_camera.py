"""The compiled camera against a slow one written from the definition, and what every picture must keep."""

import numpy as np
import pytest

from envs.driving.camera import CLASSES, VIEW_DISTANCE
from envs.driving.view import CameraParams

SKY, GRASS, ROAD, LINE, KERB = range(5)
SHAPES = [(64, 64), (84, 84), (33, 47), (8, 8), (64, 200), (400, 640)]
TINY = (8, 8)  # its pixels hold many things at once


def labelled(simulator, shape):
    classes = np.full((simulator.num_rows, *shape), 255, np.uint8)
    depths = np.full((simulator.num_rows, *shape), np.nan, np.float32)
    simulator.label(classes, depths)
    return classes, depths


def painted(simulator, shape, channels=3):
    frames = np.zeros((simulator.num_rows, *shape, channels), np.uint8)
    simulator.paint(frames)
    return frames


def some_pixels(shape, most=400):
    pixels = np.argwhere(np.ones(shape, bool))
    return pixels[np.random.default_rng(0).permutation(len(pixels))[:most]]


@pytest.mark.parametrize(
    ("split", "shape", "most"),
    [("train", (64, 64), 4096), ("ood", (64, 64), 400), *(("ood", shape, 400) for shape in SHAPES[1:])],
)
def test_classes_agree_with_exact_distances(make_simulator, reference_camera, split, shape, most) -> None:
    simulator = make_simulator(3, seed=20, split=split)
    classes, _ = labelled(simulator, shape)
    for n in range(3 if most < 4096 else 1):
        pixels = some_pixels(shape, most)
        shares, _ = reference_camera(simulator, n).shares(pixels, shape)
        got = classes[n][tuple(pixels.T)]
        agree = got == shares.argmax(1)
        assert agree.mean() > (0.85 if shape == TINY else 0.98)
        assert agree[shares.max(1) > 0.9].mean() > (0.95 if shape == TINY else 0.99), (
            "where one class fills the pixel there is no doubt"
        )
        mixed = shares[np.arange(len(got)), got]
        assert (mixed > 0.0).mean() > 0.99, "a class is in the pixel at all"


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != TINY])
def test_depth_agrees_with_the_rays(make_simulator, reference_camera, shape) -> None:
    simulator = make_simulator(6, seed=3)
    _, depths = labelled(simulator, shape)
    for n in range(6):
        pixels = some_pixels(shape)
        true, _ = reference_camera(simulator, n).ground(pixels[:, 1] + 0.5, pixels[:, 0] + 0.5, shape)
        got = depths[n][tuple(pixels.T)]
        assert got.max() <= VIEW_DISTANCE
        sky = true >= 0.99 * VIEW_DISTANCE
        assert ((got == VIEW_DISTANCE) == sky).mean() > 0.99
        error = np.abs(got / true - 1.0)
        assert error[true < 60.0].max() < 0.1
        assert error[true < 10.0].max() < 0.01
        assert np.quantile(error[true < 60.0], 0.9) < 0.005


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != TINY])
@pytest.mark.parametrize("look", ["clean", "randomized"])
def test_colours_agree_with_the_definition(make_simulator, reference_camera, shape, look) -> None:
    simulator = make_simulator(2, seed=8, look=look)
    frames = painted(simulator, shape).astype(float)
    for n in range(2):
        camera = reference_camera(simulator, n)
        pixels = some_pixels(shape)
        furthest, _ = camera.ground(pixels[:, 1] + 0.5, pixels[:, 0] + 0.0, shape)
        pixels = pixels[furthest < 60.0]
        error = np.abs(frames[n][tuple(pixels.T)] - camera.shares(pixels, shape)[1])
        assert error.mean() < 4.5
        plain = camera.shares(pixels, shape, side=4.0)[0][:, ROAD] == 1.0
        if plain.any():
            assert np.quantile(error[plain], 0.98) < 2.0, (
                "asphalt far from lines, in the haze, is known exactly"
            )


def test_the_sky_runs_from_zenith_to_haze_above_the_hills(make_simulator) -> None:
    simulator = make_simulator(3, look="clean")
    frames, classes = painted(simulator, (200, 200)), labelled(simulator, (200, 200))[0]
    zenith, haze, hill = simulator.looks["colours"][0, :3, :3]
    sky = (classes == SKY).all(axis=2)
    assert sky[:, 0].all()
    assert np.abs(frames[:, 0].mean(axis=(0, 1)) - zenith).max() < np.abs(haze - zenith).max() / 2
    red = frames[..., 0].astype(int)
    assert (np.diff(red[:, :40], axis=1) >= 0).all(), "the clean sky pales towards the horizon"
    assert (np.abs(frames[classes == SKY].astype(float) - hill).max(axis=1) < 3).mean() > 0.01, (
        "there are hills"
    )


@pytest.mark.parametrize("shape", [(64, 64), (33, 47), (400, 640)])
def test_a_mirrored_row_sees_the_mirrored_picture(make_simulator, shape) -> None:
    simulator = make_simulator(4)
    straight, classes = painted(simulator, shape), labelled(simulator, shape)[0]
    simulator.rows["mirror"] *= -1.0
    flipped, other = painted(simulator, shape)[:, :, ::-1], labelled(simulator, shape)[0][:, :, ::-1]
    ground = np.minimum(classes, other) > SKY
    difference = np.abs(straight.astype(int) - flipped.astype(int)).max(axis=3)
    assert (classes == other).mean() > 0.985
    assert difference[ground].mean() < 4.0
    assert not np.array_equal(straight, flipped[:, :, ::-1])


def test_gray_is_the_luma_of_the_colours(make_simulator) -> None:
    simulator = make_simulator(4)
    luma = painted(simulator, (64, 64)) @ np.array([0.299, 0.587, 0.114])
    gray = painted(simulator, (64, 64), channels=1)[..., 0]
    assert np.abs(luma - gray).max() <= 1.5


def test_a_frame_depends_on_its_row_alone(make_simulator) -> None:
    together = make_simulator(9, look="noisy", num_threads=2)
    frames, (classes, depths) = painted(together, (33, 47)), labelled(together, (33, 47))
    for n in (0, 4, 8):
        alone = make_simulator(1, seed=n, look="noisy")
        np.testing.assert_array_equal(painted(alone, (33, 47))[0], frames[n])
        np.testing.assert_array_equal(labelled(alone, (33, 47))[0][0], classes[n])
        np.testing.assert_array_equal(labelled(alone, (33, 47))[1][0], depths[n])


def test_painting_twice_gives_the_same_bits_whatever_was_in_the_buffer(make_simulator) -> None:
    simulator = make_simulator(3, look="noisy")
    once, again = painted(simulator, (84, 84)), np.full((3, 84, 84, 3), 171, np.uint8)
    simulator.paint(again)
    np.testing.assert_array_equal(once, again)


@pytest.mark.parametrize("channels", [1, 3])
def test_noise_is_unbiased_bounded_and_new_each_step(make_simulator, channels: int) -> None:
    simulator = make_simulator(2, look="noisy")
    simulator.looks["noise"] = 0.0
    clean = painted(simulator, (64, 64), channels).astype(int)
    simulator.looks["noise"] = 10.0
    first = painted(simulator, (64, 64), channels).astype(int) - clean
    simulator.rows["step"] += 1
    second = painted(simulator, (64, 64), channels).astype(int) - clean
    assert np.abs(first).max() <= 11
    inside = (clean > 12) & (clean < 243)
    assert abs(first[inside].mean()) < 0.35
    assert first[inside].std() == pytest.approx(10.0 / np.sqrt(3.0), rel=0.05)
    assert abs(np.corrcoef(first[inside], second[inside])[0, 1]) < 0.05
    assert abs(np.corrcoef(first[0].ravel(), first[1].ravel())[0, 1]) < 0.05
    if channels == 3:
        assert abs(np.corrcoef(first[..., 0].ravel(), first[..., 1].ravel())[0, 1]) < 0.05
    assert abs(np.corrcoef(first[:, :, :-1].ravel(), first[:, :, 1:].ravel())[0, 1]) < 0.05
    assert abs(np.corrcoef(first[:, :-1].ravel(), first[:, 1:].ravel())[0, 1]) < 0.05


def test_every_class_is_seen_and_no_other(make_simulator) -> None:
    classes, depths = labelled(make_simulator(32, split="ood"), (64, 64))
    assert np.unique(classes).tolist() == list(range(len(CLASSES)))
    assert ((classes == SKY) == (depths == VIEW_DISTANCE)).all()
    assert depths.min() > 0.5


def test_the_focal_length_follows_the_field_of_view() -> None:
    assert CameraParams().focal_length(64) == pytest.approx(32.0)
    assert CameraParams(field_of_view=np.pi / 3).focal_length(100) == pytest.approx(50 * np.sqrt(3.0))


@pytest.mark.parametrize(
    "camera",
    [
        CameraParams(height=5.0, pitch=1.2, field_of_view=2.0),
        CameraParams(height=0.4, pitch=-0.1, forward=-3.0),
        CameraParams(height=3.0, pitch=0.6, field_of_view=0.5, forward=3.0),
        CameraParams(height=1.0, pitch=0.0, field_of_view=2.4),
    ],
)
def test_any_camera_sees_what_its_geometry_says(make_simulator, reference_camera, camera) -> None:
    simulator = make_simulator(2, camera=camera)
    shape = (72, 96)
    (classes, depths), pixels = labelled(simulator, shape), some_pixels(shape)
    for n in range(2):
        reference = reference_camera(simulator, n)
        shares, _ = reference.shares(pixels, shape)
        true, _ = reference.ground(pixels[:, 1] + 0.5, pixels[:, 0] + 0.5, shape)
        got = classes[n][tuple(pixels.T)]
        assert (got == shares.argmax(1)).mean() > 0.97
        near = true < 30.0
        assert np.quantile(np.abs(depths[n][tuple(pixels.T)] / true - 1.0)[near], 0.95) < 0.01


def test_the_road_is_as_wide_as_it_is(make_simulator) -> None:
    """Looking steeply down at a straight: the road's width in pixels is focal × 7 m / depth."""
    camera = CameraParams(height=5.0, pitch=1.2, field_of_view=2.2, forward=0.0)
    simulator = make_simulator(1, camera=camera, look="clean")
    rows = simulator.rows
    line = simulator.roads.centrelines[rows["level"][0]]
    straight = np.abs(line[: simulator.roads.counts[rows["level"][0]], 3]).argmin()
    rows["x"], rows["y"], rows["yaw"] = line[straight, 0], line[straight, 1], line[straight, 2]
    classes, depths = labelled(simulator, (101, 101))
    on_road = (classes[0, 50] == ROAD) | (classes[0, 50] == LINE)
    assert on_road.sum() == pytest.approx(camera.focal_length(101) * 7.0 / depths[0, 50, 50], abs=1.5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("height", -1.0),
        ("field_of_view", 0.0),
        ("field_of_view", 4.0),
        ("pitch", float("nan")),
        ("forward", "x"),
    ],
)
def test_impossible_cameras_are_refused(name: str, value) -> None:
    with pytest.raises(ValueError, match=rf"camera\.{name} is .*; it must be a number from"):
        CameraParams(**{name: value})
    with pytest.raises(ValueError, match="the camera has no number 'fov'; it has field_of_view, height"):
        CameraParams.from_keywords({"fov": 1.0})
