"""Tiles: how objects are kept while they are drawn into a frame.

All numbers are in one array, the desk, since to hand over many takes longer than to find a tile: what the
frame's objects have in common, what an object's parts have, the part that is cast, and then the tiles.

A tile is 4 × 4 pixels, a vector, and holds its quantities one after the other: then LLVM knows how far
apart they lie, and makes vectors of the whole. Most objects are small, and so cover few tiles.
"""

import numpy as np

from envs.driving.compiling import inlined, kernel
from envs.driving.tracing import VIEW_DISTANCE

SIDE, LANES = 4, 16  # pixels of a tile along its side, and in all
# A tile's quantities: depth [m]; colour as red + 256 green + 65536 blue; glow 0 … 255; the depth that a part
# has just been found at. Places are unsigned:
# signed ones may be negative, which in numpy counts from the end, and no vector allows.
T_DEPTH, T_COLOUR, T_GLOW, T_FOUND, TILE = (np.uint64(LANES * part) for part in range(5))
# Where masks are wanted and no picture: the number of the object, and the depth of the one that is being
# drawn, whatever hides it.
T_NUMBER, T_MINE = T_COLOUR, T_GLOW
# Of a frame: the look's mist, what its light makes of red, green and blue, the colour of its air; the ray
# through the first pixel's middle, 1 m deep, and its change by column and by row.
MIST, GAIN, AIR, RAYS = 0, 1, 4, 8
# Of an object: its place and a step along each of its axes, by how deep, how far right and how far down they
# are; cosine and sine of its yaw, 1 / its scale; the camera's place less its own; the direction to the sun
# as it has it.
UPRIGHT, TURN, EYE, SUN_AT = 17, 29, 32, 35
PART = 40  # see `casting`
TILES_AT = np.uint64(80)
_ZERO, _NOTHING = np.float32(0.0), np.float32(VIEW_DISTANCE)


@inlined
def tiles_across(width):
    """Tiles beside each other in a frame so wide."""
    return (width + SIDE - 1) // SIDE


@inlined
def pixel_of(tile, lane, across):
    """Row and column of a tile's pixel."""
    return tile // across * SIDE + lane // SIDE, tile % across * SIDE + lane % SIDE


@inlined
def place_of(tile, lane):
    """Where a tile's pixel is kept."""
    return TILES_AT + np.uint64(tile) * TILE + np.uint64(lane)


@inlined
def limits_of(touched, tile):
    """Where the known depths of a tile are; of one without objects, those of the tile after the last."""
    return place_of(tile if touched[tile] else touched.shape[0], 0) + T_DEPTH


@inlined
def touch(desk, touched, tile):
    """Make a tile ready for its first object."""
    if touched[tile] == 0:
        touched[tile] = np.uint8(1)
        for lane in range(LANES):
            at = place_of(tile, lane)
            desk[at + T_DEPTH], desk[at + T_COLOUR], desk[at + T_GLOW] = _NOTHING, _ZERO, _NOTHING


@kernel
def forget_mine(window, desk, touched):
    """Make a window of tiles ready for the depths of the next object."""
    top, bottom, left, right, across = window
    for tile_row in range(top, bottom):
        for tile_column in range(left, right):
            tile = tile_row * across + tile_column
            touch(desk, touched, tile)
            for lane in range(LANES):
                desk[place_of(tile, lane) + T_MINE] = _NOTHING
