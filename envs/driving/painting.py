"""Painting: the colours of a traced block, the sky and the hills above it, noise, and bytes in their order.

Colours, like everything else of a block, lie in its buffer of floats; see `tracing`.
"""

import numpy as np

from envs.driving.compiling import FAST, inlined, kernel
from envs.driving.tracing import (
    BLOCK,
    BLUE_AT,
    COLUMNS,
    DEPTH_AT,
    GRASS_AT,
    GREEN_AT,
    HALF,
    KERB_AT,
    LAYERS,
    LINE_AT,
    ONE,
    PHASES,
    RED_AT,
    RIDGE_AT,
    ROWS,
    SAMPLES,
    SKIN,
    STRIPE_AT,
    TONE_AT,
    ZERO,
    share_beyond,
)

# Colours of a look, each linear RGB in 0 … 255.
ZENITH, HAZE, HILL, GRASS_DARK, GRASS_LIGHT, ASPHALT, PAINT, KERB_RED, KERB_WHITE = range(9)
NUM_COLOURS = 9
LUMA = 3  # the channel of a colour that holds its gray


def _hills() -> np.ndarray:
    """Height of the hills around the world as the tangent of their elevation, a closed profile."""
    turn = np.linspace(0.0, 2.0 * np.pi, 257)
    waves = [(3, 0.3, 0.030), (5, 1.9, 0.022), (11, 4.1, 0.012), (23, 2.2, 0.005), (41, 0.7, 0.003)]
    return np.float32(0.035 + sum(size * np.sin(k * turn + phase) for k, phase, size in waves)).clip(0.0)


RIDGE = _hills()
HIGHEST = float(RIDGE.max())


@kernel(inline="always")
def _colour(floats, colour, channel):
    """One channel of one of the look's colours."""
    return floats[SKIN + 4 * colour + channel]


@inlined
def _paint_road(floats, channel, layer):
    """Paint one channel of a block: asphalt and lines."""
    asphalt, paint = _colour(floats, ASPHALT, channel), _colour(floats, PAINT, channel)
    for c in range(BLOCK):
        floats[layer + c] = asphalt + floats[LINE_AT + c] * (paint - asphalt)


@inlined
def _paint_verge(floats, channel, layer):
    """Paint one channel of a block: asphalt, lines and grass."""
    asphalt, paint = _colour(floats, ASPHALT, channel), _colour(floats, PAINT, channel)
    dark, light = _colour(floats, GRASS_DARK, channel), _colour(floats, GRASS_LIGHT, channel)
    for c in range(BLOCK):
        lawn = dark - asphalt + floats[TONE_AT + c] * (light - dark)
        floats[layer + c] = asphalt + floats[LINE_AT + c] * (paint - asphalt) + floats[GRASS_AT + c] * lawn


@inlined
def _paint_kerbs(floats, channel, layer):
    """Paint the kerbs of one channel of a block over its asphalt."""
    asphalt, red = _colour(floats, ASPHALT, channel), _colour(floats, KERB_RED, channel)
    white = _colour(floats, KERB_WHITE, channel)
    for c in range(BLOCK):
        kerb = red - asphalt + floats[STRIPE_AT + c] * (white - red)
        floats[layer + c] += floats[KERB_AT + c] * kerb


@inlined
def _paint_mist(floats, channel, layer, haze):
    """Lay the haze over one channel of a block."""
    air = _colour(floats, HAZE, channel)
    for c in range(BLOCK):
        mist = min(floats[DEPTH_AT + c] * haze, ONE)
        floats[layer + c] += mist * mist * (air - floats[layer + c])


@kernel(inline="always")
def _paint_ground(floats, channel, layer, haze, present):
    """Paint one channel of a traced block; `present` is what `trace_block` returned."""
    if present[0]:
        _paint_verge(floats, channel, layer)
    else:
        _paint_road(floats, channel, layer)
    if present[1]:
        _paint_kerbs(floats, channel, layer)
    if present[2]:
        _paint_mist(floats, channel, layer, haze)


@kernel(fastmath=FAST)
def paint_ground_rgb(floats, haze, present):
    """Paint the three channels of a traced block."""
    _paint_ground(floats, 0, RED_AT, haze, present)
    _paint_ground(floats, 1, GREEN_AT, haze, present)
    _paint_ground(floats, 2, BLUE_AT, haze, present)


@kernel(fastmath=FAST)
def paint_ground_gray(floats, haze, present):
    """Paint the luma of a traced block."""
    _paint_ground(floats, LUMA, RED_AT, haze, present)


