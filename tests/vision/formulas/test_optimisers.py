import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.formulas.optimisers import (
    COEFFICIENTS,
    AdamConstants,
    _adam_on_device,
    _adam_pass,
    adam_step_,
    adam_update,
    gradient_descent,
    momentum_update,
    orthogonalised,
)


def random_matrix(rows, columns, seed=0):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def test_one_step_of_a_literal_number():
    """A 1 × 1 matrix is its sign after normalisation, and the quintic takes 1 to a + b + c."""
    for value in (3.0, -0.2):
        result = orthogonalised(torch.tensor([[value]]), steps=1)
        torch.testing.assert_close(result, torch.tensor([[sum(COEFFICIENTS)]]) * (1 if value > 0 else -1))


@settings(deadline=None)
@given(rows=st.integers(1, 20), columns=st.integers(1, 20), seed=st.integers(0, 100))
def test_the_directions_stay_and_their_strengths_become_alike(rows, columns, seed):
    matrix = random_matrix(rows, columns, seed)
    u, s, vt = torch.linalg.svd(matrix, full_matrices=False)
    if s.min() < 0.02 * s.norm():  # too weak a direction to be raised in five steps
        return
    turned = u.T @ orthogonalised(matrix) @ vt.T
    strengths = turned.diagonal()
    assert 0.6 < strengths.min() <= strengths.max() < 1.3
    assert (turned - strengths.diag()).abs().max() < 1e-3


def test_following_the_gram_matrix_is_the_printed_iteration():
    a, b, c = COEFFICIENTS
    matrix = random_matrix(6, 40)
    x = matrix / matrix.norm()
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    torch.testing.assert_close(orthogonalised(matrix), x, rtol=1e-4, atol=1e-4)


def test_the_scale_of_the_gradient_does_not_matter():
    matrix = random_matrix(4, 9)
    torch.testing.assert_close(orthogonalised(1000 * matrix), orthogonalised(matrix))


def test_no_gradient_gives_no_direction():
    assert not orthogonalised(torch.zeros(3, 5)).any()


def quadratic(seed=0):
    """½ wᵀ A w with A positive definite: its gradient is A w and its minimum is at 0."""
    root = random_matrix(5, 5, seed).double()
    return root @ root.T + torch.eye(5, dtype=torch.float64), random_matrix(5, 1, seed + 1)[:, 0].double()


def test_gradient_descent_of_literal_numbers():
    parameters, gradient = torch.tensor([1.0, 2.0]), torch.tensor([10.0, -4.0])
    assert gradient_descent(parameters, gradient, 0.5).tolist() == [-4, 4]
    assert parameters.tolist() == [1, 2]
    assert gradient_descent(parameters, gradient, 0.5, out=parameters) is parameters
    assert parameters.tolist() == [-4, 4]


def test_descent_goes_down_and_document_003_s_pseudo_code_up():
    """§4.2.2: w ← w + α ∂L/∂w, as printed in the pseudo-code, is the step with −α."""
    matrix, start = quadratic()
    for learning_rate, expected in ((0.01, -1), (-0.01, 1)):
        after = gradient_descent(start, matrix @ start, learning_rate)
        assert torch.sign(after @ matrix @ after - start @ matrix @ start) == expected


def test_step_of_document_004():
    """§4.3: α = 0.01 from (1, 2, 3) with −2 (y − ŷ) of y = (2, 3, 4), ŷ = (1.5, 2, 2.5)."""
    gradient = -2 * (torch.tensor([2.0, 3.0, 4.0]) - torch.tensor([1.5, 2.0, 2.5]))
    step = gradient_descent(torch.tensor([1.0, 2.0, 3.0]), gradient, 0.01)
    torch.testing.assert_close(step, torch.tensor([1.01, 2.02, 3.03]))
    assert (step - torch.tensor([1.01, 2.01, 2.98])).abs().max() > 0.04  # as printed, downhill in none


def test_momentum_of_literal_numbers():
    """u = 0.9 · 1 + 2 = 2.9 and w = 5 − 0.01 · 2.9."""
    parameters, velocity = momentum_update(torch.tensor([5.0]), torch.tensor([2.0]), torch.tensor([1.0]))
    torch.testing.assert_close(velocity, torch.tensor([2.9]))
    torch.testing.assert_close(parameters, torch.tensor([4.971]))


def steps_of_torch(optimiser, parameters, gradients):
    parameters = torch.nn.Parameter(parameters.clone())
    optimiser = optimiser(parameters)
    for gradient in gradients:
        parameters.grad = gradient
        optimiser.step()
    return parameters.detach()


def gradients_of_all_sizes(dtype, steps=50, size=40):
    scale = torch.logspace(-6, 3, size, dtype=dtype)
    return [scale * random_matrix(1, size, step)[0].to(dtype) for step in range(steps)]


def test_momentum_is_torch_s_and_for_one_rate_the_other_convention():
    gradients = gradients_of_all_sizes(torch.float64)
    parameters = start = random_matrix(1, 40)[0].double()
    velocity = torch.zeros_like(start)
    inside, scaled = start, torch.zeros_like(start)
    for gradient in gradients:
        parameters, velocity = momentum_update(parameters, gradient, velocity)
        scaled = 0.9 * scaled - 0.01 * gradient
        inside = inside + scaled
    torch.testing.assert_close(parameters, inside)
    sgd = partial(make_sgd, lr=0.01, momentum=0.9)
    torch.testing.assert_close(parameters, steps_of_torch(sgd, start, gradients))


