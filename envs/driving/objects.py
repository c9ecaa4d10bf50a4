"""Objects: everything that stands on the ground, drawn into a frame by depth.

The ground is flat, so it hides nothing; objects hide each other, pixel by pixel, by the depth at which the
middle of the pixel meets them. Masks, boxes, depths and colours come from the same rays.
"""

import numpy as np

from envs.driving.actors import NOBODY
from envs.driving.casting import find_part, paint_part
from envs.driving.colours import HAZE
from envs.driving.compiling import allocating, inlined, kernel
from envs.driving.projecting import in_sight, stand, take_rays, those_in_sight, window
from envs.driving.scenery import MAX_SCENERY
from envs.driving.shadows import LANES as SHADOW_LANES
from envs.driving.shadows import draw_shadows
from envs.driving.shapes import CLASS_PLANT, CONE, MODEL_KINDS, MODEL_PARTS, PARTS, RADII, SIZES
from envs.driving.tiles import (
    AIR,
    GAIN,
    LANES,
    MIST,
    SIDE,
    T_COLOUR,
    T_DEPTH,
    T_MINE,
    T_NUMBER,
    TILE,
    TILES_AT,
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
# What a row's masks say of each actor: columns and rows [left, top, right, bottom) of all its pixels, those
# hidden by others among them; how many there are and how many are seen.
BOX_FIELDS = ("left", "top", "right", "bottom", "pixels", "seen")


@allocating
def object_buffers(height, width):
    """What objects are drawn with.

    The desk, see `tiles`, with an empty tile after the last; which tiles hold objects; how dark shadows make
    the ground; which of the scenery are in sight.
    """
    count = (height + SIDE - 1) // SIDE * tiles_across(width)
    desk = np.full(int(TILES_AT) + (count + 1) * int(TILE), _NOTHING, np.float32)
    shares = np.zeros((height, width + SHADOW_LANES), np.float32)
    return desk, np.zeros(count, np.uint8), shares, np.zeros(MAX_SCENERY, np.int32)


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
def _draw(view, thing, size, desk, touched, box):
    """Draw one object into the tiles.

    Args:
        view: `VIEW` record.
        thing: its model, pose (x, y, yaw, scale), paint and number.
        size: height and width of the frame, whether masks are wanted and no picture.
        desk: of `tiles`, with all that the objects of a frame have in common; changed.
        touched: which tiles hold objects, changed.
        box: (6,) int32, filled by `BOX_FIELDS` but for what is seen; empty where nobody asks.
    """
    (model, (x, y, yaw, scale), paint, number), (height, width, masks) = thing, size
    cos, sin = _turn_of(model, yaw)
    stand(view, (x, y, cos, sin, scale), desk)
    across, edges = tiles_across(width), (0, 0, 0, 0)
    if box.shape[0] > 0:
        half = (SIZES[model, 0], SIZES[model, 1], _HALF * SIZES[model, 2])
        edges = window((_ZERO, _ZERO, half[2]), half, view.focal, (height, width), desk)
        forget_mine(_in_tiles(edges, across), desk, touched)
    for part in range(MODEL_PARTS[model], MODEL_PARTS[model + 1]):
        covered = _window_of(part, view.focal, (height, width), desk)
        if covered[0] >= covered[1] or covered[2] >= covered[3]:
            continue
        if masks:
            find_part(part, np.float32(number), _in_tiles(covered, across), desk, touched)
        else:
            paint_part(part, paint, _in_tiles(covered, across), desk, touched)
    if box.shape[0] > 0:
        _measure(desk, edges, across, box)


@inlined
def _window_of(part, focal, size, desk):
    """Pixels [left, right, top, bottom) that a part may cover."""
    it = PARTS[part]
    half = (it[6], it[6] if it[0] == np.float32(CONE) else it[7], it[8])
    return window((it[3], it[4], it[5]), half, focal, size, desk)


@kernel
def _measure(desk, edges, across, box):
    """Fill an object's box from the pixels that its own depth is known of."""
    left, right, top, bottom = edges
    for row in range(top, bottom):
        for column in range(left, right):
            tile, lane = row // SIDE * across + column // SIDE, row % SIDE * SIDE + column % SIDE
            if desk[place_of(tile, lane) + T_MINE] < _NOTHING:
                box[0], box[1] = min(box[0], column), min(box[1], row)
                box[2], box[3] = max(box[2], column + 1), max(box[3], row + 1)
                box[4] += 1


@kernel
def _put(frame, desk, touched):
    """Write the tiles' colours into the frame wherever an object is seen."""
    height, width, channels = frame.shape
    across = tiles_across(width)
    for tile in range(touched.shape[0]):
        if touched[tile] == 0:
            continue
        for lane in range(LANES):
            at, (row, column) = place_of(tile, lane), pixel_of(tile, lane, across)
            if desk[at + T_DEPTH] < _NOTHING and row < height and column < width:
                word = np.int32(desk[at + T_COLOUR])
                red, green, blue = word & 255, (word >> 8) & 255, word >> 16
                if channels == 3:
                    frame[row, column, 0], frame[row, column, 1] = np.uint8(red), np.uint8(green)
                    frame[row, column, 2] = np.uint8(blue)
                else:
                    frame[row, column, 0] = np.uint8((red * 299 + green * 587 + blue * 114 + 500) // 1000)


@kernel
def _take_light(look, desk):
    """Put what a look says of the light on the desk."""
    desk[MIST] = look.haze
    for channel in range(3):
        desk[GAIN + channel] = look.light * look.tint[channel]
        desk[AIR + channel] = look.colours[HAZE, channel]


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
    desk, touched, shares, chosen = buffers
    _take_light(look, desk)
    take_rays(view, height, width, desk)
    for tile in range(touched.shape[0]):
        touched[tile] = np.uint8(0)
    masks, half = boxes.shape[1] > 0, _HALF * np.float32(width)
    size = (height, width, masks)
    count = those_in_sight(view, places, half, chosen) if scenery.shape[0] > 0 else 0
    if channels > 0:
        draw_shadows(view, actors, (scenery, chosen, count), frame, shares, desk)
    for k in range(actors.shape[0]):
        it, box = actors[k], boxes[k if masks else 0]
        if masks:
            box[0] = box[1] = 1 << 20
            box[2] = box[3] = box[4] = box[5] = 0
        if it.kind != NOBODY and in_sight(view, it.x, it.y, RADII[it.model], half):
            _draw(view, (it.model, (it.x, it.y, it.yaw, _ONE), it.colour, k + 1), size, desk, touched, box)
    if view.origin[2] > _ABOVE:
        ego = (_EGO_MODEL, (view.car[0], view.car[1], view.car[2], _ONE), 0, SCENERY_IDS - 1)
        _draw(view, ego, size, desk, touched, boxes[0, :0])
    for n in range(count):
        it = scenery[chosen[n]]
        thing = (it.model, (it.x, it.y, it.yaw, it.scale), it.colour, SCENERY_IDS + chosen[n])
        _draw(view, thing, size, desk, touched, boxes[0, :0])
    if channels > 0:
        _put(frame, desk, touched)


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
    (actors, scenery, _), desk, touched = things, buffers[0], buffers[1]
    height, width = classes.shape
    across = tiles_across(width)
    for row in range(height):
        for column in range(width):
            instances[row, column] = np.uint8(0)
    for tile in range(touched.shape[0]):
        for lane in range(LANES if touched[tile] else 0):
            at, (row, column) = place_of(tile, lane), pixel_of(tile, lane, across)
            number = np.int32(desk[at + T_NUMBER])
            if number == 0 or row >= height or column >= width:
                continue
            depths[row, column] = desk[at + T_DEPTH]
            if number < SCENERY_IDS:
                boxes[number - 1, 5] += 1
                instances[row, column] = np.uint8(number)
                classes[row, column] = MODEL_KINDS[actors[number - 1].model]
            else:
                classes[row, column] = MODEL_KINDS[scenery[number - SCENERY_IDS].model]
