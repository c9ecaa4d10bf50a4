"""Exploration: which action to try."""

import numpy as np
from jaxtyping import Int


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