def make_sgd(parameters, **keywords):
    return torch.optim.SGD([parameters], **keywords)


def make_adam(parameters, **keywords):
    return torch.optim.Adam([parameters], **keywords)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("constants", [AdamConstants(), AdamConstants(0.8, 0.95, 1e-4)])
@pytest.mark.parametrize("method", ["formula", "in place", "on a device"])
def test_fifty_steps_of_adam_are_torch_s(method, constants, dtype):
    start, gradients = random_matrix(1, 40)[0].to(dtype), gradients_of_all_sizes(dtype)
    parameters, first, second = start.clone(), torch.zeros_like(start), torch.zeros_like(start)
    for step, gradient in enumerate(gradients, 1):
        arguments = parameters, gradient, first, second
        if method == "formula":
            parameters, first, second = adam_update(*arguments, step, 1e-2, constants)
        elif method == "in place":
            adam_step_(*arguments, step, 1e-2, constants)
        else:
            _adam_on_device(*arguments, factors(step, constants))
    adam = partial(make_adam, lr=1e-2, betas=constants[:2], eps=constants.epsilon)
    expected = steps_of_torch(adam, start, gradients)
    tolerance = 4e-7 if dtype == torch.float32 else 1e-14
    assert (expected - start).abs().max() > 0.1
    torch.testing.assert_close(parameters, expected, rtol=tolerance, atol=tolerance)


def factors(step, constants):
    decay, second_decay, epsilon = constants
    rate, scale = 1e-2 / (1 - decay**step), 1 / math.sqrt(1 - second_decay**step)
    return 1 - decay, 1 - second_decay, rate, scale, epsilon


def test_the_kernel_is_its_python():
    gradients = gradients_of_all_sizes(torch.float64, steps=2)
    parameters, first, second = random_matrix(1, 40)[0].double(), torch.zeros(40), torch.zeros(40)
    compiled = [tensor.double().numpy() for tensor in (parameters, first, second)]
    plain = [array.copy() for array in compiled]
    for step, gradient in enumerate(gradients, 1):
        for kernel, (values, mean, square) in ((_adam_pass, compiled), (_adam_pass.py_func, plain)):
            kernel(values, gradient.numpy(), mean, square, np.array((*factors(step, AdamConstants()), 1.0)))
    np.testing.assert_allclose(compiled, plain, rtol=1e-13, atol=1e-15)
    assert torch.equal(gradients[1], gradients_of_all_sizes(torch.float64, steps=2)[1])


def test_adam_in_place_takes_the_flat_parameters_of_a_module():
    flat = torch.nn.Parameter(torch.ones(3))
    adam_step_(flat, torch.tensor([2.0, 0.0, -5.0]), torch.zeros(3), torch.zeros(3), 1, 0.1)
    torch.testing.assert_close(flat.detach(), torch.tensor([0.9, 1.0, 1.1]))


@settings(deadline=None)
@given(gradient=st.floats(1e-3, 1e3), step=st.integers(1, 50))
def test_corrected_moments_of_a_constant_gradient_are_its_own(gradient, step):
    """So θ moves by α at every step, whatever the gradient; as document 004 §4.1.3 prints it, it does not."""
    slope = torch.tensor([gradient], dtype=torch.float64)
    moved, printed, first, second = (torch.zeros(1, dtype=torch.float64) for _ in range(4))
    for t in range(1, step + 1):
        printed, *_ = adam_update(torch.zeros_like(printed), slope, first, second, t, bias_correction=False)
        moved, first, second = adam_update(moved, slope, first, second, t)
    assert moved.item() == pytest.approx(-1e-3 * step, rel=1e-4)
    ratio = (1 - 0.9**step) / math.sqrt(1 - 0.999**step)
    assert printed.item() == pytest.approx(-1e-3 * ratio, rel=1e-3)
    assert ratio > 3  # 3.16 at the first step, more later


@pytest.mark.parametrize("bias_correction", [True, False])
def test_adam_finds_the_minimum(bias_correction):
    matrix, parameters = quadratic()
    first, second = torch.zeros_like(parameters), torch.zeros_like(parameters)
    for step in range(1, 1501):
        rate = 0.05 * (1 - step / 1501)
        gradient = matrix @ parameters
        parameters, first, second = adam_update(
            parameters, gradient, first, second, step, rate, bias_correction=bias_correction
        )
    assert parameters.abs().max() < 1e-3


@pytest.mark.parametrize("scale", [0.25, torch.tensor(0.25)], ids=["number", "tensor"])
def test_a_scale_counts_as_that_much_of_the_gradient(scale):
    gradient = random_matrix(1, 40)[0]
    scaled, plain = ((torch.ones(40), torch.zeros(40), torch.zeros(40)) for _ in range(2))
    adam_step_(scaled[0], gradient, scaled[1], scaled[2], 3, scale=scale)
    adam_step_(plain[0], 0.25 * gradient, plain[1], plain[2], 3)
    for left, right in zip(scaled, plain, strict=True):
        torch.testing.assert_close(left, right)
    torch.testing.assert_close(scaled[1], 0.1 * 0.25 * gradient)
