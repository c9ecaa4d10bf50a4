"""Strips: how weather takes a frame apart, and puts it together again.

A strip's pixels lie in layers of floats, one a channel, by phase; see `lens`. Most effects are a layer of
shares, by which all channels come closer to one colour.
"""

import numpy as np

from envs.driving.compiling import FAST, allocating, inlined, kernel, wide_vectors
from envs.driving.lens import (
    ACROSS_AT,
    BELOW_AT,
    BLUE_AT,
    DEPTH_AT,
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
)
from envs.driving.packing import word_of

LUMA = (np.float32(0.299), np.float32(0.587), np.float32(0.114))


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
def copy(source, start, target, to, size):
    """Copy `size` numbers."""
    for c in range(np.uint64(size)):
        target[np.uint64(to) + c] = source[np.uint64(start) + c]


@inlined
def _byte(word, shift):
    return np.float32((word >> np.int32(shift)) & np.int32(255))


@kernel(fastmath=FAST)
def _unpack_rgb(words, floats):
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
def keep(flat, channels, kept):
    """Copy a frame into words of one pixel each."""
    for p in range(np.uint64(flat.size // channels)):
        at = np.uint64(channels) * p
        if channels == 3:
            green, blue = np.int32(flat[at + np.uint64(1)]), np.int32(flat[at + np.uint64(2)])
            kept[p] = np.int32(flat[at]) | (green << np.int32(8)) | (blue << np.int32(16))
        else:
            kept[p] = np.int32(flat[at])


@kernel(fastmath=FAST)
def take_places(floats, given, start, size, focal):
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
def _mix(floats, layer, colour):
    """Bring one channel of a strip closer to a colour by what the layer of shares holds."""
    for place in range(STRIP):
        value = floats[layer + place]
        floats[layer + place] = value + floats[SHARE_AT + place] * (colour - value)


@kernel(fastmath=FAST)
def mix_all(floats, channels, red, green, blue):
    """Bring a strip closer to a colour."""
    wide_vectors()
    if channels == 3:
        _mix(floats, RED_AT, red)
        _mix(floats, GREEN_AT, green)
        _mix(floats, BLUE_AT, blue)
    else:
        _mix(floats, RED_AT, LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue)


@kernel(fastmath=FAST)
def take_glow(floats, glow):
    """Fill how much a strip's pixels shine by themselves, as shares."""
    wide_vectors()
    for phase in range(PHASES):
        for k in range(SAMPLES):
            floats[SHARE_AT + phase * SAMPLES + k] = np.float32(glow[PHASES * k + phase]) * np.float32(
                1.0 / 255
            )


@kernel(fastmath=FAST)
def take_shares(floats, shares, start, most):
    """Fill a strip's shares from a frame's."""
    wide_vectors()
    for phase in range(PHASES):
        for k in range(SAMPLES):
            share = min(shares[start + PHASES * k + phase], most)
            floats[SHARE_AT + phase * SAMPLES + k] = share


@kernel
def unpack(words, floats, channels):
    """Part a strip's words into channels and phases."""
    if channels == 3:
        _unpack_rgb(words, floats)
    else:
        _unpack_gray(words, floats)


@kernel
def pack(floats, words, channels):
    """Join a strip's channels and phases into words; every number is in 0 … 255."""
    if channels == 3:
        _pack_rgb(floats, words)
    else:
        _pack_gray(floats, words)
