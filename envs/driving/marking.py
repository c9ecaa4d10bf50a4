"""Marking: what the pixels of a block hold on roads that have lanes, crossings and stop lines, or are wet.

`tracing` knows the plain track, whose numbers are constants of its code. Here they are those of the road's
section, and three more things are known at the samples: whether the line in the middle is solid, and how much
of a pixel lies along a crossing and a stop line. Distances from the middle come as they are where the road is
narrowest, so lines follow when it widens.
"""

import numpy as np

from envs.driving.colours import LUMA
from envs.driving.compiling import FAST, inlined, kernel, wide_vectors
from envs.driving.painting import blend, hues
from envs.driving.road import CROSSING_ZERO
from envs.driving.sections import M_DIVIDER, M_EDGE, M_HALF_WIDTH, M_MIDDLE
from envs.driving.tracing import (
    BLUE_AT,
    COLUMNS,
    GREEN_AT,
    HALF,
    KERB_WIDTH,
    LINE_HALF,
    MARKS_AT,
    ONE,
    PHASES,
    PITCH,
    RED_AT,
    ROWS,
    S_ALONG,
    S_DASH,
    S_DEPTH,
    S_KERB,
    S_OFFSET,
    S_SHARP,
    S_SHARP_ALONG,
    S_SOLID,
    S_STOP,
    S_STRIPE,
    S_THIN,
    S_TONE,
    S_ZEBRA,
    SAMPLES,
    TEXELS,
    ZERO,
    between,
    find_along,
    kerb_share,
    share_beyond,
    stripes,
    verge_share,
)

CROSSING_HALF = 2.0  # [m] half the length of a crossing along the road
STOP_LINE = 3.5  # [m] before the middle of a crossing
_STOP_HALF = 0.2  # [m] half the width of a stop line
_BAR = 1.0  # [m] from one bar of a crossing to the next
_GLOSSY = 1.0 / 45.0  # [1/m] inverse distance at which a soaked road mirrors the sky
# After the section's numbers: −1 where one keeps left as the world has it; how wet it is; 1 near a crossing.
KEEP, SHEEN, CROSSED = 8, 9, 10


@kernel
def take_marks(marks, keep, sheen, floats):
    """Copy `Section.numbers()`, and what a frame adds to them, into the buffer of floats."""
    for k in range(marks.shape[0]):
        floats[MARKS_AT + k] = marks[k]
    floats[MARKS_AT + KEEP], floats[MARKS_AT + SHEEN] = keep, sheen


@kernel(fastmath=FAST)
def _decode_solid(floats, integers):
    """Find solid lines at the samples of a block, and forget crossings; returns whether there is one near."""
    wide_vectors()
    near = 0
    for row in range(ROWS):
        for k in range(SAMPLES):
            place, flags = row * PITCH + k, integers[2 * TEXELS + row * SAMPLES + k]
            near |= flags & 4
            floats[S_SOLID + place] = np.float32(np.int32(flags >> 3) & np.int32(1))
            floats[S_ZEBRA + place] = floats[S_STOP + place] = ZERO
    return near != 0


@kernel(fastmath=FAST)
def _decode_crossings(floats, integers, keep):
    """Find crossings and stop lines at the samples of a block."""
    wide_vectors()
    for row in range(ROWS):
        for k in range(SAMPLES):
            place = row * PITCH + k
            flags = integers[2 * TEXELS + row * SAMPLES + k]
            near = np.float32(np.int32(flags >> 2) & np.int32(1))
            sharp = floats[S_SHARP_ALONG + place]
            away = floats[S_ALONG + place] - np.float32(CROSSING_ZERO)
            before = abs(away) - np.float32(STOP_LINE)
            line = share_beyond(np.float32(_STOP_HALF) - abs(before), sharp)
            line = min(line, np.float32(2 * _STOP_HALF) * sharp)
            floats[S_ZEBRA + place] = near * share_beyond(np.float32(CROSSING_HALF) - abs(away), sharp)
            floats[S_STOP + place] = near * line * (keep if away > ZERO else -keep)
            floats[S_DASH + place] *= ONE - near


@kernel
def decode_marks(floats, integers):
    """Find what lies along a traced block beside the patterns of the plain track.

    Whether a crossing is near is kept for `paint_marked`, which paints faster where there is none.
    """
    near = _decode_solid(floats, integers)
    floats[MARKS_AT + CROSSED] = ONE if near else ZERO
    if near:
        find_along(floats, integers)
        _decode_crossings(floats, integers, floats[MARKS_AT + KEEP])
    for row in range(ROWS):
        for part in (S_DASH, S_ZEBRA, S_STOP):
            end = part + row * PITCH + SAMPLES
            floats[end] = floats[end - 1]


