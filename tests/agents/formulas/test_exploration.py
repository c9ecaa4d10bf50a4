"""Exploration: schedules at their corners, the odds of each action, bounds, bonuses and noise."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.formulas.exploration import (
    count_bonus,
    epsilon_greedy,
    factorised_noise,
    linear_epsilon,
    signed_root,
    softmax_policy,
    upper_confidence_bound,
)


@pytest.mark.parametrize(("step", "expected"), [(0, 1.0), (25, 0.775), (100, 0.1), (10_000, 0.1)])
def test_linear_epsilon_by_hand(step, expected):
    assert linear_epsilon(step, 1.0, 0.1, 100) == pytest.approx(expected)


def test_no_steps_means_the_end_at_once():
    assert linear_epsilon(0, 1.0, 0.1, 0) == pytest.approx(0.1)


@settings(deadline=None)
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


def test_softmax_policy_by_hand():
    odds = softmax_policy(np.array([[0.0, 2 * np.log(3.0)], [5.0, 5.0]]), 2.0)
    np.testing.assert_allclose(odds, [[0.25, 0.75], [0.5, 0.5]])


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), temperature=st.floats(1e-3, 1e3), shift=st.floats(-1e6, 1e6))
def test_softmax_odds_know_differences_alone(seed, temperature, shift):
    q_values = np.random.default_rng(seed).integers(-1000, 1000, (4, 5)).astype(float)
    odds = softmax_policy(q_values, temperature)
    np.testing.assert_allclose(odds.sum(-1), 1.0)
    np.testing.assert_allclose(softmax_policy(q_values + round(shift), temperature), odds, rtol=1e-6)


def test_temperature_leads_from_the_greedy_to_the_even():
    q_values = np.array([[1.0, 3.0, 2.0]])
    np.testing.assert_allclose(softmax_policy(q_values, 1e-6), [[0.0, 1.0, 0.0]])
    np.testing.assert_allclose(softmax_policy(q_values, 1e9), [[1 / 3] * 3], rtol=1e-6)


def row_for_total(q_values, counts, scale):
    """The mistake of counting the visits of all states as those of each."""
    return q_values + scale * np.sqrt(np.log(counts.sum()) / counts)


def no_root(q_values, counts, scale):
    """The mistake of a bonus that falls as 1/n."""
    return q_values + scale * np.log(counts.sum(-1, keepdims=True)) / counts


@pytest.mark.parametrize(
    ("formula", "passes"), [(upper_confidence_bound, True), (row_for_total, False), (no_root, False)]
)
def test_upper_confidence_bound_by_hand(formula, passes):
    q_values, counts = np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([[9, 16], [1, 1]])
    ln25, ln2 = np.log(25), np.log(2)
    by_hand = [[1 + 2 * np.sqrt(ln25) / 3, 2 + 2 * np.sqrt(ln25) / 4], [2 * np.sqrt(ln2)] * 2]
    assert np.allclose(formula(q_values, counts, 2.0), by_hand) is passes


def test_what_was_never_tried_comes_first():
    q_values = np.array([[9.0, -9.0, 9.0], [1.0, 0.0, 0.0]])
    counts = np.array([[5, 0, 5], [0, 0, 0]])
    bound = upper_confidence_bound(q_values, counts, 1.0)
    assert bound.argmax(-1).tolist() == [1, 0]
    assert np.isposinf(bound[1]).all()


def test_the_bound_finds_the_better_arm_and_keeps_an_eye_on_the_other():
    """Two arms that pay 0.4 and 0.6: the worse one is tried up to about ln T / 0.2² = 230 times."""
    counts, q_values = np.ones((1, 2), int), np.array([[0.4, 0.6]])
    for _ in range(10_000):
        counts[0, upper_confidence_bound(q_values, counts, 1.0).argmax()] += 1
    assert 100 < counts[0, 0] < 300


def test_count_bonus_by_hand():
    assert count_bonus(np.array([[0, 1], [4, 100]]), 0.5).tolist() == [[0.5, 0.5], [0.25, 0.05]]


def test_signed_root_by_hand():
    assert signed_root(torch.tensor([-4.0, 0.0, 9.0])).tolist() == [-2.0, 0.0, 3.0]


def test_factorised_noise_by_hand():
    noise = factorised_noise(torch.tensor([4.0, -1.0, 0.0]), torch.tensor([9.0, -16.0]))
    assert noise.tolist() == [[6.0, -3.0, 0.0], [-8.0, 4.0, 0.0]]


def test_factorised_noise_has_no_mean_and_the_variance_of_two_half_normals():
    """E[f(x)²] = E|x| = √(2/π), so that of a product is 2/π."""
    generator = torch.Generator().manual_seed(0)
    noise = factorised_noise(*torch.randn(2, 2000, generator=generator, dtype=torch.float64))
    assert abs(noise.mean().item()) < 0.01
    assert noise.square().mean().item() == pytest.approx(2 / np.pi, rel=0.05)
