"""The lens: what moves across it and lies on it (rain, snow, dirt), and what the sensor adds (blur, noise).

Weather changes a frame strip by strip: `STRIP` pixels in their order, whatever the frame's width. A strip's
pixels are kept by phase, pixel 4 k + f at place `SAMPLES` f + k, because four pixels of RGB are three
words; one layer of floats a channel, and one for each number that several effects ask for.
"""

import numpy as np

from envs.driving.compiling import FAST, inlined, kernel, wide_vectors
from envs.driving.randomness import mix

PHASES, SAMPLES = 4, 128
STRIP = PHASES * SAMPLES  # pixels
LAYER = STRIP + 80  # layers a multiple of 4 KiB apart would stall each other's loads and stores
RED_AT, GREEN_AT, BLUE_AT, DEPTH_AT, ACROSS_AT, BELOW_AT, SHARE_AT, BEAM_AT = (LAYER * n for n in range(8))
_SUM_AT, _RIGHT_AT, _DOWN_AT = (LAYER * n for n in (8, 11, 12))  # three sums; how far a pixel moves [pixels]
NUM_FLOATS = LAYER * 13
_TAPS_AT = 3 * SAMPLES  # behind a strip's packed pixels
NUM_WORDS = _TAPS_AT + STRIP
ZERO, HALF, ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)

EXPOSURE = 0.04  # [s] of a motion blur of 1
_NEAREST = np.float32(0.5)  # [m] what is closer moves as if it were so far away
_STREAK = np.float32(0.05)  # [s] for which a drop of rain is seen
_RAIN_FALL = np.float32(8.0)  # [m/s]
_DROPS, _FLAKES, _BLOTS = 110.0, 90.0, 14  # at full strength, in a frame of 64 × 64
_TO_UNIT = np.float32(2.0**-16)
_LOW_BITS = np.uint64(0xFFFF)


@kernel(inline="always")
def course(view):
    """The car's course in the camera's axes, per metre driven: to the right, down, forward."""
    level = np.sqrt(view.axes[0, 0] * view.axes[0, 0] + view.axes[0, 1] * view.axes[0, 1])
    x, y = view.axes[0, 0] / level, view.axes[0, 1] / level
    right = view.axes[1, 0] * x + view.axes[1, 1] * y
    return right, view.axes[2, 0] * x + view.axes[2, 1] * y, level


@kernel(inline="always")
def turning(view):
    """How the camera's axes turn into each other, per radian to the world's left.

    Returns the rates at which what is ahead moves right, what is below moves right, what is ahead moves down.
    """
    a = view.axes
    right = a[0, 1] * a[1, 0] - a[0, 0] * a[1, 1]
    return right, a[2, 1] * a[1, 0] - a[2, 0] * a[1, 1], a[0, 1] * a[2, 0] - a[0, 0] * a[2, 1]


@kernel(fastmath=FAST)
def _take_shifts(floats, moved, turned, turns, focal):
    """Fill how far pixels move during the exposure: `moved` (right, down, forward) [m], `turned` [rad]."""
    wide_vectors()
    for place in range(STRIP):
        a, b = floats[ACROSS_AT + place], floats[BELOW_AT + place]
        near = ONE / max(floats[DEPTH_AT + place], _NEAREST)
        away = turned * (a * turns[0] + b * turns[2]) + moved[2] * near
        right = turned * (turns[0] + b * turns[1]) + a * away - moved[0] * near
        down = turned * (turns[2] - a * turns[1]) + b * away - moved[1] * near
        floats[_RIGHT_AT + place], floats[_DOWN_AT + place] = focal * right, focal * down


@kernel(fastmath=FAST)
def _begin_sums(floats):
    for layer in range(3):
        for place in range(STRIP):
            floats[_SUM_AT + layer * LAYER + place] = floats[RED_AT + layer * LAYER + place]


@kernel(fastmath=FAST)
def _find_taps(floats, words, share, size):
    """Fill which pixels lie `share` of a strip's pixels' ways off; less than a pixel is interpolated."""
    wide_vectors()
    focal, height, width = size
    last_column, last_row, across = width - ONE, height - ONE, np.int32(width)
    column_0, row_0 = HALF * width, HALF * height
    for place in range(STRIP):
        right, down = share * floats[_RIGHT_AT + place], share * floats[_DOWN_AT + place]
        weight = min(max(abs(right), abs(down)), ONE)
        scale = ONE / max(weight, np.float32(1e-6))
        column = focal * floats[ACROSS_AT + place] + column_0 + right * scale
        row = focal * floats[BELOW_AT + place] + row_0 + down * scale
        whole = np.int32(np.int32(min(max(row, ZERO), last_row)) * across)
        words[_TAPS_AT + place] = np.int32(whole + np.int32(min(max(column, ZERO), last_column)))
        floats[SHARE_AT + place] = weight


