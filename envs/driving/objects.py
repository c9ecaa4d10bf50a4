"""Objects: everything that stands on the ground, drawn into a frame by depth.

The ground is flat, so it hides nothing; objects hide each other, pixel by pixel, by the depth at which the
middle of the pixel meets them. Masks, boxes, depths and colours come from the same rays.
"""

import numpy as np

from envs.driving.actors import NOBODY
from envs.driving.casting import (
    LANES,
    MOST_PARTS,
    NEAR,
    PREPARED,
    STRIP,
    T_COLOUR,
    T_DEPTH,
    T_MINE,
    T_NUMBER,
    cast_part,
    place_of,
    prepare,
)
from envs.driving.colours import HAZE
from envs.driving.compiling import FAST, allocating, inlined, kernel, wide_vectors
from envs.driving.shading import SUN
from envs.driving.shapes import CLASS_PLANT, MODEL_KINDS, RADII, SIZES
from envs.driving.tracing import VIEW_DISTANCE

SCENERY_IDS = 1024  # the first number of what stands beside the road; actors have theirs plus one
_SMALLEST = np.float32(1.0 / 0.8)  # 1 / the least radius that is drawn [pixels]
_SHADOW = np.float32(0.55)
_SHADOW_REACH = np.float32(1.15)  # of an object's sides
_SHADOWS_WITHIN = np.float32(45.0)  # [m]
_ZERO = np.float32(0.0)
_ABOVE = np.float32(50.0)  # [m] a camera so high sees the car itself
_EGO_MODEL = 1
# What `_light_of` knows: the look's mist, what its light makes of colours, the colour of the air.
_MIST, _GAIN, _AIR, _LIGHT = 0, 1, 4, 8

# What a row's masks say of each actor: columns and rows [left, top, right, bottom) of all its pixels, those
# hidden by others among them; how many there are and how many are seen.
BOX_FIELDS = ("left", "top", "right", "bottom", "pixels", "seen")


@allocating
def object_buffers(height, width):
    """What objects are drawn with.

    The frame in strips, see `casting`; an object's parts; what the look says of the light; the strips of each
    row that hold objects, first and last but one; how dark shadows make the ground.
    """
    strips = (width + LANES - 1) // LANES
    return (
        np.zeros(height * strips * int(STRIP), np.float32),
        np.zeros((MOST_PARTS, PREPARED), np.float32),
        np.zeros(_LIGHT, np.float32),
        np.zeros((height, 2), np.int32),
        np.zeros((height, width + LANES), np.float32),
    )


@inlined
def _in_sight(view, x, y, size, half):
    """Whether a ball of radius `size` [m] on the ground may be in the picture, half of which is so wide.

    What would be smaller than a pixel is not: it would only flicker.
    """
    dx, dy = x - view.origin[0], y - view.origin[1]
    depth = dx * view.axes[0, 0] + dy * view.axes[0, 1]
    right = dx * view.axes[1, 0] + dy * view.axes[1, 1]
    near = (depth > -size) & (depth < min(size * view.focal * _SMALLEST, np.float32(VIEW_DISTANCE)))
    return near & (abs(right) * view.focal - half * depth < size * (view.focal + half))


