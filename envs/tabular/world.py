"""A finite world: its model, how it lies on a board, and what counts as success."""

from dataclasses import dataclass

import numpy as np

from envs.tabular.layout import Layout
from envs.tabular.model import FiniteModel


@dataclass(frozen=True, eq=False)
class World:
    """What the environments play and draw."""

    model: FiniteModel
    """Chances and rewards."""
    layout: Layout
    """The board."""
    goals: np.ndarray | None = None
    """(S,) bool: an episode that terminates in one of these is a success; none: there is no success."""
    survival: bool = False
    """Whether an episode that lasts until the time limit is a success."""


def goal_states(num_states: int, states: list[int]) -> np.ndarray:
    """(S,) bool, true for some states."""
    goals = np.zeros(num_states, np.bool_)
    goals[states] = True
    return goals


def require_flag(name: str, value: object) -> None:
    """Check an option that is true or false.

    Raises:
        ValueError: it is neither.
    """
    if type(value) is not bool:
        raise ValueError(f"{name} is {value!r}; it must be true or false.")


def require_whole(name: str, value: object, low: int, high: int) -> None:
    """Check an option that is a whole number.

    Raises:
        ValueError: it is not, or outside its range.
    """
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}; it must be a whole number from {low} to {high}.")


def require_chance(name: str, value: object) -> None:
    """Check an option that is a probability.

    Raises:
        ValueError: it is not a number from 0 to 1.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} is {value!r}; it must be a number from 0 to 1.")
