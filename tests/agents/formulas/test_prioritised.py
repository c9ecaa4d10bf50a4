"""Prioritised replay: odds and weights by hand, and the bias that the weights undo."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.formulas.prioritised import importance_weight, replay_probability


def test_replay_probability_by_hand():
    assert replay_probability(np.array([1.0, 9.0, 4.0]), 0.5).tolist() == [1 / 6, 3 / 6, 2 / 6]


def test_without_exponent_all_are_drawn_evenly():
    assert replay_probability(np.array([1.0, 9.0, 0.0, 4.0]), 0.0).tolist() == [0.25] * 4


def no_exponent(probability, count, exponent):
    """The mistake of undoing all of the bias at once."""
    return importance_weight(probability, count, 1.0)


def turned_round(probability, count, exponent):
    """The mistake of giving what is drawn often the more weight."""
    return importance_weight(probability, count, -exponent)


def as_odds(probability, count, exponent):
    """The mistake of making the sum 1 in place of the largest."""
    weight = (count * probability) ** -exponent
    return weight / weight.sum()


WEIGHTS = [(importance_weight, True), (no_exponent, False), (turned_round, False), (as_odds, False)]


@pytest.mark.parametrize(("formula", "passes"), WEIGHTS)
def test_importance_weight_by_hand(formula, passes):
    weight = formula(np.array([0.01, 0.04, 0.16]), 50, 0.5)
    assert np.allclose(weight, [1.0, 0.5, 0.25]) is passes


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), alpha=st.floats(0, 1), beta=st.floats(0, 1))
def test_no_weight_exceeds_one(seed, alpha, beta):
    priority = np.random.default_rng(seed).exponential(size=20) + 1e-6
    weight = importance_weight(replay_probability(priority, alpha), 20, beta)
    assert weight.max() == 1.0
    assert (weight > 0).all()


@pytest.mark.parametrize(("beta", "passes"), [(1.0, True), (0.5, False), (0.0, False)])
def test_full_weights_undo_the_bias(beta, passes):
    """Under P, the weighted mean of anything is its even mean; with less than β = 1 some bias is left."""
    generator = np.random.default_rng(0)
    priority, error = generator.exponential(size=(2, 30))
    probability = replay_probability(priority, 0.6)
    weight = importance_weight(probability, 30, beta)
    mean = (probability * weight * error).sum() / (probability * weight).sum()
    assert bool(np.isclose(mean, error.mean())) is passes
