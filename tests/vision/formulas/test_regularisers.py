import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold

from vision.formulas.optimisers import gradient_descent
from vision.formulas.regularisers import (
    dropout,
    dropout_backward,
    fold_of_groups,
    l1_penalty,
    l1_penalty_gradient,
    l2_penalty,
    l2_penalty_gradient,
    stops_early,
)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_penalties_of_literal_numbers():
    weights = torch.tensor([[3.0, -4.0], [0.0, 1.0]])
    assert float(l1_penalty(weights, 0.5)) == 4.0
    assert l1_penalty_gradient(weights, 0.5).tolist() == [[0.5, -0.5], [0.0, 0.5]]
    assert float(l2_penalty(weights, 0.5)) == 6.5
    assert l2_penalty_gradient(weights, 0.5).tolist() == [[1.5, -2.0], [0.0, 0.5]]


@pytest.mark.parametrize(
    ("penalty", "gradient"), [(l1_penalty, l1_penalty_gradient), (l2_penalty, l2_penalty_gradient)]
)
def test_slopes_of_penalties_are_autograd_s(penalty, gradient):
    weights = torch.randn(5, 3, generator=seeded(0), dtype=torch.float64).requires_grad_()
    (expected,) = torch.autograd.grad(penalty(weights, 0.3), weights)
    torch.testing.assert_close(gradient(weights.detach(), 0.3), expected)
    assert torch.autograd.gradcheck(lambda w: penalty(w, 0.3), [weights])


def test_descent_on_the_square_is_weight_decay_of_pytorch():
    weights = torch.randn(7, generator=seeded(1))
    ours = gradient_descent(weights, l2_penalty_gradient(weights, 0.2), 0.1)
    theirs = torch.nn.Parameter(weights.clone())
    theirs.grad = torch.zeros_like(theirs)
    torch.optim.SGD([theirs], lr=0.1, weight_decay=0.2).step()
    torch.testing.assert_close(ours, theirs.detach())


def test_dropout_keeps_the_mean_and_drops_its_share():
    activation = torch.full((400, 500), 3.0)
    y, kept = dropout(activation, 0.3, seeded(2))
    assert float(kept.float().mean()) == pytest.approx(0.7, abs=0.005)
    assert float(y.mean()) == pytest.approx(3.0, abs=0.02)
    assert y.unique().tolist() == pytest.approx([0.0, 3.0 / 0.7])


def test_dropout_s_gradient_is_autograd_s_for_the_same_draws():
    activation = torch.randn(6, 5, generator=seeded(3), dtype=torch.float64).requires_grad_()
    y, kept = dropout(activation, 0.4, seeded(4))
    gradient = torch.randn(6, 5, generator=seeded(5), dtype=torch.float64)
    (expected,) = torch.autograd.grad(y, activation, gradient)
    torch.testing.assert_close(dropout_backward(gradient, kept, 0.4), expected)
    assert torch.equal(dropout(activation, 0.0, seeded(6))[0], activation)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_a_rate_outside_its_range_is_refused(rate):
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        dropout(torch.ones(2), rate, seeded(0))


@pytest.mark.parametrize(
    ("losses", "patience", "least", "stops"),
    [
        ([3.0, 2.0, 2.5, 2.1], 2, 0.0, True),
        ([3.0, 2.0, 2.5, 1.9], 2, 0.0, False),
        ([3.0, 2.0, 2.5], 2, 0.0, False),
        ([3.0, 2.9, 2.8, 2.7], 2, 0.5, True),
        ([float("nan"), float("nan")], 2, 0.0, True),
        ([], 1, 0.0, False),
    ],
)
def test_stopping_early(losses, patience, least, stops):
    assert stops_early(losses, patience, least) is stops


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=6, max_size=60), st.integers(2, 4), st.integers(0, 99))
def test_no_group_is_in_two_folds_and_folds_are_as_even_as_scikit_learn_s(groups, folds, seed):
    group = torch.tensor(groups)
    if len(group.unique()) < folds:
        with pytest.raises(ValueError, match="there must be 2 folds, and a group in each"):
            fold_of_groups(group, folds, seeded(seed))
        return
    fold = fold_of_groups(group, folds, seeded(seed))
    assert all(len(fold[group == name].unique()) == 1 for name in group.unique())
    sizes = sorted(int((fold == number).sum()) for number in range(folds))
    assert sizes[0] > 0
    theirs = sorted(len(test) for _, test in GroupKFold(folds).split(groups, groups=groups))
    assert sizes == theirs


def test_folds_of_single_samples_are_k_fold_and_follow_the_seed():
    fold = fold_of_groups(torch.arange(50), 5, seeded(0))
    assert fold.bincount().tolist() == [10] * 5
    assert torch.equal(fold, fold_of_groups(torch.arange(50), 5, seeded(0)))
    assert not torch.equal(fold, fold_of_groups(torch.arange(50), 5, seeded(1)))
