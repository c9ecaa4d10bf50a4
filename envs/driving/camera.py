"""The camera: a pinhole that looks at the surface map, row by row.

A frame is drawn in blocks of 8 rows by 64 columns. The ground is sampled at every fourth column: the ray meets
the ground, one texel gives the distance to the centreline and along the road, and the texel's
gradient against the ray gives how much of either a pixel spans. Both distances are almost linear
between samples, so the pixels are interpolated, and what a pixel covers (shares of line, kerb and
grass; the rest is road) follows from them, filtered over its footprint: lines thin out with
distance instead of flickering. RGB, gray, semantic classes and depth are painted from these shares
alone, so labels and picture cannot disagree.

Everything is laid out for LLVM's vectoriser: inner loops of known length without branches over flat
float32 arrays. A row's pixels are kept by phase, pixel 4 k + f at place 16 f + k.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from envs.driving.levels import HALF_WIDTH
from envs.driving.road import ALONG_STEPS, OFFSET_STEPS, STRIPE_PERIOD, TEXEL

RGB, GRAY, SEMANTIC, DEPTH = range(4)
CLASSES = ("sky", "grass", "road", "line", "kerb")
SKY, GRASS, ROAD, LINE, KERB = range(len(CLASSES))
VIEW_DISTANCE = 220.0  # [m] ground further away is sky

_ROWS, _SAMPLES, _PHASES = 8, 16, 4
_COLUMNS = _SAMPLES * _PHASES
_BLOCK = _ROWS * _COLUMNS  # pixels of a block
_PITCH = 2 * _SAMPLES  # a row of samples, with room for one past the end
_PAD = 80  # numbers between parts: parts a multiple of 4 KiB apart would stall each other's loads and stores
_S_DEPTH, _S_OFFSET, _S_ALONG, _S_SHARP, _S_SHARP_ALONG, _S_KERB, _S_TONE, _IN_X, _IN_Y = (
    (_ROWS * _PITCH + _PAD) * part for part in range(9)
)
_DEPTH, _LINE, _KERB, _GRASS, _STRIPE, _TONE, _RIDGE, _LAYER = ((_BLOCK + _PAD) * part for part in range(8))
_RAY = 16  # numbers that the samples of a row have in common

# Colours of a look, each linear RGB in 0 … 255.
ZENITH, HAZE, HILL, GRASS_DARK, GRASS_LIGHT, ASPHALT, PAINT, KERB_RED, KERB_WHITE = range(9)
NUM_COLOURS = 9
LUMA = 3  # the channel of a colour that holds its gray

_EDGE_LINE = HALF_WIDTH - 0.35  # [m] from the centreline to the middle of the line at the edge
_EDGE_LINE_HALF, _MIDDLE_LINE = 0.09, 0.08  # [m] half the width of the lines
_KERB_WIDTH = 0.6  # [m]

_FAST = {"nnan", "ninf", "nsz", "arcp", "contract"}
_ZERO, _HALF, _ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)


def _hills() -> np.ndarray:
    """Height of the hills around the world as the tangent of their elevation, a closed profile."""
    turn = np.linspace(0.0, 2.0 * np.pi, 257)
    waves = [(3, 0.3, 0.030), (5, 1.9, 0.022), (11, 4.1, 0.012), (23, 2.2, 0.005), (41, 0.7, 0.003)]
    return np.float32(0.035 + sum(size * np.sin(k * turn + phase) for k, phase, size in waves)).clip(0.0)


RIDGE = _hills()


@dataclass(frozen=True)
class CameraParams:
    """A camera behind the windscreen. SI units and radians."""

    field_of_view: float = np.pi / 2  # [rad] horizontal
    height: float = 1.5  # [m] above the road
    forward: float = 0.5  # [m] ahead of the centre of gravity
    pitch: float = 0.15  # [rad] downwards

    def schema(self, height: int, width: int) -> dict[str, float | list[int]]:
        """Everything that tells two cameras apart, JSON-able."""
        return {
            "image_size": [height, width],
            "field_of_view": float(self.field_of_view),
            "mounting_height": self.height,
            "mounting_forward": self.forward,
            "mounting_pitch": self.pitch,
        }

    def focal_length(self, width: int) -> float:
        """[pixels]."""
        return width / 2 / float(np.tan(self.field_of_view / 2))


# One record of this type a row of the batch: where the camera is and how it looks at the world.
VIEW = np.dtype(
    [
        ("origin", np.float32, 3),  # [m] z the height
        ("axes", np.float32, (3, 3)),  # forward, right, down of the image, in the same coordinates
        ("focal", np.float32),  # [pixels]
        ("azimuth", np.float32),  # [turns] of the optical axis against the hills
    ]
)


@njit(cache=True, error_model="numpy")
def aim(view, car, focal, mounting, errors):
    """Place a camera on a car.

    Args:
        view: `VIEW` record to fill.
        car: record with x, y [m], yaw [rad] and mirror, −1 where the picture is to be mirrored.
        focal: focal length [pixels].
        mounting: (height, forward, pitch) of the camera.
        errors: (height [m], pitch, roll, yaw [rad]) added to the mounting.
    """
    heading, pitch, roll = car.yaw + errors[3], mounting[2] + errors[1], errors[2]
    ch, sh, cp, sp = np.cos(heading), np.sin(heading), np.cos(pitch), np.sin(pitch)
    cr, sr = np.cos(roll), np.sin(roll)
    view.origin[0] = car.x + mounting[1] * np.cos(car.yaw)
    view.origin[1] = car.y + mounting[1] * np.sin(car.yaw)
    view.origin[2] = mounting[0] + errors[0]
    right = (sh, -ch, np.float32(0.0))
    down = (-sp * ch, -sp * sh, -cp)
    forward = (cp * ch, cp * sh, -sp)
    for k in range(3):
        view.axes[0, k] = forward[k]
        view.axes[1, k] = car.mirror * (cr * right[k] + sr * down[k])
        view.axes[2, k] = cr * down[k] - sr * right[k]
    view.focal = focal
    view.azimuth = car.mirror * heading * np.float32(0.5 / np.pi)


@njit(cache=True, error_model="numpy", inline="always", fastmath=_FAST)
def _share(distance, sharpness):
    """How much of a pixel lies beyond an edge at signed `distance`, `sharpness` being 1 / footprint."""
    return min(max(distance * sharpness + _HALF, _ZERO), _ONE)


@njit(cache=True, error_model="numpy", inline="always", fastmath=_FAST)
def _stripes(position, period, frequency, sharpness):
    """Share of the pixel in the first half of a pattern; `position` ≥ 0, `frequency` is 1 / period."""
    phase = position * frequency
    phase = abs(phase - np.float32(np.int32(phase)) - _HALF) * period
    return _share(np.float32(0.25) * period - phase, sharpness)


@njit(cache=True, error_model="numpy", inline="always")
def _byte(word, shift):
    """The signed byte of an int32 that starts at bit `shift`."""
    return np.float32(np.int32(np.int32(word << np.int32(24 - shift)) >> np.int32(24)))


@njit(cache=True, error_model="numpy")
def _cast_rays(view, place, grid, rays):
    """Fill `rays` with what the samples of each row have in common: x and y in texels, depth in metres."""
    top, first, height, width, _ = place
    step = _ONE / view.focal
    right = (np.float32(first) + _HALF - np.float32(0.5 * width)) * step
    level = _ONE / np.sqrt(view.axes[0, 0] ** 2 + view.axes[0, 1] ** 2)
    for row in range(_ROWS):
        down = (np.float32(top + row) + _HALF - np.float32(0.5 * height)) * step
        ray = rays[row]
        for k in range(3):
            scale = np.float32(-1.0) if k == 2 else np.float32(1.0 / TEXEL)
            ray[k] = scale * (view.axes[0, k] + right * view.axes[1, k] + down * view.axes[2, k])
            ray[3 + k] = scale * step * np.float32(_PHASES) * view.axes[1, k]
        ray[6] = view.origin[0] * np.float32(1.0 / TEXEL) + np.float32(grid // 2)
        ray[7] = view.origin[1] * np.float32(1.0 / TEXEL) + np.float32(grid // 2)
        ray[8] = view.origin[2]
        ray[9], ray[10] = view.axes[0, 0] * level, view.axes[0, 1] * level
        ray[11], ray[12] = step, step / view.origin[2]
        ray[13] = view.origin[2] / np.float32(VIEW_DISTANCE)


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _find_texels(rays, grid, samples, index):
    """Intersect the sample rays with the ground: depth, place within the texel, the texel's number."""
    last, grid32 = np.float32(grid - 1), np.int32(grid)
    for row in range(_ROWS):
        x0, y0, z0, x1, y1, z1 = (
            rays[row, 0],
            rays[row, 1],
            rays[row, 2],
            rays[row, 3],
            rays[row, 4],
            rays[row, 5],
        )
        px, py, pz, least = rays[row, 6], rays[row, 7], rays[row, 8], rays[row, 13]
        for k in range(_SAMPLES):
            place = row * _PITCH + k
            column = np.float32(k)
            depth = pz / max(z0 + column * z1, least)
            u = min(max(px + depth * (x0 + column * x1), _ZERO), last)
            v = min(max(py + depth * (y0 + column * y1), _ZERO), last)
            i, j = np.int32(u), np.int32(v)
            index[row * _SAMPLES + k] = np.int32(np.int32(j * grid32) + i)
            samples[_S_DEPTH + place] = depth
            samples[_IN_X + place], samples[_IN_Y + place] = (
                u - np.float32(i) - _HALF,
                v - np.float32(j) - _HALF,
            )


