import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.formulas.losses import (
    binary_cross_entropy,
    binary_cross_entropy_gradient,
    binary_cross_entropy_of_logits,
    binary_cross_entropy_of_logits_gradient,
    cross_entropy,
    cross_entropy_gradient,
    empirical_risk,
    gaussian_negative_log_likelihood,
    half_sum_of_squares,
    half_sum_of_squares_gradient,
    mean_squared_error,
    mean_squared_error_gradient,
    variance_weight,
)

numbers = st.floats(-5, 5, width=32)


def column(*values: float) -> torch.Tensor:
    return torch.tensor([values])


def test_gaussian_likelihood_of_literal_numbers():
    loss = gaussian_negative_log_likelihood(
        column(0.0, 1.0, 3.0), column(0.0, 0.0, math.log(4.0)), column(0.0, 2.0, 1.0)
    )
    half_log_two_pi = 0.9189385
    expected = column(half_log_two_pi, half_log_two_pi + 0.5, half_log_two_pi + math.log(2) + 0.5)
    torch.testing.assert_close(loss, expected)


@settings(deadline=None)
@given(mean=numbers, log_variance=numbers, target=numbers)
def test_gaussian_likelihood_is_that_of_torch_s_distribution(mean, log_variance, target):
    loss = gaussian_negative_log_likelihood(column(mean), column(log_variance), column(target))
    normal = torch.distributions.Normal(column(mean), column(log_variance).mul(0.5).exp())
    torch.testing.assert_close(loss, -normal.log_prob(column(target)), rtol=1e-4, atol=1e-4)


@settings(deadline=None)
@given(error=st.floats(0.125, 5, width=32))
def test_gaussian_likelihood_is_best_where_the_variance_is_the_squared_error(error):
    log_variance = torch.full((1, 1), 2 * math.log(error), requires_grad=True)
    gaussian_negative_log_likelihood(column(0.0), log_variance, column(error)).sum().backward()
    assert log_variance.grad is not None
    assert abs(float(log_variance.grad)) < 1e-5


@pytest.mark.parametrize(("exponent", "power"), [(0.0, 2), (0.5, 1), (1.0, 0)])
def test_a_variance_weight_softens_the_slope_at_the_mean(exponent: float, power: int):
    """It is (μ − y) / σ^(2 − 2β); the variance is still best where it is the squared error."""
    sigma, error = 0.25, 0.5
    mean = torch.full((1, 1), error, requires_grad=True)
    log_variance = torch.full((1, 1), 2 * math.log(sigma), requires_grad=True)
    likelihood = gaussian_negative_log_likelihood(mean, log_variance, column(0.0))
    (likelihood * variance_weight(log_variance, exponent)).sum().backward()
    assert mean.grad is not None
    assert float(mean.grad) == pytest.approx(error / sigma**power, rel=1e-5)
    assert log_variance.grad is not None
    expected = 0.5 * (1 - error**2 / sigma**2) * sigma ** (2 * exponent)
    assert float(log_variance.grad) == pytest.approx(expected, rel=1e-5)


def image(*values: float) -> torch.Tensor:
    return torch.tensor(values).reshape(1, -1, 1, 1)


def test_cross_entropy_of_literal_probabilities():
    logits = image(0.7, 0.2, 0.1).log()
    assert float(cross_entropy(logits, torch.tensor([[[1]]]))) == pytest.approx(-math.log(0.2))


def test_cross_entropy_counts_every_label_not_only_the_ones():
    """Document 003 §4.3.2 sums over y = 1 only, and so loses the sample with y = 0: 0.1567, not 1.7661."""
    predicted, label = torch.tensor([0.9, 0.8, 0.95]), torch.tensor([1, 0, 1])
    logits = torch.stack([1 - predicted, predicted], 1).log()
    one_sided = -(label * predicted.log()).sum()
    assert float(one_sided) == pytest.approx(0.1567, abs=1e-4)
    assert float(3 * cross_entropy(logits, label)) == pytest.approx(1.7661, abs=1e-4)
    assert float(3 * binary_cross_entropy(predicted, label.float())) == pytest.approx(1.7661, abs=1e-4)


@settings(deadline=None)
@given(seed=st.integers(0, 1000))
def test_cross_entropy_is_torch_s(seed):
    generator = torch.Generator().manual_seed(seed)
    logits = 20 * torch.randn(2, 5, 3, 4, generator=generator)
    label = torch.randint(0, 5, (2, 3, 4), generator=generator).to(torch.uint8)
    torch.testing.assert_close(cross_entropy(logits, label), F.cross_entropy(logits, label.long()))


def test_cross_entropy_refuses_a_label_that_is_no_class():
    with pytest.raises(RuntimeError):
        cross_entropy(image(0.0, 0.0), torch.tensor([[[2]]]))


def test_cross_entropy_over_rows_and_over_pixels_are_one():
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    label = torch.tensor([0, 3, 1, 2, 2, 0])
    as_pixels = logits.T.reshape(1, 4, 2, 3)
    torch.testing.assert_close(cross_entropy(as_pixels, label.reshape(1, 2, 3)), cross_entropy(logits, label))


def test_cross_entropy_gradient_of_literal_probabilities():
    logits = torch.tensor([[0.7, 0.2, 0.1], [0.25, 0.25, 0.5]]).log()
    gradient = cross_entropy_gradient(logits, torch.tensor([1, 2]))
    torch.testing.assert_close(gradient, torch.tensor([[0.35, -0.4, 0.05], [0.125, 0.125, -0.25]]))


