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
    AIR,
    EYE,
    GAIN,
    LANES,
    MIST,
    PART,
    RAYS,
    SIDE,
    SUN_AT,
    T_COLOUR,
    T_DEPTH,
    T_FOUND,
    T_GLOW,
    T_MINE,
    T_NUMBER,
    TURN,
    limits_of,
    place_of,
    touch,
)

NEAR = np.float32(0.25)  # [m] nothing is seen nearer
FAR = np.float32(1e9)  # [m] where a ray meets nothing
# A part as it is cast, on the desk of `tiles`: its form, then the camera's place, the ray of column 0 and
# row 0, its change by column and by row, all in the part's unit frame; the upper radius of a cone; skin; half
# sizes [m]; four colours in the look's light, and their glow.
FORM, ORIGIN, RAY, BY_COLUMN, BY_ROW, NARROW, SKIN, HALF, PALETTE, GLOWS = (
    PART + place for place in (0, 1, 4, 7, 10, 13, 14, 15, 18, 30)
)
_DOWN, _ACROSS = np.mgrid[:SIDE, :SIDE].reshape(2, LANES).astype(np.float32)  # of a tile's pixels
_ONE, _ZERO, _TINY = np.float32(1.0), np.float32(0.0), np.float32(1e-7)


@inlined
def _away_from_zero(number):
    return number if abs(number) > _TINY else _TINY


@inlined
def _turn_into(desk, at, vector, less, inverse):
    """Write a vector of the world into a part's frame: turned, scaled, less the part's middle."""
    cos, sin, scale = desk[TURN], desk[TURN + 1], desk[TURN + 2]
    x, y, z = desk[vector], desk[vector + 1], desk[vector + 2]
    desk[at] = ((x * cos + y * sin) * scale - less[0]) * inverse[0]
    desk[at + 1] = ((y * cos - x * sin) * scale - less[1]) * inverse[1]
    desk[at + 2] = (z * scale - less[2]) * inverse[2]


@kernel(fastmath=FAST)
def _prepare(number, desk):
    """Bring the camera and its rays into the frame of a part, whose number is given."""
    part, nothing = PARTS[number], (_ZERO, _ZERO, _ZERO)
    wide = _ONE / part[6]
    inverse = (wide, wide if part[0] == np.float32(CONE) else _ONE / part[7], _ONE / part[8])
    desk[FORM], desk[NARROW] = part[0], part[7] * wide
    _turn_into(desk, ORIGIN, EYE, (part[3], part[4], part[5]), inverse)
    for k in range(0, 9, 3):
        _turn_into(desk, RAY + k, RAYS + k, nothing, inverse)


@kernel(fastmath=FAST)
def _dress(number, paint, desk):
    """Give a part its skin and its colours; `paint` is the object's own."""
    part = PARTS[number]
    skin, own = np.int32(part[1]), np.int32(part[2])
    desk[SKIN] = part[1]
    for k in range(3):
        gain = desk[GAIN + k]
        desk[HALF + k], desk[PALETTE + k] = part[6 + k], PAINTS[own if own >= 0 else paint, k] * gain
        for other in range(3):
            desk[PALETTE + 3 + 3 * other + k] = PAINTS[SKIN_PAINTS[skin, other], k] * gain
    for k in range(4):
        desk[GLOWS + k] = SKIN_GLOWS[skin, k]


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
def _find_depths(at, corner, limits, desk, form):
    """Fill the depths at which a tile's rays meet a part of a known form; whether one is nearer than known.

    Args:
        at: where the tile is.
        corner: column and row of its first pixel.
        limits: where the depths are that are known.
        desk: of `tiles`, with the part on it.
        form: of the part, a constant.
    """
    origin, narrow = (desk[ORIGIN], desk[ORIGIN + 1], desk[ORIGIN + 2]), desk[NARROW]
    sx, sy, sz = desk[BY_COLUMN], desk[BY_COLUMN + 1], desk[BY_COLUMN + 2]
    tx, ty, tz = desk[BY_ROW], desk[BY_ROW + 1], desk[BY_ROW + 2]
    x, y, z = desk[RAY], desk[RAY + 1], desk[RAY + 2]
    nearer = 0
    for lane in range(LANES):
        c, r = corner[0] + _ACROSS[lane], corner[1] + _DOWN[lane]
        depth = _meet(form, origin, (x + c * sx + r * tx, y + c * sy + r * ty, z + c * sz + r * tz), narrow)
        desk[at + np.uint64(lane) + T_FOUND] = depth
        nearer |= depth < desk[limits + np.uint64(lane)]
    return nearer != 0


