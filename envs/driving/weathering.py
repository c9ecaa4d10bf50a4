"""Weathering: the weather, the hour and the lens, painted over a clear day's frame.

A frame whose strengths are all 0 at noon stays as it is, bit for bit. Each pixel's colour is changed in the
order in which light meets things: what covers the ground, the lamps that light it, the air in between, the
sun's glare, what is on the lens, the sensor.
"""

import numpy as np

from envs.driving.compiling import FAST, inlined, kernel, wide_vectors
from envs.driving.lens import (
    ACROSS_AT,
    BEAM_AT,
    BELOW_AT,
    BLUE_AT,
    DEPTH_AT,
    EXPOSURE,
    GREEN_AT,
    HALF,
    ONE,
    RED_AT,
    SHARE_AT,
    STRIP,
    ZERO,
    add_noise,
    blur,
    draw_dirt,
    draw_rain,
    draw_snow,
)
from envs.driving.strips import LUMA, copy, keep, mix_all, pack, take_glow, take_places, take_shares, unpack
from envs.driving.tracing import VIEW_DISTANCE
from envs.driving.weather import daylight_colour, extinction, is_clear, mist_colour

_LAMP = (np.float32(1.0), np.float32(0.96), np.float32(0.84))
_FRESH_SNOW = (np.float32(226.0), np.float32(230.0), np.float32(236.0))
_DROP = (np.float32(214.0), np.float32(220.0), np.float32(226.0))
_MUD = (np.float32(84.0), np.float32(76.0), np.float32(64.0))
_SUNSHINE = (np.float32(255.0), np.float32(238.0), np.float32(198.0))
_SUN_HEIGHT = 0.12  # [rad] of the low sun
_SUN_UP, _SUN_LEVEL = np.float32(np.sin(_SUN_HEIGHT)), np.float32(np.cos(_SUN_HEIGHT))


@inlined
def _through(optical_depth):
    """exp(−x) to 3e-4 for any x ≥ 0, by a cubic's eighth power."""
    y = optical_depth * np.float32(0.125)
    y = ONE + y * (ONE + y * (HALF + y * np.float32(1.0 / 6.0)))
    y *= y
    y *= y
    return ONE / (y * y)


@kernel(fastmath=FAST)
def _fade(floats, share):
    """Take a share of the colour out of a strip of RGB."""
    wide_vectors()
    for place in range(STRIP):
        red, green, blue = floats[RED_AT + place], floats[GREEN_AT + place], floats[BLUE_AT + place]
        gray = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
        floats[RED_AT + place] = red + share * (gray - red)
        floats[GREEN_AT + place] = green + share * (gray - green)
        floats[BLUE_AT + place] = blue + share * (gray - blue)


@kernel(fastmath=FAST)
def _cover_ground(floats, snow, height, rises):
    """Fill the share of snow on the ground: all that is not higher than a kerb, and the farther the more."""
    wide_vectors()
    for place in range(STRIP):
        depth = floats[DEPTH_AT + place]
        rise = rises[0] + floats[ACROSS_AT + place] * rises[1] + floats[BELOW_AT + place] * rises[2]
        ground = min(max(ONE - np.float32(4.0) * (height + depth * rise), ZERO), ONE)
        ground = ground if depth < np.float32(0.99 * VIEW_DISTANCE) else ZERO
        far = depth / (depth + np.float32(25.0))
        floats[SHARE_AT + place] = snow * ground * (np.float32(0.22) + np.float32(0.5) * far)


@kernel(fastmath=FAST)
def _take_beams(floats, headlights, air, rises):
    """Fill how much light the low beams give: wide nearby, narrow far away, cut off above the horizon."""
    wide_vectors()
    for place in range(STRIP):
        depth, a = floats[DEPTH_AT + place], floats[ACROSS_AT + place]
        rise = rises[0] + a * rises[1] + floats[BELOW_AT + place] * rises[2]
        below = min(max(np.float32(0.6) - np.float32(30.0) * rise, ZERO), ONE)
        end = min(max(np.float32(2.0) - depth * np.float32(2.0 / (0.9 * VIEW_DISTANCE)), ZERO), ONE)
        square, wide = depth * depth, ONE + np.float32(3.2) * a * a
        spread = (square + np.float32(5.0)) * (ONE + square * np.float32(1.0 / 900.0)) * wide * wide
        beam = square * _through(air * depth) * below * end / spread
        floats[BEAM_AT + place] = headlights * beam