@pytest.mark.parametrize("places", [(), (5,), (2, 3)])
def test_cross_entropy_gradient_is_autograd_s(places):
    generator = torch.Generator().manual_seed(0)
    logits = 5 * torch.randn(3, 4, *places, generator=generator, dtype=torch.float64)
    label = torch.randint(0, 4, (3, *places), generator=generator)
    logits.requires_grad_()
    (expected,) = torch.autograd.grad(cross_entropy(logits, label), logits)
    torch.testing.assert_close(cross_entropy_gradient(logits.detach(), label), expected)


def test_losses_of_extreme_logits_stay_finite():
    logits, label = torch.tensor([[1e4, -1e4], [-1e4, 1e4]]), torch.tensor([0, 0])
    assert float(cross_entropy(logits, label)) == 1e4  # (0 + 2e4) / 2
    assert cross_entropy_gradient(logits, label).tolist() == [[0, 0], [-0.5, 0.5]]
    z, y = torch.tensor([1e4, -1e4, 1e4, -1e4]), torch.tensor([1.0, 0.0, 0.0, 1.0])
    assert float(binary_cross_entropy_of_logits(z, y)) == 5e3
    assert binary_cross_entropy_of_logits_gradient(z, y).tolist() == [0, 0, 0.25, -0.25]
    assert float(binary_cross_entropy(z.sigmoid(), y)) == math.inf


def test_empirical_risk_is_the_mean_loss_of_a_sample():
    assert float(empirical_risk(torch.tensor([1.0, 2.0, 6.0]))) == 3
    prediction, target = torch.tensor([1.0, 5.0]), torch.tensor([2.0, 2.0])
    risk = empirical_risk((prediction - target).square())
    torch.testing.assert_close(risk, mean_squared_error(prediction, target))


def test_half_sum_of_squares_of_document_003():
    """§4.3.3: ½ (0.25 + 0.04 + 0.04)."""
    prediction, target = torch.tensor([2.5, 3.2, 3.8]), torch.tensor([2.0, 3.0, 4.0])
    assert float(half_sum_of_squares(prediction, target)) == pytest.approx(0.165)
    torch.testing.assert_close(
        half_sum_of_squares_gradient(prediction, target), torch.tensor([0.5, 0.2, -0.2])
    )


def test_mean_squared_error_of_document_004():
    """§4.3 prints 0.5 and −2 (y − ŷ) = (−1, −1, −2); they are 7/6 and (−1, −2, −3)."""
    prediction, target = torch.tensor([1.5, 2.0, 2.5]), torch.tensor([2.0, 3.0, 4.0])
    assert float(mean_squared_error(prediction, target)) == pytest.approx(7 / 6)
    gradient = mean_squared_error_gradient(prediction, target)
    torch.testing.assert_close(3 * gradient, torch.tensor([-1.0, -2.0, -3.0]))


def test_the_two_conventions_differ_by_half_the_count():
    prediction, target = torch.arange(12.0).reshape(3, 4), torch.ones(3, 4)
    half = half_sum_of_squares(prediction, target)
    torch.testing.assert_close(half, 6 * mean_squared_error(prediction, target))
    half_gradient = half_sum_of_squares_gradient(prediction, target)
    torch.testing.assert_close(half_gradient, 6 * mean_squared_error_gradient(prediction, target))


def test_binary_cross_entropy_of_literal_probabilities():
    loss = binary_cross_entropy(torch.tensor([0.5, 0.25, 1.0]), torch.tensor([1.0, 0.0, 1.0]))
    assert float(loss) == pytest.approx((math.log(2) - math.log(0.75)) / 3)


@settings(deadline=None)
@given(z=st.lists(st.floats(-12, 12), min_size=1, max_size=6), soft=st.floats(0, 1))
def test_binary_cross_entropy_of_logits_is_that_of_their_sigmoid_and_of_two_classes(z, soft):
    logits = torch.tensor(z, dtype=torch.float64)
    target = torch.full_like(logits, soft)
    loss = binary_cross_entropy_of_logits(logits, target)
    torch.testing.assert_close(loss, binary_cross_entropy(logits.sigmoid(), target))
    torch.testing.assert_close(loss, F.binary_cross_entropy_with_logits(logits, target))
    ones = torch.ones_like(logits)
    two_classes = cross_entropy(torch.stack([0 * logits, logits], 1), ones.long())
    torch.testing.assert_close(binary_cross_entropy_of_logits(logits, ones), two_classes)


GRADIENTS = {
    mean_squared_error: mean_squared_error_gradient,
    half_sum_of_squares: half_sum_of_squares_gradient,
    binary_cross_entropy: binary_cross_entropy_gradient,
    binary_cross_entropy_of_logits: binary_cross_entropy_of_logits_gradient,
}


@pytest.mark.parametrize("loss", GRADIENTS)
@settings(deadline=None)
@given(seed=st.integers(0, 99))
def test_gradient_is_autograd_s_and_the_finite_difference(loss, seed):
    generator = torch.Generator().manual_seed(seed)
    first, target = 0.05 + 0.9 * torch.rand(2, 3, 4, generator=generator, dtype=torch.float64)
    first.requires_grad_()
    gradient = GRADIENTS[loss](first.detach(), target)
    torch.testing.assert_close(gradient, torch.autograd.grad(loss(first, target), first)[0])
    shift = torch.zeros_like(target)
    shift[1, 2] = step = 1e-6
    slope = (loss(first.detach() + shift, target) - loss(first.detach() - shift, target)) / (2 * step)
    torch.testing.assert_close(gradient[1, 2], slope, rtol=1e-6, atol=1e-9)
