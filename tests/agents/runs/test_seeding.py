"""Seeds: the same for the same purpose, and shared with no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.runs.seeding import derive_seed, generator


@given(seed=st.integers(0, 2**63), row=st.integers(0, 1000))
def test_seeds_fit_any_environment_and_repeat(seed, row):
    derived = derive_seed(seed, "environments", row)
    assert 0 <= derived < 2**31
    assert derived == derive_seed(seed, "environments", row)


def test_neighbours_and_purposes_share_nothing():
    purposes = [(), ("environments",), ("evaluation",), ("evaluation", "bootstrap"), ("episode", 1)]
    derived = {derive_seed(seed, *purpose) for seed in range(200) for purpose in purposes}
    assert len(derived) == 200 * len(purposes)


def test_a_generator_repeats_and_is_its_own():
    assert generator(1, "a").random() == generator(1, "a").random()
    assert generator(1, "a").random() != generator(1, "b").random()


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="seed is -1; it must be 0 or greater"):
        derive_seed(-1)
