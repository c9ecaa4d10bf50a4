"""Tiles: how objects are kept while they are drawn into a frame.

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
    return np.uint64(tile) * TILE + np.uint64(lane)


@inlined
def limits_of(tiles, touched, tile):
    """Where the known depths of a tile are; of one without objects, those of the tile after the last."""
    return place_of(tile if touched[tile] else touched.shape[0], 0) + T_DEPTH


@inlined
def touch(tiles, touched, tile):
    """Make a tile ready for its first object."""
    if touched[tile] == 0:
        touched[tile] = np.uint8(1)
        for lane in range(LANES):
            at = place_of(tile, lane)
            tiles[at + T_DEPTH], tiles[at + T_COLOUR], tiles[at + T_GLOW] = _NOTHING, _ZERO, _NOTHING


@kernel
def forget_mine(window, tiles, touched):
    """Make a window of tiles ready for the depths of the next object."""
    top, bottom, left, right, across = window
    for tile_row in range(top, bottom):
        for tile_column in range(left, right):
            tile = tile_row * across + tile_column
            touch(tiles, touched, tile)
            for lane in range(LANES):
                tiles[place_of(tile, lane) + T_MINE] = _NOTHING
