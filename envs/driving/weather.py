"""The weather of an episode: how strong every effect is, what light it leaves, what the air takes.

Every effect has a strength in [0, 1]; `weathering` paints them over a clear day's frame.
"""

import numpy as np

from envs.driving.compiling import kernel
from envs.driving.lens import ONE, ZERO
from envs.driving.randomness import between, mix

EFFECTS = ("night", "rain", "fog", "snow", "low_sun", "wet", "motion_blur", "noise", "dirt")
NIGHT, RAIN, FOG, SNOW, LOW_SUN, WET, MOTION_BLUR, NOISE, DIRT = range(len(EFFECTS))
LIT_BELOW = 0.45  # of daylight: headlights are on

# One record of this type a row of the batch.
WEATHER = np.dtype(
    [
        ("daylight", np.float32),  # 1 noon, 0 night
        ("headlights", np.float32),
        ("rain", np.float32),
        ("fog", np.float32),
        ("snow", np.float32),
        ("low_sun", np.float32),
        ("sun_azimuth", np.float32),  # [rad] where the low sun stands, in the world, counter-clockwise from x
        ("wet", np.float32),  # of the road; the camera paints it
        ("motion_blur", np.float32),
        ("noise", np.float32),
        ("dirt", np.float32),
        ("dirt_key", np.uint32),  # where the dirt is
    ]
)

_THICKEST = np.float32(0.2)  # [1/m] extinction of a fog of 1: one sees 3 / 0.2 = 15 m far
_RAIN_AIR, _SNOW_AIR = np.float32(0.012), np.float32(0.016)  # [1/m] extinction of rain and snow at 1
_MIST = (np.float32(204.0), np.float32(210.0), np.float32(215.0))  # by day
_SCATTER = np.float32(26.0)  # of one's own headlights in fog


@kernel
def draw_weather(weather, ranges, key):
    """Fill a `WEATHER` record for an episode.

    Args:
        weather: the record.
        ranges: (9, 2) float32: the least and the greatest strength of each of `EFFECTS`.
        key: of a stream; every number is a draw of it.
    """
    weather.daylight = ONE - between(key, NIGHT, ranges[NIGHT, 0], ranges[NIGHT, 1])
    weather.headlights = ONE if weather.daylight < np.float32(LIT_BELOW) else ZERO
    weather.rain = between(key, RAIN, ranges[RAIN, 0], ranges[RAIN, 1])
    weather.fog = between(key, FOG, ranges[FOG, 0], ranges[FOG, 1])
    weather.snow = between(key, SNOW, ranges[SNOW, 0], ranges[SNOW, 1])
    weather.low_sun = between(key, LOW_SUN, ranges[LOW_SUN, 0], ranges[LOW_SUN, 1])
    weather.wet = between(key, WET, ranges[WET, 0], ranges[WET, 1])
    weather.motion_blur = between(key, MOTION_BLUR, ranges[MOTION_BLUR, 0], ranges[MOTION_BLUR, 1])
    weather.noise = between(key, NOISE, ranges[NOISE, 0], ranges[NOISE, 1])
    weather.dirt = between(key, DIRT, ranges[DIRT, 0], ranges[DIRT, 1])
    weather.sun_azimuth = between(key, len(EFFECTS), -np.pi, np.pi)
    weather.dirt_key = np.uint32(mix(key, np.uint64(len(EFFECTS) + 1)) >> np.uint64(32))


@kernel
def is_clear(weather):
    """Whether a `WEATHER` record leaves a frame as it is."""
    air = max(max(weather.rain, weather.fog), max(weather.snow, weather.low_sun))
    lens = max(max(weather.motion_blur, weather.noise), weather.dirt)
    return weather.daylight >= ONE and max(max(air, lens), weather.headlights) <= ZERO


@kernel
def daylight_colour(weather):
    """How much of noon's light is there: red, green, blue. Warm at dawn, blue at night, less under clouds."""
    day = min(max(weather.daylight, ZERO), ONE)
    light = np.float32(0.05) + np.float32(0.95) * day * np.sqrt(day)
    light *= ONE - np.float32(0.22) * max(weather.rain, np.float32(0.5) * weather.snow)
    dark = ONE - day
    warm, blue = np.float32(6.75) * day * dark * dark, dark * dark * dark
    red = light * (ONE + np.float32(0.30) * warm - np.float32(0.25) * blue)
    cold = light * (ONE - np.float32(0.28) * warm + np.float32(0.35) * blue)
    return red, light, cold


@kernel
def extinction(weather):
    """What the air takes of the light, [1/m]: exp(−extinction × distance) of it gets through."""
    air = _RAIN_AIR * weather.rain + _SNOW_AIR * weather.snow
    return air + _THICKEST * weather.fog * weather.fog


@kernel
def mist_colour(weather):
    """The colour that fog and spray have far away: red, green, blue in 0 … 255."""
    red, green, blue = daylight_colour(weather)
    own = _SCATTER * weather.headlights * weather.fog
    return (
        min(red, ONE) * _MIST[0] + own,
        min(green, ONE) * _MIST[1] + own,
        min(blue, ONE) * _MIST[2] + own,
    )
