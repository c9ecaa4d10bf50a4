"""Objects: everything that stands on the ground, drawn into a frame by depth.

The ground is flat, so it hides nothing; objects hide each other, pixel by pixel, by the depth at which the
middle of the pixel meets them. Masks, boxes, depths and colours come from the same rays.
"""

import numpy as np

from envs.driving.actors import NOBODY
from envs.driving.casting import PREPARED, find_part, paint_part, prepare
from envs.driving.colours import HAZE
from envs.driving.compiling import allocating, inlined, kernel
from envs.driving.projecting import first_ray, in_sight, stand, those_in_sight, window
from envs.driving.scenery import MAX_SCENERY
from envs.driving.shading import SUN
from envs.driving.shadows import LANES as SHADOW_LANES
from envs.driving.shadows import draw_shadows
from envs.driving.shapes import CLASS_PLANT, CONE, MODEL_KINDS, MODEL_PARTS, PARTS, RADII, SIZES
from envs.driving.tiles import (
    LANES,
    SIDE,
    T_COLOUR,
    T_DEPTH,
    T_MINE,
    T_NUMBER,
    TILE,
    forget_mine,
    pixel_of,
    place_of,
    tiles_across,
)
from envs.driving.tracing import VIEW_DISTANCE

SCENERY_IDS = 1024  # the first number of what stands beside the road; actors have theirs plus one
_ZERO, _ONE, _HALF = np.float32(0.0), np.float32(1.0), np.float32(0.5)
_NOTHING = np.float32(VIEW_DISTANCE)
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

    The frame in tiles, see `tiles`, with an empty one at the end, and which of them hold objects; a part as
    it is cast; what the look says of the light; how dark shadows make the ground; an object's frame, of
    `stand`; which of the scenery are in sight.
    """
    count = (height + SIDE - 1) // SIDE * tiles_across(width)
    return (
        np.full((count + 1) * int(TILE), _NOTHING, np.float32),
        np.zeros(count, np.uint8),
        np.zeros(PREPARED, np.float32),
        np.zeros(_LIGHT, np.float32),
        np.zeros((height, width + SHADOW_LANES), np.float32),
        np.zeros((4, 3), np.float32),
        np.zeros(MAX_SCENERY, np.int32),
    )


@inlined
def _in_tiles(edges, across):
    """Tiles [top, bottom), [left, right) around pixels [left, right, top, bottom), and their stride."""
    left, right, top, bottom = edges
    return top // SIDE, (bottom + SIDE - 1) // SIDE, left // SIDE, (right + SIDE - 1) // SIDE, across


@inlined
def _turn_of(model, yaw):
    """Cosine and sine of an object's yaw; a plant looks the same all round."""
    if MODEL_KINDS[model] == CLASS_PLANT:
        return _ONE, _ZERO
    return np.cos(yaw), np.sin(yaw)


@kernel
def _draw(view, thing, size, buffers, box):
    """Draw one object into the tiles.

    Args:
        view: `VIEW` record.
        thing: its model, pose (x, y, yaw, scale), paint and number.
        size: height and width of the frame, `first_ray`, whether masks are wanted and no picture.
        buffers: of `object_buffers`.
        box: (6,) int32, filled by `BOX_FIELDS` but for what is seen; empty where nobody asks.
    """
    (model, (x, y, yaw, scale), paint, number), (height, width, rays, masks) = thing, size
    tiles, touched, out, light, _, upright, _ = buffers
    cos, sin = _turn_of(model, yaw)
    stand(view, (x, y, cos, sin, scale), upright)
    camera = (view.origin[0] - x, view.origin[1] - y, view.origin[2])
    sun = (SUN[0] * cos + SUN[1] * sin, SUN[1] * cos - SUN[0] * sin, SUN[2])
    shining = ((light[_GAIN], light[_GAIN + 1], light[_GAIN + 2]), sun)
    air = (light[_MIST], light[_AIR], light[_AIR + 1], light[_AIR + 2])
    turned, across = (cos, sin, _ONE / scale), tiles_across(width)
    if box.shape[0] > 0:
        half = (SIZES[model, 0], SIZES[model, 1], _HALF * SIZES[model, 2])
        edges = window(upright, (_ZERO, _ZERO, half[2]), half, view.focal, (height, width))
        forget_mine(_in_tiles(edges, across), tiles, touched)
    for part in range(MODEL_PARTS[model], MODEL_PARTS[model + 1]):
        covered = _window_of(part, upright, view.focal, (height, width))
        if covered[0] >= covered[1] or covered[2] >= covered[3]:
            continue
        prepare(part, turned, camera, rays, out)
        if masks:
            find_part(out, _in_tiles(covered, across), tiles, touched, np.float32(number))
        else:
            paint_part(out, (part, paint, shining), _in_tiles(covered, across), tiles, touched, air)
    if box.shape[0] > 0:
        _measure(tiles, edges, across, box)


