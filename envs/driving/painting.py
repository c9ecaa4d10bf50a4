"""Painting: the colours of a traced block, the sky and the hills above it, noise, and bytes in their order.

Colours, like everything else of a block, lie in its buffer of floats; see `tracing`.
"""

import numpy as np

from envs.driving.compiling import FAST, inlined, kernel
from envs.driving.tracing import (
    BLOCK,
    BLUE_AT,
    COLUMNS,
    GREEN_AT,
    HALF,
    LAYERS,
    ONE,
    PHASES,
    PITCH,
    RED_AT,
    RIDGE_AT,
    ROWS,
    S_DASH,
    S_DEPTH,
    S_KERB,
    S_SHARP,
    S_STRIPE,
    S_THIN,
    S_TONE,
    SAMPLES,
    SKIN,
    ZERO,
    between,
    kerb_share,
    line_share,
    offset_at,
    verge_share,
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
def _hues(floats, channel):
    """One channel of a ground's colours, each less what it is laid over, and of the haze."""
    asphalt, dark, red = (
        _colour(floats, ASPHALT, channel),
        _colour(floats, GRASS_DARK, channel),
        _colour(floats, KERB_RED, channel),
    )
    light, white = _colour(floats, GRASS_LIGHT, channel) - dark, _colour(floats, KERB_WHITE, channel) - red
    paint, haze = _colour(floats, PAINT, channel) - asphalt, _colour(floats, HAZE, channel)
    return asphalt, paint, dark - asphalt, light, red - asphalt, white, haze


@inlined
def _blend(hues, shares):
    """One channel of a pixel, seen through the mist.

    Args:
        hues: of `_hues`.
        shares: of the pixel: line, grass, light grass, kerb, white of the kerb; then how much is mist.
    """
    seen = hues[0] + shares[0] * hues[1] + shares[1] * hues[2] + shares[2] * hues[3]
    seen += shares[3] * hues[4] + shares[4] * hues[5]
    return seen + shares[5] * (hues[6] - seen)


@kernel(fastmath=FAST)
def _paint_road(floats):
    """Paint a traced block that is road and line alone, too close for mist."""
    red, green, blue = _hues(floats, 0), _hues(floats, 1), _hues(floats, 2)
    for row in range(ROWS):
        for phase in range(PHASES):
            share = np.float32(phase) * np.float32(1.0 / PHASES)
            for k in range(SAMPLES):
                sample, place = row * PITCH + k, row * COLUMNS + phase * SAMPLES + k
                offset, dash = offset_at(floats, sample, share), between(floats, S_DASH + sample, share)
                line = line_share(offset, floats[S_SHARP + sample], floats[S_THIN + sample], dash)
                floats[RED_AT + place] = red[0] + line * red[1]
                floats[GREEN_AT + place] = green[0] + line * green[1]
                floats[BLUE_AT + place] = blue[0] + line * blue[1]


@inlined
def _paint_any(floats, haze, rgb):
    """Paint a traced block: all three channels, or luma alone."""
    first, green, blue = _hues(floats, 0 if rgb else LUMA), _hues(floats, 1), _hues(floats, 2)
    for row in range(ROWS):
        for phase in range(PHASES):
            share = np.float32(phase) * np.float32(1.0 / PHASES)
            for k in range(SAMPLES):
                sample, place = row * PITCH + k, row * COLUMNS + phase * SAMPLES + k
                offset, dash = offset_at(floats, sample, share), between(floats, S_DASH + sample, share)
                sharp = floats[S_SHARP + sample]
                line, verge = (
                    line_share(offset, sharp, floats[S_THIN + sample], dash),
                    verge_share(offset, sharp),
                )
                kerb = kerb_share(offset, sharp, verge) * floats[S_KERB + sample]
                grass, mist = verge - kerb, min(floats[S_DEPTH + sample] * haze, ONE)
                tone, stripe = grass * floats[S_TONE + sample], kerb * floats[S_STRIPE + sample]
                shares = (line, grass, tone, kerb, stripe, mist * mist)
                floats[RED_AT + place] = _blend(first, shares)
                if rgb:
                    floats[GREEN_AT + place] = _blend(green, shares)
                    floats[BLUE_AT + place] = _blend(blue, shares)


@kernel(fastmath=FAST)
def _paint_rgb(floats, haze):
    _paint_any(floats, haze, True)


@kernel(fastmath=FAST)
def _paint_gray(floats, haze):
    _paint_any(floats, haze, False)


@kernel
def paint_ground(floats, channels, haze, plain):
    """Paint a traced block; `plain` is what `trace_block` returned."""
    if channels == 1:
        _paint_gray(floats, haze)
    elif plain:
        _paint_road(floats)
    else:
        _paint_rgb(floats, haze)


@kernel(inline="always")
def _elevation(view, row, first, height, width):
    """Height above the horizon of the first pixel of a row of a block, and its change by column [pixels]."""
    right = np.float32(first) + HALF - np.float32(0.5 * width)
    down = np.float32(row) + HALF - np.float32(0.5 * height)
    up = view.axes[0, 2] * view.focal + right * view.axes[1, 2] + down * view.axes[2, 2]
    return up, view.axes[1, 2]


@kernel(fastmath=FAST)
def _trace_ridge(azimuth, focal, middle, rise, floats):
    """Fill the ridge of a column of blocks; `middle` is the image's, `rise` of the horizon by column."""
    bins = np.float32(RIDGE.shape[0] - 1)
    for phase in range(PHASES):
        for k in range(SAMPLES):
            column = np.float32(PHASES * k + phase)
            lateral = (column - middle) / focal
            bearing = lateral * (np.float32(0.9724) - np.float32(0.1919) * lateral * lateral)
            turn = azimuth + np.float32(8.0) - bearing * np.float32(0.5 / np.pi)
            place = (turn - np.float32(np.int32(turn))) * bins
            n = np.uint32(np.int32(place))
            share = place - np.float32(np.int32(place))
            height = RIDGE[n] + share * (RIDGE[n + np.uint32(1)] - RIDGE[n])
            floats[RIDGE_AT + phase * SAMPLES + k] = focal * height - rise * column + HALF


@kernel
def trace_ridge(view, first, width, floats):
    """Fill the ridge of a column of blocks: the hills' height above the horizon [pixels].

    To it is added half a pixel, and what brings it to the height of the block's first pixel above the
    horizon. The hills stand at infinity; their azimuth is a cubic's worth of an arc tangent.
    """
    middle = np.float32(0.5 * width) - np.float32(first) - HALF
    _trace_ridge(view.azimuth, view.focal, middle, view.axes[1, 2], floats)


@inlined
def _sky_colour(floats, channel, elevation, focal):
    """The clear sky's colour at an elevation [pixels]."""
    rise = min(max(elevation / (np.float32(0.9) * focal), ZERO), ONE)
    air = _colour(floats, HAZE, channel)
    return air + rise * (np.float32(2.0) - rise) * (_colour(floats, ZENITH, channel) - air)


@inlined
def _paint_sky_row(floats, channel, place, elevation, focal):
    """Paint one channel of a row of a block above the horizon, hills included."""
    hill, sky = _colour(floats, HILL, channel), _sky_colour(floats, channel, elevation, focal)
    for c in range(COLUMNS):
        share = min(max(floats[RIDGE_AT + c] - elevation, ZERO), ONE)
        floats[place + c] = sky + share * (hill - sky)


@kernel(fastmath=FAST)
def _paint_sky(floats, channels, elevation, fall, focal):
    """Paint a block above the horizon, whose first pixel is so high above it and each row so much less."""
    for row in range(ROWS):
        height, place = elevation - fall * np.float32(row), row * COLUMNS
        if channels == 3:
            _paint_sky_row(floats, 0, RED_AT + place, height, focal)
            _paint_sky_row(floats, 1, GREEN_AT + place, height, focal)
            _paint_sky_row(floats, 2, BLUE_AT + place, height, focal)
        else:
            _paint_sky_row(floats, LUMA, RED_AT + place, height, focal)


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


@kernel(fastmath=FAST)
def _fill_sky(floats, channels, elevation, fall, focal, words):
    """Fill a block of clear sky, one colour a row, straight into packed words."""
    for row in range(ROWS):
        height = elevation - fall * np.float32(row)
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
    up, by_column = _elevation(view, 0, first, height, width)
    fall = -view.axes[2, 2]
    least = min(up, up + by_column * np.float32(COLUMNS))
    ground = min(max(int(np.floor(least / fall)) + 1, 0), height)
    hills = int(np.floor((least - np.float32(HIGHEST) * view.focal - ONE) / fall))
    return min(max(hills, 0), ground), ground


@kernel
def paint_above(view, place, channels, clear, floats, words):
    """Paint a block above the horizon; a clear one, without hills, straight into packed `words`."""
    top, first, height, width = place
    elevation, _ = _elevation(view, top, first, height, width)
    if clear:
        _fill_sky(floats, channels, elevation, -view.axes[2, 2], view.focal, words)
    else:
        _paint_sky(floats, channels, elevation, -view.axes[2, 2], view.focal)


@kernel
def finish(floats, channels, noise, key, words):
    """Add noise to a painted block and pack it."""
    if noise > ZERO:
        _add_noise(floats, channels, noise, key)
    if channels == 3:
        _pack_rgb(floats, words)
    else:
        _pack_gray(floats, words)
