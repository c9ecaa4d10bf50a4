"""Painting: the colours of a traced block of ground, and noise.

Colours, like everything else of a block, lie in its buffer of floats; see `tracing`.
"""

import numpy as np

from envs.driving.colours import (
    ASPHALT,
    GRASS_DARK,
    GRASS_LIGHT,
    HAZE,
    KERB_RED,
    KERB_WHITE,
    LUMA,
    PAINT,
    colour_of,
)
from envs.driving.compiling import FAST, inlined, kernel, wide_vectors
from envs.driving.packing import pack_gray, pack_rgb
from envs.driving.tracing import (
    BLOCK,
    BLUE_AT,
    COLUMNS,
    GREEN_AT,
    ONE,
    PHASES,
    PITCH,
    RED_AT,
    ROWS,
    S_DASH,
    S_DEPTH,
    S_KERB,
    S_SHARP,
    S_STRIPE,
    S_THIN,
    S_TONE,
    SAMPLES,
    ZERO,
    between,
    line_share,
    offset_at,
    shares_at,
)


@inlined
def hues(floats, channel):
    """One channel of a ground's colours, each less what it is laid over, and of the haze."""
    asphalt, dark, red = (
        colour_of(floats, ASPHALT, channel),
        colour_of(floats, GRASS_DARK, channel),
        colour_of(floats, KERB_RED, channel),
    )
    light, white = (
        colour_of(floats, GRASS_LIGHT, channel) - dark,
        colour_of(floats, KERB_WHITE, channel) - red,
    )
    paint, haze = colour_of(floats, PAINT, channel) - asphalt, colour_of(floats, HAZE, channel)
    return asphalt, paint, dark - asphalt, light, red - asphalt, white, haze


@inlined
def blend(hues, shares):
    """One channel of a pixel, seen through the mist.

    Args:
        hues: of `hues`.
        shares: of the pixel: line, grass, light grass, kerb, white of the kerb; then how much is mist.
    """
    seen = hues[0] + shares[0] * hues[1] + shares[1] * hues[2] + shares[2] * hues[3]
    seen += shares[3] * hues[4] + shares[4] * hues[5]
    return seen + shares[5] * (hues[6] - seen)


@kernel(fastmath=FAST)
def _paint_road(floats):
    """Paint a traced block that is road and line alone, too close for mist."""
    wide_vectors()
    red, green, blue = hues(floats, 0), hues(floats, 1), hues(floats, 2)
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
    first, green, blue = hues(floats, 0 if rgb else LUMA), hues(floats, 1), hues(floats, 2)
    for row in range(ROWS):
        for phase in range(PHASES):
            share = np.float32(phase) * np.float32(1.0 / PHASES)
            for k in range(SAMPLES):
                sample, place = row * PITCH + k, row * COLUMNS + phase * SAMPLES + k
                offset, dash = offset_at(floats, sample, share), between(floats, S_DASH + sample, share)
                sharp = floats[S_SHARP + sample]
                thin, kerbed = floats[S_THIN + sample], floats[S_KERB + sample]
                line, grass, kerb = shares_at(offset, dash, sharp, thin, kerbed)
                mist = min(floats[S_DEPTH + sample] * haze, ONE)
                tone, stripe = grass * floats[S_TONE + sample], kerb * floats[S_STRIPE + sample]
                shares = (line, grass, tone, kerb, stripe, mist * mist)
                floats[RED_AT + place] = blend(first, shares)
                if rgb:
                    floats[GREEN_AT + place] = blend(green, shares)
                    floats[BLUE_AT + place] = blend(blue, shares)


@kernel(fastmath=FAST)
def _paint_rgb(floats, haze):
    wide_vectors()
    _paint_any(floats, haze, True)


@kernel(fastmath=FAST)
def _paint_gray(floats, haze):
    wide_vectors()
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
    wide_vectors()
    _add_noise_to(floats, RED_AT, amplitude, key)
    if channels == 3:
        _add_noise_to(floats, GREEN_AT, amplitude, np.uint32(key + np.uint32(0x27D4EB2F)))
        _add_noise_to(floats, BLUE_AT, amplitude, np.uint32(key + np.uint32(0x4FA9D65E)))


@kernel
def finish(floats, channels, noise, key, words):
    """Add noise to a painted block and pack it."""
    if noise > ZERO:
        _add_noise(floats, channels, noise, key)
    if channels == 3:
        pack_rgb(floats, words)
    else:
        pack_gray(floats, words)
