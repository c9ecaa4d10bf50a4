"""The counter-based generator: its published numbers, its evenness, its streams."""

import numpy as np

from agents.tabular.randomness import draw_keys, lower_below, random_bits, upper_unit

ZERO = np.uint64(0)


def test_a_stream_is_splitmix64():
    """The first numbers of Vigna's reference program from the seed 1234567."""
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [int(random_bits(np.uint64(1234567), counter)) for counter in (1, 2, 3)] == published


def test_halves_are_even_and_apart():
    bits = [np.uint64(random_bits(np.uint64(7), counter)) for counter in range(40_000)]
    units = np.array([upper_unit(word) for word in bits])
    dice = np.array([lower_below(word, 6) for word in bits])
    assert 0 <= units.min() < units.max() < 1
    np.testing.assert_allclose(np.histogram(units, 10, (0, 1))[0] / len(units), 0.1, atol=0.01)
    np.testing.assert_allclose(np.bincount(dice) / len(dice), 1 / 6, atol=0.01)
    assert abs(np.corrcoef(units, dice)[0, 1]) < 0.02


def test_the_ends_of_the_halves():
    full = ~ZERO
    assert (upper_unit(ZERO), lower_below(ZERO, 5)) == (0.0, 0)
    assert upper_unit(full) == 1 - 2.0**-32
    assert lower_below(full, 5) == 4


def test_neighbouring_seeds_share_no_stream():
    keys = [key for seed in range(50) for key in draw_keys(seed)]
    assert len(set(keys)) == len(keys) == 250
