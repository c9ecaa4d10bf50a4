"""The n-step return: literal arrays, a plain loop as reference, and mistakes that must be caught."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.formulas.returns import n_step_return, n_step_window

REWARD = torch.tensor([[1.0, 2.0, 4.0]])
NEXT_VALUE = torch.tensor([[10.0, 20.0, 30.0]])
NEVER = torch.zeros(1, 3, dtype=torch.bool)
SECOND = torch.tensor([[False, True, False]])


def reference(reward, terminated, truncated, next_value, discount):
    """One window, step by step."""
    total, factor, bootstrap = 0.0, 1.0, 0.0
    for step in range(len(reward)):
        total += factor * reward[step]
        factor *= discount
        bootstrap = 0.0 if terminated[step] else factor * next_value[step]
        if terminated[step] or truncated[step]:
            break
    return total + bootstrap


def merged_ends(reward, terminated, truncated, next_value, discount):
    """The mistake of treating a time limit as an end: no bootstrap after truncation."""
    return n_step_return(reward, terminated | truncated, torch.zeros_like(truncated), next_value, discount)


def without_ends(reward, terminated, truncated, next_value, discount):
    """The document's form, carried over n steps: it knows no end at all."""
    never = torch.zeros_like(terminated)
    return n_step_return(reward, never, never, next_value, discount)


@pytest.mark.parametrize(
    ("terminated", "truncated", "expected"),
    [
        (NEVER, NEVER, 1 + 0.5 * 2 + 0.25 * 4 + 0.125 * 30),
        (SECOND, NEVER, 1 + 0.5 * 2),
        (NEVER, SECOND, 1 + 0.5 * 2 + 0.25 * 20),
        (SECOND, SECOND, 1 + 0.5 * 2),  # the road was left just as the time ran out: there is nothing after
    ],
)
def test_a_hand_computed_return(terminated, truncated, expected):
    assert n_step_return(REWARD, terminated, truncated, NEXT_VALUE, 0.5).tolist() == [expected]


def test_the_window_says_where_to_bootstrap():
    window = n_step_window(REWARD, NEVER, SECOND, 0.5)
    assert (window.reward.item(), window.discount.item(), window.length.item()) == (2.0, 0.25, 2)


def test_one_step_is_the_td_target():
    one = slice(0, 1)
    value = n_step_return(REWARD[:, one], NEVER[:, one], NEVER[:, one], NEXT_VALUE[:, one], 0.9)
    assert value.item() == pytest.approx(1 + 0.9 * 10)


@pytest.mark.parametrize("decoy", [merged_ends, without_ends])
def test_forgetting_what_an_end_means_is_caught(decoy):
    right = n_step_return(REWARD, NEVER, SECOND, NEXT_VALUE, 0.5)
    assert decoy(REWARD, NEVER, SECOND, NEXT_VALUE, 0.5) != right


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(1, 7), discount=st.floats(0, 1))
def test_it_agrees_with_a_plain_loop(seed, steps, discount):
    generator = np.random.default_rng(seed)
    reward, value = generator.normal(size=(2, 4, steps))
    terminated, truncated = generator.random((2, 4, steps)) < 0.2
    ends = torch.from_numpy(terminated), torch.from_numpy(truncated)
    got = n_step_return(torch.from_numpy(reward), *ends, torch.from_numpy(value), discount)
    rows = zip(reward, terminated, truncated, value, strict=True)
    expected = [reference(*row, discount) for row in rows]
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12, atol=1e-12)
