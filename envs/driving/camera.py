"""The camera: the frames and labels that it gives of a road.

`tracing` finds what every pixel covers, `painting` colours it; RGB, gray, semantic classes and depth all
come from the same shares, so labels and picture cannot disagree.
"""

import numpy as np

from envs.driving.colours import NUM_COLOURS, take_colours
from envs.driving.compiling import FAST, allocating, inlined, kernel, wide_vectors
from envs.driving.marking import (
    SHEEN,
    across_of,
    decode_marks,
    marked_shares,
    paint_marked,
    patterns_at,
    take_marks,
)
from envs.driving.painting import finish, paint_ground
from envs.driving.sky import bands, paint_above, trace_ridge
from envs.driving.tracing import (
    BLOCK,
    COLUMNS,
    DEPTH_AT,
    MARKS_AT,
    ONE,
    PHASES,
    PITCH,
    ROWS,
    S_DASH,
    S_KERB,
    S_OFFSET,
    S_SHARP,
    S_THIN,
    SAMPLES,
    SKIN,
    TEXELS,
    VIEW_DISTANCE,
    ZERO,
    between,
    cast_rays,
    cover_depth,
    find_texels,
    offset_at,
    shares_at,
    trace_block,
)

CLASSES = ("sky", "grass", "road", "line", "kerb")
OBJECT_CLASSES = ("vehicle", "pedestrian", "obstacle", "plant", "building", "post")  # they follow CLASSES
SKY, GRASS, ROAD, LINE, KERB = range(len(CLASSES))
_FLOATS = SKIN + 4 * NUM_COLOURS


@allocating
def scratch():
    """The buffers that `paint` and `label` work in: floats, integers, and words of four packed bytes."""
    return np.zeros(_FLOATS, np.float32), np.zeros(BLOCK, np.int32), np.zeros(3 * TEXELS, np.int32)


@kernel
def _copy(packed, taken, flat, start, size):
    """Copy `size` bytes."""
    for c in range(np.uint64(size)):
        flat[np.uint64(start) + c] = packed[np.uint64(taken) + c]


@kernel
def paint(view, look, road, noise_key, out, buffers):
    """Draw one frame of a road without anything that stands on it.

    Args:
        view: `VIEW` record.
        look: `LOOK` record.
        road: the level's surface map (grid, grid) int64, and `Section.numbers()`.
        noise_key: key of this frame's noise.
        out: (H, W, 3) or (H, W, 1) uint8, RGB or gray.
        buffers: of `scratch`.
    """
    height, width, channels = out.shape
    flat, floats = out.reshape(out.size), buffers[0]
    packed = buffers[2].view(np.uint8)
    take_colours(look, floats)
    take_marks(road[1], view.mirror, look.wet, floats)
    for first in range(0, width, COLUMNS):
        trace_ridge(view, first, width, floats)
        hills, soil = bands(view, first, height, width)
        size = channels * min(COLUMNS, width - first)
        top = 0
        while top < height:
            place = (top, first, height, width)
            bottom = min(top + ROWS, hills if top < hills else soil if top < soil else height)
            _paint_block(view, look, road, place, (channels, hills, soil), noise_key, buffers)
            for row in range(bottom - top):
                start, taken = ((top + row) * width + first) * channels, row * channels * COLUMNS
                _copy(packed, taken, flat, start, size)
            top = bottom


@kernel
def _paint_block(view, look, road, place, kind, noise_key, buffers):
    """Paint one block into the buffer of words; `kind` is the channels, and where hills and soil begin."""
    (top, first, _, width), (channels, hills, soil) = place, kind
    floats, integers, words = buffers
    clear = top < hills and look.noise <= ZERO
    if top < soil:
        paint_above(view, place, channels, clear, floats, words)
    else:
        plain = _trace(view, road, place, np.float32(0.2) / look.haze, floats, integers)
        if road[1][0] > ZERO or look.wet > ZERO:
            paint_marked(floats, channels, look.haze)
        else:
            paint_ground(floats, channels, look.haze, plain)
    if not clear:
        key = np.uint32(noise_key + np.uint32(top * width + first) * np.uint32(0x9E3779B9))
        finish(floats, channels, look.noise, key, words)


@kernel
def _trace(view, road, place, near, floats, integers):
    """Trace a block of ground; returns what `trace_block` does."""
    surface, marks = road
    grid = surface.shape[0]
    cast_rays(view, place, grid, floats)
    find_texels(floats, grid, integers)
    plain = trace_block(surface.reshape(surface.size), near, floats, integers)
    if marks[0] > ZERO or floats[MARKS_AT + SHEEN] > ZERO:
        decode_marks(floats, integers)
    return plain


