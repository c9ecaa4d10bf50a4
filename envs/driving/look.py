"""What the world looks like: colours, haze, brightness, noise and the camera's small pose errors."""

import numpy as np

from envs.driving.colours import LUMA, NUM_COLOURS
from envs.driving.compiling import kernel
from envs.driving.randomness import between, uniform
from envs.driving.tracing import VIEW_DISTANCE

LOOKS = ("clean", "randomized", "noisy")
CLEAN, RANDOMIZED, NOISY = range(len(LOOKS))

# One record of this type a row of the batch, drawn at every reset.
LOOK = np.dtype(
    [
        ("colours", np.float32, (NUM_COLOURS, 4)),  # red, green, blue, luma; 0 … 255, brightness applied
        ("haze", np.float32),  # [1/m] inverse distance at which the haze is complete
        ("noise", np.float32),  # ± this much on every channel of every pixel
        ("wet", np.float32),  # how much a wet road mirrors the sky
        ("light", np.float32),  # brightness, in the colours already
        ("tint", np.float32, 3),  # of what stands on the ground
        ("errors", np.float32, 4),  # of the camera: height [m], pitch, roll, yaw [rad]
    ]
)

# Rows as in camera.py: zenith, haze, hills, grass dark and light, asphalt, paint, kerb red and white.
CLEAN_COLOURS = np.array(
    [
        (96, 158, 222),
        (196, 220, 238),
        (112, 148, 152),
        (88, 138, 62),
        (102, 154, 72),
        (98, 99, 104),
        (240, 240, 236),
        (198, 48, 44),
        (236, 234, 230),
    ],
    np.float32,
)
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_HUE, _SHADE = 14.0, 0.22  # of a randomised colour: ± on each channel, ± of its lightness
_BRIGHTNESS = (0.65, 1.15)
_NOISE = 10.0
_ERRORS = np.array([0.05, 0.020, 0.015, 0.006], np.float32)  # ± [m, rad, rad, rad]


@kernel
def draw_look(look, mode, key):
    """Fill a `LOOK` record; every number is a draw of the stream `key`."""
    randomized = mode != CLEAN
    brightness = between(key, 0, _BRIGHTNESS[0], _BRIGHTNESS[1]) if randomized else np.float32(1.0)
    for i in range(NUM_COLOURS):
        shade = between(key, 10 + 4 * i, 1.0 - _SHADE, 1.0 + _SHADE) if randomized else np.float32(1.0)
        gray = np.float32(0.0)
        for channel in range(3):
            colour = CLEAN_COLOURS[i, channel]
            if randomized:
                colour = colour * shade + between(key, 11 + 4 * i + channel, -_HUE, _HUE)
            colour = min(max(colour * brightness, np.float32(4.0)), np.float32(252.0))
            look.colours[i, channel] = colour
            gray += _LUMA[channel] * colour
        look.colours[i, LUMA] = gray
    look.haze = (
        between(key, 1, 1.0 / VIEW_DISTANCE, 1.6 / VIEW_DISTANCE) if randomized else 1.2 / VIEW_DISTANCE
    )
    look.light, look.wet = brightness, 0.0
    for channel in range(3):
        look.tint[channel] = between(key, 50 + channel, 0.88, 1.12) if randomized else 1.0
    look.noise = _NOISE * uniform(key, 2) if mode == NOISY else 0.0
    for i in range(4):
        look.errors[i] = between(key, 3 + i, -_ERRORS[i], _ERRORS[i]) if randomized else 0.0