@kernel
def _fetch_taps(kept, words):
    """Put the pixels of the frame before in place of their numbers; apart, as no vector can do it."""
    for place in range(STRIP):
        words[_TAPS_AT + place] = kept[np.uint32(words[_TAPS_AT + place])]


@kernel(fastmath=FAST)
def _add_taps(floats, words):
    """Add what was fetched to a strip's sums."""
    wide_vectors()
    for place in range(STRIP):
        word, weight = words[_TAPS_AT + place], floats[SHARE_AT + place]
        red, green, blue = floats[RED_AT + place], floats[GREEN_AT + place], floats[BLUE_AT + place]
        seen = np.float32(word & np.int32(255)) - red
        floats[_SUM_AT + place] += red + weight * seen
        seen = np.float32(np.int32(word >> np.int32(8)) & np.int32(255)) - green
        floats[_SUM_AT + LAYER + place] += green + weight * seen
        seen = np.float32(np.int32(word >> np.int32(16)) & np.int32(255)) - blue
        floats[_SUM_AT + 2 * LAYER + place] += blue + weight * seen


@kernel(fastmath=FAST)
def _end_sums(floats, scale):
    for layer in range(3):
        for place in range(STRIP):
            floats[RED_AT + layer * LAYER + place] = scale * floats[_SUM_AT + layer * LAYER + place]