@inlined
def _shade(at, corner, desk, form):
    """Colour a tile wherever what `_find_depths` found is nearer; arguments as there."""
    origin, skin = (desk[ORIGIN], desk[ORIGIN + 1], desk[ORIGIN + 2]), desk[SKIN]
    sx, sy, sz = desk[BY_COLUMN], desk[BY_COLUMN + 1], desk[BY_COLUMN + 2]
    tx, ty, tz = desk[BY_ROW], desk[BY_ROW + 1], desk[BY_ROW + 2]
    x, y, z = desk[RAY], desk[RAY + 1], desk[RAY + 2]
    half = (desk[HALF], desk[HALF + 1], desk[HALF + 2])
    sun = (desk[SUN_AT], desk[SUN_AT + 1], desk[SUN_AT + 2])
    thickness, air = desk[MIST], (desk[AIR], desk[AIR + 1], desk[AIR + 2])
    glow0, glow1, glow2, glow3 = desk[GLOWS], desk[GLOWS + 1], desk[GLOWS + 2], desk[GLOWS + 3]
    palette = (
        desk[PALETTE], desk[PALETTE + 1], desk[PALETTE + 2], desk[PALETTE + 3], desk[PALETTE + 4],
        desk[PALETTE + 5], desk[PALETTE + 6], desk[PALETTE + 7], desk[PALETTE + 8], desk[PALETTE + 9],
        desk[PALETTE + 10], desk[PALETTE + 11],
    )  # fmt: skip
    for lane in range(LANES):
        here, c, r = at + np.uint64(lane), corner[0] + _ACROSS[lane], corner[1] + _DOWN[lane]
        depth, known = desk[here + T_FOUND], desk[here + T_DEPTH]
        was, shone = desk[here + T_COLOUR], desk[here + T_GLOW]
        place = (
            origin[0] + depth * (x + c * sx + r * tx),
            origin[1] + depth * (y + c * sy + r * ty),
            origin[2] + depth * (z + c * sz + r * tz),
        )
        shown, light = skin_and_light(place, half, sun, form, skin)
        red, green = colour_channel(shown, palette, 0, light), colour_channel(shown, palette, 1, light)
        blue, mist = colour_channel(shown, palette, 2, light), min(depth * thickness, _ONE)
        colour = _bytes_of(red, green, blue, air, mist * mist)
        glow = glow0 if shown == _ZERO else glow1 if shown == _ONE else glow2
        glow = glow3 if shown > np.float32(2.5) else glow
        nearer = depth < known
        desk[here + T_DEPTH] = depth if nearer else known
        desk[here + T_COLOUR] = colour if nearer else was
        desk[here + T_GLOW] = glow if nearer else shone


@inlined
def _paint(number, paint, window, desk, touched, form):
    """Paint one part of a known form: where it is in a tile, and then, where it is nearest, its colours."""
    (top, bottom, left, right, across), dressed = window, False
    for tile_row in range(top, bottom):
        for tile_column in range(left, right):
            tile = tile_row * across + tile_column
            at, limits = place_of(tile, 0), limits_of(touched, tile)
            corner = np.float32(SIDE * tile_column), np.float32(SIDE * tile_row)
            if _find_depths(at, corner, limits, desk, form):
                if not dressed:
                    _dress(number, paint, desk)
                    dressed = True
                touch(desk, touched, tile)
                _shade(at, corner, desk, form)


@inlined
def _find(number, window, desk, touched, form):
    """Note where one part of a known form is: no colours, but the object's number; else as `_paint`."""
    top, bottom, left, right, across = window
    limits = place_of(touched.shape[0], 0)
    for tile_row in range(top, bottom):
        for tile_column in range(left, right):
            tile = tile_row * across + tile_column
            at, corner = place_of(tile, 0), (np.float32(SIDE * tile_column), np.float32(SIDE * tile_row))
            if not _find_depths(at, corner, limits, desk, form):
                continue
            touch(desk, touched, tile)
            for lane in range(LANES):
                here = at + np.uint64(lane)
                depth, known = desk[here + T_FOUND], desk[here + T_DEPTH]
                was, mine = desk[here + T_NUMBER], desk[here + T_MINE]
                desk[here + T_MINE] = min(depth, mine)
                desk[here + T_DEPTH] = min(depth, known)
                desk[here + T_NUMBER] = number if depth < known else was


@kernel(fastmath=FAST)
def _paint_box(number, paint, window, desk, touched):
    wide_vectors()
    _paint(number, paint, window, desk, touched, BOX)


@kernel(fastmath=FAST)
def _paint_cone(number, paint, window, desk, touched):
    wide_vectors()
    _paint(number, paint, window, desk, touched, CONE)


@kernel(fastmath=FAST)
def _paint_ball(number, paint, window, desk, touched):
    wide_vectors()
    _paint(number, paint, window, desk, touched, ELLIPSOID)


@kernel
def paint_part(number, paint, window, desk, touched):
    """Paint one part of the object on the desk.

    Args:
        number: of the part.
        paint: the object's own colour.
        window: tiles [top, bottom) and [left, right), and how many there are across.
        desk: of `tiles`, changed.
        touched: which tiles hold objects, changed.
    """
    _prepare(number, desk)
    if desk[FORM] == np.float32(BOX):
        _paint_box(number, paint, window, desk, touched)
    elif desk[FORM] == np.float32(CONE):
        _paint_cone(number, paint, window, desk, touched)
    else:
        _paint_ball(number, paint, window, desk, touched)


@kernel(fastmath=FAST)
def find_part(number, owner, window, desk, touched):
    """Note where one part is; arguments as those of `paint_part`, but the object's number for its colour."""
    wide_vectors()
    _prepare(number, desk)
    if desk[FORM] == np.float32(BOX):
        _find(owner, window, desk, touched, BOX)
    elif desk[FORM] == np.float32(CONE):
        _find(owner, window, desk, touched, CONE)
    else:
        _find(owner, window, desk, touched, ELLIPSOID)
