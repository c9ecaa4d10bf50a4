"""The weather, the hour and the lens, painted over a clear day's frame.

Every effect has a strength in [0, 1]; a frame whose strengths are all 0 at noon stays as it is, bit for bit.
Each pixel's colour is changed in the order in which light meets things: what covers the ground, the lamps
that light it, the air in between, the sun's glare, what is on the lens, the sensor.
"""

import numpy as np

from envs.driving.compiling import FAST, allocating, inlined, kernel, wide_vectors
from envs.driving.lens import (
    ACROSS_AT,
    BEAM_AT,
    BELOW_AT,
    BLUE_AT,
    DEPTH_AT,
    EXPOSURE,
    GREEN_AT,
    HALF,
    NUM_FLOATS,
    NUM_WORDS,
    ONE,
    PHASES,
    RED_AT,
    SAMPLES,
    SHARE_AT,
    STRIP,
    ZERO,
    add_noise,
    blur,
    draw_dirt,
    draw_rain,
    draw_snow,
)
from envs.driving.packing import word_of
from envs.driving.randomness import between, mix
from envs.driving.tracing import VIEW_DISTANCE

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

_LUMA = (np.float32(0.299), np.float32(0.587), np.float32(0.114))
_THICKEST = np.float32(0.2)  # [1/m] extinction of a fog of 1: one sees 3 / 0.2 = 15 m far
_RAIN_AIR, _SNOW_AIR = np.float32(0.012), np.float32(0.016)  # [1/m] extinction of rain and snow at 1
_MIST = (np.float32(204.0), np.float32(210.0), np.float32(215.0))  # by day
_SCATTER = np.float32(26.0)  # of one's own headlights in fog
_LAMP = (np.float32(1.0), np.float32(0.96), np.float32(0.84))
_FRESH_SNOW = (np.float32(226.0), np.float32(230.0), np.float32(236.0))
_DROP = (np.float32(214.0), np.float32(220.0), np.float32(226.0))
_MUD = (np.float32(84.0), np.float32(76.0), np.float32(64.0))
_SUNSHINE = (np.float32(255.0), np.float32(238.0), np.float32(198.0))
_SUN_HEIGHT = 0.12  # [rad] of the low sun
_SUN_UP, _SUN_LEVEL = np.float32(np.sin(_SUN_HEIGHT)), np.float32(np.cos(_SUN_HEIGHT))


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


@allocating
def weather_scratch(height, width):
    """The buffers that `apply_weather` works in, for frames of one size.

    Floats and packed words of a strip, its depth and glow, the frame before, and shares of drops and dirt.
    """
    pixels = (height * width + STRIP - 1) // STRIP * STRIP
    strip = (np.zeros(NUM_FLOATS, np.float32), np.zeros(NUM_WORDS, np.int32))
    given = (np.zeros(STRIP, np.float32), np.zeros(STRIP, np.uint8))
    lens = (np.zeros(pixels, np.float32), np.zeros(pixels, np.float32))
    return strip, given, np.zeros(pixels, np.int32), lens


@kernel
def _copy(source, start, target, to, size):
    """Copy `size` numbers."""
    for c in range(np.uint64(size)):
        target[np.uint64(to) + c] = source[np.uint64(start) + c]


@inlined
def _byte(word, shift):
    return np.float32((word >> np.int32(shift)) & np.int32(255))


@kernel(fastmath=FAST)
def _unpack_rgb(words, floats):
    """Part a strip's words into channels and phases."""
    wide_vectors()
    for k in range(SAMPLES):
        a, b, c = words[3 * k], words[3 * k + 1], words[3 * k + 2]
        red, green, blue = RED_AT + k, GREEN_AT + k, BLUE_AT + k
        floats[red], floats[green], floats[blue] = _byte(a, 0), _byte(a, 8), _byte(a, 16)
        red, green, blue = red + SAMPLES, green + SAMPLES, blue + SAMPLES
        floats[red], floats[green], floats[blue] = _byte(a, 24), _byte(b, 0), _byte(b, 8)
        red, green, blue = red + SAMPLES, green + SAMPLES, blue + SAMPLES
        floats[red], floats[green], floats[blue] = _byte(b, 16), _byte(b, 24), _byte(c, 0)
        red, green, blue = red + SAMPLES, green + SAMPLES, blue + SAMPLES
        floats[red], floats[green], floats[blue] = _byte(c, 8), _byte(c, 16), _byte(c, 24)


@kernel(fastmath=FAST)
def _unpack_gray(words, floats):
    wide_vectors()
    for k in range(SAMPLES):
        for phase in range(PHASES):
            floats[RED_AT + phase * SAMPLES + k] = _byte(words[k], 8 * phase)