@njit(cache=True, error_model="numpy")
def _read_texels(surface, texels, index):
    """Gather the texels. Alone in its loop: LLVM cannot rule out that it reads what others write."""
    for n in range(_ROWS * _SAMPLES):
        texel = surface[np.uint32(index[n])]
        texels[n], texels[_ROWS * _SAMPLES + n] = np.int32(texel), np.int32(texel >> 32)


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _decode_texels(rays, texels, samples):
    """Turn texels into distances to and along the centreline, and the reach of a pixel in both."""
    for row in range(_ROWS):
        fx, fy, across, along = rays[row, 9], rays[row, 10], rays[row, 11], rays[row, 12]
        for k in range(_SAMPLES):
            place = row * _PITCH + k
            first, second = texels[row * _SAMPLES + k], texels[_ROWS * _SAMPLES + row * _SAMPLES + k]
            gx, gy = _byte(first, 8), _byte(first, 0)  # [1/127]
            rx, ry, depth = samples[_IN_X + place], samples[_IN_Y + place], samples[_S_DEPTH + place]
            stretch = np.float32(np.int32(second >> 8) & np.int32(255)) * np.float32(1.0 / 64.0)
            offset = np.float32(np.int32(first >> 16)) * np.float32(1.0 / OFFSET_STEPS)
            travelled = np.float32(np.int32(second >> 16) & np.int32(65535)) * np.float32(1.0 / ALONG_STEPS)
            slope, turn = abs(gx * fx + gy * fy), abs(gy * fx - gx * fy)
            near, far = across * depth, along * depth * depth
            sharp = turn * near + slope * far + np.float32(0.1)
            sharp_along = (turn * far + slope * near) * stretch + np.float32(0.1)
            samples[_S_OFFSET + place] = offset + (gx * rx + gy * ry) * np.float32(TEXEL / 127.0)
            samples[_S_ALONG + place] = travelled + stretch * (gy * rx - gx * ry) * np.float32(TEXEL / 127.0)
            samples[_S_SHARP + place] = np.float32(127.0) / sharp
            samples[_S_SHARP_ALONG + place] = np.float32(127.0) / sharp_along
            samples[_S_KERB + place] = np.float32(np.int32(second) & np.int32(1))
            samples[_S_TONE + place] = np.float32(np.int32(second) & np.int32(2)) * _HALF


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _close_samples(samples, lap):
    """Add the sample past the end, and unroll the distance along the road where a lap begins.

    Returns the greatest distance from the centreline, and whether kerbs are near.
    """
    furthest, kerb = _ZERO, _ZERO
    for row in range(_ROWS):
        for k in range(_SAMPLES):
            furthest = max(furthest, abs(samples[_S_OFFSET + row * _PITCH + k]))
            kerb = max(kerb, samples[_S_KERB + row * _PITCH + k])
        for part in range(7):
            end = _S_OFFSET * part + row * _PITCH + _SAMPLES
            samples[end] = samples[end - 1] + (samples[end - 1] - samples[end - 2])
        before = samples[_S_ALONG + row * _PITCH]
        least, most = before, before
        for k in range(1, _SAMPLES):
            least = min(least, samples[_S_ALONG + row * _PITCH + k])
            most = max(most, samples[_S_ALONG + row * _PITCH + k])
        if most - least > _HALF * lap:
            _unroll(samples, _S_ALONG + row * _PITCH, lap)
    return furthest, kerb