@inlined
def _kind_of(line, grass, kerb):
    """The class that covers most of a pixel."""
    road = ONE - line - grass - kerb
    kind = np.int32(ROAD) if road >= line else np.int32(LINE)
    kind = np.int32(KERB) if kerb > max(road, line) else kind
    return np.int32(GRASS) if grass > max(max(road, line), kerb) else kind


@kernel(fastmath=FAST)
def _classify(floats, integers):
    """Write the class that covers most of each pixel over the texels, which are read by now."""
    wide_vectors()
    for row in range(ROWS):
        for phase in range(PHASES):
            share = np.float32(phase) * np.float32(1.0 / PHASES)
            for k in range(SAMPLES):
                sample, place = row * PITCH + k, row * COLUMNS + phase * SAMPLES + k
                offset, dash = offset_at(floats, sample, share), between(floats, S_DASH + sample, share)
                sharp = floats[S_SHARP + sample]
                thin, kerbed = floats[S_THIN + sample], floats[S_KERB + sample]
                line, grass, kerb = shares_at(offset, dash, sharp, thin, kerbed)
                integers[place] = _kind_of(line, grass, kerb)


@kernel(fastmath=FAST)
def _classify_marked(floats, integers):
    """`_classify` for a road with lanes."""
    wide_vectors()
    across = across_of(floats)
    for row in range(ROWS):
        for phase in range(PHASES):
            share = np.float32(phase) * np.float32(1.0 / PHASES)
            for k in range(SAMPLES):
                sample, place = row * PITCH + k, row * COLUMNS + phase * SAMPLES + k
                offset = between(floats, S_OFFSET + sample, share)
                here = (floats[S_SHARP + sample], floats[S_THIN + sample], floats[S_KERB + sample])
                patterns = patterns_at(floats, sample, share)
                line, grass, kerb = marked_shares(offset, here, patterns, across, True)
                integers[place] = _kind_of(line, grass, kerb)


@kernel(fastmath=FAST)
def _end_of_sight(floats, integers):
    """Make sky of a classified block's pixels that are too far away."""
    wide_vectors()
    for place in range(BLOCK):
        depth = floats[DEPTH_AT + place]
        sky = depth >= np.float32(0.99 * VIEW_DISTANCE)
        integers[place] = np.int32(SKY) if sky else integers[place]
        floats[DEPTH_AT + place] = np.float32(VIEW_DISTANCE) if sky else depth


@kernel
def _deal_out(floats, integers, place, classes, depth):
    """Copy a classified block, kept by phase, to its place in the masks (H, W)."""
    top, first, height, width = place
    for row in range(min(ROWS, height - top)):
        for phase in range(PHASES):
            for k in range(min(SAMPLES, (width - first - phase + PHASES - 1) // PHASES)):
                part, column = row * COLUMNS + phase * SAMPLES + k, first + PHASES * k + phase
                classes[top + row, column] = np.uint8(integers[part])
                depth[top + row, column] = floats[DEPTH_AT + part]


@kernel
def label(view, road, classes, depth, buffers):
    """Label one frame of a road without anything that stands on it.

    A pixel's class is the one that covers most of it; its depth is measured along the optical axis.

    Args:
        view: `VIEW` record.
        road: the level's surface map (grid, grid) int64, and `Section.numbers()`.
        classes: filled: (H, W) uint8, indices into `CLASSES`.
        depth: filled: (H, W) float32 [m], `VIEW_DISTANCE` for the sky.
        buffers: of `scratch`.
    """
    height, width = classes.shape
    floats, integers, _ = buffers
    take_marks(road[1], view.mirror, ZERO, floats)
    for first in range(0, width, COLUMNS):
        _, soil = bands(view, first, height, width)
        for row in range(soil):
            for column in range(first, min(first + COLUMNS, width)):
                classes[row, column], depth[row, column] = np.uint8(SKY), np.float32(VIEW_DISTANCE)
        for top in range(soil, height, ROWS):
            place = (top, first, height, width)
            _trace(view, road, place, ZERO, floats, integers)
            cover_depth(floats)
            if road[1][0] > ZERO:
                _classify_marked(floats, integers)
            else:
                _classify(floats, integers)
            _end_of_sight(floats, integers)
            _deal_out(floats, integers, place, classes, depth)
