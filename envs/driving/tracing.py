"""Tracing: what the pixels of a block see of the ground.

A frame is drawn in blocks of 8 rows by 64 columns. The ground is sampled at every fourth column: the
ray meets the ground, one texel gives the distance to the centreline and along the road, and its
gradient against the ray gives how much of either a pixel spans. Both distances are almost linear
between samples, so the pixels are interpolated, and what a pixel covers (shares of line, kerb and
grass; the rest is road) follows from them, filtered over its footprint: lines thin out with
distance instead of flickering. RGB, gray, semantic classes and depth are painted from these shares
alone, so labels and picture cannot disagree.

Everything is laid out for LLVM's vectoriser: inner loops of known length without branches over flat
float32 arrays. A row's pixels are kept by phase, pixel 4 k + f at place 16 f + k.
"""

import numpy as np

from envs.driving.compiling import FAST, REDUCE, inlined, kernel
from envs.driving.levels import HALF_WIDTH
from envs.driving.road import ALONG_STEPS, OFFSET_STEPS, STRIPE_PERIOD, TEXEL

VIEW_DISTANCE = 220.0  # [m] ground further away is sky
_EDGE_LINE = HALF_WIDTH - 0.35  # [m] from the centreline to the middle of the line at the edge
_EDGE_LINE_HALF, _MIDDLE_LINE = 0.09, 0.08  # [m] half the width of the lines
_KERB_WIDTH = 0.6  # [m]

ROWS, SAMPLES, PHASES = 8, 16, 4
COLUMNS = SAMPLES * PHASES
BLOCK = ROWS * COLUMNS  # pixels of a block
_PITCH = 2 * SAMPLES  # a row of samples, with room for one past the end
_PAD = 80  # numbers between parts: parts a multiple of 4 KiB apart would stall each other's loads and stores
_S_DEPTH, _S_OFFSET, _S_ALONG, _S_SHARP, _S_SHARP_ALONG, _S_KERB, _S_TONE, _IN_X, _IN_Y = (
    (ROWS * _PITCH + _PAD) * part for part in range(9)
)
_COVER = (ROWS * _PITCH + _PAD) * 9  # where the pixels' parts begin
DEPTH_AT, LINE_AT, KERB_AT, GRASS_AT, STRIPE_AT, TONE_AT, RIDGE_AT, RED_AT, GREEN_AT, BLUE_AT = (
    _COVER + (BLOCK + _PAD) * part for part in range(10)
)
LAYERS = GREEN_AT - RED_AT  # from one painted channel to the next
_RAYS = _COVER + (BLOCK + _PAD) * 10
_RAY = 16  # numbers that the samples of a row have in common
SKIN = _RAYS + ROWS * _RAY  # the look's colours, four numbers each
TEXELS = ROWS * SAMPLES  # in the integers: first the texels' numbers, then their two halves
ZERO, HALF, ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)


@inlined
def share_beyond(distance, sharpness):
    """How much of a pixel lies beyond an edge at signed `distance`, `sharpness` being 1 / footprint."""
    return min(max(distance * sharpness + HALF, ZERO), ONE)


