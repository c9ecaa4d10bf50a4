"""A block's channels, kept by phase, come out as bytes in the order of an image."""

import numpy as np
import pytest

from envs.driving.camera import scratch
from envs.driving.packing import pack_gray, pack_rgb
from envs.driving.tracing import BLUE_AT, COLUMNS, GREEN_AT, PHASES, RED_AT, ROWS, SAMPLES


@pytest.fixture
def painted() -> tuple[np.ndarray, np.ndarray]:
    """The floats of a painted block, and its colours as an image (ROWS, COLUMNS, 3)."""
    floats = scratch()[0]
    image = np.random.default_rng(0).uniform(0.0, 255.0, (ROWS, COLUMNS, 3)).astype(np.float32)
    image[0, :4, 0] = 0.0, 255.0, 254.6, 0.4
    for channel, start in enumerate((RED_AT, GREEN_AT, BLUE_AT)):
        by_phase = image[..., channel].reshape(ROWS, SAMPLES, PHASES).swapaxes(1, 2)
        floats[start : start + image[..., 0].size] = by_phase.reshape(-1)
    return floats, image


def test_colours_are_interleaved_and_rounded(painted: tuple[np.ndarray, np.ndarray]) -> None:
    floats, image = painted
    words = scratch()[2]
    pack_rgb(floats, words)
    np.testing.assert_array_equal(words.view(np.uint8).reshape(image.shape), np.floor(image + 0.5))


def test_grays_are_put_in_order_and_rounded(painted: tuple[np.ndarray, np.ndarray]) -> None:
    floats, image = painted
    words = scratch()[2]
    pack_gray(floats, words)
    packed = words.view(np.uint8)[: ROWS * COLUMNS].reshape(ROWS, COLUMNS)
    np.testing.assert_array_equal(packed, np.floor(image[..., 0] + 0.5))
