import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from vision.formulas.activations import (
    linear,
    linear_derivative,
    log_softmax,
    log_softmax_backward,
    relu,
    relu_backward,
    relu_derivative,
    sigmoid,
    sigmoid_derivative,
    softmax,
    softmax_backward,
    tanh,
    tanh_derivative,
)

PAIRS = {
    linear: linear_derivative,
    sigmoid: sigmoid_derivative,
    relu: relu_derivative,
    tanh: tanh_derivative,
}
EXTREMES = torch.tensor([-1e4, -100.0, -1.0, 0.0, 1.0, 100.0, 1e4])
logits = arrays("float64", array_shapes(min_dims=1, max_dims=3, max_side=5), elements=st.floats(-30, 30))


def test_literal_values():
    z = torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64)
    e = math.e
    torch.testing.assert_close(linear(z).tolist(), [-1.0, 0.0, 2.0])
    torch.testing.assert_close(relu(z).tolist(), [0.0, 0.0, 2.0])
    torch.testing.assert_close(sigmoid(z).tolist(), [1 / (1 + e), 0.5, e**2 / (1 + e**2)])
    torch.testing.assert_close(tanh(z).tolist(), [(1 - e**2) / (1 + e**2), 0.0, (e**4 - 1) / (e**4 + 1)])


@pytest.mark.parametrize("activation", PAIRS)
@settings(deadline=None)
@given(z=st.floats(-20, 20).filter(lambda z: abs(z) > 1e-5))
def test_derivative_is_the_finite_difference(activation, z):
    step = 1e-6
    either_side = activation(torch.tensor([z - step, z + step], dtype=torch.float64))
    slope = (either_side[1] - either_side[0]) / (2 * step)
    derivative = PAIRS[activation](activation(torch.tensor(z, dtype=torch.float64)))
    torch.testing.assert_close(derivative, slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("activation", PAIRS)
def test_derivative_is_the_one_of_autograd(activation):
    z = torch.linspace(-6, 6, 24, dtype=torch.float64).requires_grad_()
    (slope,) = torch.autograd.grad(activation(z).sum(), z)
    torch.testing.assert_close(PAIRS[activation](activation(z.detach())), slope)


@pytest.mark.parametrize("activation", PAIRS)
def test_extremes_stay_finite(activation):
    value = activation(EXTREMES)
    assert value.isfinite().all()
    assert PAIRS[activation](value).isfinite().all()


def test_saturation_is_at_the_limits_where_the_forms_on_paper_are_not_a_number():
    assert sigmoid(EXTREMES)[[0, -1]].tolist() == [0, 1]
    assert tanh(EXTREMES)[[0, -1]].tolist() == [-1, 1]
    power, inverse = EXTREMES.exp(), (-EXTREMES).exp()
    assert (power / (1 + power))[-1].isnan()
    assert ((power - inverse) / (power + inverse))[[0, -1]].isnan().all()


@settings(deadline=None)
@given(z=arrays("float64", 6, elements=st.floats(-5, 5)))
def test_relu_backward_is_the_product_with_its_derivative(z):
    activation = relu(torch.from_numpy(z))
    gradient = torch.arange(1.0, 7.0, dtype=torch.float64)
    expected = gradient * relu_derivative(activation)
    assert torch.equal(relu_backward(gradient, activation), expected)
    in_place = gradient.clone()
    assert relu_backward(in_place, activation, out=in_place) is in_place
    assert torch.equal(in_place, expected)


def test_softmax_of_literal_logits():
    z = torch.tensor([[1.0, 2.0, 5.0]]).log()
    torch.testing.assert_close(softmax(z), torch.tensor([[0.125, 0.25, 0.625]]))
    torch.testing.assert_close(log_softmax(z), torch.tensor([[0.125, 0.25, 0.625]]).log())


@settings(deadline=None)
@given(z=logits)
def test_softmax_sums_to_one_over_the_last_axis(z):
    probability = softmax(torch.from_numpy(z))
    assert (probability >= 0).all()
    torch.testing.assert_close(probability.sum(-1), torch.ones(z.shape[:-1], dtype=torch.float64))


@settings(deadline=None)
@given(z=logits, shift=st.floats(-1e4, 1e4))
def test_softmax_does_not_see_a_shift(z, shift):
    z = torch.from_numpy(z)
    torch.testing.assert_close(softmax(z + shift), softmax(z), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(log_softmax(z + shift), log_softmax(z), rtol=1e-9, atol=1e-9)


@settings(deadline=None)
@given(z=logits)
def test_log_softmax_is_the_logarithm(z):
    z = torch.from_numpy(z)
    torch.testing.assert_close(log_softmax(z), softmax(z).log())


def test_softmax_of_extremes_where_the_form_without_the_maximum_fails():
    for z in (EXTREMES, EXTREMES[:1], torch.tensor([1e4, 1e4])):
        assert softmax(z).isfinite().all()
        assert log_softmax(z).isfinite().all()
    assert log_softmax(EXTREMES)[0] == -2e4
    assert softmax(torch.tensor([1e4, 1e4])).tolist() == [0.5, 0.5]
    assert (EXTREMES.exp() / EXTREMES.exp().sum()).isnan().any()


def test_log_softmax_keeps_small_differences_of_large_logits():
    """z − log Σ eᶻ at once would round them away: 10⁴ + log 2 has no more than three decimals."""
    torch.testing.assert_close(log_softmax(torch.tensor([1e4, 1e4])), torch.full((2,), -math.log(2)))


@pytest.mark.parametrize(
    ("function", "backward"), [(softmax, softmax_backward), (log_softmax, log_softmax_backward)]
)
@settings(deadline=None)
@given(z=logits)
def test_softmax_backward_is_autograd_s(function, backward, z):
    z = torch.from_numpy(z).requires_grad_()
    gradient = torch.linspace(-1, 2, z.numel(), dtype=torch.float64).reshape(z.shape)
    result = function(z)
    (expected,) = torch.autograd.grad(result, z, gradient)
    torch.testing.assert_close(backward(gradient, result.detach()), expected, rtol=1e-9, atol=1e-12)
    library = torch.autograd.grad(getattr(torch, function.__name__)(z, -1), z, gradient)[0]
    torch.testing.assert_close(expected, library, rtol=1e-9, atol=1e-12)
