"""Trainings that the documents work through, done with the formulas alone: no autograd and no module."""

import torch
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

from vision.formulas.activations import sigmoid, sigmoid_derivative
from vision.formulas.layers import (
    dense,
    dense_backward,
    dense_input_gradient,
    dense_parameter_gradient,
    output_delta,
)
from vision.formulas.losses import (
    binary_cross_entropy,
    binary_cross_entropy_gradient,
    mean_squared_error,
    mean_squared_error_gradient,
)
from vision.formulas.optimisers import gradient_descent

LINE_X = torch.tensor([[1.0], [2.0], [3.0], [4.0]], dtype=torch.float64)
LINE_Y = LINE_X + 1  # (1, 2), (2, 3), (3, 4), (4, 5)


def least_squares(x, y):
    """Weight (1, I) and bias (1,) in closed form."""
    with_ones = torch.cat([x, torch.ones_like(x[:, :1])], 1)
    solution = torch.linalg.lstsq(with_ones, y).solution
    return solution[:-1].T, solution[-1]


def loss_and_gradients(x, y, weight, bias):
    prediction = dense(x, weight, bias)
    _, *gradients = dense_backward(mean_squared_error_gradient(prediction, y), x, weight)
    return mean_squared_error(prediction, y), gradients


def epoch_of_descent(x, y, parameters, batch_size, learning_rate, generator):
    """Once through the samples in an order drawn anew; gives the mean loss of the batches."""
    losses = []
    for rows in torch.randperm(len(x), generator=generator).split(batch_size):
        loss, gradients = loss_and_gradients(x[rows], y[rows], *parameters)
        losses.append(loss)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            gradient_descent(parameter, gradient, learning_rate, out=parameter)
    return torch.stack(losses).mean().item()


def line_of_zeros(features):
    return torch.zeros(1, features, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)


def test_least_squares_through_four_points():
    """Document 004 §4.2 gives θ ≈ (2.005, 1.025) for points on y = x + 1; the loss there is above 1."""
    weight, bias = least_squares(LINE_X, LINE_Y)
    torch.testing.assert_close(torch.cat([weight[0], bias]), torch.ones(2, dtype=torch.float64))
    for printed in ((2.005, 1.025), (1.025, 2.005)):
        slope, start = torch.tensor(printed, dtype=torch.float64)
        assert mean_squared_error(start + slope * LINE_X, LINE_Y) > 1


def test_gradient_of_a_mean_of_squares_has_a_two():
    """Document 004 §4.2 prints (1/n) Σ (ŷ − y) x, which is half of the finite difference."""
    weight, bias = torch.tensor([[0.3]], dtype=torch.float64), torch.tensor([-0.2], dtype=torch.float64)
    _, (d_weight, d_bias) = loss_and_gradients(LINE_X, LINE_Y, weight, bias)
    step = 1e-6
    either_side = [loss_and_gradients(LINE_X, LINE_Y, weight + shift, bias)[0] for shift in (-step, step)]
    slope = (either_side[1] - either_side[0]) / (2 * step)
    torch.testing.assert_close(d_weight.squeeze(), slope, rtol=1e-8, atol=0)
    residual = dense(LINE_X, weight, bias) - LINE_Y
    torch.testing.assert_close(2 * (residual * LINE_X).mean(), slope, rtol=1e-8, atol=0)
    torch.testing.assert_close(2 * residual.mean(), d_bias.squeeze())


def test_descent_through_four_points_ends_in_the_least_squares_line():
    """Document 004 §5.4: SGD for 100 epochs. Its printed losses hang on a seed; that they fall does not."""
    parameters, generator = line_of_zeros(1), torch.Generator().manual_seed(0)
    losses = [epoch_of_descent(LINE_X, LINE_Y, parameters, 1, 0.05, generator) for _ in range(100)]
    assert losses[0] > 1
    assert max(losses[50:]) < 1e-2 * losses[0]
    assert losses[-1] < 1e-4
    weight, bias = parameters
    torch.testing.assert_close(torch.cat([weight[0], bias]), torch.ones(2).double(), rtol=0, atol=0.02)


def test_linear_regression_on_two_features_ends_in_the_least_squares_plane():
    """Document 000 §5.2: MSE and SGD for 10 epochs, on body-mass index and a blood value of 442 patients."""
    features, progression = (torch.from_numpy(array) for array in load_diabetes(return_X_y=True))
    x, y = standardised(features[:, [2, 8]]), standardised(progression[:, None])
    parameters, generator = line_of_zeros(2), torch.Generator().manual_seed(0)
    for epoch in range(10):
        epoch_of_descent(x, y, parameters, 16, 0.1 / (1 + epoch), generator)
    best = least_squares(x, y)
    library = LinearRegression().fit(x.numpy(), y.numpy())
    torch.testing.assert_close(best[0], torch.from_numpy(library.coef_))
    for parameter, expected in zip(parameters, best, strict=True):
        torch.testing.assert_close(parameter, expected, rtol=0, atol=0.02)
    reached, least = (mean_squared_error(dense(x, *fit), y).item() for fit in (parameters, best))
    assert least <= reached < 1.001 * least


def standardised(columns):
    return (columns - columns.mean(0)) / columns.std(0)


def sigmoid_network(generator):
    sizes = ((3, 2), (1, 3))
    weights = [torch.randn(*size, generator=generator, dtype=torch.float64) for size in sizes]
    return [weights[0], torch.zeros(3).double(), weights[1], torch.zeros(1).double()]


def sigmoid_network_gradients(x, y, parameters):
    w1, b1, w2, b2 = parameters
    hidden = sigmoid(dense(x, w1, b1))
    output = sigmoid(dense(hidden, w2, b2))
    delta = output_delta(binary_cross_entropy_gradient(output, y), sigmoid_derivative(output))
    below = output_delta(dense_input_gradient(delta, w2), sigmoid_derivative(hidden))
    gradients = [*dense_parameter_gradient(below, x), *dense_parameter_gradient(delta, hidden)]
    return binary_cross_entropy(output, y), output, gradients


def test_sigmoid_network_learns_five_points_that_no_line_separates():
    """Document 003 §5.2: 2-3-1 and the labels 0 1 1 0 1; the loss reached is 0.0015, from 0.66.

    The ones lie on a line between the noughts.
    """
    x = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1], [0.5, 0.5]], dtype=torch.float64)
    y = torch.tensor([[0.0], [1.0], [1.0], [0.0], [1.0]], dtype=torch.float64)
    parameters = sigmoid_network(torch.Generator().manual_seed(0))
    first, *_ = sigmoid_network_gradients(x, y, parameters)
    for _ in range(1_200):
        *_, gradients = sigmoid_network_gradients(x, y, parameters)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            gradient_descent(parameter, gradient, 4.0, out=parameter)
    loss, output, _ = sigmoid_network_gradients(x, y, parameters)
    assert first > 0.6
    assert loss < 0.002
    assert torch.equal(output.round(), y)
