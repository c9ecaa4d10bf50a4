"""Tracing: what the pixels of a block see of the ground.

A frame is drawn in blocks of 8 rows by 64 columns. The ground is sampled at every fourth column: the
ray meets the ground, one texel gives the distance to the centreline and along the road, and its
gradient against the ray gives how much of either a pixel spans. Both distances are almost linear
between samples, so the pixels are interpolated, and what a pixel covers (shares of line, kerb and
grass; the rest is road) follows from them, filtered over its footprint: lines thin out with
distance instead of flickering. RGB, gray, semantic classes and depth are painted from these shares
alone, so labels and picture cannot disagree.

Everything is laid out for LLVM's vectoriser: inner loops of known length without branches over flat
float32 arrays. A row's pixels are kept by phase, pixel 4 k + f at place 16 f + k. A function that is
inlined into such a loop and chooses between two numbers takes numbers alone: an array among its arguments
would be counted as a reference at every turn, and so would a tuple's parts.
"""

import numpy as np

from envs.driving.compiling import FAST, inlined, kernel, wide_vectors
from envs.driving.road import ALONG_STEPS, OFFSET_STEPS, STRIPE_PERIOD, TEXEL
from envs.driving.sections import HALF_WIDTH

VIEW_DISTANCE = 220.0  # [m] ground further away is sky
_EDGE_LINE = HALF_WIDTH - 0.35  # [m] from the centreline to the middle of the line at the edge
LINE_HALF = 0.085  # [m] half the width of the lines
KERB_WIDTH = 0.6  # [m]

ROWS, SAMPLES, PHASES = 8, 16, 4
COLUMNS = SAMPLES * PHASES
BLOCK = ROWS * COLUMNS  # pixels of a block
PITCH = 2 * SAMPLES  # a row of samples, with room for one past the end
_PAD = 80  # numbers between parts: parts a multiple of 4 KiB apart would stall each other's loads and stores
_SAMPLED = ROWS * PITCH + _PAD
# What is known at the samples, then the pixels' parts.
S_DEPTH, S_OFFSET, S_SHARP, S_THIN, S_DASH, S_STRIPE, S_KERB, S_TONE, _S_X, _S_Y = (
    _SAMPLED * part for part in range(10)
)
# Where there are lanes:
S_SOLID, S_ZEBRA, S_STOP, S_ALONG, S_SHARP_ALONG = (_SAMPLED * part for part in range(10, 15))
_COVER = _SAMPLED * 15
DEPTH_AT, RIDGE_AT, RED_AT, GREEN_AT, BLUE_AT = (_COVER + (BLOCK + _PAD) * part for part in range(5))
LAYERS = GREEN_AT - RED_AT  # from one painted channel to the next
_RAYS = _COVER + (BLOCK + _PAD) * 5
_RAY = 16  # numbers that the samples of a row have in common
MARKS_AT = _RAYS + ROWS * _RAY  # the road's section, where it is no plain track
SKIN = MARKS_AT + 16  # the look's colours, four numbers each
TEXELS = ROWS * SAMPLES  # in the integers: first the texels' numbers, then their two halves
ZERO, HALF, ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)


@inlined
def share_beyond(distance, sharpness):
    """How much of a pixel lies beyond an edge at signed `distance`, `sharpness` being 1 / footprint."""
    return min(max(distance * sharpness + HALF, ZERO), ONE)


@inlined
def stripes(position, period, sharpness):
    """Share of the pixel in the first half of a pattern; `position` ≥ 0."""
    phase = position * np.float32(1.0 / period)
    phase = abs(phase - np.float32(np.int32(phase)) - HALF) * np.float32(period)
    return share_beyond(np.float32(0.25 * period) - phase, sharpness)


@kernel(inline="always")
def _byte(word, shift):
    """The signed byte of an int32 that starts at bit `shift`."""
    return np.float32(np.int32(np.int32(word << np.int32(24 - shift)) >> np.int32(24)))


