"""Prioritised replay: how often a transition is drawn, and what weight undoes it."""

import numpy as np
from jaxtyping import Float64


def replay_probability(priority: Float64[np.ndarray, " N"], exponent: float) -> Float64[np.ndarray, " N"]:
    """Odds P_i = p_i^α / Σ_k p_k^α.

    `exponent` is α: 0 draws evenly, 1 in proportion. Some priority must be greater than 0.
    Source: document 004 §3.4, whose replayed batches are drawn evenly; arXiv:1511.05952 §3.3.
    """
    power = priority**exponent
    return power / power.sum()


def importance_weight(
    probability: Float64[np.ndarray, " B"], count: int, exponent: float
) -> Float64[np.ndarray, " B"]:
    """Weight w_i = (N P_i)^−β / max_j (N P_j)^−β, so that none exceeds 1.

    `count` is N, the transitions that could have been drawn; `exponent` is β: 1 undoes the bias, 0 leaves it.
    Source: document 004 §3.4, whose replayed batches are drawn evenly; arXiv:1511.05952 §3.4.
    """
    weight = (count * probability) ** -exponent
    return weight / weight.max()
