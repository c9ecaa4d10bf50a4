"""Statistics of few runs, against values by hand, naive loops and SciPy."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from agents.runs.statistics import (
    bootstrap_interval,
    interquartile_curve,
    interquartile_mean,
    normalised,
    performance_profile,
    probability_of_improvement,
    stratified_interval,
)

scores = arrays(np.float64, st.integers(1, 12), elements=st.integers(-5, 5).map(float))


@pytest.mark.parametrize(
    ("values", "expected"), [([5.0], 5.0), ([0.0, 10.0], 5.0), ([100.0, 1, 2, 3, 4, 5, 6, -100], 3.5)]
)
def test_interquartile_mean_by_hand(values, expected):
    assert interquartile_mean(np.array(values)) == expected


def test_the_interval_covers_the_true_mean_as_often_as_it_says():
    generator = np.random.default_rng(0)
    samples = generator.exponential(size=(300, 60))
    covered = [
        low <= 1 <= high for low, high in (bootstrap_interval(sample, generator) for sample in samples)
    ]
    assert 0.88 <= np.mean(covered) <= 0.98


def test_equal_returns_leave_no_doubt():
    assert bootstrap_interval(np.full(5, 3.0), np.random.default_rng(0)) == (3.0, 3.0)


@given(scores)
def test_the_interquartile_mean_is_the_quarter_trimmed_one(values):
    assert interquartile_mean(values) == pytest.approx(stats.trim_mean(values, 0.25))


def test_a_curve_of_interquartile_means_has_one_at_each_point():
    curves = np.random.default_rng(0).normal(size=(9, 4))
    expected = [interquartile_mean(column) for column in curves.T]
    assert interquartile_curve(curves).tolist() == expected
    assert interquartile_curve(curves)[2] == pytest.approx(stats.trim_mean(curves[:, 2], 0.25))


def test_the_probability_of_improvement_by_hand():
    """Of six pairs three are won and two are even."""
    assert probability_of_improvement(np.array([1.0, 2, 3]), np.array([1.0, 2])) == (3 + 2 / 2) / 6


@given(scores, scores)
def test_the_probability_of_improvement_is_the_share_of_pairs_won(x, y):
    won = [1.0 if a > b else 0.5 if a == b else 0.0 for a, b in product(x, y)]
    assert probability_of_improvement(x, y) == pytest.approx(np.mean(won))
    assert probability_of_improvement(x, y) + probability_of_improvement(y, x) == pytest.approx(1)


@given(scores, scores)
def test_it_is_the_u_of_mann_and_whitney(x, y):
    u = stats.mannwhitneyu(x, y, method="asymptotic", alternative="greater").statistic if len(x) > 1 else None
    if u is not None and len(set(x) | set(y)) > 1:
        assert probability_of_improvement(x, y) == pytest.approx(u / (len(x) * len(y)))


def test_a_profile_by_hand():
    """Every task weighs the same, however many runs it has; a run at the threshold is not above it."""
    strata = [np.array([0.0, 1.0]), np.array([0.5, 1.0, 1.0, 2.0])]
    expected = [(1 / 2 + 1) / 2, (1 / 2 + 3 / 4) / 2, (0 + 1 / 4) / 2, 0]
    assert performance_profile(strata, np.array([0.0, 0.5, 1.0, 2.0])).tolist() == expected


@given(st.lists(scores, min_size=1, max_size=3))
def test_a_profile_falls_from_one_to_nothing(strata):
    profile = performance_profile(strata, np.linspace(-6, 6, 25))
    assert (profile[0], profile[-1]) == (1, 0)
    assert np.all(np.diff(profile) <= 0)


def test_normalised_scores_are_nothing_at_chance_and_one_when_solved():
    assert normalised(np.array([-500.0, -100, -300, -60]), -500, -100).tolist() == [0, 1, 0.5, 1.1]
    with pytest.raises(ValueError, match="solved is 1.0; it must be above chance, 1.0"):
        normalised(np.zeros(1), 1.0, 1.0)


def mean_over_runs(strata):
    return float(np.concatenate(strata).mean())


def test_runs_are_drawn_from_their_own_task_alone():
    """Two tasks whose runs all agree leave no doubt, however far the tasks are apart."""
    strata = [np.full(3, 1.0), np.full(5, 9.0)]
    assert stratified_interval(strata, mean_over_runs, np.random.default_rng(0)).tolist() == [6, 6]


def test_with_one_task_it_is_the_plain_bootstrap():
    values = np.random.default_rng(1).normal(size=20)
    plain = bootstrap_interval(values, np.random.default_rng(2))
    assert stratified_interval([values], mean_over_runs, np.random.default_rng(2)) == pytest.approx(plain)


def test_it_is_what_a_loop_over_tasks_and_runs_gives():
    """Independent draws: the ends agree but for the noise of two thousand resamples."""
    generator = np.random.default_rng(3)
    strata = [generator.normal(size=8), generator.normal(3, 2, size=5)]
    drawn = [
        mean_over_runs(
            [np.array([stratum[generator.integers(len(stratum))] for _ in stratum]) for stratum in strata]
        )
        for _ in range(2000)
    ]
    low, high = stratified_interval(strata, mean_over_runs, generator)
    assert np.abs([low, high] - np.percentile(drawn, [2.5, 97.5])).max() < 0.1 * np.std(drawn) * 2


def test_the_interval_of_a_curve_has_two_curves():
    strata = [np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0])]
    thresholds = np.array([0.5, 5.0])
    interval = stratified_interval(
        strata, lambda drawn: performance_profile(drawn, thresholds), np.random.default_rng(0)
    )
    assert interval.shape == (2, 2)
    assert interval[:, 1].tolist() == [0, 0]
    assert interval[0, 0] <= performance_profile(strata, thresholds)[0] <= interval[1, 0]
