"""Casting: where the rays of a window of pixels meet the parts of an object, and what colour they find there.

A part is a cube, a ball or a cone of size one once its middle is taken off and its half sizes are divided
out; a ray stays a ray, and the place along it stays the depth. So the nearest hit of all parts is the
smallest number, and a depth is exact.

Windows reach to the borders of tiles, a vector each; rays beyond the picture cost nothing and are never
looked at.
"""

import numpy as np

from envs.driving.compiling import FAST, inlined, kernel, wide_vectors
from envs.driving.shading import colour_channel, skin_and_light
from envs.driving.shapes import (
    BOX,
    CONE,
    ELLIPSOID,
    PAINTS,
    PARTS,
    SKIN_GLOWS,
    SKIN_PAINTS,
)
from envs.driving.tiles import (
    LANES,
    SIDE,
    T_COLOUR,
    T_DEPTH,
    T_FOUND,
    T_GLOW,
    T_MINE,
    T_NUMBER,
    limits_of,
    place_of,
    touch,
)

NEAR = np.float32(0.25)  # [m] nothing is seen nearer
FAR = np.float32(1e9)  # [m] where a ray meets nothing
# A part as it is cast: its form, then the camera's place, the ray of column 0 and row 0, its change by column
# and by row, all in the part's unit frame; the upper radius of a cone; skin; half sizes [m]; four colours in
# the look's light, and their glow; the direction to the sun.
FORM, ORIGIN, RAY, BY_COLUMN, BY_ROW, NARROW, SKIN, HALF, PALETTE, GLOWS, SUN_AT = (
    0, 1, 4, 7, 10, 13, 14, 15, 18, 30, 34
)  # fmt: skip
PREPARED = 40
_DOWN, _ACROSS = np.mgrid[:SIDE, :SIDE].reshape(2, LANES).astype(np.float32)  # of a tile's pixels
_ONE, _ZERO, _TINY = np.float32(1.0), np.float32(0.0), np.float32(1e-7)


@inlined
def _away_from_zero(number):
    return number if abs(number) > _TINY else _TINY


@inlined
def _turn_into(prepared, at, vector, less, pose, inverse):
    """Write a vector of the world into a part's frame: turned, scaled, less the part's middle."""
    cos, sin, scale = pose
    prepared[at] = ((vector[0] * cos + vector[1] * sin) * scale - less[0]) * inverse[0]
    prepared[at + 1] = ((vector[1] * cos - vector[0] * sin) * scale - less[1]) * inverse[1]
    prepared[at + 2] = (vector[2] * scale - less[2]) * inverse[2]


@kernel(fastmath=FAST)
def prepare(number, turned, camera, rays, out):
    """Bring the camera and its rays into the frame of a part.

    Args:
        number: of the part.
        turned: cosine and sine of the object's yaw, 1 / its scale.
        camera: its place less the object's [m].
        rays: the ray through the first pixel's middle, 1 m deep, and its change by column and by row.
        out: (PREPARED,) float32, filled but for what `dress` fills.
    """
    part, (first, by_column, by_row) = PARTS[number], rays
    nothing, wide = (_ZERO, _ZERO, _ZERO), _ONE / part[6]
    deep = wide if part[0] == np.float32(CONE) else _ONE / part[7]
    inverse = (wide, deep, _ONE / part[8])
    out[FORM], out[NARROW] = part[0], part[7] * wide
    _turn_into(out, ORIGIN, camera, (part[3], part[4], part[5]), turned, inverse)
    _turn_into(out, RAY, first, nothing, turned, inverse)
    _turn_into(out, BY_COLUMN, by_column, nothing, turned, inverse)
    _turn_into(out, BY_ROW, by_row, nothing, turned, inverse)


@kernel(fastmath=FAST)
def dress(number, paint, light, out):
    """Give a part its skin and its colours.

    Args:
        number: of the part.
        paint: the object's own.
        light: what the look makes of red, green and blue; direction to the sun in the object's frame.
        out: (PREPARED,) float32, filled.
    """
    part, (gains, sun) = PARTS[number], light
    skin, own = np.int32(part[1]), np.int32(part[2])
    out[SKIN] = part[1]
    for k in range(3):
        out[HALF + k], out[SUN_AT + k] = part[6 + k], sun[k]
        out[PALETTE + k] = PAINTS[own if own >= 0 else paint, k] * gains[k]
        for other in range(3):
            out[PALETTE + 3 + 3 * other + k] = PAINTS[SKIN_PAINTS[skin, other], k] * gains[k]
    for k in range(4):
        out[GLOWS + k] = SKIN_GLOWS[skin, k]


@inlined
def _slab(origin, direction):
    """Depths at which a ray enters and leaves −1 … 1 along one axis."""
    inverse = _ONE / _away_from_zero(direction)
    a, b = (-_ONE - origin) * inverse, (_ONE - origin) * inverse
    return min(a, b), max(a, b)


