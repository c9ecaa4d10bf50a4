"""The lens: drops, flakes and blots against their geometry, noise against its bounds, blur against flow."""

import numpy as np
import pytest

from envs.driving.lens import (
    BLUE_AT,
    GREEN_AT,
    RED_AT,
    STRIP,
    add_noise,
    draw_dirt,
    draw_rain,
    draw_snow,
)
from envs.driving.strips import weather_scratch
from envs.driving.view import VIEW, aim
from envs.driving.weather import WEATHER
from envs.driving.weathering import apply_weather

SHAPE = (400, 640)
FOCAL, PITCH = 320.0, 0.15
STRONG = 0.999  # a little less than 1, so that more is more
CAR = np.dtype([("x", "f4"), ("y", "f4"), ("yaw", "f4"), ("mirror", "f4")])


def camera(mirror: float = 1.0, width: int = SHAPE[1], pitch: float = PITCH) -> np.record:
    view = np.zeros(1, VIEW).view(np.recarray)[0]
    car = np.array([(0.0, 0.0, 0.7, mirror)], CAR).view(np.recarray)[0]
    mounting = np.array([1.5, 0.5, pitch], np.float32)
    aim(view, car, np.float32(width / 2), mounting, np.zeros(4, np.float32))
    return view


def rain(strength: float, speed: float = 0.0, key: int = 1, mirror: float = 1.0) -> np.ndarray:
    layer = np.zeros(SHAPE[0] * SHAPE[1], np.float32)
    draw_rain(layer, SHAPE, camera(mirror), np.float32(speed), np.float32(strength), np.uint32(key))
    return layer.reshape(SHAPE)


def snow(strength: float, key: int = 1) -> np.ndarray:
    layer = np.zeros(SHAPE[0] * SHAPE[1], np.float32)
    draw_snow(layer, SHAPE, np.float32(FOCAL), np.float32(strength), np.uint32(key))
    return layer.reshape(SHAPE)


def dirt(strength: float, key: int = 1) -> np.ndarray:
    layer = np.zeros(SHAPE[0] * SHAPE[1], np.float32)
    draw_dirt(layer, SHAPE, np.float32(strength), np.uint32(key))
    return layer.reshape(SHAPE)


def one_of(full: float) -> float:
    """The strength at which one drop or flake is drawn in a frame of SHAPE, of `full` in one of 64 × 64."""
    return 64.0 / full / np.sqrt(SHAPE[0] * SHAPE[1])