@kernel(inline="always")
def _elevation(view, place):
    """A block's first pixel: height above the horizon, its change by column, its fall by row [pixels]."""
    row, first, height, width = place
    right = np.float32(first) + HALF - np.float32(0.5 * width)
    down = np.float32(row) + HALF - np.float32(0.5 * height)
    up = view.axes[0, 2] * view.focal + right * view.axes[1, 2] + down * view.axes[2, 2]
    return up, view.axes[1, 2], -view.axes[2, 2]


@kernel(fastmath=FAST)
def trace_ridge(azimuth, focal, first, width, floats):
    """Fill the ridge of a block with the height of the hills above the horizon [pixels].

    The hills stand at infinity; their azimuth is a cubic's worth of an arc tangent.
    """
    bins = np.float32(RIDGE.shape[0] - 1)
    for phase in range(PHASES):
        for k in range(SAMPLES):
            column = np.float32(first + PHASES * k + phase) + HALF - np.float32(0.5 * width)
            lateral = column / focal
            bearing = lateral * (np.float32(0.9724) - np.float32(0.1919) * lateral * lateral)
            turn = azimuth + np.float32(8.0) - bearing * np.float32(0.5 / np.pi)
            place = (turn - np.float32(np.int32(turn))) * bins
            n = np.uint32(np.int32(place))
            share = place - np.float32(np.int32(place))
            height = RIDGE[n] + share * (RIDGE[n + np.uint32(1)] - RIDGE[n])
            floats[RIDGE_AT + phase * SAMPLES + k] = focal * height


@inlined
def _sky_colour(floats, channel, elevation, focal):
    """The clear sky's colour at an elevation [pixels]."""
    rise = min(max(elevation / (np.float32(0.9) * focal), ZERO), ONE)
    air = _colour(floats, HAZE, channel)
    return air + rise * (np.float32(2.0) - rise) * (_colour(floats, ZENITH, channel) - air)


@inlined
def _paint_sky(floats, channel, layer, horizon, focal):
    """Paint one channel of a block above the horizon, hills included; `horizon` as `_elevation` gives it."""
    hill = _colour(floats, HILL, channel)
    for row in range(ROWS):
        elevation = horizon[0] - horizon[2] * np.float32(row)
        sky = _sky_colour(floats, channel, elevation, focal)
        for phase in range(PHASES):
            for k in range(SAMPLES):
                above = elevation + horizon[1] * np.float32(PHASES * k + phase)
                share = share_beyond(floats[RIDGE_AT + phase * SAMPLES + k] - above, ONE)
                floats[layer + row * COLUMNS + phase * SAMPLES + k] = sky + share * (hill - sky)


@kernel(fastmath=FAST)
def _paint_sky_rgb(floats, horizon, focal):
    _paint_sky(floats, 0, RED_AT, horizon, focal)
    _paint_sky(floats, 1, GREEN_AT, horizon, focal)
    _paint_sky(floats, 2, BLUE_AT, horizon, focal)


@kernel(fastmath=FAST)
def _paint_sky_gray(floats, horizon, focal):
    _paint_sky(floats, LUMA, RED_AT, horizon, focal)


@inlined
def _add_noise_to(floats, layer, amplitude, key):
    """Add uniform noise of ± `amplitude` to one channel of a block, by a hash of (key, place)."""
    for c in range(BLOCK):
        h = np.uint32(key + np.uint32(np.uint32(c) * np.uint32(0x9E3779B1)))
        h = np.uint32(np.uint32(h ^ np.uint32(h >> np.uint32(15))) * np.uint32(0x85EBCA6B))
        h = np.uint32(np.uint32(h ^ np.uint32(h >> np.uint32(13))) * np.uint32(0xC2B2AE35))
        draw = np.float32(np.int32(h >> np.uint32(8))) * np.float32(2.0**-23) - ONE
        floats[layer + c] = min(max(floats[layer + c] + amplitude * draw, ZERO), np.float32(255.0))


@kernel(fastmath=FAST)
def _add_noise(floats, channels, amplitude, key):
    """Add noise to every painted channel."""
    _add_noise_to(floats, RED_AT, amplitude, key)
    if channels == 3:
        _add_noise_to(floats, GREEN_AT, amplitude, np.uint32(key + np.uint32(0x27D4EB2F)))
        _add_noise_to(floats, BLUE_AT, amplitude, np.uint32(key + np.uint32(0x4FA9D65E)))


