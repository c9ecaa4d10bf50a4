from copy import deepcopy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from agents.networks import flatten_parameters
from vision.formulas.perceptron import NormedPerceptron, Perceptron, drawn_parameters, parameter_count

some_sizes = st.lists(st.integers(1, 9), min_size=2, max_size=5)


def chain(sizes, normed=False) -> nn.Sequential:
    """The same network as a module in float64, what follows the last layer left out."""
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:], strict=False):
        norm = [nn.LayerNorm(outputs, dtype=torch.float64)] if normed else []
        layers += [nn.Linear(inputs, outputs, dtype=torch.float64), *norm, nn.ReLU()]
    return nn.Sequential(*layers[: -2 if normed else -1])


def drawn(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def sharing(module: nn.Module, sizes, kind=Perceptron) -> Perceptron:
    flat = flatten_parameters(module)
    assert flat.grad is not None
    flat.data.copy_(drawn(flat.numel(), seed=7))
    return kind(sizes, flat, flat.grad)


def test_literal_network():
    """x = (1, −2) → max(0, (x₁ + x₂ + 3, x₂)) = (2, 0) → 5 · 2 + 7 · 0 − 1 = 9."""
    flat, gradient = torch.tensor([1.0, 1, 0, 1, 3, 0, 5, 7, -1]), torch.full((9,), torch.nan)
    perceptron = Perceptron((2, 2, 1), flat, gradient)
    assert perceptron.forward(torch.tensor([[1.0, -2.0]])).tolist() == [[9]]
    d_inputs = torch.empty(1, 2)
    perceptron.backward(torch.tensor([[10.0]]), d_inputs)
    assert gradient.tolist() == [50, -100, 0, 0, 50, 0, 20, 0, 10]
    assert d_inputs.tolist() == [[50, 50]]


@settings(deadline=None)
@given(sizes=some_sizes, batch=st.integers(1, 8), seed=st.integers(0, 99), normed=st.booleans())
def test_both_passes_are_those_of_the_module_that_shares_its_memory(sizes, batch, seed, normed):
    module = chain(sizes, normed)
    perceptron = sharing(module, sizes, NormedPerceptron if normed else Perceptron)
    x = drawn(batch, sizes[0], seed=seed).requires_grad_()
    gradient = drawn(batch, sizes[-1], seed=seed + 1)
    outputs = module(x)
    expected = torch.autograd.grad(outputs, (x, *module.parameters()), gradient)
    torch.testing.assert_close(perceptron.forward(x), outputs.detach())
    d_inputs = torch.empty_like(x, requires_grad=False)
    perceptron.backward(gradient, d_inputs)
    torch.testing.assert_close(d_inputs, expected[0])
    for parameter, slope in zip(module.parameters(), expected[1:], strict=True):
        torch.testing.assert_close(parameter.grad, slope)  # which nobody wrote but the perceptron


def test_a_step_on_the_flat_buffer_is_seen_by_both():
    module = chain((3, 5, 2))
    perceptron, x = sharing(module, (3, 5, 2)), drawn(4, 3)
    before = perceptron.forward(x).clone()
    with torch.no_grad():
        next(module.parameters()).add_(1)
    after = perceptron.forward(x)
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, module(x).detach())
    perceptron.flat.mul_(0.5)
    torch.testing.assert_close(perceptron.forward(x), module(x).detach())


def test_backward_overwrites_and_does_not_accumulate():
    perceptron, x, gradient = sharing(chain((3, 5, 2)), (3, 5, 2)), drawn(4, 3), drawn(4, 2)
    perceptron.forward(x)
    perceptron.backward(gradient)
    once = perceptron.flat_gradient.clone()
    perceptron.backward(gradient)
    assert torch.equal(perceptron.flat_gradient, once)


def test_batch_sizes_take_turns_and_backward_follows_the_last():
    perceptron = sharing(chain((3, 5, 2)), (3, 5, 2))
    large, small, gradient = drawn(6, 3), drawn(2, 3, seed=1), drawn(6, 2, seed=2)
    perceptron.forward(large)
    perceptron.backward(gradient)
    expected = perceptron.flat_gradient.clone()
    outputs = perceptron.forward(small)
    perceptron.forward(large)
    perceptron.backward(gradient)
    assert torch.equal(perceptron.flat_gradient, expected)
    torch.testing.assert_close(outputs, perceptron.forward(small))


def test_a_pass_of_the_same_size_needs_no_new_memory():
    perceptron = sharing(chain((3, 5, 2)), (3, 5, 2))
    first = perceptron.forward(drawn(4, 3))
    again = perceptron.forward(drawn(4, 3, seed=1))
    assert first.data_ptr() == again.data_ptr()


@pytest.mark.parametrize("kind", [Perceptron, NormedPerceptron])
def test_a_copy_goes_its_own_way(kind):
    sizes, x, gradient = (3, 5, 2), drawn(4, 3), drawn(4, 2)
    perceptron = sharing(chain(sizes, kind is NormedPerceptron), sizes, kind)
    perceptron.forward(x)
    perceptron.backward(gradient)
    expected = perceptron.flat_gradient.clone()
    copy = deepcopy(perceptron)
    perceptron.flat_gradient.zero_()
    copy.flat_gradient.zero_()
    copy.forward(x)
    copy.backward(gradient)
    assert torch.equal(copy.flat_gradient, expected)
    assert not perceptron.flat_gradient.any()


def test_a_first_pass_in_inference_mode_does_not_bar_the_others():
    perceptron, x = sharing(chain((3, 5, 2)), (3, 5, 2)), drawn(4, 3)
    with torch.inference_mode():
        expected = perceptron.forward(x).clone()
    assert torch.equal(perceptron.forward(x), expected)
    perceptron.backward(drawn(4, 2))


@pytest.mark.parametrize("lengths", [(8, 9), (9, 8), (10, 10)])
def test_sizes_that_do_not_fit_are_named(lengths):
    """With a norm, (2, 3, 1) has two numbers more for each of three units."""
    with pytest.raises(ValueError, match="have 19 parameters, not 13"):
        NormedPerceptron((2, 3, 1), torch.zeros(13), torch.zeros(13))
    flat, gradient = (torch.zeros(length) for length in lengths)
    with pytest.raises(ValueError, match=r"\(2, 3\) have 9 parameters, not (8|10)"):
        Perceptron((2, 3), flat, gradient)


def test_initial_weights_keep_the_scale_through_many_layers():
    sizes = (200,) * 8
    flat = drawn_parameters(sizes, torch.Generator().manual_seed(1))
    perceptron = Perceptron(sizes, flat, torch.zeros_like(flat))
    assert flat.numel() == parameter_count(sizes) == 7 * 200 * 201
    assert all((bias == 0).all() for _, bias in perceptron.parameters)
    x = torch.randn(50, 200, generator=torch.Generator().manual_seed(2))
    ratio = perceptron.forward(x).square().mean() / (2 * x.square().mean())  # the last layer has no ReLU
    assert 0.5 < ratio < 2


def test_initial_weights_come_from_the_generator_given():
    first, again, other = (
        drawn_parameters((2, 3), torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