def ends(layer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean of what a layer covers in its top and in its bottom quarter, as (column, row)."""
    rows, columns = np.nonzero(layer)
    weights, low, high = layer[rows, columns], rows.min(), rows.max()
    points = np.stack([columns + 0.5, rows + 0.5], axis=1)
    upper, lower = rows <= low + (high - low) / 4, rows >= high - (high - low) / 4
    return (
        np.average(points[upper], axis=0, weights=weights[upper]),
        np.average(points[lower], axis=0, weights=weights[lower]),
    )


@pytest.mark.parametrize("draw", [rain, snow])
def test_more_falls_with_strength_on_top_of_what_falls_anyway(draw) -> None:
    layers = [draw(strength) for strength in (0.0, 0.2, 0.5, STRONG)]
    assert layers[0].max() == 0.0
    covered = [int((layer > 0.02).sum()) for layer in layers]
    assert covered[1] > 100
    assert covered[2] > 2 * covered[1]
    assert covered[3] > 1.5 * covered[2]
    for less, more in zip(layers[:-1], layers[1:], strict=True):
        assert (more - less).min() > -1e-5
    assert 0.0 < draw(0.2001).sum() - draw(0.2).sum() < 0.05 * draw(0.2).sum()


def test_rain_falls_upright_when_the_car_stands() -> None:
    for key in range(20):
        columns = np.nonzero(rain(one_of(110.0), 0.0, key))[1]
        assert columns.size == 0 or np.ptp(columns) <= 1


@pytest.mark.parametrize("speed", [6.0, 15.0, 30.0])
def test_a_drop_comes_out_of_the_vanishing_point_as_it_falls(speed: float) -> None:
    vanishing, checked = (320.0, 200.0 - FOCAL * np.tan(PITCH)), 0
    for key in range(40):
        layer = rain(one_of(110.0), speed, key)
        rows, columns = np.nonzero(layer)
        if rows.size == 0 or max(np.ptp(rows), np.ptp(columns)) < 12 or np.ptp(rows) < 8:
            continue
        upper, lower = ends(layer)
        if lower[1] > 396 or not 4 < lower[0] < 636:
            continue
        # a drop at the camera's side falls at 8 m/s and comes closer with the car
        across = speed * (upper[0] - vanishing[0])
        down = 8.0 * FOCAL + speed * (upper[1] - vanishing[1])
        slant = np.arctan2(lower[0] - upper[0], lower[1] - upper[1])
        wrong = slant - np.arctan2(across, down)
        assert abs(np.sin(wrong)) < 0.08, "a streak's ends are not told apart: one high up may rise"
        checked += 1
    assert checked > 10


def test_a_streak_is_as_dense_all_along() -> None:
    checked = 0
    for key in range(30):
        layer = rain(one_of(110.0), 8.0, key)
        rows, columns = np.nonzero(layer)
        if rows.size == 0 or np.ptp(columns) < 4 or np.ptp(rows) < 8 or np.ptp(rows) < np.ptp(columns):
            continue
        inner = layer.sum(axis=1)[rows.min() + 1 : rows.max()]
        assert np.ptp(inner) < 0.03 * inner[0]
        assert 0.25 <= inner[0] <= 0.501
        checked += 1
    assert checked > 5


def test_rain_slants_with_speed() -> None:
    slants = []
    for speed in (0.0, 10.0, 20.0):
        tops = [ends(rain(one_of(110.0), speed, key)) for key in range(30)]
        slants.append(np.mean([abs(low[0] - up[0]) / max(low[1] - up[1], 1.0) for up, low in tops]))
    assert slants[0] < 0.05
    assert slants[2] > 1.3 * slants[1] > 0.3


def test_a_flake_is_a_soft_disc() -> None:
    radii = []
    for key in range(60):
        layer = snow(one_of(90.0), key)
        rows, columns = np.nonzero(layer)
        middle = (
            np.average(rows, weights=layer[rows, columns]),
            np.average(columns, weights=layer[rows, columns]),
        )
        if not (26 < middle[0] < 373 and 26 < middle[1] < 613):
            continue
        area = 3.0 * layer.sum(dtype=np.float64) / 0.95 / np.pi  # ∫ (1 − (r/R)²)² = π R² / 3
        radius = np.sqrt(area)
        radii.append(radius)
        away = np.hypot(rows - middle[0], columns - middle[1])
        assert away.max() < radius + 0.5
        if radius > 4.0:
            assert layer.max() == pytest.approx(0.95, abs=0.1)
            assert away.max() > 0.7 * radius
    assert len(radii) > 40
    assert min(radii) < 2.5
    assert max(radii) > 8.0
    assert max(radii) <= 0.06 * FOCAL + 0.5


def test_dirt_stays_and_only_becomes_denser() -> None:
    np.testing.assert_array_equal(dirt(0.4), dirt(0.4))
    np.testing.assert_allclose(dirt(0.8), 2.0 * dirt(0.4), rtol=1e-5)
    assert (dirt(0.4, 2) != dirt(0.4, 1)).mean() > 0.05
    shares = [(dirt(0.5, key) > 0.01).mean() for key in range(20)]
    assert 0.05 < np.mean(shares) < 0.6


@pytest.mark.parametrize(("draw", "numbers"), [(rain, (0.05, 12.0)), (snow, (0.05,)), (dirt, (0.6,))])
def test_drawing_agrees_with_its_python(draw, numbers: tuple[float, ...], monkeypatch) -> None:
    expected = draw(*numbers, 3)
    for name in ("draw_rain", "draw_snow", "draw_dirt"):
        monkeypatch.setitem(globals(), name, globals()[name].py_func)
    assert expected.max() > 0.1
    np.testing.assert_allclose(draw(*numbers, 3), expected, atol=1e-3)


def noise(level: float, strength: float = 1.0, key: int = 5) -> np.ndarray:
    """What is added to even strips of that level: (channels, pixels)."""
    floats = weather_scratch(8, 64)[0][0]
    floats[:] = level
    add_noise(floats, np.float32(strength), np.uint32(key))
    return np.stack([floats[at : at + STRIP] for at in (RED_AT, GREEN_AT, BLUE_AT)]) - level


@pytest.mark.parametrize("strength", [0.3, 1.0])
@pytest.mark.parametrize("level", [60.0, 128.0, 200.0])
def test_noise_is_even_centred_and_grows_with_light(level: float, strength: float) -> None:
    light = level / 255.0
    amplitude = strength * (4.0 + 12.0 * light * (2.0 - light))
    drawn = np.concatenate([noise(level, strength, key) for key in range(30)], axis=1)
    assert np.abs(drawn).max() <= amplitude + 1e-3
    assert np.abs(drawn).max() > 0.99 * amplitude
    assert np.abs(drawn.mean(axis=1)).max() < 0.03 * amplitude
    np.testing.assert_allclose(drawn.std(axis=1), amplitude / np.sqrt(3.0), rtol=0.03)
    assert np.abs(np.corrcoef(drawn) - np.eye(3)).max() < 0.04


def test_noise_is_a_function_of_its_key_and_stays_a_byte() -> None:
    np.testing.assert_array_equal(noise(100.0, key=1), noise(100.0, key=1))
    first, second = noise(100.0, key=1), noise(100.0, key=2)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1
    assert abs(np.corrcoef(first[0, :-1], first[0, 1:])[0, 1]) < 0.15
    assert noise(0.0).min() == 0.0 < noise(0.0).max()
    assert noise(255.0).max() == 0.0 > noise(255.0).min()


def blurred(
    frame: np.ndarray, depth: float | np.ndarray, motion: tuple[float, float], view: np.record
) -> np.ndarray:
    weather = np.zeros(1, WEATHER).view(np.recarray)[0]
    weather.daylight, weather.motion_blur = 1.0, 1.0
    depths = np.broadcast_to(np.float32(depth), frame.shape[:2]).copy()
    out, glow = frame.copy(), np.zeros(frame.shape[:2], np.uint8)
    moved = np.float32(motion[0]), np.float32(motion[1])
    apply_weather(out, depths, glow, view, moved, weather, np.uint32(1), weather_scratch(*frame.shape[:2]))
    return out


@pytest.fixture
def texture() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (*SHAPE, 3), np.uint8)


def test_a_still_car_blurs_nothing(texture: np.ndarray) -> None:
    np.testing.assert_array_equal(blurred(texture, 5.0, (0.0, 0.0), camera()), texture)


def test_an_even_frame_stays_even_however_one_drives() -> None:
    even = np.full((*SHAPE, 3), 201, np.uint8)
    np.testing.assert_array_equal(blurred(even, 4.0, (30.0, 0.8), camera()), even)


@pytest.mark.parametrize("yaw_rate", [-1.0, 0.5, 1.0])
def test_turning_smears_across_by_the_angle_turned(yaw_rate: float) -> None:
    frame = np.zeros((*SHAPE, 1), np.uint8)
    frame[:, 320] = 252
    row = blurred(frame, 200.0, (0.0, yaw_rate), camera(pitch=0.0))[200, :, 0]
    columns = np.flatnonzero(row)
    assert row.sum() == pytest.approx(252, abs=9)
    assert np.ptp(columns) == pytest.approx(FOCAL * abs(yaw_rate) * 0.04, abs=3.0)
    assert columns.mean() == pytest.approx(320.0, abs=1.5)


def sharpest_column(frame: np.ndarray, texture: np.ndarray) -> float:
    """The middle of the columns in which a blurred texture is most like itself, in a band of its rows."""
    change = np.abs(frame.astype(int) - texture)[146:158].mean(axis=(0, 2))
    smooth = np.convolve(change, np.ones(15) / 15, mode="valid")
    return float(smooth.argmin() + 7)


@pytest.mark.parametrize("mirror", [1.0, -1.0])
@pytest.mark.parametrize("yaw_rate", [-0.15, 0.0, 0.15])
def test_what_the_car_turns_to_is_sharp(yaw_rate: float, mirror: float, texture: np.ndarray) -> None:
    # driving at a plane, the flow of turning, f ω to the right, cancels that of driving, x v / d, on the
    # turn's inside: at x = −f ω d / v; the horizon is 48 rows above the middle
    depth, speed = 25.0, 15.0
    frame = blurred(texture, depth, (speed, yaw_rate), camera(mirror))
    expected = 319.5 - mirror * FOCAL * np.cos(PITCH) * yaw_rate * depth / speed
    assert sharpest_column(frame, texture) == pytest.approx(expected, abs=12.0)


def test_a_mirrored_picture_is_blurred_as_its_mirror_image(texture: np.ndarray) -> None:
    gray = np.repeat(np.repeat(texture[:50, :80, :1], 8, axis=0), 8, axis=1)
    plain = blurred(gray, 8.0, (12.0, 0.4), camera(1.0)).astype(int)
    mirrored = blurred(gray[:, ::-1].copy(), 8.0, (12.0, 0.4), camera(-1.0))[:, ::-1].astype(int)
    assert np.abs(plain - mirrored).mean() < 0.5
    wrong = blurred(gray[:, ::-1].copy(), 8.0, (12.0, -0.4), camera(-1.0))[:, ::-1].astype(int)
    assert np.abs(plain - wrong).mean() > 2.0