@inlined
def _window_of(part, upright, focal, size):
    """Pixels [left, right, top, bottom) that a part may cover."""
    it = PARTS[part]
    half = (it[6], it[6] if it[0] == np.float32(CONE) else it[7], it[8])
    return window(upright, (it[3], it[4], it[5]), half, focal, size)


@kernel
def _measure(tiles, edges, across, box):
    """Fill an object's box from the pixels that its own depth is known of."""
    left, right, top, bottom = edges
    for row in range(top, bottom):
        for column in range(left, right):
            tile, lane = row // SIDE * across + column // SIDE, row % SIDE * SIDE + column % SIDE
            if tiles[place_of(tile, lane) + T_MINE] < _NOTHING:
                box[0], box[1] = min(box[0], column), min(box[1], row)
                box[2], box[3] = max(box[2], column + 1), max(box[3], row + 1)
                box[4] += 1


@kernel
def _put(frame, tiles, touched):
    """Write the tiles' colours into the frame wherever an object is seen."""
    height, width, channels = frame.shape
    across = tiles_across(width)
    for tile in range(touched.shape[0]):
        if touched[tile] == 0:
            continue
        for lane in range(LANES):
            at, (row, column) = place_of(tile, lane), pixel_of(tile, lane, across)
            if tiles[at + T_DEPTH] < _NOTHING and row < height and column < width:
                word = np.int32(tiles[at + T_COLOUR])
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


@kernel
def draw_objects(view, look, things, frame, buffers, boxes):
    """Draw actors and scenery: their colours into a painted frame, or their masks into the tiles.

    Args:
        view: `VIEW` record.
        look: `LOOK` record.
        things: (M,) `ACTOR` and (K,) `SCENERY` records, and the places of the latter (3, K).
        frame: (H, W, C) uint8; with no channels, masks are wanted.
        buffers: of `object_buffers`.
        boxes: (M, 6) int32, filled by `BOX_FIELDS` but for what is seen; no columns for a picture.
    """
    (actors, scenery, places), (height, width, channels) = things, frame.shape
    _light_of(look, buffers[3])
    for tile in range(buffers[1].shape[0]):
        buffers[1][tile] = np.uint8(0)
    masks, half = boxes.shape[1] > 0, _HALF * np.float32(width)
    size, chosen = (height, width, first_ray(view, height, width), masks), buffers[6]
    count = those_in_sight(view, places, half, chosen) if scenery.shape[0] > 0 else 0
    if channels > 0:
        draw_shadows(view, actors, (scenery, chosen, count), frame, buffers[4], buffers[5])
    for k in range(actors.shape[0]):
        it, box = actors[k], boxes[k if masks else 0]
        if masks:
            box[0] = box[1] = 1 << 20
            box[2] = box[3] = box[4] = box[5] = 0
        if it.kind != NOBODY and in_sight(view, it.x, it.y, RADII[it.model], half):
            _draw(view, (it.model, (it.x, it.y, it.yaw, _ONE), it.colour, k + 1), size, buffers, box)
    if view.origin[2] > _ABOVE:
        ego = (_EGO_MODEL, (view.car[0], view.car[1], view.car[2], _ONE), 0, SCENERY_IDS - 1)
        _draw(view, ego, size, buffers, boxes[0, :0])
    for k in chosen[:count]:
        it = scenery[k]
        thing = (it.model, (it.x, it.y, it.yaw, it.scale), it.colour, SCENERY_IDS + k)
        _draw(view, thing, size, buffers, boxes[0, :0])
    if channels > 0:
        _put(frame, buffers[0], buffers[1])


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
    (actors, scenery, _), tiles, touched = things, buffers[0], buffers[1]
    height, width = classes.shape
    across = tiles_across(width)
    for row in range(height):
        for column in range(width):
            instances[row, column] = np.uint8(0)
    for tile in range(touched.shape[0]):
        for lane in range(LANES if touched[tile] else 0):
            at, (row, column) = place_of(tile, lane), pixel_of(tile, lane, across)
            number = np.int32(tiles[at + T_NUMBER])
            if number == 0 or row >= height or column >= width:
                continue
            depths[row, column] = tiles[at + T_DEPTH]
            if number < SCENERY_IDS:
                boxes[number - 1, 5] += 1
                instances[row, column] = np.uint8(number)
                classes[row, column] = MODEL_KINDS[actors[number - 1].model]
            else:
                classes[row, column] = MODEL_KINDS[scenery[number - SCENERY_IDS].model]
