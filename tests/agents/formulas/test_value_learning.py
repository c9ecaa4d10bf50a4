"""Targets and losses: literal arrays, properties, and mistakes that must be caught."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.formulas.value_learning import (
    double_q_target,
    huber,
    polyak_average,
    q_learning_update,
    td_error,
    td_loss,
    td_loss_gradient,
    td_target,
)

REWARD = torch.tensor([1.0, -1.0])
DISCOUNT = torch.tensor([0.9, 0.0])  # the second step terminated
Q_ONLINE = torch.tensor([[2.0, 3.0, 1.0], [5.0, 0.0, 1.0]])
Q_TARGET = torch.tensor([[7.0, 4.0, 9.0], [1.0, 2.0, 3.0]])


def random_q_values(seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, 5, 3, generator=generator, dtype=torch.float64)


def test_td_target_by_hand():
    torch.testing.assert_close(td_target(REWARD, DISCOUNT, Q_TARGET), torch.tensor([1 + 0.9 * 9, -1.0]))


def test_the_documents_target_has_no_terminal_case():
    """A chain of one step that pays 1 and ends is worth 1; the printed form runs away from it."""
    right = printed = torch.zeros(1)
    for _ in range(500):
        right = q_learning_update(right, td_target(torch.ones(1), torch.zeros(1), right[None].T), 0.1)
        printed = q_learning_update(printed, torch.ones(1) + 0.9 * printed, 0.1)
    assert right.item() == pytest.approx(1.0, abs=1e-4)
    assert printed.item() == pytest.approx(1 / (1 - 0.9), abs=0.1)


def test_double_q_target_by_hand():
    target = double_q_target(REWARD, DISCOUNT, Q_ONLINE, Q_TARGET)
    torch.testing.assert_close(target, torch.tensor([1 + 0.9 * 4, -1.0]))


def test_exchanging_the_two_networks_is_caught():
    right = double_q_target(REWARD, DISCOUNT, Q_ONLINE, Q_TARGET)
    assert not torch.equal(double_q_target(REWARD, DISCOUNT, Q_TARGET, Q_ONLINE), right)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_double_target_never_exceeds_the_single_one(seed):
    online, target = random_q_values(seed)
    reward, discount = torch.zeros(5, dtype=torch.float64), torch.full((5,), 0.9, dtype=torch.float64)
    single = td_target(reward, discount, target)
    assert (double_q_target(reward, discount, online, target) <= single).all()
    torch.testing.assert_close(double_q_target(reward, discount, target, target), single)


def test_q_learning_update_by_hand():
    updated = q_learning_update(torch.tensor([2.0]), torch.tensor([6.0]), 0.25)
    assert updated.item() == 0.75 * 2 + 0.25 * 6


def test_td_loss_by_hand():
    q_values = torch.tensor([[1.0, 5.0], [3.0, 0.0]])
    loss = td_loss(q_values, torch.tensor([0, 0]), torch.tensor([1.5, 0.0]))
    assert loss.item() == pytest.approx((0.5 * 0.5**2 + (3 - 0.5)) / 2)


def test_td_loss_teaches_the_action_taken_and_not_the_target():
    q_values = torch.tensor([[1.0, 5.0]], requires_grad=True)
    target = torch.tensor([9.0], requires_grad=True)
    td_loss(q_values, torch.tensor([1]), target).backward()
    assert q_values.grad is not None
    assert q_values.grad.tolist() == [[0.0, -1.0]]  # beyond the threshold the slope is one
    assert target.grad is None


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), threshold=st.floats(0.1, 3))
def test_td_loss_has_the_gradient_of_finite_differences(seed, threshold):
    q_values, target = random_q_values(seed)
    q_values.requires_grad_(True)
    action = torch.tensor([0, 1, 2, 0, 1])
    inputs = (q_values, action, target[:, 0], threshold)
    assert torch.autograd.gradcheck(lambda values: td_loss(values, *inputs[1:]), q_values, atol=1e-4)


def test_td_error_by_hand():
    error = td_error(Q_ONLINE, torch.tensor([1, 0]), torch.tensor([4.0, 4.0]))
    assert error.tolist() == [1.0, -1.0]


def test_huber_by_hand():
    loss = huber(torch.tensor([[-3.0, -2.0, 0.5], [0.0, 2.0, 4.0]]), 2.0)
    assert loss.tolist() == [[4.0, 2.0, 0.125], [0.0, 2.0, 6.0]]


def test_huber_has_the_clipped_error_for_a_slope():
    error = torch.linspace(-3, 3, 13).requires_grad_(True)
    huber(error, 1.25).sum().backward()
    assert error.grad is not None
    assert torch.equal(error.grad, error.detach().clamp(-1.25, 1.25))


def mean_by_weight(q_values, action, target, threshold, weight):
    """The mistake of dividing by the sum of the weights, which then cannot make a batch count for less."""
    loss = huber(td_error(q_values, action, target), threshold)
    return (weight * loss).sum() / weight.sum()


def weighted_error(q_values, action, target, threshold, weight):
    """The mistake of weighting what is inside the loss."""
    return huber(weight * td_error(q_values, action, target), threshold).mean()


@pytest.mark.parametrize(
    ("formula", "passes"), [(td_loss, True), (mean_by_weight, False), (weighted_error, False)]
)
def test_weighted_td_loss_by_hand(formula, passes):
    weight, target = torch.tensor([0.5, 0.25]), torch.tensor([3.5, 1.0])
    loss = formula(Q_ONLINE, torch.tensor([1, 0]), target, 1.0, weight).item()
    by_hand = (0.5 * 0.5 * 0.5**2 + 0.25 * (4 - 0.5)) / 2
    assert (loss == pytest.approx(by_hand)) is passes


def test_equal_weights_are_none():
    q_values, target = random_q_values(3)
    action, ones = torch.tensor([0, 1, 2, 0, 1]), torch.ones(5, dtype=torch.float64)
    assert torch.equal(
        td_loss(q_values, action, target[:, 0], weight=ones), td_loss(q_values, action, target[:, 0])
    )


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), threshold=st.floats(0.1, 3), weighted=st.booleans())
def test_td_loss_gradient_is_that_of_autograd(seed, threshold, weighted):
    q_values, target = random_q_values(seed)
    action, weight = torch.tensor([0, 1, 2, 0, 1]), target[:, 1].abs() if weighted else None
    q_values.requires_grad_(True)
    td_loss(q_values, action, target[:, 0], threshold, weight).backward()
    gradient = td_loss_gradient(q_values.detach(), action, target[:, 0], threshold, weight)
    torch.testing.assert_close(gradient, q_values.grad)


def test_td_loss_gradient_by_hand():
    gradient = td_loss_gradient(
        Q_ONLINE, torch.tensor([1, 0]), torch.tensor([3.5, 1.0]), weight=torch.tensor([0.5, 0.25])
    )
    assert gradient.tolist() == [[0.0, -0.125, 0.0], [0.125, 0.0, 0.0]]


def test_polyak_average_by_hand():
    average, online = torch.tensor([0.0, 4.0]), torch.tensor([8.0, 8.0])
    assert polyak_average(average, online, 0.25).tolist() == [2.0, 5.0]
    assert average.tolist() == [0.0, 4.0]
    assert polyak_average(average, online, 0.25, out=average) is average
    assert average.tolist() == [2.0, 5.0]


def test_exchanging_average_and_online_is_caught():
    average, online = torch.tensor([0.0]), torch.tensor([8.0])
    assert polyak_average(online, average, 0.25) != polyak_average(average, online, 0.25)


def test_polyak_average_forgets_its_start_geometrically():
    average, online = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    for _ in range(50):
        average = polyak_average(average, online, 0.1)
    assert average.item() == pytest.approx(1 - 0.9**50)
