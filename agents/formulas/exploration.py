"""Exploration: which action to try."""

import numpy as np
import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor


def linear_epsilon(step: int, start: float, end: float, steps: int) -> float:
    """Rate ε(t) = ε₀ + (ε₁ − ε₀) · min(t / T, 1).

    Source: the schedule of Nature 518 (2015) 529; document 004 §3.4 names no exploration at all.
    """
    progress = min(step / steps, 1.0) if steps > 0 else 1.0
    return start + (end - start) * progress


def epsilon_greedy(
    greedy: Int[np.ndarray, " N"], num_actions: int, epsilon: float, generator: np.random.Generator
) -> Int[np.ndarray, " N"]:
    """Action a = uniform over the A actions with probability ε, else argmax_a Q(s, a); each row by itself.

    Source: document 001 §3.1.4 (Watkins, 1989).
    """
    explores = generator.random(greedy.shape) < epsilon
    anything = generator.integers(num_actions, size=greedy.shape)
    return np.where(explores, anything, greedy)


def softmax_policy(q_values: Float[np.ndarray, "N A"], temperature: float) -> Float[np.ndarray, "N A"]:
    """Odds π(a|s) = exp(Q(s, a)/τ) / Σ_b exp(Q(s, b)/τ).

    `temperature` is τ, greater than 0; the largest value is taken off first, so that none overflows.
    Source: document 001 §3.1.4, whose policy is greedy; Boltzmann's odds, as in Sutton (1990).
    """
    weight = np.exp((q_values - q_values.max(-1, keepdims=True)) / temperature)
    return weight / weight.sum(-1, keepdims=True)


def upper_confidence_bound(
    q_values: Float[np.ndarray, "N A"], counts: Integer[np.ndarray, "N A"], scale: float
) -> Float[np.ndarray, "N A"]:
    """Bound U(s, a) = Q(s, a) + c √(ln n(s) / n(s, a)) with n(s) = Σ_a n(s, a); ∞ for an action never tried.

    `counts` is n(s, a), `scale` is c: √2 suits rewards between 0 and 1. The action with the largest is taken.
    Source: document 001 §3.1.4, whose policy is greedy; Auer, Cesa-Bianchi and Fischer (2002).
    """
    visits = np.maximum(counts.sum(-1, keepdims=True), 1)
    width = np.sqrt(np.log(visits) / np.maximum(counts, 1))
    return np.where(counts > 0, q_values + scale * width, np.inf)


def count_bonus(counts: Integer[np.ndarray, "*S"], scale: float) -> Float[np.ndarray, "*S"]:
    """Reward b = β / √n of what was met n times, this time included.

    `scale` is β. What was never met counts as met once.
    Source: document 001 §4.1.4, whose rewards are the environment's alone; Strehl and Littman (2008).
    """
    return scale / np.sqrt(np.maximum(counts, 1))


def signed_root(noise: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """Root f(x) = sgn(x) √|x|, of each number; also the noise of a noisy layer's bias.

    Source: arXiv:1706.10295 §3; document 004 §3.4 names no exploration at all.
    """
    return noise.sign() * noise.abs().sqrt()


def factorised_noise(
    inputs: Float[Tensor, " inputs"], outputs: Float[Tensor, " outputs"]
) -> Float[Tensor, "outputs inputs"]:
    """Noise ε_ij = f(ε_i) f(ε_j) of a layer's weights, from one number an output and one an input.

    `inputs` and `outputs` are standard normal. Every ε_ij has mean 0, as have products with any other.
    Source: arXiv:1706.10295 §3; document 004 §3.4 names no exploration at all.
    """
    return torch.outer(signed_root(outputs), signed_root(inputs))
