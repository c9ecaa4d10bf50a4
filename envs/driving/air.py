"""Air: the weather of a row laid over its frame, once everything in it has a depth."""

import numpy as np

from envs.driving.compiling import FAST, allocating, kernel, wide_vectors
from envs.driving.strips import weather_scratch
from envs.driving.tiles import LANES, T_DEPTH, T_GLOW, pixel_of, place_of, tiles_across
from envs.driving.tracing import VIEW_DISTANCE
from envs.driving.weather import is_clear
from envs.driving.weathering import apply_weather

_FURTHEST = np.float32(1.0 / VIEW_DISTANCE)


@allocating
def air_buffers(height, width):
    """Depths (H, W) float32, glow (H, W) uint8, and what the weather works in."""
    return (
        np.empty((height, width), np.float32),
        np.zeros((height, width), np.uint8),
        weather_scratch(height, width),
    )


@kernel(fastmath=FAST)
def _ground_depths(view, depths):
    """Fill the depth of flat ground in every pixel, the sky's where there is none [m]."""
    wide_vectors()
    height, width = depths.shape
    step = np.float32(1.0) / view.focal
    right, down = step * view.axes[1, 2], step * view.axes[2, 2]
    half_width, half_height = np.float32(0.5) * np.float32(width), np.float32(0.5) * np.float32(height)
    first = view.axes[0, 2] + (np.float32(0.5) - half_width) * right + (np.float32(0.5) - half_height) * down
    lower = np.float32(-1.0) / view.origin[2]
    for row in range(height):
        fall, line = (first + np.float32(row) * down) * lower, depths[row]
        for column in range(width):
            inverse = max(fall + np.float32(column) * right * lower, _FURTHEST)
            line[column] = np.float32(1.0) / inverse


@kernel
def _object_depths(planes, depths, glow):
    """Lay objects' depths and glow over those of the ground."""
    desk, touched = planes[0], planes[1]
    height, width = depths.shape
    across = tiles_across(width)
    for tile in range(touched.shape[0]):
        for lane in range(LANES if touched[tile] else 0):
            at, (row, column) = place_of(tile, lane), pixel_of(tile, lane, across)
            if desk[at + T_DEPTH] < np.float32(VIEW_DISTANCE) and row < height and column < width:
                depths[row, column] = desk[at + T_DEPTH]
                glow[row, column] = np.uint8(desk[at + T_GLOW])


@kernel
def apply_weather_to(view, row, weather, frame, key, planes, air):
    """Lay a row's weather over its frame.

    Args:
        view: `VIEW` record.
        row: `ROW` record.
        weather: `WEATHER` record.
        frame: (H, W, C) uint8, changed.
        key: of the frame's noise.
        planes: of `object_buffers`, as drawn with; None where nothing stands on the ground.
        air: of `air_buffers`.
    """
    if is_clear(weather):
        return
    depths, glow, buffers = air
    _ground_depths(view, depths)
    glow[:] = np.uint8(0)
    if planes is not None:
        _object_depths(planes, depths, glow)
    apply_weather(frame, depths, glow, view, (row.vx, row.yaw_rate), weather, key, buffers)