@inlined
def _stripes(position, period, frequency, sharpness):
    """Share of the pixel in the first half of a pattern; `position` ≥ 0, `frequency` is 1 / period."""
    phase = position * frequency
    phase = abs(phase - np.float32(np.int32(phase)) - HALF) * period
    return share_beyond(np.float32(0.25) * period - phase, sharpness)


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
    last, grid32 = np.float32(grid - 1), np.int32(grid)
    for row in range(ROWS):
        ray = _RAYS + row * _RAY
        x0, y0, z0 = floats[ray], floats[ray + 1], floats[ray + 2]
        x1, y1, z1 = floats[ray + 3], floats[ray + 4], floats[ray + 5]
        px, py, pz, least = floats[ray + 6], floats[ray + 7], floats[ray + 8], floats[ray + 13]
        for k in range(SAMPLES):
            place = row * _PITCH + k
            column = np.float32(k)
            depth = pz / max(z0 + column * z1, least)
            u = min(max(px + depth * (x0 + column * x1), ZERO), last)
            v = min(max(py + depth * (y0 + column * y1), ZERO), last)
            i, j = np.int32(u), np.int32(v)
            integers[row * SAMPLES + k] = np.int32(np.int32(j * grid32) + i)
            floats[_S_DEPTH + place] = depth
            floats[_IN_X + place], floats[_IN_Y + place] = (
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
    """Turn texels into distances to and along the centreline, and the reach of a pixel in both."""
    for row in range(ROWS):
        ray = _RAYS + row * _RAY
        fx, fy, across, along = floats[ray + 9], floats[ray + 10], floats[ray + 11], floats[ray + 12]
        for k in range(SAMPLES):
            place = row * _PITCH + k
            first, second = integers[TEXELS + row * SAMPLES + k], integers[2 * TEXELS + row * SAMPLES + k]
            gx, gy = _byte(first, 8), _byte(first, 0)  # [1/127]
            rx, ry, depth = floats[_IN_X + place], floats[_IN_Y + place], floats[_S_DEPTH + place]
            stretch = np.float32(np.int32(second >> 8) & np.int32(255)) * np.float32(1.0 / 64.0)
            offset = np.float32(np.int32(first >> 16)) * np.float32(1.0 / OFFSET_STEPS)
            travelled = np.float32(np.int32(second >> 16) & np.int32(65535)) * np.float32(1.0 / ALONG_STEPS)
            slope, turn = abs(gx * fx + gy * fy), abs(gy * fx - gx * fy)
            near, far = across * depth, along * depth * depth
            sharp = turn * near + slope * far + np.float32(0.1)
            sharp_along = (turn * far + slope * near) * stretch + np.float32(0.1)
            floats[_S_OFFSET + place] = offset + (gx * rx + gy * ry) * np.float32(TEXEL / 127.0)
            floats[_S_ALONG + place] = travelled + stretch * (gy * rx - gx * ry) * np.float32(TEXEL / 127.0)
            floats[_S_SHARP + place] = np.float32(127.0) / sharp
            floats[_S_SHARP_ALONG + place] = np.float32(127.0) / sharp_along
            floats[_S_KERB + place] = np.float32(np.int32(second) & np.int32(1))
            floats[_S_TONE + place] = np.float32(np.int32(second) & np.int32(2)) * HALF


@kernel(fastmath=REDUCE)
def _extremes(floats):
    """The greatest distance from the centreline, and whether kerbs are near."""
    furthest, kerb = ZERO, ZERO
    for row in range(ROWS):
        for k in range(SAMPLES):
            furthest = max(furthest, abs(floats[_S_OFFSET + row * _PITCH + k]))
            kerb = max(kerb, floats[_S_KERB + row * _PITCH + k])
    return furthest, kerb


@kernel(fastmath=REDUCE)
def _close_samples(floats, lap):
    """Add the sample past the end, and unroll the distance along the road where a lap begins."""
    for row in range(ROWS):
        start = _S_ALONG + row * _PITCH
        least, most = floats[start], floats[start]
        for k in range(SAMPLES):
            least, most = min(least, floats[start + k]), max(most, floats[start + k])
        if most - least > HALF * lap:
            _unroll(floats, start, lap)
        for part in (_S_DEPTH, _S_OFFSET, _S_ALONG):
            end = part + row * _PITCH + SAMPLES
            floats[end] = floats[end - 1] + (floats[end - 1] - floats[end - 2])


@kernel
def _unroll(floats, start, lap):
    """Undo the jumps of one row where the distance along the road begins anew."""
    shift = ZERO
    for k in range(start + 1, start + SAMPLES):
        jump = floats[k] + shift - floats[k - 1]
        if abs(jump) > HALF * lap:
            shift -= np.copysign(lap, jump)
        floats[k] += shift


@inlined
def _between(floats, place, share):
    """A sampled number between one sample and the next."""
    value = floats[place]
    return value + share * (floats[place + 1] - value)


@kernel(fastmath=FAST)
def _cover_lines(floats):
    """Shares of the dashes in the middle and the lines at the edges."""
    for row in range(ROWS):
        for phase in range(PHASES):
            share = np.float32(phase) * np.float32(1.0 / PHASES)
            for k in range(SAMPLES):
                place = row * COLUMNS + phase * SAMPLES + k
                offset = abs(_between(floats, _S_OFFSET + row * _PITCH + k, share))
                sharp = floats[_S_SHARP + row * _PITCH + k]
                travelled = _between(floats, _S_ALONG + row * _PITCH + k, share) + np.float32(1200.0)
                sharp_along = floats[_S_SHARP_ALONG + row * _PITCH + k]
                inner = offset < np.float32(1.5)
                from_line = offset if inner else abs(offset - np.float32(_EDGE_LINE))
                half = np.float32(_MIDDLE_LINE) if inner else np.float32(_EDGE_LINE_HALF)
                dash = _stripes(
                    travelled, np.float32(STRIPE_PERIOD), np.float32(1.0 / STRIPE_PERIOD), sharp_along
                )
                line = share_beyond(half - from_line, sharp) - share_beyond(-half - from_line, sharp)
                floats[LINE_AT + place] = line * (dash if inner else ONE)


@kernel(fastmath=FAST)
def _cover_depth(floats):
    """Depth of every pixel [m]."""
    for row in range(ROWS):
        for phase in range(PHASES):
            share = np.float32(phase) * np.float32(1.0 / PHASES)
            for k in range(SAMPLES):
                depth = _between(floats, _S_DEPTH + row * _PITCH + k, share)
                floats[DEPTH_AT + row * COLUMNS + phase * SAMPLES + k] = depth


@kernel(fastmath=FAST)
def _cover_grass(floats):
    """Share of what lies outside the road, all of it grass; the grass's tone."""
    for row in range(ROWS):
        for phase in range(PHASES):
            share = np.float32(phase) * np.float32(1.0 / PHASES)
            for k in range(SAMPLES):
                place = row * COLUMNS + phase * SAMPLES + k
                offset = abs(_between(floats, _S_OFFSET + row * _PITCH + k, share))
                sharp = floats[_S_SHARP + row * _PITCH + k]
                floats[GRASS_AT + place] = share_beyond(offset - np.float32(HALF_WIDTH), sharp)
                floats[TONE_AT + place] = floats[_S_TONE + row * _PITCH + k]


@kernel(fastmath=FAST)
def _cover_kerbs(floats):
    """Take the kerbs' share from the grass; the kerbs' stripes."""
    period = STRIPE_PERIOD / 3.0
    for row in range(ROWS):
        for phase in range(PHASES):
            share = np.float32(phase) * np.float32(1.0 / PHASES)
            for k in range(SAMPLES):
                place = row * COLUMNS + phase * SAMPLES + k
                offset = abs(_between(floats, _S_OFFSET + row * _PITCH + k, share))
                sharp = floats[_S_SHARP + row * _PITCH + k]
                travelled = _between(floats, _S_ALONG + row * _PITCH + k, share) + np.float32(1200.0)
                sharp_along = floats[_S_SHARP_ALONG + row * _PITCH + k]
                grass = floats[GRASS_AT + place]
                kerb = grass - share_beyond(offset - np.float32(HALF_WIDTH + _KERB_WIDTH), sharp)
                kerb *= floats[_S_KERB + row * _PITCH + k]
                floats[KERB_AT + place], floats[GRASS_AT + place] = kerb, grass - kerb
                floats[STRIPE_AT + place] = _stripes(
                    travelled, np.float32(period), np.float32(1.0 / period), sharp_along
                )


@kernel
def trace_block(surface, lap, near, floats, integers):
    """Find what a block's pixels cover, its rays being cast.

    Returns whether grass, kerbs and anything further than `near` metres are in it.
    """
    _read_texels(surface, integers)
    _decode_texels(floats, integers)
    furthest, kerb = _extremes(floats)
    _close_samples(floats, lap)
    _cover_lines(floats)
    grass = furthest > np.float32(HALF_WIDTH - 0.2)
    kerbs = grass and kerb > ZERO
    far = max(floats[_S_DEPTH], floats[_S_DEPTH + SAMPLES - 1]) > near
    if grass:
        _cover_grass(floats)
    if kerbs:
        _cover_kerbs(floats)
    if far:
        _cover_depth(floats)
    return grass, kerbs, far
