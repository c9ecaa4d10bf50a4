"""What training minimises."""

import math

from jaxtyping import Float, Integer
from torch import Tensor


def gaussian_negative_log_likelihood(
    mean: Float[Tensor, "B P"], log_variance: Float[Tensor, "B P"], target: Float[Tensor, "B P"]
) -> Float[Tensor, "B P"]:
    """−log N(y; μ, σ²) = ½ (log 2π + log σ² + (y − μ)² / σ²), for each number by itself.

    The network gives log σ², so that the variance is positive whatever it gives.
    Source: Nix and Weigend (1994), "Estimating the mean and variance of the target probability distribution".
    """
    squared_error = (target - mean).square()
    return 0.5 * (math.log(2 * math.pi) + log_variance + squared_error * (-log_variance).exp())


def cross_entropy(logits: Float[Tensor, "B K H W"], label: Integer[Tensor, "B H W"]) -> Float[Tensor, ""]:
    """−(1/N) Σ_n log p_n[y_n] with p = softmax(z), so that log p[y] = z[y] − log Σ_k exp z[k].

    The mean is over every pixel of every frame. A label outside 0 … K−1 raises.
    Source: documents 001 §4.2.1, 003 §4.3.2 and 004 §4.1; over classes, not the one-sided binary sum that
    003's example prints.
    """
    chosen = logits.gather(1, label.long().unsqueeze(1)).squeeze(1)
    return (logits.logsumexp(1) - chosen).mean()
