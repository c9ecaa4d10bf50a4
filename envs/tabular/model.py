"""A finite Markov decision process, told whole: what follows each state and action, with what chance."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

_TOLERANCE = 1e-9  # by which chances may miss a sum of 1


class Outcome(NamedTuple):
    """One way in which an action can turn out."""

    probability: float
    next_state: int
    reward: float
    terminated: bool = False


@dataclass(frozen=True, eq=False)
class FiniteModel:
    """S states, A actions, and up to K outcomes of each pair, filled up with outcomes of probability 0."""

    next_state: np.ndarray
    """(S, A, K) int32."""
    probability: np.ndarray
    """(S, A, K) float64; sums to 1 over the outcomes."""
    reward: np.ndarray
    """(S, A, K) float64."""
    terminated: np.ndarray
    """(S, A, K) bool: whether the episode ends there, and with it every later reward."""
    start: np.ndarray
    """(S,) float64: chances of the first state; sums to 1."""
    max_steps: int = 0
    """Steps after which an episode is truncated; 0: never."""

    def __post_init__(self) -> None:
        """Check that shapes agree and that chances are chances.

        Raises:
            ValueError: they do not.
        """
        if self.next_state.ndim != 3 or 0 in self.next_state.shape:
            raise ValueError(
                f"next_state has shape {self.next_state.shape}; it must be (S, A, K), none of them 0."
            )
        for name in ("probability", "reward", "terminated"):
            if getattr(self, name).shape != self.next_state.shape:
                raise ValueError(
                    f"{name} has shape {getattr(self, name).shape}; expected {self.next_state.shape}."
                )
        if self.start.shape != (self.num_states,):
            raise ValueError(f"start has shape {self.start.shape}; expected ({self.num_states},).")
        if self.next_state.min() < 0 or self.next_state.max() >= self.num_states:
            raise ValueError(f"next_state names a state that is not in 0 … {self.num_states - 1}.")
        if not np.isfinite(self.reward).all():
            raise ValueError("reward holds a number that is not finite.")
        _check_chances("probability", self.probability)
        _check_chances("start", self.start)
        if type(self.max_steps) is not int or self.max_steps < 0:
            raise ValueError(f"max_steps is {self.max_steps!r}; it must be a whole number, 0 for no limit.")

    @property
    def num_states(self) -> int:
        """S."""
        return self.next_state.shape[0]

    @property
    def num_actions(self) -> int:
        """A."""
        return self.next_state.shape[1]

    def transition(self) -> np.ndarray:
        """P[s, a, s'], (S, A, S) float64: the chance that the episode goes on in s'.

        A step that terminates goes nowhere, so that a row sums to 1 − the chance of ending.
        """
        chances = np.zeros((self.num_states, self.num_actions, self.num_states))
        states, actions, _ = np.indices(self.next_state.shape)
        np.add.at(chances, (states, actions, self.next_state), self.probability * ~self.terminated)
        return chances

    def expected_reward(self) -> np.ndarray:
        """R[s, a], (S, A) float64: the mean reward of an action."""
        return (self.probability * self.reward).sum(axis=2)


def _check_chances(name: str, chances: np.ndarray) -> None:
    total = chances.sum(axis=-1)
    if not (chances >= 0.0).all() or not (np.abs(total - 1.0) <= _TOLERANCE).all():
        raise ValueError(f"{name} must hold chances: none below 0, and a sum of 1 everywhere.")


def build_model(
    num_states: int,
    num_actions: int,
    outcomes: Callable[[int, int], Iterable[Outcome]],
    start: np.ndarray,
    max_steps: int,
) -> FiniteModel:
    """Ask for the outcomes of every state and action; those that differ in their chance alone become one.

    Args:
        num_states: S.
        num_actions: A.
        outcomes: from a state and an action to the ways in which it can turn out.
        start: (S,) weights of the first state, which need not sum to 1.
        max_steps: of `FiniteModel`.
    """
    pairs = [_merge(outcomes(state, action)) for state in range(num_states) for action in range(num_actions)]
    most = max(len(pair) for pair in pairs)
    shape = (num_states, num_actions, most)
    filled = [pair + [Outcome(0.0, pair[0].next_state, 0.0)] * (most - len(pair)) for pair in pairs]
    probability, next_state, reward, terminated = zip(
        *(each for pair in filled for each in pair), strict=True
    )
    return FiniteModel(
        np.array(next_state, np.int32).reshape(shape),
        np.array(probability, np.float64).reshape(shape),
        np.array(reward, np.float64).reshape(shape),
        np.array(terminated, np.bool_).reshape(shape),
        np.asarray(start, np.float64) / np.sum(start),
        max_steps,
    )


def _merge(outcomes: Iterable[Outcome]) -> list[Outcome]:
    chances: dict[tuple, float] = defaultdict(float)
    for probability, *rest in outcomes:
        if probability > 0.0:
            chances[tuple(rest)] += probability
    return [Outcome(probability, *rest) for rest, probability in chances.items()]
