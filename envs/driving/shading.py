"""Shading: the colour of an object where a ray meets it.

A skin is a rule from the place on a part to one of its four colours: wheels and lamps on a car's body, glass
around its cabin, stripes, bands, windows. Light comes from one sun and from the whole sky. All of it is done
in vectors, so rules choose between numbers and never branch.
"""

import numpy as np

from envs.driving.compiling import inlined
from envs.driving.shapes import BANDS, BODY, BOX, CABIN, CONE, LEAVES, PLATE, STRIPES, WINDOWS

SUN = np.array([0.43, 0.32, 0.84], np.float32)  # direction to it
SKY_LIGHT, SUN_LIGHT = np.float32(0.62), np.float32(0.42)
_WHEEL = np.float32(0.33)  # [m] radius
_STOREY, _BAY = np.float32(3.1), np.float32(2.6)  # [m] from window to window
_ZERO, _ONE, _TWO, _THREE = np.float32(0.0), np.float32(1.0), np.float32(2.0), np.float32(3.0)


@inlined
def _car_body(x, y, z, half, face):
    """A tyre 1, a head lamp 2, a tail light 3."""
    away = abs(abs(x) - np.float32(0.62) * half[0])
    drop = z + half[2] - np.float32(0.2)
    wheel = (face == _ONE) & (away * away + drop * drop < _WHEEL * _WHEEL)
    lamp = (face == _ZERO) & (z > np.float32(0.1) * half[2]) & (abs(y) > np.float32(0.55) * half[1])
    return _ONE if wheel else (_TWO if x > _ZERO else _THREE) if lamp else _ZERO


@inlined
def _cabin(x, y, z, half, face):
    """Glass 1 all round but for the posts and the roof."""
    post = abs(y) > np.float32(0.86) * half[1] if face == _ZERO else abs(x) > np.float32(0.93) * half[0]
    roof = (face == _TWO) | (z > np.float32(0.75) * half[2])
    return _ZERO if post | roof else _ONE


@inlined
def _windows(x, y, z, half, face):
    """Windows 1 in storeys, some of them lit 2."""
    along = (y + half[1] if face == _ZERO else x + half[0]) * np.float32(1.0 / _BAY)
    up = (z + half[2]) * np.float32(1.0 / _STOREY)
    bay, storey = np.float32(np.int32(along)), np.float32(np.int32(up))
    across, high = abs(along - bay - np.float32(0.5)), abs(up - storey - np.float32(0.55))
    window = (face < _TWO) & (across < np.float32(0.24)) & (high < np.float32(0.24))
    draw = bay * np.float32(0.37) + storey * np.float32(0.61) + face * np.float32(0.29)
    lit = draw - np.float32(np.int32(draw)) < np.float32(0.4)
    return (_TWO if lit else _ONE) if window else _ZERO


@inlined
def _box_colour(place, half, face, skin):
    """Which of a box's colours a place on it shows."""
    x, y, z = place
    stripe = (y + z + np.float32(8.0)) * np.float32(1.25)
    striped = _ONE if stripe - np.float32(np.int32(stripe)) < np.float32(0.5) else _ZERO
    plate = _ONE if max(abs(y), abs(z)) < np.float32(0.22) else _ZERO
    body, cabin = _car_body(x, y, z, half, face), _cabin(x, y, z, half, face)
    windows = _windows(x, y, z, half, face)
    shown = striped if skin == np.float32(STRIPES) else _ZERO
    shown = plate if skin == np.float32(PLATE) else shown
    shown = windows if skin == np.float32(WINDOWS) else shown
    shown = cabin if skin == np.float32(CABIN) else shown
    return body if skin == np.float32(BODY) else shown


@inlined
def _ripple(place):
    """A wave of period 1 between 0 and 1."""
    part = place + np.float32(16.0)
    return abs(part - np.float32(np.int32(part)) - np.float32(0.5)) * _TWO


@inlined
def _facing(x, y, z, face, sun, form):
    """How much a surface looks to the sun, and upwards."""
    if form == BOX:
        along = x if face == _ZERO else y if face == _ONE else z
        sign = _ONE if along > _ZERO else -_ONE
        facing = sun[0] if face == _ZERO else sun[1] if face == _ONE else sun[2]
        return sign * facing, (sign if face == _TWO else _ZERO)
    up = np.float32(0.25) if form == CONE else z
    size = _ONE / np.sqrt(x * x + y * y + up * up + np.float32(1e-9))
    return (x * sun[0] + y * sun[1] + up * sun[2]) * size, up * size


@inlined
def skin_and_light(place, half, sun, form, skin):
    """Which of a part's colours a place on its surface shows, and how much light falls there.

    Args:
        place: x, y, z in the part's unit frame.
        half: its half sizes [m].
        sun: direction to the sun in the object's frame.
        form: of the part, a constant.
        skin: of the part.
    """
    x, y, z = place
    ax, ay, az = abs(x), abs(y), abs(z)
    face = _ZERO if ax >= max(ay, az) else _ONE if ay >= az else _TWO
    facing, up = _facing(x, y, z, face, sun, form)
    light = SKY_LIGHT + np.float32(0.08) * up + SUN_LIGHT * max(facing, _ZERO)
    if form == BOX:
        return _box_colour((x * half[0], y * half[1], z * half[2]), half, face, skin), light
    rough = np.float32(0.16) if skin == np.float32(LEAVES) else _ZERO
    speckle = _ripple(np.float32(1.4) * x + np.float32(2.1) * z) * _ripple(y + y + z)
    band = _ONE if abs(z * half[2] - np.float32(0.08)) < np.float32(0.1) else _ZERO
    shown = band if skin == np.float32(BANDS) else _ZERO
    return shown, light + rough * (speckle - np.float32(0.35))


@inlined
def colour_channel(shown, palette, channel, light):
    """One channel of the colour that is shown, 0 … 252; `palette` holds four colours of three channels."""
    first = palette[channel] if shown == _ZERO else palette[3 + channel]
    second = palette[6 + channel] if shown == _TWO else palette[9 + channel]
    return min((first if shown < _TWO else second) * light, np.float32(252.0))
