"""Packing: a painted block, kept by channel and phase, as bytes in their order."""

import numpy as np

from envs.driving.compiling import FAST, kernel, wide_vectors
from envs.driving.tracing import COLUMNS, HALF, LAYERS, RED_AT, ROWS, SAMPLES


@kernel(inline="always")
def _byte_of(floats, place):
    """A painted number as an integer 0 … 255."""
    return np.int32(floats[place] + HALF)


@kernel(inline="always")
def word_of(a, b, c, d):
    """Four bytes as one little-endian word."""
    return np.int32(
        a | np.int32(b << np.int32(8)) | np.int32(c << np.int32(16)) | np.int32(d << np.int32(24))
    )


@kernel(inline="always")
def _pixel(floats, place):
    """Red, green and blue of a painted pixel as integers 0 … 255."""
    red = RED_AT + place
    return _byte_of(floats, red), _byte_of(floats, red + LAYERS), _byte_of(floats, red + 2 * LAYERS)


@kernel(fastmath=FAST)
def pack_rgb(floats, words):
    """Interleave a block's channels: four pixels, one of each phase, fill three words."""
    wide_vectors()
    for row in range(ROWS):
        for k in range(SAMPLES):
            place, out = row * COLUMNS + k, 3 * (row * SAMPLES + k)
            r0, g0, b0 = _pixel(floats, place)
            r1, g1, b1 = _pixel(floats, place + SAMPLES)
            r2, g2, b2 = _pixel(floats, place + 2 * SAMPLES)
            r3, g3, b3 = _pixel(floats, place + 3 * SAMPLES)
            words[out], words[out + 1] = word_of(r0, g0, b0, r1), word_of(g1, b1, r2, g2)
            words[out + 2] = word_of(b2, r3, g3, b3)


@kernel(fastmath=FAST)
def pack_gray(floats, words):
    """Interleave a block's phases: four pixels fill a word."""
    wide_vectors()
    for row in range(ROWS):
        for k in range(SAMPLES):
            f0 = RED_AT + row * COLUMNS + k
            f1, f2, f3 = f0 + SAMPLES, f0 + 2 * SAMPLES, f0 + 3 * SAMPLES
            words[row * SAMPLES + k] = word_of(
                _byte_of(floats, f0), _byte_of(floats, f1), _byte_of(floats, f2), _byte_of(floats, f3)
            )