@inlined
def _light(floats, layer, daylight, lamp):
    for place in range(STRIP):
        light = daylight + floats[BEAM_AT + place] * (lamp - daylight)
        light += floats[SHARE_AT + place] * (ONE - light)
        floats[layer + place] = min(floats[layer + place] * light, np.float32(255.0))


@kernel(fastmath=FAST)
def _light_all(floats, channels, daylight):
    """Light a strip by day and lamps."""
    wide_vectors()
    red, green, blue = daylight
    if channels == 3:
        _light(floats, RED_AT, red, _LAMP[0])
        _light(floats, GREEN_AT, green, _LAMP[1])
        _light(floats, BLUE_AT, blue, _LAMP[2])
    else:
        lamp = LUMA[0] * _LAMP[0] + LUMA[1] * _LAMP[1] + LUMA[2] * _LAMP[2]
        _light(floats, RED_AT, LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue, lamp)


@kernel(fastmath=FAST)
def _take_mist(floats, air):
    wide_vectors()
    for place in range(STRIP):
        floats[SHARE_AT + place] = ONE - _through(air * floats[DEPTH_AT + place])


@kernel(fastmath=FAST)
def _take_glare(floats, strength, sun):
    """Fill how much of the low sun each pixel gets: the disc's bloom, a wide one, and a veil over all.

    The squared sine of the angle between a pixel's ray and the sun's stands for the angle.
    """
    wide_vectors()
    forward, right, down = sun
    veil = np.float32(0.06) + np.float32(0.06) * forward
    for place in range(STRIP):
        a, b = floats[ACROSS_AT + place], floats[BELOW_AT + place]
        length, along = ONE + a * a + b * b, max(forward + a * right + b * down, ZERO)
        sine = max(length - along * along, ZERO)
        disc, wide = np.float32(0.003) * length, np.float32(0.12) * length
        bloom = np.float32(0.55) * disc / (disc + sine) + np.float32(0.38) * wide / (wide + sine)
        floats[SHARE_AT + place] = min(strength * (veil + bloom), ONE)


@kernel
def _light_strip(floats, channels, view, weather, glow):
    """Cover a strip's ground, take its colour and light it."""
    rises = (view.axes[0, 2], view.axes[1, 2], view.axes[2, 2])
    dull = max(weather.rain, weather.snow)
    if channels == 3 and dull > ZERO:
        _fade(floats, np.float32(0.4) * dull)
    if weather.snow > ZERO:
        _cover_ground(floats, weather.snow, view.origin[2], rises)
        mix_all(floats, channels, _FRESH_SNOW[0], _FRESH_SNOW[1], _FRESH_SNOW[2])
    daylight = daylight_colour(weather)
    if weather.daylight < ONE or dull > ZERO or weather.headlights > ZERO:
        take_glow(floats, glow)
        _take_beams(floats, weather.headlights, extinction(weather), rises)
        _light_all(floats, channels, daylight)


@kernel
def _fill_air(floats, channels, view, weather):
    """Put fog and the sun's glare between the camera and a strip."""
    air = extinction(weather)
    if air > ZERO:
        red, green, blue = mist_colour(weather)
        _take_mist(floats, air)
        mix_all(floats, channels, red, green, blue)
    glare = (
        weather.low_sun * min(np.float32(2.0) * weather.daylight, ONE) * (ONE - np.float32(0.7) * weather.fog)
    )
    if glare > ZERO:
        x, y = _SUN_LEVEL * np.cos(weather.sun_azimuth), _SUN_LEVEL * np.sin(weather.sun_azimuth)
        a, up = view.axes, _SUN_UP
        forward = a[0, 0] * x + a[0, 1] * y + a[0, 2] * up
        right, down = a[1, 0] * x + a[1, 1] * y + a[1, 2] * up, a[2, 0] * x + a[2, 1] * y + a[2, 2] * up
        _take_glare(floats, glare, (forward, right, down))
        mix_all(floats, channels, _SUNSHINE[0], _SUNSHINE[1], _SUNSHINE[2])