@inlined
def _box(o, d):
    """Depth at which a ray enters the cube."""
    near_x, far_x = _slab(o[0], d[0])
    near_y, far_y = _slab(o[1], d[1])
    near_z, far_z = _slab(o[2], d[2])
    enter, leave = max(near_x, max(near_y, near_z)), min(far_x, min(far_y, far_z))
    return enter if (enter <= leave) & (enter > NEAR) else FAR


@inlined
def _ball(o, d):
    """Depth at which a ray enters the unit ball."""
    a = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
    b = o[0] * d[0] + o[1] * d[1] + o[2] * d[2]
    root = b * b - a * (o[0] * o[0] + o[1] * o[1] + o[2] * o[2] - _ONE)
    enter = (-b - np.sqrt(max(root, _ZERO))) / max(a, _TINY)
    return enter if (root > _ZERO) & (enter > NEAR) else FAR


@inlined
def _cone(o, d, narrow):
    """Depth at which a ray meets a cone of radius 1 at z = −1 and `narrow` at z = 1, open at both ends."""
    slope = np.float32(0.5) * (narrow - _ONE)
    radius = np.float32(0.5) * (narrow + _ONE) + slope * o[2]
    a = _away_from_zero(d[0] * d[0] + d[1] * d[1] - slope * slope * d[2] * d[2])
    b = o[0] * d[0] + o[1] * d[1] - slope * d[2] * radius
    root = b * b - a * (o[0] * o[0] + o[1] * o[1] - radius * radius)
    middle, reach = -b / a, abs(np.sqrt(max(root, _ZERO)) / a)
    enter, leave = middle - reach, middle + reach
    enter = enter if (abs(o[2] + enter * d[2]) <= _ONE) & (enter > NEAR) else leave
    met = (root > _ZERO) & (abs(o[2] + enter * d[2]) <= _ONE) & (enter > NEAR)
    return enter if met else FAR


@inlined
def _meet(form, origin, ray, narrow):
    """Depth at which a ray enters a part of a form, a constant."""
    if form == BOX:
        depth = _box(origin, ray)
    elif form == CONE:
        depth = _cone(origin, ray, narrow)
    else:
        depth = _ball(origin, ray)
    return depth


@inlined
def _bytes_of(red, green, blue, air, mist):
    """A colour behind so much mist, as one number."""
    red = np.float32(np.int32(red + mist * (air[0] - red) + np.float32(0.5)))
    green = np.float32(np.int32(green + mist * (air[1] - green) + np.float32(0.5)))
    blue = np.float32(np.int32(blue + mist * (air[2] - blue) + np.float32(0.5)))
    return red + np.float32(256.0) * green + np.float32(65536.0) * blue


@inlined
def _find_depths(part, at, corner, tiles, limits, form):
    """Fill the depths at which a tile's rays meet a part of a known form; whether one is nearer than known.

    Args:
        part: (PREPARED,) of `prepare`.
        at: where the tile is.
        corner: column and row of its first pixel.
        tiles: the frame's.
        limits: where the depths are that are known.
        form: of the part.
    """
    origin, narrow = (part[ORIGIN], part[ORIGIN + 1], part[ORIGIN + 2]), part[NARROW]
    sx, sy, sz = part[BY_COLUMN], part[BY_COLUMN + 1], part[BY_COLUMN + 2]
    tx, ty, tz = part[BY_ROW], part[BY_ROW + 1], part[BY_ROW + 2]
    x, y, z = part[RAY], part[RAY + 1], part[RAY + 2]
    nearer = 0
    for lane in range(LANES):
        c, r = corner[0] + _ACROSS[lane], corner[1] + _DOWN[lane]
        ray = (x + c * sx + r * tx, y + c * sy + r * ty, z + c * sz + r * tz)
        depth = _meet(form, origin, ray, narrow)
        tiles[at + np.uint64(lane) + T_FOUND] = depth
        nearer |= depth < tiles[limits + np.uint64(lane)]
    return nearer != 0


