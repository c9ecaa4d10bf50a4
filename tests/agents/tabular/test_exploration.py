"""Choices: their odds, their formulas, and what draws nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.formulas.exploration import linear_epsilon, softmax_policy, upper_confidence_bound
from agents.tabular import QLearningConfig
from agents.tabular.exploration import best_action, choose, scheduled
from agents.tabular.learner import exploration_of, new_learner
from agents.tabular.randomness import random_bits

KEY = np.uint64(20_26)
VALUES = [0.3, 1.2, -0.4, 0.9]


def bits(draw):
    return np.uint64(random_bits(KEY, draw))


def learner_of(visits=(5, 3, 2, 9), **options):
    learner = new_learner(QLearningConfig(**options), 2, 4, 1, seed=0)
    learner.tables.q[1] = VALUES
    learner.tables.visits[1] = visits
    return learner


def odds(learner, number=0, draws=40_000):
    chosen = [choose(learner, 1, 1, number, bits(draw)) for draw in range(draws)]
    return np.bincount(chosen, minlength=4) / draws


def test_epsilon_greedy_has_the_odds_of_its_formula():
    learner = learner_of(epsilon_start=0.4, epsilon_end=0.4)
    np.testing.assert_allclose(odds(learner), [0.1, 0.7, 0.1, 0.1], atol=0.01)


@pytest.mark.parametrize("epsilon", [0.0, 1.0])
def test_epsilon_at_its_ends(epsilon):
    expected = [0.25] * 4 if epsilon else [0, 1, 0, 0]
    learner = learner_of(epsilon_start=epsilon, epsilon_end=epsilon)
    np.testing.assert_allclose(odds(learner), expected, atol=0.01 if epsilon else 0)


@pytest.mark.parametrize("temperature", [0.05, 0.5, 5.0])
def test_softmax_has_the_odds_of_its_formula(temperature):
    learner = learner_of(exploration="softmax", temperature_start=temperature, temperature_end=temperature)
    expected = softmax_policy(np.array([VALUES]), temperature)[0]
    np.testing.assert_allclose(odds(learner), expected, atol=0.01)


@settings(deadline=None)  # the first call compiles
@given(
    values=st.lists(st.floats(-5, 5), min_size=4, max_size=4),
    visits=st.lists(st.integers(0, 50), min_size=4, max_size=4),
    bonus=st.floats(0, 4),
)
def test_ucb_takes_the_highest_bound(values, visits, bonus):
    learner = learner_of(visits, exploration="ucb", bonus=bonus)
    learner.tables.q[1] = values
    bounds = upper_confidence_bound(np.array([values]), np.array([visits]), bonus)[0]
    action = choose(learner, 1, int(np.argmax(values)), 0, bits(0))
    assert bounds[action] >= bounds.max() - 1e-9
    assert bounds[action] != np.inf or action == visits.index(0)


@pytest.mark.parametrize("exploration", ["ucb", "count_bonus"])
def test_what_was_never_tried_comes_first(exploration):
    learner = learner_of((4, 0, 3, 0), exploration=exploration)
    assert odds(learner, draws=20).tolist() == [0, 1, 0, 0]
    learner.tables.visits[1] = (4, 1, 3, 0)
    assert odds(learner, draws=20).tolist() == [0, 0, 0, 1]


def test_a_count_bonus_needs_no_chance():
    assert odds(learner_of(exploration="count_bonus"), draws=20).tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("step", [0, 40, 100, 5_000])
@pytest.mark.parametrize("steps", [0, 100])
def test_the_schedule_is_the_formula(step, steps):
    config = QLearningConfig(epsilon_start=0.9, epsilon_end=0.2, exploration_steps=steps)
    expected = linear_epsilon(max(step, 1), 0.9, 0.2, steps)
    assert scheduled(exploration_of(config), max(step, 1)) == pytest.approx(expected)


def test_the_first_of_the_best_actions_is_best():
    table = np.array([[0.0, 3.0, 3.0], [-2.0, -1.0, -1.5], [5.0, 5.0, 5.0]])
    assert [best_action(table, state) for state in range(3)] == [1, 1, 0]
    assert [best_action.py_func(table, state) for state in range(3)] == [1, 1, 0]