@njit(cache=True, error_model="numpy")
def _unroll(samples, start, lap):
    """Undo the jumps of one row where the distance along the road begins anew."""
    shift = _ZERO
    for k in range(start + 1, start + _SAMPLES + 1):
        jump = samples[k] + shift - samples[k - 1]
        if abs(jump) > _HALF * lap:
            shift -= np.copysign(lap, jump)
        samples[k] += shift


@njit(cache=True, error_model="numpy", inline="always", fastmath=_FAST)
def _between(samples, place, share):
    """A sampled number between one sample and the next."""
    value = samples[place]
    return value + share * (samples[place + 1] - value)


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _cover_lines(samples, cover):
    """Shares of the dashes in the middle and the lines at the edges; depth on the way."""
    for row in range(_ROWS):
        for phase in range(_PHASES):
            share = np.float32(phase) * np.float32(1.0 / _PHASES)
            for k in range(_SAMPLES):
                place = row * _COLUMNS + phase * _SAMPLES + k
                offset = abs(_between(samples, _S_OFFSET + row * _PITCH + k, share))
                sharp = _between(samples, _S_SHARP + row * _PITCH + k, share)
                travelled = _between(samples, _S_ALONG + row * _PITCH + k, share) + np.float32(1200.0)
                sharp_along = _between(samples, _S_SHARP_ALONG + row * _PITCH + k, share)
                inner = offset < np.float32(1.5)
                from_line = offset if inner else abs(offset - np.float32(_EDGE_LINE))
                half = np.float32(_MIDDLE_LINE) if inner else np.float32(_EDGE_LINE_HALF)
                dash = _stripes(
                    travelled, np.float32(STRIPE_PERIOD), np.float32(1.0 / STRIPE_PERIOD), sharp_along
                )
                line = _share(half - from_line, sharp) - _share(-half - from_line, sharp)
                cover[_LINE + place] = line * (dash if inner else _ONE)
                cover[_DEPTH + place] = _between(samples, _S_DEPTH + row * _PITCH + k, share)


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _cover_grass(samples, cover):
    """Share of what lies outside the road, all of it grass; the grass's tone."""
    for row in range(_ROWS):
        for phase in range(_PHASES):
            share = np.float32(phase) * np.float32(1.0 / _PHASES)
            for k in range(_SAMPLES):
                place = row * _COLUMNS + phase * _SAMPLES + k
                offset = abs(_between(samples, _S_OFFSET + row * _PITCH + k, share))
                sharp = _between(samples, _S_SHARP + row * _PITCH + k, share)
                cover[_GRASS + place] = _share(offset - np.float32(HALF_WIDTH), sharp)
                cover[_TONE + place] = _between(samples, _S_TONE + row * _PITCH + k, share)


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _cover_kerbs(samples, cover):
    """Take the kerbs' share from the grass; the kerbs' stripes."""
    period = STRIPE_PERIOD / 3.0
    for row in range(_ROWS):
        for phase in range(_PHASES):
            share = np.float32(phase) * np.float32(1.0 / _PHASES)
            for k in range(_SAMPLES):
                place = row * _COLUMNS + phase * _SAMPLES + k
                offset = abs(_between(samples, _S_OFFSET + row * _PITCH + k, share))
                sharp = _between(samples, _S_SHARP + row * _PITCH + k, share)
                travelled = _between(samples, _S_ALONG + row * _PITCH + k, share) + np.float32(1200.0)
                sharp_along = _between(samples, _S_SHARP_ALONG + row * _PITCH + k, share)
                grass = cover[_GRASS + place]
                kerb = grass - _share(offset - np.float32(HALF_WIDTH + _KERB_WIDTH), sharp)
                kerb *= _between(samples, _S_KERB + row * _PITCH + k, share)
                cover[_KERB + place], cover[_GRASS + place] = kerb, grass - kerb
                cover[_STRIPE + place] = _stripes(
                    travelled, np.float32(period), np.float32(1.0 / period), sharp_along
                )


