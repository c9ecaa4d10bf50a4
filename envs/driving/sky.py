"""The sky, and the hills that stand around the world at infinity."""

import numpy as np

from envs.driving.colours import HAZE, HILL, LUMA, ZENITH, colour_of
from envs.driving.compiling import FAST, inlined, kernel, wide_vectors
from envs.driving.packing import word_of
from envs.driving.tracing import (
    BLUE_AT,
    COLUMNS,
    GREEN_AT,
    HALF,
    ONE,
    PHASES,
    RED_AT,
    RIDGE_AT,
    ROWS,
    SAMPLES,
    ZERO,
)


def _hills() -> np.ndarray:
    """Height of the hills around the world as the tangent of their elevation, a closed profile."""
    turn = np.linspace(0.0, 2.0 * np.pi, 257)
    waves = [(3, 0.3, 0.030), (5, 1.9, 0.022), (11, 4.1, 0.012), (23, 2.2, 0.005), (41, 0.7, 0.003)]
    return np.float32(0.035 + sum(size * np.sin(k * turn + phase) for k, phase, size in waves)).clip(0.0)


RIDGE = _hills()
HIGHEST = float(RIDGE.max())


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
    wide_vectors()
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
    air = colour_of(floats, HAZE, channel)
    return air + rise * (np.float32(2.0) - rise) * (colour_of(floats, ZENITH, channel) - air)


@inlined
def _paint_sky_row(floats, channel, place, elevation, focal):
    """Paint one channel of a row of a block above the horizon, hills included."""
    hill, sky = colour_of(floats, HILL, channel), _sky_colour(floats, channel, elevation, focal)
    for c in range(COLUMNS):
        share = min(max(floats[RIDGE_AT + c] - elevation, ZERO), ONE)
        floats[place + c] = sky + share * (hill - sky)


@kernel(fastmath=FAST)
def _paint_sky(floats, channels, elevation, fall, focal):
    """Paint a block above the horizon, whose first pixel is so high above it and each row so much less."""
    wide_vectors()
    for row in range(ROWS):
        height, place = elevation - fall * np.float32(row), row * COLUMNS
        if channels == 3:
            _paint_sky_row(floats, 0, RED_AT + place, height, focal)
            _paint_sky_row(floats, 1, GREEN_AT + place, height, focal)
            _paint_sky_row(floats, 2, BLUE_AT + place, height, focal)
        else:
            _paint_sky_row(floats, LUMA, RED_AT + place, height, focal)


@kernel(fastmath=FAST)
def _fill_sky(floats, channels, elevation, fall, focal, words):
    """Fill a block of clear sky, one colour a row, straight into packed words."""
    wide_vectors()
    for row in range(ROWS):
        height = elevation - fall * np.float32(row)
        if channels == 1:
            g = np.int32(_sky_colour(floats, LUMA, height, focal) + HALF)
            for k in range(SAMPLES):
                words[row * SAMPLES + k] = word_of(g, g, g, g)
        else:
            r = np.int32(_sky_colour(floats, 0, height, focal) + HALF)
            g = np.int32(_sky_colour(floats, 1, height, focal) + HALF)
            b = np.int32(_sky_colour(floats, 2, height, focal) + HALF)
            first, second, third = word_of(r, g, b, r), word_of(g, b, r, g), word_of(b, r, g, b)
            for k in range(SAMPLES):
                start = 3 * (row * SAMPLES + k)
                words[start], words[start + 1], words[start + 2] = first, second, third


@kernel
def bands(view, first, height, width):
    """First rows of a column of blocks in which a pixel may see hills, and ground."""
    if view.axes[0, 2] < np.float32(-0.9):  # it looks down from above
        return 0, 0
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
