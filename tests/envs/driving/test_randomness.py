"""Counter-based draws: the published mixer, uniform, and apart for every key."""

import itertools

import numpy as np
import pytest

from envs.driving import randomness
from envs.driving.randomness import between, mix, stream_key, uniform

MASK = 2**64 - 1
STREAMS = (
    randomness.STREAM_LEVEL,
    randomness.STREAM_POSE,
    randomness.STREAM_LOOK,
    randomness.STREAM_NOISE,
    randomness.STREAM_CIRCUIT,
)


def key_of(seed: int, stream: int, episode: int = 0, step: int = 0) -> np.uint64:
    return np.uint64(stream_key(np.uint64(seed), episode, step, stream))


def split_mix(z: int) -> int:
    """The output function of SplitMix64, in Python's integers."""
    z = (z + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def test_the_mixer_is_split_mix() -> None:
    """Its known answers: the first three outputs of a generator seeded with 1234567."""
    outputs = [int(mix(np.uint64((1234567 + n * 0x9E3779B97F4A7C15) & MASK), np.uint64(0))) for n in range(3)]
    assert outputs == [6457827717110365317, 3203168211198807973, 9817491932198370423]
    for key, word in itertools.product((0, 1, MASK, 0x0123456789ABCDEF), (0, 1, 77, MASK)):
        assert int(mix(np.uint64(key), np.uint64(word))) == split_mix(key ^ word)


def test_keys_of_neighbouring_seeds_episodes_steps_and_streams_are_all_different() -> None:
    seeds = np.arange(64).astype(np.uint64)
    keys = {
        int(stream_key(seed, episode, step, stream))
        for seed, episode, step, stream in itertools.product(seeds, range(4), range(4), STREAMS)
    }
    assert len(keys) == 64 * 4 * 4 * len(STREAMS)


def test_draws_are_uniform_in_the_unit_interval() -> None:
    key = key_of(5, randomness.STREAM_POSE)
    draws = np.array([uniform(key, n) for n in range(20_000)])
    assert (draws * 2.0**24 % 1.0 == 0.0).all(), "24 bits, as a float32 has"
    assert draws.min() >= 0.0
    assert draws.max() < 1.0
    counts = np.histogram(draws, 50, (0.0, 1.0))[0]
    assert ((counts - 400.0) ** 2 / 400.0).sum() < 90.0, "chi squared, 49 degrees of freedom"
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.03


@pytest.mark.parametrize("stream", STREAMS)
def test_neighbouring_rows_draw_independently_of_each_other_in_every_stream(stream: int) -> None:
    count = 2048
    first = np.array([uniform(key_of(s, stream), 0) for s in range(count)])
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < 0.1
    for other in STREAMS:
        draws = np.array([uniform(key_of(s, other), 0) for s in range(count)])
        for apart in range(8):
            neighbours = draws[np.arange(count) ^ apart]
            if (other, apart) != (stream, 0):
                assert abs(np.corrcoef(first, neighbours)[0, 1]) < 0.1, (other, apart)


def test_ranges_are_half_open() -> None:
    key = key_of(9, randomness.STREAM_LOOK, 1, 2)
    draws = np.array([between(key, n, -2.0, 3.0) for n in range(4000)])
    assert draws.min() >= -2.0
    assert draws.max() < 3.0
    assert draws.mean() == pytest.approx(0.5, abs=0.1)


def test_any_integer_is_a_seed() -> None:
    for seed in (0, 1, 2**63, MASK):
        assert 0.0 <= uniform(key_of(seed, 1, 3, 5), 0) < 1.0
