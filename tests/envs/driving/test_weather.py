"""The weather: closed forms of light and air, geometry computed another way, and what must stay as it is."""

import numpy as np
import pytest

from envs.driving.strips import weather_scratch
from envs.driving.tracing import VIEW_DISTANCE
from envs.driving.view import VIEW, aim
from envs.driving.weather import (
    EFFECTS,
    LIT_BELOW,
    WEATHER,
    daylight_colour,
    draw_weather,
    extinction,
    is_clear,
    mist_colour,
)
from envs.driving.weathering import apply_weather

LUMA = np.array([0.299, 0.587, 0.114])
PITCH, HEIGHT = 0.15, 1.5  # [rad], [m] of the camera
CAR = np.dtype([("x", "f4"), ("y", "f4"), ("yaw", "f4"), ("mirror", "f4")])
STANDING = (np.float32(0.0), np.float32(0.0))
SIZES = [(8, 8), (9, 13), (64, 64), (84, 84), (37, 150), (400, 640)]


def record(**strengths: float) -> np.record:
    """A clear noon but for what is named."""
    weather = np.zeros(1, WEATHER).view(np.recarray)[0]
    weather.daylight, weather.dirt_key = 1.0, 77
    for name, value in strengths.items():
        weather[name] = value
    return weather


def of_effect(name: str, strength: float) -> np.record:
    return record(daylight=1.0 - strength) if name == "night" else record(**{name: strength})


def camera(width: int, yaw: float = 0.4, mirror: float = 1.0) -> np.record:
    view = np.zeros(1, VIEW).view(np.recarray)[0]
    car = np.array([(3.0, -2.0, yaw, mirror)], CAR).view(np.recarray)[0]
    mounting = np.array([HEIGHT, 0.5, PITCH], np.float32)
    aim(view, car, np.float32(width / 2), mounting, np.zeros(4, np.float32))
    return view


def rays(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """How far right of the axis a pixel looks, and how far it rises in a metre of depth, each (H, W)."""
    height, width = shape
    right, down = np.meshgrid(np.arange(width) + 0.5 - width / 2, np.arange(height) + 0.5 - height / 2)
    focal = width / 2
    return right / focal, -np.sin(PITCH) - down / focal * np.cos(PITCH)


def flat_ground(shape: tuple[int, int]) -> np.ndarray:
    """Depth (H, W) of a plain under the camera, and of the sky."""
    _, rise = rays(shape)
    depth = np.where(rise < 0.0, HEIGHT / np.maximum(-rise, 1e-9), VIEW_DISTANCE)
    return np.minimum(depth, VIEW_DISTANCE).astype(np.float32)


def seen(
    weather: np.record,
    frame: np.ndarray,
    depth: np.ndarray,
    view: np.record | None = None,
    motion: tuple[np.float32, np.float32] = STANDING,
    key: int = 1,
) -> np.ndarray:
    """The frame under a weather, as integers; nothing shines by itself."""
    out, glow = frame.copy(), np.zeros(depth.shape, np.uint8)
    view = camera(depth.shape[1]) if view is None else view
    apply_weather(out, depth, glow, view, motion, weather, np.uint32(key), weather_scratch(*depth.shape))
    return out.astype(np.int64)


def random_frame(shape: tuple[int, int], channels: int = 3) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (*shape, channels), np.uint8)