@kernel(fastmath=FAST)
def _window(view, place, sizes, height, width):
    """Columns and rows [left, right, top, bottom) around the corners of an object's box.

    Args:
        view: `VIEW` record.
        place: x, y [m], cosine and sine of the yaw.
        sizes: half the length, half the width and the height [m].
        height: of the frame [pixels].
        width: of the frame [pixels].
    """
    x, y, cos, sin = place
    left, right, top, bottom = np.float32(1e6), np.float32(-1e6), np.float32(1e6), np.float32(-1e6)
    dx, dy, dz = x - view.origin[0], y - view.origin[1], -view.origin[2]
    for corner in range(8):
        u = sizes[0] if corner & 1 else -sizes[0]
        v = sizes[1] if corner & 2 else -sizes[1]
        ex, ey = dx + u * cos - v * sin, dy + u * sin + v * cos
        ez = dz + (sizes[2] if corner & 4 else _ZERO)
        depth = ex * view.axes[0, 0] + ey * view.axes[0, 1] + ez * view.axes[0, 2]
        if depth < NEAR:  # it reaches behind the camera
            return 0, width, 0, height
        scale = view.focal / depth
        column = (ex * view.axes[1, 0] + ey * view.axes[1, 1] + ez * view.axes[1, 2]) * scale
        row = (ex * view.axes[2, 0] + ey * view.axes[2, 1] + ez * view.axes[2, 2]) * scale
        left, right = min(left, column), max(right, column)
        top, bottom = min(top, row), max(bottom, row)
    middle, centre = np.float32(0.5) * np.float32(width), np.float32(0.5) * np.float32(height)
    first, last = int(np.floor(left + middle)), int(np.floor(right + middle)) + 1
    upper, lower = int(np.floor(top + centre)), int(np.floor(bottom + centre)) + 1
    return max(first, 0), min(last, width), max(upper, 0), min(lower, height)


@inlined
def _first_ray(view, height, width):
    """The ray through the first pixel's middle, and its change by column and row."""
    axes, step = view.axes, np.float32(1.0) / view.focal
    right = (np.float32(0.5) - np.float32(0.5) * np.float32(width)) * step
    down = (np.float32(0.5) - np.float32(0.5) * np.float32(height)) * step
    first = (
        axes[0, 0] + right * axes[1, 0] + down * axes[2, 0],
        axes[0, 1] + right * axes[1, 1] + down * axes[2, 1],
        axes[0, 2] + right * axes[1, 2] + down * axes[2, 2],
    )
    by_column = (step * axes[1, 0], step * axes[1, 1], step * axes[1, 2])
    return first, by_column, (step * axes[2, 0], step * axes[2, 1], step * axes[2, 2])