@inlined
def _rounded(floats, place):
    return np.int32(floats[place] + HALF)


@kernel(fastmath=FAST)
def _pack_rgb(floats, words):
    """Join a strip's channels and phases into words; every number is in 0 … 255."""
    wide_vectors()
    for k in range(SAMPLES):
        r0, g0, b0 = (
            _rounded(floats, RED_AT + k),
            _rounded(floats, GREEN_AT + k),
            _rounded(floats, BLUE_AT + k),
        )
        n = k + SAMPLES
        r1, g1, b1 = (
            _rounded(floats, RED_AT + n),
            _rounded(floats, GREEN_AT + n),
            _rounded(floats, BLUE_AT + n),
        )
        n += SAMPLES
        r2, g2, b2 = (
            _rounded(floats, RED_AT + n),
            _rounded(floats, GREEN_AT + n),
            _rounded(floats, BLUE_AT + n),
        )
        n += SAMPLES
        r3, g3, b3 = (
            _rounded(floats, RED_AT + n),
            _rounded(floats, GREEN_AT + n),
            _rounded(floats, BLUE_AT + n),
        )
        words[3 * k], words[3 * k + 1] = word_of(r0, g0, b0, r1), word_of(g1, b1, r2, g2)
        words[3 * k + 2] = word_of(b2, r3, g3, b3)


@kernel(fastmath=FAST)
def _pack_gray(floats, words):
    wide_vectors()
    for k in range(SAMPLES):
        r0, r1 = _rounded(floats, RED_AT + k), _rounded(floats, RED_AT + SAMPLES + k)
        r2, r3 = _rounded(floats, RED_AT + 2 * SAMPLES + k), _rounded(floats, RED_AT + 3 * SAMPLES + k)
        words[k] = word_of(r0, r1, r2, r3)