@kernel(inline="always")
def _byte_of(floats, place):
    """A painted number as an integer 0 … 255."""
    return np.int32(floats[place] + HALF)


@kernel(inline="always")
def _word(a, b, c, d):
    """Four bytes as one little-endian word."""
    return np.int32(
        a | np.int32(b << np.int32(8)) | np.int32(c << np.int32(16)) | np.int32(d << np.int32(24))
    )


@kernel(fastmath=FAST)
def _pack_rgb(floats, words):
    """Interleave a block's channels: four pixels, one of each phase, fill three words."""
    for row in range(ROWS):
        for k in range(SAMPLES):
            red, out = RED_AT + row * COLUMNS + k, 3 * (row * SAMPLES + k)
            r0, g0, b0 = (
                _byte_of(floats, red),
                _byte_of(floats, red + LAYERS),
                _byte_of(floats, red + 2 * LAYERS),
            )
            red += SAMPLES
            r1, g1, b1 = (
                _byte_of(floats, red),
                _byte_of(floats, red + LAYERS),
                _byte_of(floats, red + 2 * LAYERS),
            )
            red += SAMPLES
            r2, g2, b2 = (
                _byte_of(floats, red),
                _byte_of(floats, red + LAYERS),
                _byte_of(floats, red + 2 * LAYERS),
            )
            red += SAMPLES
            r3, g3, b3 = (
                _byte_of(floats, red),
                _byte_of(floats, red + LAYERS),
                _byte_of(floats, red + 2 * LAYERS),
            )
            words[out], words[out + 1] = _word(r0, g0, b0, r1), _word(g1, b1, r2, g2)
            words[out + 2] = _word(b2, r3, g3, b3)


@kernel(fastmath=FAST)
def _pack_gray(floats, words):
    """Interleave a block's phases: four pixels fill a word."""
    for row in range(ROWS):
        for k in range(SAMPLES):
            f0 = RED_AT + row * COLUMNS + k
            f1, f2, f3 = f0 + SAMPLES, f0 + 2 * SAMPLES, f0 + 3 * SAMPLES
            words[row * SAMPLES + k] = _word(
                _byte_of(floats, f0), _byte_of(floats, f1), _byte_of(floats, f2), _byte_of(floats, f3)
            )


@kernel
def _fill_sky(floats, horizon, focal, channels, words):
    """Fill a block of clear sky, one colour a row, straight into packed words."""
    for row in range(ROWS):
        height = horizon[0] - horizon[2] * np.float32(row)
        if channels == 1:
            g = np.int32(_sky_colour(floats, LUMA, height, focal) + HALF)
            for k in range(SAMPLES):
                words[row * SAMPLES + k] = _word(g, g, g, g)
        else:
            r = np.int32(_sky_colour(floats, 0, height, focal) + HALF)
            g = np.int32(_sky_colour(floats, 1, height, focal) + HALF)
            b = np.int32(_sky_colour(floats, 2, height, focal) + HALF)
            first, second, third = _word(r, g, b, r), _word(g, b, r, g), _word(b, r, g, b)
            for k in range(SAMPLES):
                start = 3 * (row * SAMPLES + k)
                words[start], words[start + 1], words[start + 2] = first, second, third


@kernel
def bands(view, first, height, width):
    """First rows of a column of blocks in which a pixel may see hills, and ground."""
    up, by_column, fall = _elevation(view, (0, first, height, width))
    least = min(up, up + by_column * np.float32(COLUMNS))
    ground = min(max(int(np.floor(least / fall)) + 1, 0), height)
    hills = int(np.floor((least - np.float32(HIGHEST) * view.focal - ONE) / fall))
    return min(max(hills, 0), ground), ground


@kernel
def paint_above(view, place, channels, clear, floats, words):
    """Paint a block above the horizon; returns whether it is already packed into `words`."""
    horizon = _elevation(view, place)
    if clear:
        _fill_sky(floats, horizon, view.focal, channels, words)
    elif channels == 3:
        _paint_sky_rgb(floats, horizon, view.focal)
    else:
        _paint_sky_gray(floats, horizon, view.focal)


@kernel
def finish(floats, channels, noise, key, words):
    """Add noise to a painted block and pack it."""
    if noise > ZERO:
        _add_noise(floats, channels, noise, key)
    if channels == 3:
        _pack_rgb(floats, words)
    else:
        _pack_gray(floats, words)