@kernel
def _draw(view, thing, size, buffers, box):
    """Draw one object into the strips.

    Args:
        view: `VIEW` record.
        thing: its model, pose (x, y, yaw, scale), paint and number.
        size: height and width of the frame.
        buffers: of `object_buffers`.
        box: (6,) int32, filled by `BOX_FIELDS` but for what is seen; empty where nobody asks.
    """
    model, (x, y, yaw, scale), paint, number = thing
    height, width = size
    tiles, prepared, light, dirty, _ = buffers
    cos, sin = np.cos(yaw), np.sin(yaw)
    sizes = (SIZES[model, 0] * scale, SIZES[model, 1] * scale, SIZES[model, 2] * scale)
    left, right, top, bottom = _window(view, (x, y, cos, sin), sizes, height, width)
    if left >= right or top >= bottom:
        return
    camera = (view.origin[0] - x, view.origin[1] - y, view.origin[2])
    sun = (SUN[0] * cos + SUN[1] * sin, SUN[1] * cos - SUN[0] * sin, SUN[2])
    shining = ((light[_GAIN], light[_GAIN + 1], light[_GAIN + 2]), sun)
    turned, rays = (cos, sin, np.float32(1.0) / scale), _first_ray(view, height, width)
    parts = prepare((model, paint), turned, camera, rays, shining, prepared)
    strips = (width + LANES - 1) // LANES
    window = (top, bottom, left // LANES, (right + LANES - 1) // LANES, strips)
    air = (light[_MIST], light[_AIR], light[_AIR + 1], light[_AIR + 2])
    for part in range(parts):
        cast_part(prepared[part], window, tiles, (np.float32(number), part == 0, *air))
    for row in range(top, bottom):
        dirty[row, 0], dirty[row, 1] = min(dirty[row, 0], window[2]), max(dirty[row, 1], window[3])
    if box.shape[0] > 0:
        _measure(tiles, (left, right, top, bottom), strips, box)


@kernel
def _measure(tiles, window, strips, box):
    """Fill an object's box from the pixels that its own depth is known of."""
    for row in range(window[2], window[3]):
        for column in range(window[0], window[1]):
            place = place_of(row, column, strips)
            if tiles[place + T_MINE] < np.float32(VIEW_DISTANCE):
                box[0], box[1] = min(box[0], column), min(box[1], row)
                box[2], box[3] = max(box[2], column + 1), max(box[3], row + 1)
                box[4] += 1


@kernel
def _put(frame, tiles, dirty):
    """Write the strips' colours into the frame wherever an object is seen."""
    height, width, channels = frame.shape
    strips = (width + LANES - 1) // LANES
    for row in range(height):
        for column in range(dirty[row, 0] * LANES, min(dirty[row, 1] * LANES, width)):
            place = place_of(row, column, strips)
            if tiles[place + T_NUMBER] > _ZERO:
                word = np.int32(tiles[place + T_COLOUR])
                red, green, blue = word & 255, (word >> 8) & 255, word >> 16
                if channels == 3:
                    frame[row, column, 0], frame[row, column, 1] = np.uint8(red), np.uint8(green)
                    frame[row, column, 2] = np.uint8(blue)
                else:
                    frame[row, column, 0] = np.uint8((red * 299 + green * 587 + blue * 114 + 500) // 1000)


@kernel
def _light_of(look, light):
    """Fill what a look says of the light on objects."""
    light[_MIST] = look.haze
    for channel in range(3):
        light[_GAIN + channel] = look.light * look.tint[channel]
        light[_AIR + channel] = look.colours[HAZE, channel]


@kernel(fastmath=FAST)
def _shadow_shares(view, place, sizes, window, shares):
    """How dark an object makes the ground in a window, (H, W + LANES)."""
    wide_vectors()
    x, y, cos, sin = place
    height, width = shares.shape[0], shares.shape[1] - LANES
    first, by_column, by_row = _first_ray(view, height, width)
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
                shares[row, begin + lane] = _SHADOW * min(max(inside, _ZERO), np.float32(1.0))


@kernel
def _shadow(view, model, pose, frame, shares):
    """Darken the ground under and around an object, where no object has been drawn yet."""
    x, y, yaw, scale = pose
    reach = scale * _SHADOW_REACH
    sizes = (SIZES[model, 0] * reach, SIZES[model, 1] * reach, _ZERO)
    place = (x, y, np.cos(yaw), np.sin(yaw))
    height, width, channels = frame.shape
    window = _window(view, place, sizes, height, width)
    if window[0] >= window[1] or window[2] >= window[3]:
        return
    _shadow_shares(view, place, sizes, window, shares)
    for row in range(window[2], window[3]):
        for column in range(window[0], window[1]):
            share = shares[row, column]
            if share > _ZERO:
                for channel in range(channels):
                    value = np.float32(frame[row, column, channel])
                    frame[row, column, channel] = np.uint8(value * (np.float32(1.0) - share))


@inlined
def _pose(thing, scale):
    return thing.x, thing.y, thing.yaw, scale


@kernel(fastmath=FAST)
def _clear(tiles, dirty):
    """Make the strips ready for a new frame."""
    wide_vectors()
    for strip in range(tiles.shape[0] // int(STRIP)):
        for lane in range(LANES):
            at = np.uint64(strip) * STRIP + np.uint64(lane)
            tiles[at + T_DEPTH], tiles[at + T_NUMBER] = np.float32(VIEW_DISTANCE), _ZERO
    for row in range(dirty.shape[0]):
        dirty[row, 0], dirty[row, 1] = 1 << 20, 0


@kernel
def draw_objects(view, look, things, frame, buffers, boxes):
    """Draw actors and scenery into the strips, and into a painted frame.

    Args:
        view: `VIEW` record.
        look: `LOOK` record.
        things: (M,) `ACTOR` and (K,) `SCENERY` records.
        frame: (H, W, C) uint8; with no channels nothing is painted.
        buffers: of `object_buffers`.
        boxes: (M, 6) int32, filled by `BOX_FIELDS` but for what is seen; with no columns none are.
    """
    actors, scenery = things
    height, width, channels = frame.shape
    _light_of(look, buffers[2])
    _clear(buffers[0], buffers[3])
    asked, size = boxes.shape[1] > 0, (height, width)
    half, one = np.float32(0.5) * np.float32(width), np.float32(1.0)
    if channels > 0:
        _draw_shadows(view, actors, scenery, frame, buffers[4])
    for k in range(actors.shape[0]):
        it, box = actors[k], boxes[k if asked else 0]
        if asked:
            box[0] = box[1] = 1 << 20
            box[2] = box[3] = box[4] = box[5] = 0
        if it.kind != NOBODY and _in_sight(view, it.x, it.y, RADII[it.model], half):
            _draw(view, (it.model, _pose(it, one), it.colour, k + 1), size, buffers, box)
    nobody = boxes[0, :0]
    if view.origin[2] > _ABOVE:
        ego = (_EGO_MODEL, (view.car[0], view.car[1], view.car[2], one), 0, SCENERY_IDS - 1)
        _draw(view, ego, size, buffers, nobody)
    for k in range(scenery.shape[0]):
        it = scenery[k]
        if _in_sight(view, it.x, it.y, RADII[it.model] * it.scale, half):
            _draw(view, (it.model, _pose(it, it.scale), it.colour, SCENERY_IDS + k), size, buffers, nobody)
    if channels > 0:
        _put(frame, buffers[0], buffers[3])


@inlined
def _near(view, thing):
    """Whether something is near enough to cast a shadow that is seen."""
    dx, dy = thing.x - view.origin[0], thing.y - view.origin[1]
    return dx * dx + dy * dy < _SHADOWS_WITHIN * _SHADOWS_WITHIN


@kernel
def _draw_shadows(view, actors, scenery, frame, shares):
    """Darken the ground beneath whatever stands near."""
    half = np.float32(0.5) * np.float32(frame.shape[1])
    for k in range(actors.shape[0]):
        it = actors[k]
        if it.kind != NOBODY and _near(view, it) and _in_sight(view, it.x, it.y, RADII[it.model], half):
            _shadow(view, it.model, _pose(it, np.float32(1.0)), frame, shares)
    for k in range(scenery.shape[0]):
        it = scenery[k]
        plant = MODEL_KINDS[it.model] == CLASS_PLANT and _near(view, it)
        if plant and _in_sight(view, it.x, it.y, RADII[it.model] * it.scale, half):
            _shadow(view, it.model, _pose(it, it.scale), frame, shares)


@kernel
def merge_masks(things, buffers, classes, depths, instances, boxes):
    """Lay the masks of objects over those of the ground, and count what is seen of each actor.

    Args:
        things: actors and scenery, as drawn.
        buffers: as drawn with.
        classes: (H, W) uint8, changed where objects stand.
        depths: (H, W) float32 [m], changed there.
        instances: (H, W) uint8, filled: the number of an actor plus one, 0 for anything else.
        boxes: (M, 6), as drawn; its last column filled.
    """
    (actors, scenery), (tiles, _, _, dirty, _) = things, buffers
    height, width = classes.shape
    strips = (width + LANES - 1) // LANES
    for row in range(height):
        for column in range(width):
            instances[row, column] = np.uint8(0)
        for column in range(dirty[row, 0] * LANES, min(dirty[row, 1] * LANES, width)):
            place = place_of(row, column, strips)
            number = np.int32(tiles[place + T_NUMBER])
            if number == 0:
                continue
            depths[row, column] = tiles[place + T_DEPTH]
            if number < SCENERY_IDS:
                boxes[number - 1, 5] += 1
                instances[row, column] = np.uint8(number)
                classes[row, column] = MODEL_KINDS[actors[number - 1].model]
            else:
                classes[row, column] = MODEL_KINDS[scenery[number - SCENERY_IDS].model]