@inlined
def _shade(part, at, corner, tiles, air, form):
    """Colour a tile wherever what `_find_depths` found is nearer; arguments as there and of `_paint`."""
    origin, skin = (part[ORIGIN], part[ORIGIN + 1], part[ORIGIN + 2]), part[SKIN]
    sx, sy, sz = part[BY_COLUMN], part[BY_COLUMN + 1], part[BY_COLUMN + 2]
    tx, ty, tz = part[BY_ROW], part[BY_ROW + 1], part[BY_ROW + 2]
    x, y, z = part[RAY], part[RAY + 1], part[RAY + 2]
    half = (part[HALF], part[HALF + 1], part[HALF + 2])
    sun = (part[SUN_AT], part[SUN_AT + 1], part[SUN_AT + 2])
    glow0, glow1, glow2, glow3 = part[GLOWS], part[GLOWS + 1], part[GLOWS + 2], part[GLOWS + 3]
    palette = (
        part[PALETTE], part[PALETTE + 1], part[PALETTE + 2], part[PALETTE + 3], part[PALETTE + 4],
        part[PALETTE + 5], part[PALETTE + 6], part[PALETTE + 7], part[PALETTE + 8], part[PALETTE + 9],
        part[PALETTE + 10], part[PALETTE + 11],
    )  # fmt: skip
    for lane in range(LANES):
        here, c, r = at + np.uint64(lane), corner[0] + _ACROSS[lane], corner[1] + _DOWN[lane]
        depth, known = tiles[here + T_FOUND], tiles[here + T_DEPTH]
        was, shone = tiles[here + T_COLOUR], tiles[here + T_GLOW]
        place = (
            origin[0] + depth * (x + c * sx + r * tx),
            origin[1] + depth * (y + c * sy + r * ty),
            origin[2] + depth * (z + c * sz + r * tz),
        )
        shown, light = skin_and_light(place, half, sun, form, skin)
        red, green = colour_channel(shown, palette, 0, light), colour_channel(shown, palette, 1, light)
        blue, mist = colour_channel(shown, palette, 2, light), min(depth * air[0], _ONE)
        colour = _bytes_of(red, green, blue, (air[1], air[2], air[3]), mist * mist)
        glow = glow0 if shown == _ZERO else glow1 if shown == _ONE else glow2
        glow = glow3 if shown > np.float32(2.5) else glow
        nearer = depth < known
        tiles[here + T_DEPTH] = depth if nearer else known
        tiles[here + T_COLOUR] = colour if nearer else was
        tiles[here + T_GLOW] = glow if nearer else shone


@inlined
def _paint(part, dressing, window, tiles, touched, air, form):
    """Paint one part of a known form: where it is in each tile, and then, where it is nearest, its colours.

    Args:
        part: (PREPARED,) of `prepare`; dressed as soon as it is seen.
        dressing: the other arguments of `dress`.
        window: tiles [top, bottom) and [left, right), and how many there are across.
        tiles: the frame's.
        touched: which of them hold objects.
        air: mist by metre, and its colour.
        form: of the part.
    """
    (top, bottom, left, right, across), dressed = window, False
    for tile_row in range(top, bottom):
        for tile_column in range(left, right):
            tile = tile_row * across + tile_column
            at, limits = place_of(tile, 0), limits_of(tiles, touched, tile)
            corner = np.float32(SIDE * tile_column), np.float32(SIDE * tile_row)
            if _find_depths(part, at, corner, tiles, limits, form):
                if not dressed:
                    dress(dressing[0], dressing[1], dressing[2], part)
                    dressed = True
                touch(tiles, touched, tile)
                _shade(part, at, corner, tiles, air, form)


@inlined
def _find(part, window, tiles, touched, number, form):
    """Note where one part of a known form is: `_paint` without colours, but with the object's number."""
    top, bottom, left, right, across = window
    for tile_row in range(top, bottom):
        for tile_column in range(left, right):
            tile = tile_row * across + tile_column
            at, corner = place_of(tile, 0), (np.float32(SIDE * tile_column), np.float32(SIDE * tile_row))
            if not _find_depths(part, at, corner, tiles, place_of(touched.shape[0], 0), form):
                continue
            touch(tiles, touched, tile)
            for lane in range(LANES):
                here = at + np.uint64(lane)
                depth, known = tiles[here + T_FOUND], tiles[here + T_DEPTH]
                was, mine = tiles[here + T_NUMBER], tiles[here + T_MINE]
                tiles[here + T_MINE] = min(depth, mine)
                tiles[here + T_DEPTH] = min(depth, known)
                tiles[here + T_NUMBER] = number if depth < known else was


@kernel(fastmath=FAST)
def _paint_box(part, dressing, window, tiles, touched, air):
    wide_vectors()
    _paint(part, dressing, window, tiles, touched, air, BOX)


@kernel(fastmath=FAST)
def _paint_cone(part, dressing, window, tiles, touched, air):
    wide_vectors()
    _paint(part, dressing, window, tiles, touched, air, CONE)


@kernel(fastmath=FAST)
def _paint_ball(part, dressing, window, tiles, touched, air):
    wide_vectors()
    _paint(part, dressing, window, tiles, touched, air, ELLIPSOID)


@kernel
def paint_part(part, dressing, window, tiles, touched, air):
    """Paint one part; arguments as those of `_paint`."""
    if part[FORM] == np.float32(BOX):
        _paint_box(part, dressing, window, tiles, touched, air)
    elif part[FORM] == np.float32(CONE):
        _paint_cone(part, dressing, window, tiles, touched, air)
    else:
        _paint_ball(part, dressing, window, tiles, touched, air)


@kernel(fastmath=FAST)
def find_part(part, window, tiles, touched, number):
    """Note where one part is; arguments as those of `_paint`, and the object's number."""
    wide_vectors()
    if part[FORM] == np.float32(BOX):
        _find(part, window, tiles, touched, number, BOX)
    elif part[FORM] == np.float32(CONE):
        _find(part, window, tiles, touched, number, CONE)
    else:
        _find(part, window, tiles, touched, number, ELLIPSOID)
