import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.formulas.activations import sigmoid, sigmoid_derivative
from vision.formulas.layers import (
    dense,
    dense_backward,
    dense_input_gradient,
    dense_parameter_gradient,
    layer_norm,
    layer_norm_backward,
    output_delta,
)

sides = st.integers(1, 7)


def drawn(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_dense_of_literal_numbers():
    weight, bias = torch.tensor([[1.0, 2.0], [0.0, -1.0], [3.0, 0.5]]), torch.tensor([10.0, 20.0, 30.0])
    z = dense(torch.tensor([[1.0, 4.0], [0.0, 2.0]]), weight, bias)
    assert z.tolist() == [[19, 16, 35], [14, 18, 31]]


def test_dense_backward_of_literal_numbers():
    gradient, inputs = torch.tensor([[1.0, 2.0], [10.0, 20.0]]), torch.tensor([[3.0], [5.0]])
    d_inputs, d_weight, d_bias = dense_backward(gradient, inputs, torch.tensor([[7.0], [-1.0]]))
    assert d_inputs.tolist() == [[5], [50]]
    assert d_weight.tolist() == [[53], [106]]
    assert d_bias.tolist() == [11, 22]


@settings(deadline=None)
@given(batch=sides, inputs=sides, outputs=sides, seed=st.integers(0, 99))
def test_dense_backward_is_autograd_s(batch, inputs, outputs, seed):
    tensors = (
        drawn(batch, inputs, seed=seed),
        drawn(outputs, inputs, seed=seed + 1),
        drawn(outputs, seed=seed + 2),
    )
    x, weight, bias = (tensor.requires_grad_() for tensor in tensors)
    gradient = drawn(batch, outputs, seed=seed + 3)
    z = dense(x, weight, bias)
    torch.testing.assert_close(z, torch.nn.functional.linear(x, weight, bias))
    expected = torch.autograd.grad(z, (x, weight, bias), gradient)
    torch.testing.assert_close(dense_backward(gradient, x.detach(), weight.detach()), expected)


def test_outputs_given_are_written_and_returned():
    x, weight, bias, gradient = drawn(4, 3), drawn(2, 3), drawn(2), drawn(4, 2, seed=1)
    z = torch.empty(4, 2, dtype=torch.float64)
    assert dense(x, weight, bias, out=z) is z
    assert torch.equal(z, dense(x, weight, bias))
    out = torch.empty_like(x), torch.empty_like(weight), torch.empty_like(bias)
    returned = dense_backward(gradient, x, weight, out=out)
    for given_one, one, expected in zip(out, returned, dense_backward(gradient, x, weight), strict=True):
        assert one is given_one
        assert torch.equal(one, expected)


def test_the_halves_are_the_whole():
    x, weight, gradient = drawn(4, 3), drawn(2, 3), drawn(4, 2, seed=1)
    d_inputs, *parameters = dense_backward(gradient, x, weight)
    assert torch.equal(dense_input_gradient(gradient, weight), d_inputs)
    for half, expected in zip(dense_parameter_gradient(gradient, x), parameters, strict=True):
        assert torch.equal(half, expected)


def test_a_slice_of_a_flat_buffer_takes_the_gradient():
    flat = torch.full((9,), torch.nan, dtype=torch.float64)
    gradient, x = drawn(5, 2), drawn(5, 3, seed=1)
    dense_parameter_gradient(gradient, x, out=(flat[:6].view(2, 3), flat[6:8]))
    torch.testing.assert_close(flat[:6].view(2, 3), gradient.t() @ x)
    torch.testing.assert_close(flat[6:8], gradient.sum(0))
    assert flat[8].isnan()


def test_layer_norm_of_literal_numbers():
    """(1, 3) has the mean 2 and the variance 1; a row of equal numbers becomes the shift."""
    z, gain, shift = (
        torch.tensor([[1.0, 3.0], [7.0, 7.0]]),
        torch.tensor([2.0, 3.0]),
        torch.tensor([10.0, 20.0]),
    )
    normed = layer_norm(z, gain, shift)
    torch.testing.assert_close(normed.outputs, torch.tensor([[8.0, 23.0], [10.0, 20.0]]), atol=1e-4, rtol=0)
    assert normed.mean.squeeze(1).tolist() == [2, 7]
    assert normed.scale[0].item() == pytest.approx(1, abs=1e-4)


@settings(deadline=None)
@given(batch=sides, outputs=st.integers(2, 7), seed=st.integers(0, 99))
def test_layer_norm_backward_is_its_formula_and_autograd_s(batch, outputs, seed):
    tensors = drawn(batch, outputs, seed=seed), drawn(outputs, seed=seed + 1), drawn(outputs, seed=seed + 2)
    z, gain, shift = (tensor.requires_grad_() for tensor in tensors)
    gradient = drawn(batch, outputs, seed=seed + 3)
    deviation = (z.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
    unit = (z - z.mean(1, keepdim=True)) / deviation
    expected = torch.autograd.grad(gain * unit + shift, (z, gain, shift), gradient)
    unit, z, gain, shift = unit.detach(), z.detach(), gain.detach(), shift.detach()
    normed = layer_norm(z, gain, shift)
    torch.testing.assert_close(normed.outputs, gain * unit + shift)
    slopes = layer_norm_backward(gradient, z, normed, gain, shift)
    torch.testing.assert_close(slopes, expected)
    h = gain * gradient
    told = (h - h.mean(1, keepdim=True) - unit * (h * unit).mean(1, keepdim=True)) / deviation.detach()
    torch.testing.assert_close(slopes, (told, (gradient * unit).sum(0), gradient.sum(0)))


@pytest.fixture
def two_layers():
    """x → σ(W₁x + b₁) → σ(W₂a + b₂) with J = ½ Σ (a₂ − y)², as in document 002 §4.2."""
    parameters = [drawn(4, 3), drawn(4, seed=1), drawn(2, 4, seed=2), drawn(2, seed=3)]
    return drawn(5, 3, seed=4), drawn(5, 2, seed=5).sigmoid(), parameters


def cost(x, y, parameters):
    w1, b1, w2, b2 = parameters
    return 0.5 * (sigmoid(dense(sigmoid(dense(x, w1, b1)), w2, b2)) - y).square().sum()


def finite_differences(x, y, parameters, step=1e-6):
    slopes = []
    for parameter in parameters:
        slope = torch.zeros_like(parameter)
        for place in range(parameter.numel()):
            kept = parameter.view(-1)[place].item()
            ends = []
            for value in (kept - step, kept + step):
                parameter.view(-1)[place] = value
                ends.append(cost(x, y, parameters))
            parameter.view(-1)[place] = kept
            slope.view(-1)[place] = (ends[1] - ends[0]) / (2 * step)
        slopes.append(slope)
    return slopes


def matrix_form(x, y, parameters, *, as_printed):
    """Document 002 §4.2; as printed it has ∂J/∂a where ∂J/∂z belongs in the rows of W and b."""
    w1, b1, w2, b2 = parameters
    hidden = sigmoid(dense(x, w1, b1))
    output = sigmoid(dense(hidden, w2, b2))
    d_output = output - y
    delta = output_delta(d_output, sigmoid_derivative(output))
    d_hidden = dense_input_gradient(delta, w2)
    delta_hidden = output_delta(d_hidden, sigmoid_derivative(hidden))
    first, second = (d_hidden, d_output) if as_printed else (delta_hidden, delta)
    return [*dense_parameter_gradient(first, x), *dense_parameter_gradient(second, hidden)]


def test_matrix_form_of_document_002_is_the_finite_difference(two_layers):
    expected = finite_differences(*two_layers)
    for right, slope in zip(matrix_form(*two_layers, as_printed=False), expected, strict=True):
        torch.testing.assert_close(right, slope, rtol=1e-6, atol=1e-8)
    for printed, slope in zip(matrix_form(*two_layers, as_printed=True), expected, strict=True):
        assert (printed - slope).abs().max() > 0.05


def test_delta_of_document_003_is_the_finite_difference():
    """§4.2.1 prints δ = ∂L/∂z · f'(z). With L = ½ (a − y)², ∂L/∂z holds a slope already."""
    z, y, step = torch.tensor([0.7], dtype=torch.float64), 0.2, 1e-6
    ends = [0.5 * (sigmoid(z + shift) - y).square() for shift in (-step, step)]
    slope = (ends[1] - ends[0]) / (2 * step)
    activation = sigmoid(z)
    derivative = sigmoid_derivative(activation)
    delta = output_delta(activation - y, derivative)
    torch.testing.assert_close(delta, slope, rtol=1e-7, atol=1e-10)
    printed = output_delta(delta, derivative)
    assert printed.item() < 0.25 * slope.item()
