"""Exploration: the schedule at its corners, and the odds of each action."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.formulas.exploration import epsilon_greedy, linear_epsilon


@pytest.mark.parametrize(("step", "expected"), [(0, 1.0), (25, 0.775), (100, 0.1), (10_000, 0.1)])
def test_linear_epsilon_by_hand(step, expected):
    assert linear_epsilon(step, 1.0, 0.1, 100) == pytest.approx(expected)


def test_no_steps_means_the_end_at_once():
    assert linear_epsilon(0, 1.0, 0.1, 0) == pytest.approx(0.1)


@given(step=st.integers(0, 10**9), start=st.floats(0, 1), end=st.floats(0, 1), steps=st.integers(1, 10**7))
def test_epsilon_stays_between_its_ends(step, start, end, steps):
    epsilon = linear_epsilon(step, start, end, steps)
    assert min(start, end) - 1e-12 <= epsilon <= max(start, end) + 1e-12


def test_without_epsilon_the_choice_is_greedy():
    greedy = np.array([3, 0, 2])
    assert epsilon_greedy(greedy, 4, 0.0, np.random.default_rng(0)).tolist() == [3, 0, 2]


def odds_fit(choose):
    """Whether at ε = 0.4 the greedy one of four actions has odds 1 − ε + ε/4, and each other ε/4."""
    actions = choose(np.full(100_000, 2), 4, 0.4, np.random.default_rng(0))
    odds = np.bincount(actions, minlength=4) / len(actions)
    return np.allclose(odds, [0.1, 0.1, 0.7, 0.1], atol=0.005)


def one_draw_for_all(greedy, num_actions, epsilon, generator):
    """The mistake of exploring in all rows or in none."""
    explores = generator.random() < epsilon
    return generator.integers(num_actions, size=greedy.shape) if explores else greedy


def never_the_greedy_one(greedy, num_actions, epsilon, generator):
    """The mistake of exploring among the other actions only."""
    explores = generator.random(greedy.shape) < epsilon
    other = (greedy + generator.integers(1, num_actions, size=greedy.shape)) % num_actions
    return np.where(explores, other, greedy)


def test_the_odds_are_those_of_the_formula():
    assert odds_fit(epsilon_greedy)


@pytest.mark.parametrize("decoy", [one_draw_for_all, never_the_greedy_one])
def test_wrong_odds_are_caught(decoy):
    assert not odds_fit(decoy)