@njit(cache=True, error_model="numpy")
def _trace_block(rays, ground, scratch):
    """Fill `cover` with what a block's pixels cover. Returns whether grass and whether kerbs are in it."""
    samples, index, texels, cover = scratch[0], scratch[1], scratch[2], scratch[3]
    _find_texels(rays, ground[1], samples, index)
    _read_texels(ground[0], texels, index)
    _decode_texels(rays, texels, samples)
    furthest, kerb = _close_samples(samples, ground[2])
    _cover_lines(samples, cover)
    if furthest < np.float32(HALF_WIDTH - 0.2):
        return False, False
    _cover_grass(samples, cover)
    if kerb > _ZERO:
        _cover_kerbs(samples, cover)
    return True, kerb > _ZERO


@njit(cache=True, error_model="numpy")
def _scratch():
    """(samples, index, texels, cover, rays): the buffers of one block."""
    samples, cover = np.zeros(9 * _S_OFFSET, np.float32), np.zeros(10 * _LINE, np.float32)
    index, texels = np.zeros(_ROWS * _SAMPLES, np.int32), np.zeros(2 * _ROWS * _SAMPLES, np.int32)
    return samples, index, texels, cover, np.zeros((_ROWS, _RAY), np.float32)


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _paint_road(colours, channel, cover, layer):
    """Paint one channel of a block: asphalt and lines."""
    asphalt, paint = colours[ASPHALT, channel], colours[PAINT, channel]
    for c in range(_BLOCK):
        layer[c] = asphalt + cover[_LINE + c] * (paint - asphalt)


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _paint_grass(colours, channel, cover, layer):
    """Paint the grass of one channel of a block over its asphalt."""
    asphalt, dark = colours[ASPHALT, channel], colours[GRASS_DARK, channel]
    tone = colours[GRASS_LIGHT, channel] - dark
    for c in range(_BLOCK):
        layer[c] += cover[_GRASS + c] * (dark - asphalt + cover[_TONE + c] * tone)


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _paint_kerbs(colours, channel, cover, layer):
    """Paint the kerbs of one channel of a block over its asphalt."""
    asphalt, red = colours[ASPHALT, channel], colours[KERB_RED, channel]
    stripe = colours[KERB_WHITE, channel] - red
    for c in range(_BLOCK):
        layer[c] += cover[_KERB + c] * (red - asphalt + cover[_STRIPE + c] * stripe)


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _paint_mist(colours, channel, haze, cover, layer):
    """Lay the haze over one channel of a block."""
    air = colours[HAZE, channel]
    for c in range(_BLOCK):
        mist = min(cover[_DEPTH + c] * haze, _ONE)
        layer[c] += mist * mist * (air - layer[c])