@kernel
def cast_rays(view, place, grid, floats):
    """Fill in what the samples of each row have in common: x and y in texels, depth in metres."""
    top, first, height, width = place
    step = ONE / view.focal
    right = (np.float32(first) + HALF - np.float32(0.5 * width)) * step
    level = ONE / np.sqrt(view.axes[0, 0] ** 2 + view.axes[0, 1] ** 2)
    for row in range(ROWS):
        down = (np.float32(top + row) + HALF - np.float32(0.5 * height)) * step
        ray = _RAYS + row * _RAY
        for k in range(3):
            scale = np.float32(-1.0) if k == 2 else np.float32(1.0 / TEXEL)
            floats[ray + k] = scale * (view.axes[0, k] + right * view.axes[1, k] + down * view.axes[2, k])
            floats[ray + 3 + k] = scale * step * np.float32(PHASES) * view.axes[1, k]
        floats[ray + 6] = view.origin[0] * np.float32(1.0 / TEXEL) + np.float32(grid // 2)
        floats[ray + 7] = view.origin[1] * np.float32(1.0 / TEXEL) + np.float32(grid // 2)
        floats[ray + 8] = view.origin[2]
        floats[ray + 9], floats[ray + 10] = view.axes[0, 0] * level, view.axes[0, 1] * level
        floats[ray + 11], floats[ray + 12] = step, step / view.origin[2]
        floats[ray + 13] = view.origin[2] / np.float32(VIEW_DISTANCE)


@kernel(fastmath=FAST)
def find_texels(floats, grid, integers):
    """Intersect the sample rays with the ground: depth, place within the texel, the texel's number."""
    wide_vectors()
    last, grid32 = np.float32(grid - 1), np.int32(grid)
    for row in range(ROWS):
        ray = _RAYS + row * _RAY
        x0, y0, z0 = floats[ray], floats[ray + 1], floats[ray + 2]
        x1, y1, z1 = floats[ray + 3], floats[ray + 4], floats[ray + 5]
        px, py, pz, least = floats[ray + 6], floats[ray + 7], floats[ray + 8], floats[ray + 13]
        for k in range(SAMPLES):
            place = row * PITCH + k
            column = np.float32(k)
            depth = pz / max(z0 + column * z1, least)
            u = min(max(px + depth * (x0 + column * x1), ZERO), last)
            v = min(max(py + depth * (y0 + column * y1), ZERO), last)
            i, j = np.int32(u), np.int32(v)
            integers[row * SAMPLES + k] = np.int32(np.int32(j * grid32) + i)
            floats[S_DEPTH + place] = depth
            floats[_S_X + place], floats[_S_Y + place] = (
                u - np.float32(i) - HALF,
                v - np.float32(j) - HALF,
            )


@kernel
def _read_texels(surface, integers):
    """Gather the texels. Alone in its loop: LLVM cannot rule out that it reads what others write."""
    for n in range(TEXELS):
        texel = surface[np.uint32(integers[n])]
        integers[TEXELS + n], integers[2 * TEXELS + n] = np.int32(texel), np.int32(texel >> 32)


@kernel(fastmath=FAST)
def _decode_texels(floats, integers):
    """Turn texels into distances to the centreline, the reach of a pixel in it, and patterns along it.

    Patterns (dashes, kerb stripes) are filtered over the four pixels from one sample to the next.
    """
    wide_vectors()
    for row in range(ROWS):
        ray = _RAYS + row * _RAY
        fx, fy, across, along = floats[ray + 9], floats[ray + 10], floats[ray + 11], floats[ray + 12]
        for k in range(SAMPLES):
            place = row * PITCH + k
            first, second = integers[TEXELS + row * SAMPLES + k], integers[2 * TEXELS + row * SAMPLES + k]
            gx, gy = _byte(first, 8), _byte(first, 0)  # [1/127]
            rx, ry, depth = floats[_S_X + place], floats[_S_Y + place], floats[S_DEPTH + place]
            stretch = np.float32(np.int32(second >> 8) & np.int32(255)) * np.float32(1.0 / 64.0)
            offset = np.float32(np.int32(first >> 16)) * np.float32(1.0 / OFFSET_STEPS)
            travelled = np.float32(np.int32(second >> 16) & np.int32(65535)) * np.float32(1.0 / ALONG_STEPS)
            travelled += stretch * (gy * rx - gx * ry) * np.float32(TEXEL / 127.0) + np.float32(1200.0)
            slope, turn = abs(gx * fx + gy * fy), abs(gy * fx - gx * fy)
            near, far = across * depth, along * depth * depth
            reach = turn * near + slope * far + np.float32(0.1)
            reach_along = (turn * far + np.float32(PHASES) * slope * near) * stretch + np.float32(0.1)
            both = np.float32(127.0) / (reach * reach_along)  # one division for two
            sharp, sharp_along = both * reach_along, both * reach
            floats[S_OFFSET + place] = offset + (gx * rx + gy * ry) * np.float32(TEXEL / 127.0)
            floats[S_SHARP + place] = sharp
            floats[S_THIN + place] = min(np.float32(2.0 * LINE_HALF) * sharp, ONE)
            floats[S_DASH + place] = stripes(travelled, STRIPE_PERIOD, sharp_along)
            floats[S_STRIPE + place] = stripes(travelled, STRIPE_PERIOD / 3.0, sharp_along)
            floats[S_KERB + place] = np.float32(np.int32(second) & np.int32(1))
            floats[S_TONE + place] = np.float32(np.int32(second) & np.int32(2)) * HALF


@kernel(fastmath=FAST)
def find_along(floats, integers):
    """Distance along the road at each sample [m], and 1 / the reach of four pixels in it."""
    wide_vectors()
    for row in range(ROWS):
        ray = _RAYS + row * _RAY
        fx, fy, across, along = floats[ray + 9], floats[ray + 10], floats[ray + 11], floats[ray + 12]
        for k in range(SAMPLES):
            place = row * PITCH + k
            first, second = integers[TEXELS + row * SAMPLES + k], integers[2 * TEXELS + row * SAMPLES + k]
            gx, gy = _byte(first, 8), _byte(first, 0)  # [1/127]
            rx, ry, depth = floats[_S_X + place], floats[_S_Y + place], floats[S_DEPTH + place]
            stretch = np.float32(np.int32(second >> 8) & np.int32(255)) * np.float32(1.0 / 64.0)
            travelled = np.float32(np.int32(second >> 16) & np.int32(65535)) * np.float32(1.0 / ALONG_STEPS)
            slope, turn = abs(gx * fx + gy * fy), abs(gy * fx - gx * fy)
            near, far = across * depth, along * depth * depth
            reach = (turn * far + np.float32(PHASES) * slope * near) * stretch + np.float32(0.1)
            floats[S_ALONG + place] = travelled + stretch * (gy * rx - gx * ry) * np.float32(TEXEL / 127.0)
            floats[S_SHARP_ALONG + place] = np.float32(127.0) / reach


@kernel(fastmath=FAST)
def _is_road(floats):
    """Whether every sample lies on the road, clear of its edges."""
    wide_vectors()
    beyond = np.int32(0)
    for row in range(ROWS):
        for k in range(SAMPLES):
            beyond += np.int32(abs(floats[S_OFFSET + row * PITCH + k]) > np.float32(HALF_WIDTH - 0.2))
    return beyond == 0


@kernel
def _close_samples(floats):
    """Add the sample past the end of each row."""
    for row in range(ROWS):
        for part in (S_DEPTH, S_OFFSET):
            end = part + row * PITCH + SAMPLES
            floats[end] = floats[end - 1] + (floats[end - 1] - floats[end - 2])
        end = S_DASH + row * PITCH + SAMPLES
        floats[end] = floats[end - 1]


@inlined
def between(floats, place, share):
    """A sampled number between one sample and the next."""
    value = floats[place]
    return value + share * (floats[place + 1] - value)


@inlined
def offset_at(floats, sample, share):
    """Distance of a pixel from the centreline [m]."""
    return abs(between(floats, S_OFFSET + sample, share))


@inlined
def line_share(offset, sharp, thin, dash):
    """How much of a pixel is painted line, `offset` metres from the centreline, where `dash` are dashes.

    A line of half width h, d away, covers min(1, 2 h s, ½ + (h − d) s) of a footprint of 1 / s; `thin` is
    the smaller of the first two.
    """
    inner = offset < np.float32(1.5)
    outer = abs(offset - np.float32(_EDGE_LINE))
    away = offset if inner else outer
    cover = max(min((np.float32(LINE_HALF) - away) * sharp + HALF, thin), ZERO)
    return cover * (dash if inner else ONE)


@inlined
def verge_share(offset, half_width, sharp):
    """How much of a pixel is beyond the edge of the road."""
    return share_beyond(offset - half_width, sharp)


@inlined
def kerb_share(offset, end, sharp, verge):
    """How much of a pixel is the first of the verge, where kerbs are, which end so far from the middle."""
    return verge - share_beyond(offset - end, sharp)


@inlined
def shares_at(offset, dash, sharp, thin, kerbed):
    """How much of a pixel is line, grass and kerb, the rest being road; `kerbed` is 1 where kerbs are."""
    verge = verge_share(offset, np.float32(HALF_WIDTH), sharp)
    kerb = kerb_share(offset, np.float32(HALF_WIDTH + KERB_WIDTH), sharp, verge) * kerbed
    return line_share(offset, sharp, thin, dash), verge - kerb, kerb


@kernel(fastmath=FAST)
def cover_depth(floats):
    """Depth of every pixel [m]."""
    wide_vectors()
    for row in range(ROWS):
        for phase in range(PHASES):
            share = np.float32(phase) * np.float32(1.0 / PHASES)
            for k in range(SAMPLES):
                depth = between(floats, S_DEPTH + row * PITCH + k, share)
                floats[DEPTH_AT + row * COLUMNS + phase * SAMPLES + k] = depth


@kernel
def trace_block(surface, near, floats, integers):
    """Find what a block's samples see, its rays being cast.

    Returns whether the block is road and line alone, and nearer than `near` metres.
    """
    _read_texels(surface, integers)
    _decode_texels(floats, integers)
    _close_samples(floats)
    far = max(floats[S_DEPTH], floats[S_DEPTH + SAMPLES - 1]) > near
    return not far and _is_road(floats)