@kernel
def _look_through_lens(floats, channels, weather, start, lens):
    """Put drops, flakes and dirt before a strip."""
    red, green, blue = daylight_colour(weather)
    lit = np.float32(0.3) * weather.headlights
    if weather.rain > ZERO or weather.snow > ZERO:
        take_shares(floats, lens[0], start, np.float32(0.85))
        colours = (min(red + lit, ONE) * _DROP[0], min(green + lit, ONE) * _DROP[1])
        mix_all(floats, channels, colours[0], colours[1], min(blue + lit, ONE) * _DROP[2])
    if weather.dirt > ZERO:
        take_shares(floats, lens[1], start, np.float32(0.8))
        mix_all(floats, channels, red * _MUD[0], green * _MUD[1], blue * _MUD[2])


@kernel
def _draw_lens(lens, shape, view, speed, weather, key):
    """Draw all of a frame's drops, flakes and dirt."""
    if weather.rain > ZERO or weather.snow > ZERO:
        lens[0].fill(ZERO)
    if weather.rain > ZERO:
        draw_rain(lens[0], shape, view, speed, weather.rain, key)
    if weather.snow > ZERO:
        draw_snow(lens[0], shape, view.focal, weather.snow, np.uint32(key ^ np.uint32(0x5A17)))
    if weather.dirt > ZERO:
        lens[1].fill(ZERO)
        draw_dirt(lens[1], shape, np.float32(0.75) * weather.dirt, weather.dirt_key)


@kernel
def _change_strip(strip, channels, start, given, scene):
    """Change an unpacked strip; the arguments are those of `apply_weather`, grouped."""
    (floats, words), (shape, view, motion, weather, key, kept, lens) = strip, scene
    take_places(floats, given[0], start, shape, view.focal)
    if weather.motion_blur > ZERO and (motion[0] != ZERO or motion[1] != ZERO):
        exposure = np.float32(EXPOSURE) * weather.motion_blur
        blur(floats, words, kept, view, motion, exposure, shape)
    _light_strip(floats, channels, view, weather, given[1])
    _fill_air(floats, channels, view, weather)
    _look_through_lens(floats, channels, weather, start, lens)
    if weather.noise > ZERO:
        strength = weather.noise * (ONE + np.float32(1.5) * (ONE - weather.daylight))
        add_noise(floats, strength, np.uint32(key + np.uint32(start) * np.uint32(0x9E3779B1)))


@kernel
def apply_weather(frame, depth, glow, view, motion, weather, key, buffers):
    """Change a clear day's frame into what the weather lets one see of it.

    Args:
        frame: (H, W, 3) or (H, W, 1) uint8, RGB or gray; changed in place.
        depth: (H, W) float32 [m] along the optical axis, `VIEW_DISTANCE` for the sky.
        glow: (H, W) uint8: how much a pixel shines by itself.
        view: `VIEW` record.
        motion: forward speed [m/s] and yaw rate [rad/s] of the car.
        weather: `WEATHER` record.
        key: uint32, another one every frame.
        buffers: of `weather_scratch`.
    """
    if is_clear(weather):
        return
    height, width, channels = frame.shape
    (floats, words), given, kept, lens = buffers
    flat, packed = frame.reshape(frame.size), words.view(np.uint8)
    depths, glows = depth.reshape(depth.size), glow.reshape(glow.size)
    if weather.motion_blur > ZERO:
        keep(flat, channels, kept)
    _draw_lens(lens, (height, width), view, motion[0], weather, key)
    scene = ((height, width), view, motion, weather, key, kept, lens)
    for start in range(0, depth.size, STRIP):
        pixels = min(STRIP, depth.size - start)
        copy(flat, start * channels, packed, 0, pixels * channels)
        copy(depths, start, given[0], 0, pixels)
        copy(glows, start, given[1], 0, pixels)
        unpack(words, floats, channels)
        _change_strip((floats, words), channels, start, given, scene)
        pack(floats, words, channels)
        copy(packed, 0, flat, start * channels, pixels * channels)