@kernel
def _keep(flat, channels, kept):
    """Copy a frame into words of one pixel each."""
    for p in range(np.uint64(flat.size // channels)):
        at = np.uint64(channels) * p
        if channels == 3:
            green, blue = np.int32(flat[at + np.uint64(1)]), np.int32(flat[at + np.uint64(2)])
            kept[p] = np.int32(flat[at]) | (green << np.int32(8)) | (blue << np.int32(16))
        else:
            kept[p] = np.int32(flat[at])


@kernel(fastmath=FAST)
def _take_places(floats, given, start, size, focal):
    """Fill a strip's depths and where its pixels lie, right of and below the axis, in focal lengths."""
    wide_vectors()
    height, width = size
    first = np.float32(start % width) + HALF
    top, by_width = np.float32(start // width) + HALF - HALF * np.float32(height), ONE / np.float32(width)
    by_focal, middle = ONE / focal, HALF * np.float32(width)
    for phase in range(PHASES):
        for k in range(SAMPLES):
            place, pixel = phase * SAMPLES + k, first + np.float32(PHASES * k + phase)
            row = np.float32(np.int32(pixel * by_width))
            floats[ACROSS_AT + place] = (pixel - row * np.float32(width) - middle) * by_focal
            floats[BELOW_AT + place] = (row + top) * by_focal
            floats[DEPTH_AT + place] = given[PHASES * k + phase]


@inlined
def _through(optical_depth):
    """exp(−x) to 3e-4 for any x ≥ 0, by a cubic's eighth power."""
    y = optical_depth * np.float32(0.125)
    y = ONE + y * (ONE + y * (HALF + y * np.float32(1.0 / 6.0)))
    y *= y
    y *= y
    return ONE / (y * y)


@inlined
def _mix(floats, layer, colour):
    """Bring one channel of a strip closer to a colour by what the layer of shares holds."""
    for place in range(STRIP):
        value = floats[layer + place]
        floats[layer + place] = value + floats[SHARE_AT + place] * (colour - value)


@kernel(fastmath=FAST)
def _mix_all(floats, channels, red, green, blue):
    """Bring a strip closer to a colour."""
    wide_vectors()
    if channels == 3:
        _mix(floats, RED_AT, red)
        _mix(floats, GREEN_AT, green)
        _mix(floats, BLUE_AT, blue)
    else:
        _mix(floats, RED_AT, _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue)


@kernel(fastmath=FAST)
def _fade(floats, share):
    """Take a share of the colour out of a strip of RGB."""
    wide_vectors()
    for place in range(STRIP):
        red, green, blue = floats[RED_AT + place], floats[GREEN_AT + place], floats[BLUE_AT + place]
        gray = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
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
def _take_glow(floats, glow):
    """Fill how much a strip's pixels shine by themselves, as shares."""
    wide_vectors()
    for phase in range(PHASES):
        for k in range(SAMPLES):
            floats[SHARE_AT + phase * SAMPLES + k] = np.float32(glow[PHASES * k + phase]) * np.float32(
                1.0 / 255
            )


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
        lamp = _LUMA[0] * _LAMP[0] + _LUMA[1] * _LAMP[1] + _LUMA[2] * _LAMP[2]
        _light(floats, RED_AT, _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue, lamp)


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


@kernel(fastmath=FAST)
def _take_shares(floats, shares, start, most):
    """Fill a strip's shares from a frame's."""
    wide_vectors()
    for phase in range(PHASES):
        for k in range(SAMPLES):
            share = min(shares[start + PHASES * k + phase], most)
            floats[SHARE_AT + phase * SAMPLES + k] = share


@kernel
def _light_strip(floats, channels, view, weather, glow):
    """Cover a strip's ground, take its colour and light it."""
    rises = (view.axes[0, 2], view.axes[1, 2], view.axes[2, 2])
    dull = max(weather.rain, weather.snow)
    if channels == 3 and dull > ZERO:
        _fade(floats, np.float32(0.4) * dull)
    if weather.snow > ZERO:
        _cover_ground(floats, weather.snow, view.origin[2], rises)
        _mix_all(floats, channels, _FRESH_SNOW[0], _FRESH_SNOW[1], _FRESH_SNOW[2])
    daylight = daylight_colour(weather)
    if weather.daylight < ONE or dull > ZERO or weather.headlights > ZERO:
        _take_glow(floats, glow)
        _take_beams(floats, weather.headlights, extinction(weather), rises)
        _light_all(floats, channels, daylight)


@kernel
def _fill_air(floats, channels, view, weather):
    """Put fog and the sun's glare between the camera and a strip."""
    air = extinction(weather)
    if air > ZERO:
        red, green, blue = mist_colour(weather)
        _take_mist(floats, air)
        _mix_all(floats, channels, red, green, blue)
    glare = (
        weather.low_sun * min(np.float32(2.0) * weather.daylight, ONE) * (ONE - np.float32(0.7) * weather.fog)
    )
    if glare > ZERO:
        x, y = _SUN_LEVEL * np.cos(weather.sun_azimuth), _SUN_LEVEL * np.sin(weather.sun_azimuth)
        a, up = view.axes, _SUN_UP
        forward = a[0, 0] * x + a[0, 1] * y + a[0, 2] * up
        right, down = a[1, 0] * x + a[1, 1] * y + a[1, 2] * up, a[2, 0] * x + a[2, 1] * y + a[2, 2] * up
        _take_glare(floats, glare, (forward, right, down))
        _mix_all(floats, channels, _SUNSHINE[0], _SUNSHINE[1], _SUNSHINE[2])


@kernel
def _look_through_lens(floats, channels, weather, start, lens):
    """Put drops, flakes and dirt before a strip."""
    red, green, blue = daylight_colour(weather)
    lit = np.float32(0.3) * weather.headlights
    if weather.rain > ZERO or weather.snow > ZERO:
        _take_shares(floats, lens[0], start, np.float32(0.85))
        colours = (min(red + lit, ONE) * _DROP[0], min(green + lit, ONE) * _DROP[1])
        _mix_all(floats, channels, colours[0], colours[1], min(blue + lit, ONE) * _DROP[2])
    if weather.dirt > ZERO:
        _take_shares(floats, lens[1], start, np.float32(0.8))
        _mix_all(floats, channels, red * _MUD[0], green * _MUD[1], blue * _MUD[2])


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
    _take_places(floats, given[0], start, shape, view.focal)
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
        _keep(flat, channels, kept)
    _draw_lens(lens, (height, width), view, motion[0], weather, key)
    scene = ((height, width), view, motion, weather, key, kept, lens)
    for start in range(0, depth.size, STRIP):
        pixels = min(STRIP, depth.size - start)
        _copy(flat, start * channels, packed, 0, pixels * channels)
        _copy(depths, start, given[0], 0, pixels)
        _copy(glows, start, given[1], 0, pixels)
        if channels == 3:
            _unpack_rgb(words, floats)
        else:
            _unpack_gray(words, floats)
        _change_strip((floats, words), channels, start, given, scene)
        if channels == 3:
            _pack_rgb(floats, words)
        else:
            _pack_gray(floats, words)
        _copy(packed, 0, flat, start * channels, pixels * channels)
