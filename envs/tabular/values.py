"""Values to draw: one number a state, and the actions that are greedy by them."""

from typing import Any, NamedTuple

import numpy as np

from envs.tabular.model import FiniteModel

_TIE = 1e-9  # relative difference below which actions are equally good


class Shown(NamedTuple):
    """What is drawn over the cells."""

    values: np.ndarray  # (S,) float64
    greedy: np.ndarray  # (S,) int, −1 where every action is as good as any other


def as_shown(model: FiniteModel, values: Any, discount: float) -> Shown:
    """Values of states (S,) and greedy actions, from values of states (S,) or of actions (S, A).

    Where the values are of states, an action is judged by its mean reward and the value of what follows.

    Raises:
        ValueError: the values have another shape, or are not finite.
    """
    values = np.asarray(values, np.float64)
    states, actions = model.num_states, model.num_actions
    if values.shape not in ((states,), (states, actions)):
        raise ValueError(f"values have shape {values.shape}; expected ({states},) or ({states}, {actions}).")
    if not np.isfinite(values).all():
        raise ValueError("values hold a number that is not finite.")
    if values.ndim == 2:
        return Shown(values.max(axis=1), _greedy(values))
    going_on = model.probability * ~model.terminated * values[model.next_state]
    return Shown(values, _greedy(model.expected_reward() + discount * going_on.sum(axis=2)))


def _greedy(q_values: np.ndarray) -> np.ndarray:
    """The best actions (S,); of equals the first, and −1 where all are equal."""
    best, worst = q_values.max(axis=1), q_values.min(axis=1)
    margin = _TIE * np.maximum(np.abs(best), 1.0)
    first = (q_values >= (best - margin)[:, None]).argmax(axis=1)
    return np.where(best - worst > margin, first, -1)