@njit(cache=True, error_model="numpy")
def _paint_ground(look, channel, present, cover, layer):
    """Paint one channel of a traced block; `present` tells whether grass and kerbs are in it."""
    _paint_road(look.colours, channel, cover, layer)
    if present[0]:
        _paint_grass(look.colours, channel, cover, layer)
    if present[1]:
        _paint_kerbs(look.colours, channel, cover, layer)
    if max(cover[_DEPTH], cover[_DEPTH + _COLUMNS - 1]) * look.haze > np.float32(0.05):
        _paint_mist(look.colours, channel, look.haze, cover, layer)


@njit(cache=True, error_model="numpy", inline="always")
def _elevation(view, place):
    """Height of a block's first pixel above the horizon, its change by column and its fall by row [pixels]."""
    row, first, height, width, _ = place
    right = np.float32(first) + _HALF - np.float32(0.5 * width)
    down = np.float32(row) + _HALF - np.float32(0.5 * height)
    up = view.axes[0, 2] * view.focal + right * view.axes[1, 2] + down * view.axes[2, 2]
    return up, view.axes[1, 2], -view.axes[2, 2]


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _trace_ridge(azimuth, focal, first, width, cover):
    """Fill the ridge of a block with the height of the hills above the horizon [pixels].

    The hills stand at infinity; their azimuth is a cubic's worth of an arc tangent.
    """
    bins = np.float32(RIDGE.shape[0] - 1)
    for phase in range(_PHASES):
        for k in range(_SAMPLES):
            column = np.float32(first + _PHASES * k + phase) + _HALF - np.float32(0.5 * width)
            lateral = column / focal
            bearing = lateral * (np.float32(0.9724) - np.float32(0.1919) * lateral * lateral)
            turn = azimuth + np.float32(8.0) - bearing * np.float32(0.5 / np.pi)
            place = (turn - np.float32(np.int32(turn))) * bins
            n = np.uint32(np.int32(place))
            share = place - np.float32(np.int32(place))
            height = RIDGE[n] + share * (RIDGE[n + np.uint32(1)] - RIDGE[n])
            cover[_RIDGE + phase * _SAMPLES + k] = focal * height


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _paint_sky(colours, channel, horizon, focal, cover, layer):
    """Paint one channel of a block above the horizon, hills included; `horizon` as `_elevation` gives it."""
    hill, air = colours[HILL, channel], colours[HAZE, channel]
    zenith = colours[ZENITH, channel] - air
    for row in range(_ROWS):
        elevation = horizon[0] - horizon[2] * np.float32(row)
        rise = min(max(elevation / (np.float32(0.9) * focal), _ZERO), _ONE)
        sky = air + rise * (np.float32(2.0) - rise) * zenith
        for phase in range(_PHASES):
            for k in range(_SAMPLES):
                above = elevation + horizon[1] * np.float32(_PHASES * k + phase)
                share = _share(cover[_RIDGE + phase * _SAMPLES + k] - above, _ONE)
                layer[row * _COLUMNS + phase * _SAMPLES + k] = sky + share * (hill - sky)


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _add_noise(amplitude, key, layer):
    """Add uniform noise of ± `amplitude` to one channel of a block, by a hash of (key, place)."""
    for c in range(_BLOCK):
        h = np.uint32(key + np.uint32(c) * np.uint32(0x9E3779B1))
        h = np.uint32((h ^ (h >> np.uint32(15))) * np.uint32(0x85EBCA6B))
        h = np.uint32((h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35))
        draw = np.float32(np.int32(h >> np.uint32(8))) * np.float32(2.0**-23) - _ONE
        layer[c] = min(max(layer[c] + amplitude * draw, _ZERO), np.float32(255.0))


