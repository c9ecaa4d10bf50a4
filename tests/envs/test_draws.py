"""Draws of whole batches: those of the compiled code, number for number."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.draws import choices, mix, stream_keys, uniforms
from envs.driving import randomness

words = st.integers(0, 2**64 - 1)
counts = st.integers(-1, 2**63 - 1)


@settings(deadline=None)  # the first one compiles
@given(seed=words, episode=counts, step=counts, stream=st.integers(0, 2**31), counter=st.integers(0, 10**6))
def test_keys_and_draws_are_those_of_the_compiled_code(seed, episode, step, stream, counter) -> None:
    key = stream_keys(np.array([seed], np.uint64), np.array([episode]), np.array([step]), stream)
    expected = randomness.stream_key(np.uint64(seed), np.int64(episode), np.int64(step), stream)
    assert key.dtype == np.uint64
    assert int(key[0]) == int(expected)
    drawn = uniforms(key, counter)
    assert drawn.dtype == np.float32
    assert drawn[0] == randomness.uniform(np.uint64(expected), counter)
    assert int(mix(key, counter)[0]) == int(randomness.mix(np.uint64(expected), np.uint64(counter)))


def test_a_row_draws_the_same_whatever_stands_beside_it() -> None:
    seeds, episodes = np.arange(50, dtype=np.uint64), np.arange(50) % 7
    together = stream_keys(seeds, episodes, 3, 1)
    alone = [stream_keys(seeds[n : n + 1], episodes[n : n + 1], 3, 1)[0] for n in range(50)]
    np.testing.assert_array_equal(together, alone)
    assert len(np.unique(together)) == 50


def test_choices_are_even_and_independent_of_each_other() -> None:
    keys = stream_keys(np.arange(20_000, dtype=np.uint64), np.zeros(20_000, np.int64), 0, 0)
    drawn = choices(keys[:, None], 3, np.arange(2))
    assert drawn.shape == (20_000, 2)
    pairs = np.bincount(3 * drawn[:, 0] + drawn[:, 1], minlength=9) / 20_000
    np.testing.assert_allclose(pairs, 1 / 9, atol=0.01)  # four standard deviations