@inlined
def _cover(away, sharp, thin):
    """How much of a pixel a line covers whose middle is `away` metres off."""
    return max(min((np.float32(LINE_HALF) - abs(away)) * sharp + HALF, thin), ZERO)


@inlined
def marked_shares(offset, place, patterns, across, crossed):
    """How much of a pixel is line, grass and kerb, the rest being road.

    Args:
        offset: of the pixel from the middle [m], to the left.
        place: sharpness, least share of a thin line, and 1 where kerbs are.
        patterns: shares along the road of dashes, crossing and stop line, the last below 0 for the right
            side; 1 where the middle is solid.
        across: half the width of the road, edge line, divider and middle line [m].
        crossed: whether a crossing may be near, a constant.
    """
    sharp, thin, kerbed = place
    dash, zebra, stop, solid = patterns
    half_width, edge, divider, middle = across
    away = abs(offset)
    line = max(
        _cover(away - middle, sharp, thin) * max(dash, solid), _cover(away - divider, sharp, thin) * dash
    )
    line = max(line, _cover(away - edge, sharp, thin))
    if crossed:
        inside = share_beyond(edge - away, sharp)
        bars = stripes(away, _BAR, sharp) * zebra
        stopping = max(stop if offset > ZERO else -stop, ZERO)
        line = max(line * (ONE - zebra), inside * max(bars, stopping))
    verge = verge_share(away, half_width, sharp)
    kerb = kerb_share(away, half_width + np.float32(KERB_WIDTH), sharp, verge) * kerbed
    return line, verge - kerb, kerb


@inlined
def across_of(floats):
    """The section's numbers that `marked_shares` wants."""
    return (
        floats[MARKS_AT + M_HALF_WIDTH],
        floats[MARKS_AT + M_EDGE],
        floats[MARKS_AT + M_DIVIDER],
        floats[MARKS_AT + M_MIDDLE],
    )


@inlined
def patterns_at(floats, sample, share):
    """What `marked_shares` wants to know of the patterns along the road at a pixel."""
    return (
        between(floats, S_DASH + sample, share),
        between(floats, S_ZEBRA + sample, share),
        between(floats, S_STOP + sample, share),
        floats[S_SOLID + sample],
    )


@inlined
def _paint_marked(floats, haze, rgb, crossed):
    """Paint a traced block: all three channels, or luma alone; near a crossing, or not."""
    first, green, blue = hues(floats, 0 if rgb else LUMA), hues(floats, 1), hues(floats, 2)
    across, sheen = across_of(floats), floats[MARKS_AT + SHEEN]
    for row in range(ROWS):
        for phase in range(PHASES):
            share = np.float32(phase) * np.float32(1.0 / PHASES)
            for k in range(SAMPLES):
                sample, place = row * PITCH + k, row * COLUMNS + phase * SAMPLES + k
                offset = between(floats, S_OFFSET + sample, share)
                here = (floats[S_SHARP + sample], floats[S_THIN + sample], floats[S_KERB + sample])
                patterns = patterns_at(floats, sample, share)
                line, grass, kerb = marked_shares(offset, here, patterns, across, crossed)
                depth = floats[S_DEPTH + sample]
                mist = min(depth * haze, ONE)
                mirror = (ONE - grass - kerb) * sheen * min(depth * np.float32(_GLOSSY), ONE)
                tone, stripe = grass * floats[S_TONE + sample], kerb * floats[S_STRIPE + sample]
                shares = (line, grass, tone, kerb, stripe, max(mist * mist, mirror))
                floats[RED_AT + place] = blend(first, shares)
                if rgb:
                    floats[GREEN_AT + place] = blend(green, shares)
                    floats[BLUE_AT + place] = blend(blue, shares)


@kernel(fastmath=FAST)
def _paint_rgb(floats, haze):
    wide_vectors()
    if floats[MARKS_AT + CROSSED] > ZERO:
        _paint_marked(floats, haze, True, True)
    else:
        _paint_marked(floats, haze, True, False)


@kernel(fastmath=FAST)
def _paint_gray(floats, haze):
    wide_vectors()
    if floats[MARKS_AT + CROSSED] > ZERO:
        _paint_marked(floats, haze, False, True)
    else:
        _paint_marked(floats, haze, False, False)


@kernel
def paint_marked(floats, channels, haze):
    """Paint a traced block of a road with lanes, or of a wet one."""
    if channels == 1:
        _paint_gray(floats, haze)
    else:
        _paint_rgb(floats, haze)
