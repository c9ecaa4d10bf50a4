"""What training minimises, and the gradients that a backward pass begins with."""

import math

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from torch.nn.functional import logsigmoid

from vision.formulas.activations import sigmoid, softmax


def empirical_risk(losses: Float[Tensor, "*S"]) -> Float[Tensor, ""]:
    """R(θ) = (1/N) Σ_n ℓ(y_n, f(x_n; θ)), of the loss ℓ of each sample.

    Source: document 001 §3.1.1.
    """
    return losses.mean()


def mean_squared_error(prediction: Float[Tensor, "*S"], target: Float[Tensor, "*S"]) -> Float[Tensor, ""]:
    """MSE = (1/n) Σ (y − ŷ)², over every number given.

    The other convention is `half_sum_of_squares`, n / 2 times as large.
    Source: document 004 §4.1. For y = (2, 3, 4) and ŷ = (1.5, 2, 2.5) its §4.3 prints 0.5; it is 7/6.
    """
    return (target - prediction).square().mean()


def mean_squared_error_gradient(
    prediction: Float[Tensor, "*S"], target: Float[Tensor, "*S"]
) -> Float[Tensor, "*S"]:
    """∂MSE/∂ŷ = (2/n) (ŷ − y).

    Source: document 004 §4.2, which prints it without the 2, and §4.3, whose −2 (y − ŷ) is that of the
    sum, n times as long; two of the three numbers that it gives for it are wrong as well.
    """
    return (prediction - target) * (2 / prediction.numel())


def half_sum_of_squares(prediction: Float[Tensor, "*S"], target: Float[Tensor, "*S"]) -> Float[Tensor, ""]:
    """L = ½ Σ (y − ŷ)², over every number given.

    The other convention is `mean_squared_error`. This one grows with the batch, and so does its gradient.
    Source: document 003 §4.3.1.
    """
    return 0.5 * (target - prediction).square().sum()


def half_sum_of_squares_gradient(
    prediction: Float[Tensor, "*S"], target: Float[Tensor, "*S"]
) -> Float[Tensor, "*S"]:
    """∂L/∂ŷ = ŷ − y.

    Source: document 003 §4.3.1.
    """
    return prediction - target


def binary_cross_entropy(probability: Float[Tensor, "*S"], target: Float[Tensor, "*S"]) -> Float[Tensor, ""]:
    """L = −(1/N) Σ_n (y_n log p_n + (1 − y_n) log(1 − p_n)), with 0 log 0 = 0.

    `target` is y, 0 or 1 or between; `probability` is p, that of y = 1. From a network use
    `binary_cross_entropy_of_logits`: a sigmoid that is 1 in floating point makes this infinite.
    Source: documents 001 §4.2.1, 004 §4.1 and 003 §4.3.2. 003's example, a sum over its samples, leaves the
    second term out and so loses the one with y = 0: 0.1567 as printed, 1.7661 in truth.
    """
    either = torch.xlogy(target, probability) + torch.xlogy(1 - target, 1 - probability)
    return -either.mean()


def binary_cross_entropy_gradient(
    probability: Float[Tensor, "*S"], target: Float[Tensor, "*S"]
) -> Float[Tensor, "*S"]:
    """∂L/∂p = (p − y) / (N p (1 − p)).

    Source: documents 001 §4.2.1, 003 §4.3.2 and 004 §4.1.
    """
    return (probability - target) / (probability * (1 - probability) * probability.numel())


def binary_cross_entropy_of_logits(
    logits: Float[Tensor, "*S"], target: Float[Tensor, "*S"]
) -> Float[Tensor, ""]:
    """L = (1/N) Σ_n (log(1 + e^{z_n}) − y_n z_n): `binary_cross_entropy` of p = σ(z), finite for every z.

    Source: documents 001 §4.2.1, 003 §4.3.2 and 004 §4.1 with the sigmoid of 003 §4.1.2.
    """
    return -(logsigmoid(-logits) + target * logits).mean()


def binary_cross_entropy_of_logits_gradient(
    logits: Float[Tensor, "*S"], target: Float[Tensor, "*S"]
) -> Float[Tensor, "*S"]:
    """∂L/∂z = (σ(z) − y) / N.

    Source: documents 001 §4.2.1, 003 §4.3.2 and 004 §4.1, by the chain rule of document 002 §4.2.
    """
    return (sigmoid(logits) - target) / logits.numel()


def cross_entropy(logits: Float[Tensor, "B K *S"], label: Integer[Tensor, " B *S"]) -> Float[Tensor, ""]:
    """L = −(1/N) Σ_n log p_n[y_n] with p = softmax(z), so that log p[y] = z[y] − log Σ_k exp z[k].

    The mean is over every label: over every pixel of every frame, where there are pixels. A label outside
    0 … K−1 raises.
    Source: documents 001 §4.2.1, 003 §4.3.2 and 004 §4.1; over classes, not the one-sided binary sum that
    003's example prints.
    """
    chosen = logits.gather(1, label.long().unsqueeze(1)).squeeze(1)
    return (logits.logsumexp(1) - chosen).mean()


def cross_entropy_gradient(
    logits: Float[Tensor, "B K *S"], label: Integer[Tensor, " B *S"]
) -> Float[Tensor, "B K *S"]:
    """∂L/∂z = (p − y) / N with p = softmax(z) and y the label as a one-hot vector.

    Source: documents 001 §4.2.1, 003 §4.3.2 and 004 §4.1, by the chain rule of document 002 §4.2.
    """
    probability = softmax(logits.movedim(1, -1)).movedim(-1, 1)
    place = label.long().unsqueeze(1)
    return probability.scatter_add(1, place, -torch.ones_like(probability[:, :1])) / label.numel()


def variance_weight(log_variance: Float[Tensor, "B P"], exponent: float) -> Float[Tensor, "B P"]:
    """W = σ^(2β): what a Gaussian log-likelihood is multiplied by; no slope is taken through it.

    The slope of the likelihood at the mean is (μ − y) / σ²: it does little for what is badly fitted, and one
    rare surprise of a network that was sure undoes much. With β = ½ it is (μ − y) / σ, with β = 1 that of the
    squared error.
    Source: Seitzer et al. (2022), arXiv:2203.09168.
    """
    return (exponent * log_variance.detach()).exp()


def gaussian_negative_log_likelihood(
    mean: Float[Tensor, "B P"], log_variance: Float[Tensor, "B P"], target: Float[Tensor, "B P"]
) -> Float[Tensor, "B P"]:
    """L = −log N(y; μ, σ²) = ½ (log 2π + log σ² + (y − μ)² / σ²), for each number by itself.

    The network gives log σ², so that the variance is positive whatever it gives.
    Source: Nix and Weigend (1994), "Estimating the mean and variance of the target probability distribution".
    """
    squared_error = (target - mean).square()
    return 0.5 * (math.log(2 * math.pi) + log_variance + squared_error * (-log_variance).exp())
