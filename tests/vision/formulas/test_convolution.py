import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.formulas.convolution import (
    average_pooling,
    average_pooling_backward,
    convolution,
    convolution_input_gradient,
    convolution_parameter_gradient,
    max_pooling,
    max_pooling_backward,
    windows,
)

few = st.integers(1, 3)
shapes = st.fixed_dictionaries(
    {
        "batch": few,
        "channels": few,
        "outputs": few,
        "height": st.integers(3, 7),
        "width": st.integers(3, 7),
        "size": st.tuples(few, few),
        "stride": few,
        "padding": st.integers(0, 2),
    }
)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_hand(image: np.ndarray, kernel: np.ndarray, bias: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """The sums of the equation, one by one."""
    batch, _, height, width = image.shape
    outputs, _, rows, columns = kernel.shape
    shape = (height + 2 * padding - rows) // stride + 1, (width + 2 * padding - columns) // stride + 1
    z = np.zeros((batch, outputs, *shape))
    for n, o, i, j in itertools.product(range(batch), range(outputs), range(shape[0]), range(shape[1])):
        total = bias[o]
        for c, u, v in itertools.product(*(range(size) for size in kernel.shape[1:])):
            row, column = stride * i + u - padding, stride * j + v - padding
            if 0 <= row < height and 0 <= column < width:
                total += kernel[o, c, u, v] * image[n, c, row, column]
        z[n, o, i, j] = total
    return z


def test_convolution_of_literal_numbers_does_not_turn_the_kernel_round():
    image = torch.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]])
    kernel = torch.tensor([[[[1.0, 10.0]]]])
    z = convolution(image, kernel, torch.tensor([100.0]))
    assert z.tolist() == [[[[121.0, 132.0], [154.0, 165.0]]]]


@settings(deadline=None, max_examples=40)
@given(shape=shapes, seed=st.integers(0, 99))
def test_convolution_and_its_gradients_are_the_sums_and_autograd_s(shape, seed):
    image = drawn(shape["batch"], shape["channels"], shape["height"], shape["width"], seed=seed)
    kernel = drawn(shape["outputs"], shape["channels"], *shape["size"], seed=seed + 1)
    bias, step = drawn(shape["outputs"], seed=seed + 2), (shape["stride"], shape["padding"])
    z = convolution(image, kernel, bias, *step)
    np.testing.assert_allclose(
        z.numpy(), by_hand(image.numpy(), kernel.numpy(), bias.numpy(), *step), atol=1e-12
    )
    x, k, b = (tensor.clone().requires_grad_() for tensor in (image, kernel, bias))
    theirs = F.conv2d(x, k, b, *step)
    torch.testing.assert_close(z, theirs.detach())
    gradient = drawn(*z.shape, seed=seed + 3)
    d_image, d_kernel, d_bias = torch.autograd.grad(theirs, (x, k, b), gradient)
    ours = convolution_parameter_gradient(gradient, image, shape["size"], *step)
    torch.testing.assert_close(ours, (d_kernel, d_bias))
    shape_of_image = (shape["height"], shape["width"])
    torch.testing.assert_close(convolution_input_gradient(gradient, kernel, shape_of_image, *step), d_image)


def test_convolution_passes_gradcheck():
    tensors = [drawn(2, 2, 5, 4), drawn(3, 2, 3, 2, seed=1), drawn(3, seed=2)]
    inputs = [tensor.requires_grad_() for tensor in tensors]
    assert torch.autograd.gradcheck(lambda *given: convolution(*given, stride=2, padding=1), inputs)


def test_a_window_that_fits_nowhere_is_refused():
    with pytest.raises(ValueError, match=r"no window of \(4, 1\) fits in an image of \(3, 9\)"):
        windows(drawn(1, 1, 3, 9), (4, 1))


@settings(deadline=None, max_examples=30)
@given(few, few, st.integers(3, 9), st.integers(3, 9), few, st.integers(0, 99))
def test_pooling_and_its_gradients_are_autograd_s(batch, channels, height, width, size, seed):
    image = drawn(batch, channels, height, width, seed=seed).requires_grad_()
    theirs = F.max_pool2d(image, size), F.avg_pool2d(image, size)
    gradient = drawn(*theirs[0].shape, seed=seed + 1)
    greatest, place = max_pooling(image.detach(), size)
    torch.testing.assert_close(greatest, theirs[0].detach())
    torch.testing.assert_close(average_pooling(image.detach(), size), theirs[1].detach())
    backs = [torch.autograd.grad(pooled, image, gradient)[0] for pooled in theirs]
    torch.testing.assert_close(max_pooling_backward(gradient, place, size, (height, width)), backs[0])
    torch.testing.assert_close(average_pooling_backward(gradient, size, (height, width)), backs[1])


def test_of_equal_pixels_the_first_gets_the_gradient():
    image = torch.ones(1, 1, 2, 2)
    _, place = max_pooling(image, 2)
    back = max_pooling_backward(torch.full((1, 1, 1, 1), 8.0), place, 2, (2, 2))
    assert back.tolist() == [[[[8.0, 0.0], [0.0, 0.0]]]]
    spread = average_pooling_backward(torch.full((1, 1, 1, 1), 8.0), 2, (3, 2))
    assert spread.tolist() == [[[[2.0, 2.0], [2.0, 2.0], [0.0, 0.0]]]]