@njit(cache=True, error_model="numpy", inline="always")
def _level(layer, place):
    """A painted pixel as an integer 0 … 255."""
    return np.int32(layer[place] + _HALF)


@njit(cache=True, error_model="numpy", inline="always")
def _word(a, b, c, d):
    """Four bytes as one little-endian word."""
    return np.int32(
        a | np.int32(b << np.int32(8)) | np.int32(c << np.int32(16)) | np.int32(d << np.int32(24))
    )


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _pack_rgb(red, green, blue, words):
    """Interleave a block's channels: four pixels, one of each phase, fill three words."""
    for row in range(_ROWS):
        for k in range(_SAMPLES):
            f0, out = row * _COLUMNS + k, 3 * (row * _SAMPLES + k)
            f1, f2, f3 = f0 + _SAMPLES, f0 + 2 * _SAMPLES, f0 + 3 * _SAMPLES
            words[out] = _word(_level(red, f0), _level(green, f0), _level(blue, f0), _level(red, f1))
            words[out + 1] = _word(_level(green, f1), _level(blue, f1), _level(red, f2), _level(green, f2))
            words[out + 2] = _word(_level(blue, f2), _level(red, f3), _level(green, f3), _level(blue, f3))


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _pack_gray(gray, words):
    """Interleave a block's phases: four pixels fill a word."""
    for row in range(_ROWS):
        for k in range(_SAMPLES):
            f0 = row * _COLUMNS + k
            f1, f2, f3 = f0 + _SAMPLES, f0 + 2 * _SAMPLES, f0 + 3 * _SAMPLES
            words[row * _SAMPLES + k] = _word(
                _level(gray, f0), _level(gray, f1), _level(gray, f2), _level(gray, f3)
            )


@njit(cache=True, error_model="numpy")
def _paint_block(view, look, ground, place, scratch, layers):
    """Paint one block into `layers`, one row a channel; `ground` is as `paint` takes it."""
    cover = scratch[3]
    luma = 0 if layers.shape[0] == 3 else LUMA
    if place[4]:
        horizon = _elevation(view, place)
        for n in range(layers.shape[0]):
            _paint_sky(look.colours, luma + n, horizon, view.focal, cover, layers[n])
    else:
        _cast_rays(view, place, ground[1], scratch[4])
        present = _trace_block(scratch[4], ground, scratch)
        for n in range(layers.shape[0]):
            _paint_ground(look, luma + n, present, cover, layers[n])