def even_frame(shape: tuple[int, int], level: int = 100, channels: int = 3) -> np.ndarray:
    return np.full((*shape, channels), level, np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", SIZES)
def test_a_clear_noon_leaves_a_frame_bit_for_bit(shape: tuple[int, int], channels: int) -> None:
    frame = random_frame(shape, channels)
    motion = (np.float32(20.0), np.float32(0.5))
    np.testing.assert_array_equal(seen(record(wet=1.0), frame, flat_ground(shape), motion=motion), frame)


@pytest.mark.parametrize("name", [name for name in EFFECTS if name != "wet"])
def test_an_effect_begins_with_nothing_and_does_something(name: str) -> None:
    frame, depth = random_frame((64, 64)), flat_ground((64, 64))
    motion = (np.float32(12.0), np.float32(0.2))
    faint = seen(of_effect(name, 1e-5), frame, depth, motion=motion)
    assert np.abs(faint - frame).max() <= 1
    strong = seen(of_effect(name, 1.0), frame, depth, motion=motion)
    assert np.abs(strong - frame).mean() > 2.0


@pytest.mark.parametrize("strength", [0.2, 0.5, 1.0])
def test_fog_hides_by_the_law_of_extinction(strength: float) -> None:
    shape = (40, 64)
    frame = random_frame(shape)
    depth = np.random.default_rng(1).uniform(1.0, VIEW_DISTANCE, shape).astype(np.float32)
    through = np.exp(-0.2 * strength**2 * depth.astype(np.float64))[..., None]
    expected = np.array([204.0, 210.0, 215.0]) * (1.0 - through) + frame * through
    assert np.abs(seen(record(fog=strength), frame, depth) - expected).max() <= 0.6


def test_one_sees_fifteen_metres_in_the_thickest_fog() -> None:
    assert 3.0 / extinction(record(fog=1.0)) == pytest.approx(15.0)
    assert 3.0 / extinction(record(fog=0.2)) > 300.0
    assert extinction(record()) == 0.0


@pytest.mark.parametrize("kind", ["fog", "rain", "snow"])
def test_what_is_deeper_is_closer_to_the_mist(kind: str) -> None:
    weather = record(**{kind: 0.6})
    depth = np.linspace(2.0, VIEW_DISTANCE, 64, dtype=np.float32)[None].repeat(64, 0)
    view = camera(64)
    view.origin[2] = 300.0  # nothing is ground
    rows = np.median(seen(weather, even_frame((64, 64), 40), depth, view)[..., 0], axis=0)
    away = np.float64(mist_colour(weather)[0]) - rows
    assert (np.diff(away) <= 0.0).all()
    assert away[-1] < 0.5 * away[0]


def test_light_scales_a_frame_and_fades_with_the_day() -> None:
    shape, levels = (16, 64), []
    frame = random_frame(shape)
    for daylight in (0.9, 0.6, 0.3, 0.1, 0.0):
        weather = record(daylight=daylight)
        light = np.array(daylight_colour(weather), np.float64)
        np.testing.assert_allclose(
            seen(weather, frame, flat_ground(shape)), np.minimum(frame * light, 255.0), atol=0.51
        )
        levels.append(LUMA @ light)
    assert (np.diff(levels) < 0.0).all()
    assert levels[-1] < 0.08


def test_dusk_is_warm_and_night_blue() -> None:
    assert daylight_colour(record()) == (1.0, 1.0, 1.0)
    red, green, blue = daylight_colour(record(daylight=0.35))
    assert red > 1.1 * green > 1.1 * blue
    red, green, blue = daylight_colour(record(daylight=0.0))
    assert blue > green > red


def test_headlights_light_the_road_ahead_and_neither_its_sides_nor_the_sky() -> None:
    shape = (64, 64)
    depth, frame = flat_ground(shape), even_frame(shape, 100)
    dark = seen(record(daylight=0.0), frame, depth)[..., 1]
    lit = seen(record(daylight=0.0, headlights=1.0), frame, depth)[..., 1]
    gain, middle = lit - dark, 31
    ground = depth < 100.0
    near = np.flatnonzero((depth[:, middle] > 5.0) & (depth[:, middle] < 15.0))
    assert (gain[near, middle] > 30).all()
    assert (gain[near, middle] > 2 * gain[near, 2]).all()
    assert (gain[:, middle][ground[:, middle]] >= gain[:, 12][ground[:, 12]]).all()
    assert (gain[depth >= VIEW_DISTANCE] == 0).all()
    np.testing.assert_array_equal(gain, gain[:, ::-1])


def test_headlights_reach_forty_metres_and_less_in_fog() -> None:
    shape = (400, 640)
    depth, frame = flat_ground(shape), even_frame(shape, 100)
    rows = [int(np.abs(depth[:, 320] - metres).argmin()) for metres in (10.0, 35.0, 80.0)]
    unlit = seen(record(daylight=0.0), frame, depth)[rows, 320, 1]
    lit = seen(record(daylight=0.0, headlights=1.0), frame, depth)[rows, 320, 1]
    assert lit[1] > 3 * unlit[1]
    assert (np.diff(lit) < 0).all()


def test_the_beam_crosses_the_fog_there_and_back() -> None:
    shape = (40, 64)
    depth, view = np.full(shape, 12.0, np.float32), camera(64)

    def beam_contrast(fog: float) -> float:
        """How much more the lamps add to what is light than to what is dark, below the horizon."""
        lit, dark = (
            seen(record(daylight=0.0, headlights=lamps, fog=fog), even_frame(shape, 250), depth, view)
            - seen(record(daylight=0.0, headlights=lamps, fog=fog), even_frame(shape, 0), depth, view)
            for lamps in (1.0, 0.0)
        )
        return (lit - dark)[30:, 20:44].mean()

    through = np.exp(-float(extinction(record(fog=0.4))) * 12.0)
    assert beam_contrast(0.4) / beam_contrast(0.0) == pytest.approx(through**2, abs=0.02)


def test_the_low_beam_is_cut_off_at_the_horizon() -> None:
    shape = (64, 64)
    wall, frame = np.full(shape, 12.0, np.float32), even_frame(shape, 200)
    gain = seen(record(daylight=0.0, headlights=1.0), frame, wall) - seen(record(daylight=0.0), frame, wall)
    rise = rays(shape)[1]
    assert (gain[rise > 0.03] == 0).all()
    below = (rise < -0.05) & (rise > -0.3)
    assert (gain[:, 24:40, 1][below[:, 24:40]] > 20).all()


def test_what_shines_by_itself_shines_at_night() -> None:
    shape = (16, 64)
    frame, depth, view = even_frame(shape, 180), np.full(shape, 30.0, np.float32), camera(64)
    levels = []
    for shine in (0, 128, 255):
        out, glow = frame.copy(), np.full(shape, shine, np.uint8)
        apply_weather(
            out, depth, glow, view, STANDING, record(daylight=0.0), np.uint32(1), weather_scratch(*shape)
        )
        levels.append(int(out[4, 32, 1]))
    assert levels[2] == 180
    assert levels[1] == pytest.approx((levels[0] + levels[2]) / 2, abs=1.5)


def test_snow_whitens_the_ground_with_distance_and_leaves_the_lines() -> None:
    shape = (400, 640)
    depth = flat_ground(shape)
    rows = [int(np.abs(depth[:, 320] - metres).argmin()) for metres in (5.0, 10.0, 40.0)]
    asphalt, paint = (
        np.median(seen(record(snow=0.7), even_frame(shape, level), depth)[rows][..., 0], axis=1)
        for level in (98, 240)
    )
    assert (np.diff(asphalt) > 0).all()
    assert (paint[:2] - asphalt[:2] > 50).all()
    raised = camera(640)
    raised.origin[2] = 30.0  # the same depths are then no ground
    above = np.median(seen(record(snow=0.7), even_frame(shape, 98), depth, raised)[rows][..., 0], axis=1)
    assert (above < asphalt).all()


@pytest.mark.parametrize("bearing", [-0.5, 0.0, 0.35])
@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_the_glare_is_where_the_sun_is(bearing: float, mirror: float) -> None:
    shape, yaw, sun_height = (400, 640), 0.4, 0.12
    weather = record(low_sun=0.6, sun_azimuth=yaw + bearing)
    view = camera(640, yaw, mirror)
    bright = seen(weather, even_frame(shape, 0), np.full(shape, VIEW_DISTANCE, np.float32), view)[..., 2]
    row, column = np.unravel_index(bright.argmax(), shape)
    peak = np.argwhere(bright == bright[row, column]).mean(axis=0)
    ahead, left, up = (
        np.cos(sun_height) * np.cos(bearing),
        np.cos(sun_height) * np.sin(bearing),
        np.sin(sun_height),
    )
    forward = ahead * np.cos(PITCH) - up * np.sin(PITCH)
    down = -(ahead * np.sin(PITCH) + up * np.cos(PITCH))
    expected = 200 + 320 * down / forward - 0.5, 320 - mirror * 320 * left / forward - 0.5
    np.testing.assert_allclose(peak, expected, atol=3.0)


def test_the_strongest_sun_is_no_brighter_than_white() -> None:
    shape = (400, 640)  # some pixel is right at the sun's middle
    weather = record(low_sun=1.0, sun_azimuth=0.4)
    frame = seen(weather, even_frame(shape, 100), np.full(shape, VIEW_DISTANCE, np.float32))
    red, green, blue = (frame[..., channel] for channel in range(3))
    assert ((red >= green) & (green >= blue)).all(), "sunshine over gray is warm"
    assert red.max() >= 250


def test_a_sun_behind_the_car_only_veils() -> None:
    shape = (64, 64)
    frame, depth = even_frame(shape, 60), flat_ground(shape)
    before = seen(record(low_sun=0.8, sun_azimuth=0.4), frame, depth)
    behind = seen(record(low_sun=0.8, sun_azimuth=0.4 + np.pi), frame, depth)
    assert before.max() > 150
    assert behind.max() < 110
    assert before.mean() > behind.mean()


@pytest.mark.parametrize("name", ["night", "fog", "rain", "snow", "low_sun", "dirt", "motion_blur"])
def test_gray_is_the_luma_of_rgb(name: str) -> None:
    shape = (64, 64)
    spread = 0 if name == "night" else 60  # a tinted light is no scale of the luma of what has a colour
    levels, hues = (
        np.random.default_rng(2).integers(60, 140, (*shape, 1)),
        np.random.default_rng(3).integers(0, spread + 1, (*shape, 3)),
    )
    colour = (levels + hues).astype(np.uint8)
    gray = np.rint(colour @ LUMA).astype(np.uint8)[..., None]
    depth, motion = flat_ground(shape), (np.float32(10.0), np.float32(0.2))
    as_rgb, as_gray = (seen(of_effect(name, 0.6), frame, depth, motion=motion) for frame in (colour, gray))
    assert np.abs(as_rgb @ LUMA - as_gray[..., 0]).max() <= 2.0


@pytest.mark.parametrize("name", [name for name in EFFECTS if name != "wet"])
def test_only_what_flies_and_the_sensor_change_from_frame_to_frame(name: str) -> None:
    frame, depth = random_frame((64, 64)), flat_ground((64, 64))
    first, again, next_frame = (seen(of_effect(name, 0.7), frame, depth, key=key) for key in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != next_frame).any() == (name in ("rain", "snow", "noise"))


def everything() -> np.record:
    names = {name: 0.5 for name in EFFECTS if name != "night"}
    return record(daylight=0.4, headlights=1.0, sun_azimuth=0.6, **names)


def guarded(array: np.ndarray, guard: float) -> tuple[np.ndarray, np.ndarray]:
    """A copy of an array with 64 numbers of guard before and after it, and those guards with it, flat."""
    flat = np.full(array.size + 128, guard, array.dtype)
    inner = flat[64:-64].reshape(array.shape)
    inner[:] = array
    return inner, flat


def guarded_all(arrays: tuple, flats: list[np.ndarray]) -> tuple:
    """The same for nested tuples; the flat arrays are added to `flats`."""
    copies = []
    for array in arrays:
        if isinstance(array, tuple):
            copies.append(guarded_all(array, flats))
        else:
            inner, flat = guarded(array, 99)
            flats.append(flat)
            copies.append(inner)
    return tuple(copies)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", SIZES)
def test_nothing_outside_the_arrays_is_touched(shape: tuple[int, int], channels: int) -> None:
    frame, depth, flats = random_frame(shape, channels), flat_ground(shape), []
    motion, view = (np.float32(25.0), np.float32(0.8)), camera(shape[1])
    expected = seen(everything(), frame, depth, view, motion)
    (out, out_flat), (deep, _) = guarded(frame, 99), guarded(depth, np.nan)
    glow, _ = guarded(np.zeros(shape, np.uint8), 255)
    scratch = guarded_all(weather_scratch(*shape), flats)
    apply_weather(out, deep, glow, view, motion, everything(), np.uint32(1), scratch)
    np.testing.assert_array_equal(out, expected)
    for flat in [out_flat, *flats]:
        assert (flat[:64] == 99).all()
        assert (flat[-64:] == 99).all()


def test_what_was_drawn_before_leaves_no_trace_in_the_scratch() -> None:
    shape = (37, 50)
    depth, view, scratch = flat_ground(shape), camera(50), weather_scratch(37, 50)
    glow, frames = np.zeros(shape, np.uint8), [random_frame(shape), random_frame(shape)]
    apply_weather(even_frame(shape), depth, glow, view, STANDING, everything(), np.uint32(9), scratch)
    apply_weather(frames[0], depth, glow, view, STANDING, everything(), np.uint32(3), scratch)
    np.testing.assert_array_equal(frames[0], seen(everything(), frames[1], depth, view, key=3))


def test_kernels_agree_with_their_python() -> None:
    frames = [random_frame((24, 32)), random_frame((24, 32))]
    depth, glow, view = flat_ground((24, 32)), np.zeros((24, 32), np.uint8), camera(32)
    for function, frame in zip((apply_weather, apply_weather.py_func), frames, strict=True):
        scratch = weather_scratch(24, 32)
        function(frame, depth, glow, view, STANDING, record(fog=0.4), np.uint32(1), scratch)
    np.testing.assert_array_equal(frames[0], frames[1])
    for weather in (everything(), record(daylight=0.3, rain=0.8), record()):
        for kernel in (daylight_colour, extinction, mist_colour, is_clear):
            np.testing.assert_allclose(kernel(weather), kernel.py_func(weather), rtol=1e-5)


RANGES = np.array([(0.1, 0.2), (0.0, 1.0), (0.3, 0.3), *[(0.0, 0.5)] * 6], np.float32)


def drawn(ranges: np.ndarray, count: int = 500) -> np.ndarray:
    weathers = np.zeros(count, WEATHER)
    for n in range(count):
        draw_weather(weathers[n], ranges, np.uint64(n * 7919 + 1))
    return weathers


def test_weather_is_drawn_within_its_ranges() -> None:
    weathers = drawn(RANGES)
    assert (weathers["fog"] == np.float32(0.3)).all()
    for low, high, values in zip(*RANGES.T, [1.0 - weathers["daylight"], weathers["rain"]], strict=False):
        assert low - 1e-6 <= values.min() < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < values.max() <= high + 1e-6
    assert np.abs(np.corrcoef(weathers["rain"], weathers["snow"])[0, 1]) < 0.15
    assert len(np.unique(weathers["dirt_key"])) == len(weathers)


def test_no_strength_is_a_clear_noon_and_headlights_follow_the_daylight() -> None:
    assert all(is_clear(weather) for weather in drawn(np.zeros((9, 2), np.float32), 5))
    weathers = drawn(np.array([(0.0, 1.0), *[(0.0, 0.0)] * 8], np.float32))
    np.testing.assert_array_equal(weathers["headlights"], weathers["daylight"] < np.float32(LIT_BELOW))
    assert 0.0 < weathers["headlights"].mean() < 1.0


def test_the_weather_is_a_function_of_its_key() -> None:
    first, second = drawn(RANGES, 3), np.full(3, 7, np.uint8).repeat(WEATHER.itemsize).view(WEATHER)
    for n in range(3):
        draw_weather(second[n], RANGES, np.uint64(n * 7919 + 1))
    assert first.tobytes() == second.tobytes()
