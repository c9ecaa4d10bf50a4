"""Shadows: the ground around whatever stands near is darker."""

import numpy as np

from envs.driving.actors import NOBODY
from envs.driving.compiling import FAST, inlined, kernel, wide_vectors
from envs.driving.projecting import in_sight, stand, window
from envs.driving.shapes import CLASS_PLANT, MODEL_KINDS, RADII, SIZES
from envs.driving.tiles import RAYS

LANES = 16  # pixels of a row that are reckoned at once
_SHADOW = np.float32(0.55)
_REACH = np.float32(1.15)  # of an object's sides
_WITHIN = np.float32(45.0)  # [m]
_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


@kernel(fastmath=FAST)
def _shadow_shares(view, place, sizes, window, shares, desk):
    """How dark an object makes the ground in a window, (H, W + LANES)."""
    wide_vectors()
    x, y, cos, sin = place
    first = (desk[RAYS], desk[RAYS + 1], desk[RAYS + 2])
    by_column = (desk[RAYS + 3], desk[RAYS + 4], desk[RAYS + 5])
    by_row = (desk[RAYS + 6], desk[RAYS + 7], desk[RAYS + 8])
    dx, dy, up = view.origin[0] - x, view.origin[1] - y, view.origin[2]
    a, b = np.float32(1.0) / sizes[0], np.float32(1.0) / sizes[1]
    u0, v0 = (dx * cos + dy * sin) * a, (dy * cos - dx * sin) * b
    for row in range(window[2], window[3]):
        r = np.float32(row)
        rx, ry, rz = first[0] + r * by_row[0], first[1] + r * by_row[1], first[2] + r * by_row[2]
        for begin in range(window[0], window[1], LANES):
            for lane in range(LANES):
                c = np.float32(begin) + np.float32(lane)
                wx, wy, wz = rx + c * by_column[0], ry + c * by_column[1], rz + c * by_column[2]
                depth = up / max(-wz, np.float32(1e-3))
                u, v = u0 + depth * (wx * cos + wy * sin) * a, v0 + depth * (wy * cos - wx * sin) * b
                inside = np.float32(2.0) - np.float32(2.0) * (u * u * u * u + v * v * v * v)
                shares[row, begin + lane] = _SHADOW * min(max(inside, _ZERO), _ONE)


@kernel
def _shadow(view, model, pose, frame, shares, desk):
    """Darken the ground under and around an object, where no object has been drawn yet."""
    x, y, yaw, scale = pose
    height, width, channels = frame.shape
    sizes, place = (
        (SIZES[model, 0] * _REACH, SIZES[model, 1] * _REACH, _ZERO),
        (x, y, np.cos(yaw), np.sin(yaw)),
    )
    stand(view, (*place, scale), desk)
    edges = window((_ZERO, _ZERO, _ZERO), sizes, view.focal, (height, width), desk)
    if edges[0] >= edges[1] or edges[2] >= edges[3]:
        return
    _shadow_shares(view, place, (sizes[0] * scale, sizes[1] * scale), edges, shares, desk)
    for row in range(edges[2], edges[3]):
        for column in range(edges[0], edges[1]):
            share = shares[row, column]
            if share > _ZERO:
                for channel in range(channels):
                    value = np.float32(frame[row, column, channel])
                    frame[row, column, channel] = np.uint8(value * (_ONE - share))


@inlined
def _near(view, thing):
    """Whether something is near enough to cast a shadow that is seen."""
    dx, dy = thing.x - view.origin[0], thing.y - view.origin[1]
    return dx * dx + dy * dy < _WITHIN * _WITHIN


@kernel
def draw_shadows(view, actors, beside, frame, shares, desk):
    """Darken the ground beneath whatever stands near.

    Args:
        view: `VIEW` record.
        actors: (M,) `ACTOR` records.
        beside: (K,) `SCENERY` records, the numbers of those in sight, and how many those are.
        frame: (H, W, C) uint8, changed.
        shares: (H, W + LANES) float32 to work in.
        desk: of `tiles`, with the frame's rays; an object's frame is left there.
    """
    half, (scenery, chosen, count) = np.float32(0.5) * np.float32(frame.shape[1]), beside
    for k in range(actors.shape[0]):
        it = actors[k]
        if it.kind != NOBODY and _near(view, it) and in_sight(view, it.x, it.y, RADII[it.model], half):
            _shadow(view, it.model, (it.x, it.y, it.yaw, _ONE), frame, shares, desk)
    for k in range(count):
        it = scenery[chosen[k]]
        if MODEL_KINDS[it.model] == CLASS_PLANT and _near(view, it):
            _shadow(view, it.model, (it.x, it.y, it.yaw, it.scale), frame, shares, desk)
