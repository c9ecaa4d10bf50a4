"""Casting: where the rays of a window of pixels meet the parts of an object, and what colour they find there.

A part is a cube, a ball or a cone of size one once its middle is taken off and its half sizes are divided
out; a ray stays a ray, and the place along it stays the depth. So the nearest hit of all parts is the
smallest number, and a depth is exact.

A frame is kept in strips of `LANES` pixels beside each other, a vector each, and each strip holds its five
quantities one after the other: then LLVM knows how far apart they lie, and makes vectors of the whole.
Windows reach to the borders of strips; rays beyond the picture cost nothing and are never looked at.
"""

import numpy as np

from envs.driving.compiling import FAST, inlined, kernel, wide_vectors
from envs.driving.shading import colour_channel, skin_and_light
from envs.driving.shapes import (
    BOX,
    CONE,
    ELLIPSOID,
    MODEL_PARTS,
    PAINTS,
    PARTS,
    SKIN_GLOWS,
    SKIN_PAINTS,
)

NEAR = np.float32(0.25)  # [m] nothing is seen nearer
FAR = np.float32(1e9)  # [m] where a ray meets nothing
LANES = 16
# A strip's quantities: depth [m]; number of the object, 0 for none; its colour as red + 256 green + 65536
# blue; glow 0 … 255; and the depth of the object that is being drawn, whatever hides it.
# Places are unsigned: signed ones may be negative, which in numpy counts from the end, and no vector allows.
T_DEPTH, T_NUMBER, T_COLOUR, T_GLOW, T_MINE, STRIP = (np.uint64(LANES * part) for part in range(6))
MOST_PARTS = int(np.diff(MODEL_PARTS).max())
# A part as it is cast: its form, then the camera's place, the ray of column 0 and row 0, its change by column
# and by row, all in the part's unit frame; the upper radius of a cone; skin; half sizes [m]; four colours in
# the look's light, and their glow; the direction to the sun.
FORM, ORIGIN, RAY, BY_COLUMN, BY_ROW, NARROW, SKIN, HALF, PALETTE, GLOWS, SUN_AT = (
    0, 1, 4, 7, 10, 13, 14, 15, 18, 30, 34
)  # fmt: skip
PREPARED = 40
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
def prepare(thing, turned, camera, rays, light, prepared):
    """Bring the camera and its rays into the frames of a model's parts; returns how many there are.

    Args:
        thing: number of the model, and the object's own paint.
        turned: cosine and sine of the object's yaw, 1 / its scale.
        camera: its place less the object's [m].
        rays: the ray through the first pixel's middle, 1 m deep, and its change by column and by row.
        light: what the look makes of red, green and blue; direction to the sun in the object's frame.
        prepared: (MOST_PARTS, PREPARED) float32, filled.
    """
    (model, paint), (first, by_column, by_row), (gains, sun) = thing, rays, light
    begin, end = MODEL_PARTS[model], MODEL_PARTS[model + 1]
    nothing = (_ZERO, _ZERO, _ZERO)
    for number in range(begin, end):
        part, out = PARTS[number], prepared[number - begin]
        wide = _ONE / part[6]
        deep = wide if part[0] == np.float32(CONE) else _ONE / part[7]
        inverse = (wide, deep, _ONE / part[8])
        out[FORM], out[NARROW], out[SKIN] = part[0], part[7] * wide, part[1]
        _turn_into(out, ORIGIN, camera, (part[3], part[4], part[5]), turned, inverse)
        _turn_into(out, RAY, first, nothing, turned, inverse)
        _turn_into(out, BY_COLUMN, by_column, nothing, turned, inverse)
        _turn_into(out, BY_ROW, by_row, nothing, turned, inverse)
        skin, own = np.int32(part[1]), np.int32(part[2])
        for k in range(3):
            out[HALF + k], out[SUN_AT + k] = part[6 + k], sun[k]
            out[PALETTE + k] = PAINTS[own if own >= 0 else paint, k] * gains[k]
            for other in range(3):
                out[PALETTE + 3 + 3 * other + k] = PAINTS[SKIN_PAINTS[skin, other], k] * gains[k]
        for k in range(4):
            out[GLOWS + k] = SKIN_GLOWS[skin, k]
    return end - begin


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
def _cast(part, window, tiles, drawn, form):
    """Cast one part of a known form into the strips of a window.

    Args:
        part: (PREPARED,) of `prepare`.
        window: rows [top, bottom), strips [left, right), strips in a row.
        tiles: the frame's strips.
        drawn: the object's number, whether this is its first part; mist by metre, and its colour.
        form: of the part.
    """
    (top, bottom, left, right, strips), skin = window, part[SKIN]
    number, fresh, haze, air_red, air_green, air_blue = drawn
    origin, narrow = (part[ORIGIN], part[ORIGIN + 1], part[ORIGIN + 2]), part[NARROW]
    sx, sy, sz = part[BY_COLUMN], part[BY_COLUMN + 1], part[BY_COLUMN + 2]
    half, sun = (
        (part[HALF], part[HALF + 1], part[HALF + 2]),
        (part[SUN_AT], part[SUN_AT + 1], part[SUN_AT + 2]),
    )
    glow0, glow1, glow2, glow3 = part[GLOWS], part[GLOWS + 1], part[GLOWS + 2], part[GLOWS + 3]
    palette = (
        part[PALETTE], part[PALETTE + 1], part[PALETTE + 2], part[PALETTE + 3], part[PALETTE + 4],
        part[PALETTE + 5], part[PALETTE + 6], part[PALETTE + 7], part[PALETTE + 8], part[PALETTE + 9],
        part[PALETTE + 10], part[PALETTE + 11],
    )  # fmt: skip
    for row in range(top, bottom):
        r = np.float32(row)
        x0, y0 = part[RAY] + r * part[BY_ROW], part[RAY + 1] + r * part[BY_ROW + 1]
        z0 = part[RAY + 2] + r * part[BY_ROW + 2]
        for strip in range(left, right):
            place, c0 = np.uint64(row * strips + strip) * STRIP, np.float32(strip * LANES)
            for lane in range(LANES):
                at, c = place + np.uint64(lane), c0 + np.float32(lane)
                dx, dy, dz = x0 + c * sx, y0 + c * sy, z0 + c * sz
                if form == BOX:
                    depth = _box(origin, (dx, dy, dz))
                elif form == CONE:
                    depth = _cone(origin, (dx, dy, dz), narrow)
                else:
                    depth = _ball(origin, (dx, dy, dz))
                mine, known = tiles[at + T_MINE], tiles[at + T_DEPTH]
                was_number, was_colour, was_glow = (
                    tiles[at + T_NUMBER],
                    tiles[at + T_COLOUR],
                    tiles[at + T_GLOW],
                )
                tiles[at + T_MINE] = min(depth, FAR if fresh else mine)
                here = (origin[0] + depth * dx, origin[1] + depth * dy, origin[2] + depth * dz)
                shown, light = skin_and_light(here, half, sun, form, skin)
                mist = min(depth * haze, _ONE)
                mist *= mist
                red = colour_channel(shown, palette, 0, light)
                green = colour_channel(shown, palette, 1, light)
                blue = colour_channel(shown, palette, 2, light)
                red = np.float32(np.int32(red + mist * (air_red - red) + np.float32(0.5)))
                green = np.float32(np.int32(green + mist * (air_green - green) + np.float32(0.5)))
                blue = np.float32(np.int32(blue + mist * (air_blue - blue) + np.float32(0.5)))
                glow = glow0 if shown == _ZERO else glow1 if shown == _ONE else glow2
                glow = glow3 if shown > np.float32(2.5) else glow
                colour = red + np.float32(256.0) * green + np.float32(65536.0) * blue
                nearer = depth < known
                tiles[at + T_DEPTH] = depth if nearer else known
                tiles[at + T_NUMBER] = number if nearer else was_number
                tiles[at + T_COLOUR] = colour if nearer else was_colour
                tiles[at + T_GLOW] = glow if nearer else was_glow


@kernel(fastmath=FAST)
def _cast_box(part, window, tiles, drawn):
    wide_vectors()
    _cast(part, window, tiles, drawn, BOX)


@kernel(fastmath=FAST)
def _cast_cone(part, window, tiles, drawn):
    wide_vectors()
    _cast(part, window, tiles, drawn, CONE)


@kernel(fastmath=FAST)
def _cast_ball(part, window, tiles, drawn):
    wide_vectors()
    _cast(part, window, tiles, drawn, ELLIPSOID)


@kernel
def cast_part(part, window, tiles, drawn):
    """Cast one part into the strips of a window; arguments as those of `_cast`."""
    if part[FORM] == np.float32(BOX):
        _cast_box(part, window, tiles, drawn)
    elif part[FORM] == np.float32(CONE):
        _cast_cone(part, window, tiles, drawn)
    else:
        _cast_ball(part, window, tiles, drawn)


@inlined
def place_of(row, column, strips):
    """Where the strips hold a pixel, `strips` being those of a row."""
    return np.uint64(row * strips + column // LANES) * STRIP + np.uint64(column % LANES)