@njit(cache=True, error_model="numpy")
def _first_ground_row(view, first, height, width):
    """The first row of a column of blocks in which any pixel looks at or below the horizon."""
    up, by_column, fall = _elevation(view, (0, first, height, width, True))
    least = min(up, up + by_column * np.float32(_COLUMNS))
    return min(max(int(np.floor(least / fall)) + 1, 0), height)


@njit(cache=True, error_model="numpy")
def paint(view, look, ground, noise_key, out):
    """Draw one frame.

    Args:
        view: `VIEW` record.
        look: `LOOK` record.
        ground: (surface map flattened, texels on a side of it, length of a lap [m]).
        noise_key: key of this frame's noise.
        out: (H, W, 3) or (H, W, 1) uint8, RGB or gray.
    """
    height, width, channels = out.shape
    scratch = _scratch()
    layers = scratch[3][_LAYER : _LAYER + channels * _LINE].reshape(channels, _LINE)
    words = np.empty(channels * _ROWS * _SAMPLES, np.int32)
    packed, flat = words.view(np.uint8), out.reshape(out.size)
    for first in range(0, width, _COLUMNS):
        _trace_ridge(view.azimuth, view.focal, first, width, scratch[3])
        ground_row = _first_ground_row(view, first, height, width)
        size = channels * min(_COLUMNS, width - first)
        top = 0
        while top < height:
            bottom = min(top + _ROWS, ground_row if top < ground_row else height)
            _paint_block(view, look, ground, (top, first, height, width, top < ground_row), scratch, layers)
            if look.noise > _ZERO:
                for n in range(channels):
                    key = np.uint32(noise_key) + np.uint32((first + top * width) * 3 + n + 1) * np.uint32(
                        0x27D4EB2F
                    )
                    _add_noise(look.noise, key, layers[n])
            if channels == 3:
                _pack_rgb(layers[0], layers[1], layers[2], words)
            else:
                _pack_gray(layers[0], words)
            for row in range(bottom - top):
                start, taken = ((top + row) * width + first) * channels, row * channels * _COLUMNS
                flat[start : start + size] = packed[taken : taken + size]
            top = bottom


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _classify(cover, row, count, classes, depth):
    """Write the largest share's class and the depth of `count` pixels of a traced row."""
    for c in range(count):
        place = row * _COLUMNS + (c % _PHASES) * _SAMPLES + c // _PHASES
        line, kerb, grass = cover[_LINE + place], cover[_KERB + place], cover[_GRASS + place]
        road = _ONE - line - kerb - grass
        kind = ROAD if road >= line else LINE
        kind = KERB if kerb > max(road, line) else kind
        kind = GRASS if grass > max(max(road, line), kerb) else kind
        sky = cover[_DEPTH + place] >= np.float32(0.99 * VIEW_DISTANCE)
        classes[c] = np.uint8(SKY if sky else kind)
        depth[c] = np.float32(VIEW_DISTANCE) if sky else cover[_DEPTH + place]


@njit(cache=True, error_model="numpy")
def label(view, ground, classes, depth):
    """Label one frame.

    A pixel's class is the one that covers most of it; its depth is measured along the optical axis.

    Args:
        view: `VIEW` record.
        ground: (surface map flattened, texels on a side of it, length of a lap [m]).
        classes: filled: (H, W) uint8, indices into `CLASSES`.
        depth: filled: (H, W) float32 [m], `VIEW_DISTANCE` for the sky.
    """
    height, width = classes.shape
    scratch = _scratch()
    cover = scratch[3]
    for first in range(0, width, _COLUMNS):
        count = min(_COLUMNS, width - first)
        for top in range(0, height, _ROWS):
            _cast_rays(view, (top, first, height, width, False), ground[1], scratch[4])
            grass, kerbs = _trace_block(scratch[4], ground, scratch)
            if not grass:
                cover[_GRASS : _GRASS + _BLOCK] = 0.0
            if not kerbs:
                cover[_KERB : _KERB + _BLOCK] = 0.0
            for row in range(min(_ROWS, height - top)):
                _classify(cover, row, count, classes[top + row, first:], depth[top + row, first:])
