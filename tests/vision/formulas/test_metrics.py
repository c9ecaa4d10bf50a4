import math
from importlib import import_module
from statistics import NormalDist

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vision.formulas.metrics import (
    absolute_relative_error,
    accuracy,
    confusion_matrix,
    expected_calibration_error,
    f1_score,
    fraction_within,
    fraction_within_ratio,
    intersection_over_union,
    mean_absolute_error,
    mean_intersection_over_union,
    precision,
    recall,
)

theirs = import_module("sklearn.metrics")  # whose stubs are wrong
pairs_of_classes = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)


def test_mean_absolute_error_of_each_column():
    prediction = torch.tensor([[1.0, -2.0], [3.0, 0.0]])
    target = torch.tensor([[0.0, 0.0], [5.0, 0.0]])
    torch.testing.assert_close(mean_absolute_error(prediction, target), torch.tensor([1.5, 1.0]))


def test_fraction_within_takes_both_signs_and_the_edge():
    error = torch.tensor([[1.0], [-1.0], [2.0], [-3.0]])
    deviation = torch.ones(4, 1)
    torch.testing.assert_close(fraction_within(error, deviation, 1), torch.tensor([0.5]))
    torch.testing.assert_close(fraction_within(error, deviation, 2), torch.tensor([0.75]))


@pytest.mark.parametrize("sigmas", [1, 2])
def test_fraction_within_of_a_gaussian_is_the_known_one(sigmas):
    normal = NormalDist(sigma=3)
    error = torch.tensor([[normal.inv_cdf((i + 0.5) / 10_000)] for i in range(10_000)])
    expected = normal.cdf(3 * sigmas) - normal.cdf(-3 * sigmas)
    assert float(fraction_within(error, torch.full_like(error, 3), sigmas)) == pytest.approx(
        expected, abs=1e-3
    )


def test_confusion_has_labels_in_rows():
    prediction, label = torch.tensor([0, 1, 1, 1]), torch.tensor([0, 0, 1, 1])
    assert confusion_matrix(prediction, label, 3).tolist() == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]


def test_overlap_of_a_worked_example_leaves_the_absent_class_out():
    confusion = torch.tensor([[1, 1, 0], [0, 2, 0], [0, 0, 0]])
    overlap = intersection_over_union(confusion)
    torch.testing.assert_close(overlap, torch.tensor([1 / 2, 2 / 3, torch.nan]), equal_nan=True)
    assert float(mean_intersection_over_union(confusion)) == pytest.approx(7 / 12)


def test_a_class_predicted_but_never_there_counts_as_zero():
    confusion = torch.tensor([[3, 1], [0, 0]])
    assert intersection_over_union(confusion).tolist() == [0.75, 0.0]
    assert float(mean_intersection_over_union(confusion)) == pytest.approx(0.375)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_overlap_is_that_of_sets_of_places(pairs):
    prediction, label = (torch.tensor(values) for values in zip(*pairs, strict=True))
    overlap = intersection_over_union(confusion_matrix(prediction, label, 4)).tolist()
    for kind in range(4):
        predicted = {place for place, value in enumerate(prediction.tolist()) if value == kind}
        labelled = {place for place, value in enumerate(label.tolist()) if value == kind}
        if predicted | labelled:
            assert overlap[kind] == pytest.approx(len(predicted & labelled) / len(predicted | labelled))
        else:
            assert math.isnan(overlap[kind])


@given(pairs_of_classes)
def test_measures_of_classes_are_scikit_learn_s(pairs):
    label, prediction = (torch.tensor(column) for column in zip(*pairs, strict=True))
    confusion, kinds = confusion_matrix(prediction, label, 4), list(range(4))
    expected = theirs.precision_recall_fscore_support(label, prediction, labels=kinds, zero_division=np.nan)
    assert float(accuracy(confusion)) == pytest.approx(theirs.accuracy_score(label, prediction))
    np.testing.assert_array_equal(confusion, theirs.confusion_matrix(label, prediction, labels=kinds))
    np.testing.assert_allclose(precision(confusion), expected[0], rtol=1e-6)
    np.testing.assert_allclose(recall(confusion), expected[1], rtol=1e-6)
    occurs = [kind in label or kind in prediction for kind in kinds]
    scores = theirs.f1_score(label, prediction, labels=kinds, average=None, zero_division=0.0)
    np.testing.assert_allclose(f1_score(confusion), np.where(occurs, scores, np.nan), rtol=1e-6)


def test_ignored_places_count_nowhere_and_what_is_no_class_is_refused():
    prediction, label = torch.tensor([0, 1, 1]), torch.tensor([0, 255, 0])
    assert confusion_matrix(prediction, label, 2, ignored=255).tolist() == [[1, 1], [0, 0]]
    nothing = confusion_matrix(prediction[1:2], label[1:2], 2, ignored=255)
    assert nothing.tolist() == [[0, 0], [0, 0]]
    assert math.isnan(float(mean_intersection_over_union(nothing)))
    with pytest.raises(ValueError, match="a label lies outside 0 … 1"):
        confusion_matrix(prediction, label, 2)
    with pytest.raises(ValueError, match="a prediction lies outside 0 … 1"):
        confusion_matrix(torch.tensor([-1]), torch.tensor([0]), 2)


def test_calibration_of_literal_numbers():
    confidence = torch.tensor([0.95, 0.85, 0.55, 0.65])
    correct = torch.tensor([1.0, 0.0, 1.0, 1.0])
    # Of two bins all four are in the second, whose gap is 0.75 − 0.75; of ten, 0.05 + 0.85 + 0.45 + 0.35.
    assert float(expected_calibration_error(confidence, correct, 2)) == pytest.approx(0.0, abs=1e-6)
    assert float(expected_calibration_error(confidence, correct, 10)) == pytest.approx(1.7 / 4)


def test_a_forecast_that_is_right_as_often_as_it_says_is_calibrated():
    generator = torch.Generator().manual_seed(0)
    confidence = torch.rand(100_000, generator=generator)
    correct = (torch.rand(100_000, generator=generator) < confidence).float()
    assert float(expected_calibration_error(confidence, correct)) < 0.01
    assert float(expected_calibration_error(confidence, 1 - correct)) > 0.3


def test_errors_of_depths_of_literal_numbers():
    depth, target = torch.tensor([10.0, 12.0, 5.0, 30.0]), torch.tensor([10.0, 10.0, 10.0, 20.0])
    assert float(absolute_relative_error(depth, target)) == pytest.approx((0 + 0.2 + 0.5 + 0.5) / 4)
    assert float(fraction_within_ratio(depth, target)) == 0.5
    assert float(fraction_within_ratio(depth, target, 1.25**2)) == 0.75
