import math
from statistics import NormalDist

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vision.formulas.metrics import (
    confusion_matrix,
    fraction_within,
    intersection_over_union,
    mean_absolute_error,
    mean_intersection_over_union,
)


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
