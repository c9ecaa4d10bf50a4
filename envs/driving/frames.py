"""Frames of the rows of the batch: the ground, what stands on it, and the air before it, one after the other.

`rich` is None on a plain track under a clear sky; see `rows`.
"""

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from envs.driving.air import air_buffers, apply_weather_to
from envs.driving.camera import label, paint, scratch
from envs.driving.compiling import allocating, kernel
from envs.driving.objects import draw_objects, merge_masks, object_buffers
from envs.driving.randomness import STREAM_NOISE, stream_key
from envs.driving.rows import step_few
from envs.driving.sharing import next_few
from envs.driving.view import VIEW, aim


@kernel(inline="always")
def _things(n, row, roads, there, scenery):
    """Actors and scenery of a row, and the places of the scenery."""
    beside = roads.scenery[row.level, : roads.scenery_counts[row.level] if scenery else 0]
    return there.actors[n], beside, roads.places[row.level]


@kernel
def _paint_few(rows, roads, there, painting, ground, planes, air, span):
    """Paint the frames of rows [first, last); arguments of `paint_rows`, and what each part works in."""
    looks, lens, frames, scenery = painting
    views, unasked, buffers = ground
    view = views[0]
    for n in range(span[0], span[1]):
        row, look = rows[n], looks[n]
        key = np.uint32(stream_key(row.seed, row.episode, row.step, STREAM_NOISE) >> np.uint64(32))
        for camera in range(frames.shape[1]):
            frame = frames[n, camera]
            aim(view, row, lens[0], lens[1][camera], look.errors)
            paint(view, look, (roads.surfaces[row.level], roads.marks), key, frame, buffers)
            if planes is not None:
                draw_objects(view, look, _things(n, row, roads, there, scenery), frame, planes, unasked)
            if air is not None:
                apply_weather_to(view, row, there.weathers[n], frame, key, planes, air)


def _buffers_for(frames: np.ndarray, rich: bool | None) -> Any:
    """What objects are drawn in, and weather; (None, None) on a plain track."""


@overload(_buffers_for)
def _compile_buffers_for(frames, rich):
    if isinstance(rich, types.NoneType):  # numba prunes what asks for None, but returns either
        return lambda frames, rich: (None, None)
    return lambda frames, rich: (
        object_buffers(frames.shape[2], frames.shape[3]),
        air_buffers(frames.shape[2], frames.shape[3]),
    )


@allocating(nogil=True)
def paint_rows(rows, roads, there, painting, rich, turn):
    """Paint frames.

    Args:
        rows: the batch.
        roads: `RoadArrays`.
        there: `Inhabitants`.
        painting: looks, (focal length, mountings (K, 4)), frames (N, K, H, W, C), whether there is scenery.
        rich: None where there is neither anything on the ground nor weather.
        turn: of `next_few`.
    """
    ground = (np.zeros(1, VIEW), np.zeros((1, 0), np.int32), scratch())
    planes, air = _buffers_for(painting[2], rich)
    span = next_few(turn, rows.shape[0])
    while span[0] < span[1]:
        _paint_few(rows, roads, there, painting, ground, planes, air, span)
        span = next_few(turn, rows.shape[0])


@allocating(nogil=True)
def step_and_paint_rows(stepping, painting, rich, turn):
    """Step rows and paint them: arguments of `step_rows` and of `paint_rows`.

    One kernel, because to hand work to a thread takes as long as to paint a few frames.
    """
    rows, roads, there = stepping[0], stepping[3], stepping[4]
    ground = (np.zeros(1, VIEW), np.zeros((1, 0), np.int32), scratch())
    planes, air = _buffers_for(painting[2], rich)
    span = next_few(turn, rows.shape[0])
    while span[0] < span[1]:
        step_few(stepping, rich, span[0], span[1])
        _paint_few(rows, roads, there, painting, ground, planes, air, span)
        span = next_few(turn, rows.shape[0])


@kernel
def _label_few(rows, roads, there, labelling, ground, planes, span):
    """Label the frames of rows [first, last); `ground` and `planes` are what it works in."""
    looks, lens, classes, depths, instances, boxes, scenery = labelling
    views, nothing, buffers = ground
    view = views[0]
    for n in range(span[0], span[1]):
        row = rows[n]
        for camera in range(classes.shape[1]):
            aim(view, row, lens[0], lens[1][camera], looks[n].errors)
            masks = classes[n, camera], depths[n, camera]
            label(view, (roads.surfaces[row.level], roads.marks), masks[0], masks[1], buffers)
            if planes is not None:
                things = _things(n, row, roads, there, scenery)
                draw_objects(view, looks[n], things, nothing, planes, boxes[n, camera])
                merge_masks(things, planes, masks[0], masks[1], instances[n, camera], boxes[n, camera])


@allocating(nogil=True)
def label_rows(rows, roads, there, labelling, rich, turn):
    """Label frames.

    Args:
        rows: the batch.
        roads: `RoadArrays`.
        there: `Inhabitants`.
        labelling: looks, (focal length, mountings (K, 4)), classes, depths and instances (N, K, H, W), boxes
            (N, K, M, 6), whether there is scenery.
        rich: None where nothing stands on the ground.
        turn: of `next_few`.
    """
    planes, _ = _buffers_for(labelling[2], rich)
    nothing = np.empty((labelling[2].shape[2], labelling[2].shape[3], 0), np.uint8)
    ground = (np.zeros(1, VIEW), nothing, scratch())
    span = next_few(turn, rows.shape[0])
    while span[0] < span[1]:
        _label_few(rows, roads, there, labelling, ground, planes, span)
        span = next_few(turn, rows.shape[0])