@kernel
def blur(floats, words, kept, view, motion, exposure, shape):
    """Blur a strip along its pixels' own ways across the frame.

    Args:
        floats: with the strip's colours, depth and places.
        words: (NUM_WORDS,) int32 to work in.
        kept: (pixels,) int32: the frame before, red + 256 green + 65536 blue.
        view: `VIEW` record.
        motion: forward speed [m/s] and yaw rate [rad/s].
        exposure: [s].
        shape: height and width of the frame.
    """
    height, width = shape
    right, down, forward = course(view)
    far = np.float32(motion[0]) * exposure
    _take_shifts(
        floats,
        (far * right, far * down, far * forward),
        np.float32(motion[1]) * exposure,
        turning(view),
        view.focal,
    )
    pairs = min(1 + width // 128, 4)
    step, size = ONE / np.float32(2 * pairs + 1), (view.focal, np.float32(height), np.float32(width))
    _begin_sums(floats)
    for pair in range(1, pairs + 1):
        for way in (pair, -pair):
            _find_taps(floats, words, np.float32(way) * step, size)
            _fetch_taps(kept, words)
            _add_taps(floats, words)
    _end_sums(floats, step)


@inlined
def _noisy(value, draw, strength):
    """A byte's worth of light with a draw of −1 … 1 added: the more light, the more noise."""
    light = value * np.float32(1.0 / 255.0)
    amplitude = strength * (np.float32(4.0) + np.float32(12.0) * light * (np.float32(2.0) - light))
    return min(max(value + amplitude * draw, ZERO), np.float32(255.0))


@inlined
def _ten_bits(hashed, shift):
    """Ten of a hash's bits, scaled to −1 … 1."""
    bits = np.int32(np.uint32(hashed >> np.uint32(shift)) & np.uint32(1023))
    return np.float32(bits) * np.float32(2.0 / 1023.0) - ONE


@kernel(fastmath=FAST)
def add_noise(floats, strength, key):
    """Add noise to a strip, by a hash of (key, place)."""
    wide_vectors()
    for c in range(STRIP):
        h = np.uint32(key + np.uint32(np.uint32(c) * np.uint32(0x9E3779B1)))
        h = np.uint32(np.uint32(h ^ np.uint32(h >> np.uint32(15))) * np.uint32(0x85EBCA6B))
        h = np.uint32(np.uint32(h ^ np.uint32(h >> np.uint32(13))) * np.uint32(0xC2B2AE35))
        h = np.uint32(h ^ np.uint32(h >> np.uint32(16)))
        floats[RED_AT + c] = _noisy(floats[RED_AT + c], _ten_bits(h, 0), strength)
        floats[GREEN_AT + c] = _noisy(floats[GREEN_AT + c], _ten_bits(h, 10), strength)
        floats[BLUE_AT + c] = _noisy(floats[BLUE_AT + c], _ten_bits(h, 20), strength)


@kernel(inline="always")
def _three_of(key, number):
    """Three draws in [0, 1) from one mix of the key: 16 bits are enough for a place."""
    bits = mix(np.uint64(key), np.uint64(number))
    first = np.float32(bits & _LOW_BITS) * _TO_UNIT
    second = np.float32((bits >> np.uint64(16)) & _LOW_BITS) * _TO_UNIT
    return first, second, np.float32((bits >> np.uint64(32)) & _LOW_BITS) * _TO_UNIT


@kernel(inline="always")
def _how_many(strength, full, shape):
    """Number of drops or flakes; a wider frame shows smaller ones as well."""
    area = np.float32(shape[0] * shape[1])
    return np.float32(strength) * np.float32(full / 64.0) * np.sqrt(area)


@kernel(inline="always")
def _dab(layer, shape, column, row, share):
    """Add `share` at a place of a layer (pixels,), dealt out to the four pixels around it."""
    height, width = shape
    x, y = column - HALF, row - HALF
    if x >= ZERO and y >= ZERO and x < np.float32(width - 1) and y < np.float32(height - 1):
        c, r = np.int64(x), np.int64(y)
        right, down = x - np.float32(c), y - np.float32(r)
        at = np.uint64(r * width + c)
        below = at + np.uint64(width)
        layer[at] += share * (ONE - right) * (ONE - down)
        layer[at + np.uint64(1)] += share * right * (ONE - down)
        layer[below] += share * (ONE - right) * down
        layer[below + np.uint64(1)] += share * right * down


@kernel
def draw_rain(layer, shape, view, speed, strength, key):
    """Add streaks of rain to a layer of shares (pixels,): drops that fall and come towards the car."""
    height, width = shape
    middle, centre = np.float32(0.5 * width), np.float32(0.5 * height)
    right, down, _ = course(view)
    count = _how_many(strength, _DROPS, shape)
    for n in range(int(np.ceil(count))):
        x, y, far = _three_of(key, n)
        x, y = x * np.float32(width), y * np.float32(height)
        time = _STREAK / (np.float32(1.5) + np.float32(6.5) * far)
        dx = time * np.float32(speed) * (x - middle - view.focal * right)
        dy = time * (_RAIN_FALL * view.focal + np.float32(speed) * (y - centre - view.focal * down))
        longest = np.float32(0.2) * np.float32(height)
        steps = int(np.ceil(min(max(max(abs(dx), abs(dy)), ONE), longest)))
        part = min(count - np.float32(n), ONE)
        share = np.float32(0.5) * part * (ONE - np.float32(0.5) * far)
        reach = max(max(abs(dx), abs(dy)), np.float32(steps))
        for step in range(steps):
            along = np.float32(step) / reach
            _dab(layer, shape, x + along * dx, y + along * dy, share)


@kernel
def _blot(layer, shape, middle, radius, share):
    """Add a soft disc to a layer: share × (1 − (distance / radius)²)² in its middle and around."""
    height, width = shape
    column, row = middle
    first, last = max(int(column - radius), 0), min(int(column + radius) + 1, width)
    narrow = ONE / (radius * radius)
    for r in range(max(int(row - radius), 0), min(int(row + radius) + 1, height)):
        dy = np.float32(r) + HALF - row
        for c in range(first, last):
            dx = np.float32(c) + HALF - column
            near = max(ONE - (dx * dx + dy * dy) * narrow, ZERO)
            layer[np.uint64(r * width + c)] += share * near * near


@kernel
def draw_snow(layer, shape, focal, strength, key):
    """Add flakes of snow to a layer of shares (pixels,): discs, the closer the larger."""
    height, width = shape
    count = _how_many(strength, _FLAKES, shape)
    for n in range(int(np.ceil(count))):
        x, y, far = _three_of(key, n)
        size = np.float32(0.06) * focal / (np.float32(1.0) + np.float32(9.0) * far)
        radius = min(max(size, np.float32(1.3)), np.float32(0.06) * np.float32(height))
        part = min(count - np.float32(n), ONE)
        place = (x * np.float32(width), y * np.float32(height))
        _blot(layer, shape, place, max(radius, ONE), np.float32(0.95) * part)


@kernel
def draw_dirt(layer, shape, strength, key):
    """Add blots to a layer of shares (pixels,); the key, the same all episode, says where."""
    height, width = shape
    for n in range(_BLOTS):
        x, y, size = _three_of(key, n)
        radius = (np.float32(0.03) + np.float32(0.10) * size * size) * np.float32(width)
        place = (x * np.float32(width), y * np.float32(height))
        _blot(layer, shape, place, max(radius, ONE), np.float32(strength))
