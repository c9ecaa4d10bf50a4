"""What the compiled functions pass to one another: S states, A actions, P = S · A pairs, N rows.

A pair (s, a) has the number s · A + a. An update rule is a record of its own: its numbers and its memory. Its
type picks the function, so that each rule is compiled by itself and carries nothing of the others.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from agents.tabular.randomness import Keys

EPSILON_GREEDY, SOFTMAX, UCB, COUNT_BONUS = range(4)


class Exploration(NamedTuple):
    """How an action is tried: `start` and `end` are those of ε, or of the softmax's temperature."""

    kind: int
    start: float
    end: float
    per_step: float  # share of the way from start to end that one step goes
    bonus: float


class StepSize(NamedTuple):
    """α(n) = initial / n^power, at the n-th visit of a pair."""

    initial: float
    power: float


class Tables(NamedTuple):
    """What is known of every pair."""

    q: Float[np.ndarray, "S A"]
    visits: Int[np.ndarray, "S A"]
    rate: Float[np.ndarray, "S A"]  # the step size α(n)
    due: Int[np.ndarray, "S A"]  # visits at which that is computed anew


class Recent(NamedTuple):
    """The last pairs of each row's episode, oldest first, with their rewards or their traces."""

    pair: Int[np.ndarray, "N L"]
    weight: Float[np.ndarray, "N L"]
    length: Int[np.ndarray, " N"]


class LearntModel(NamedTuple):
    """What followed each pair: up to K successors, how often, and the mean reward of each.

    `head[s]` is the first of the places (pair · K + slot) that lead to s, `link` the next one; −1 ends it.
    """

    next_state: Int[np.ndarray, "P K"]
    terminated: Bool[np.ndarray, "P K"]
    reward: Float[np.ndarray, "P K"]
    seen: Int[np.ndarray, "P K"]
    total: Int[np.ndarray, " P"]
    known: Int[np.ndarray, " P"]  # pairs in the order of their first visit
    num_known: Int[np.ndarray, " 1"]
    head: Int[np.ndarray, " S"]
    link: Int[np.ndarray, " PK"]


class Heap(NamedTuple):
    """A binary heap of pairs, the one of the highest priority first; `place` is −1 for one that is not in."""

    pair: Int[np.ndarray, " P"]
    place: Int[np.ndarray, " P"]
    priority: Float[np.ndarray, " P"]
    size: Int[np.ndarray, " 1"]


class QLearning(NamedTuple):
    """Learns from the best next action."""

    discount: float


class Sarsa(NamedTuple):
    """Learns from the next action that is taken."""

    discount: float


class ExpectedSarsa(NamedTuple):
    """Learns from the mean of the next actions that might be taken."""

    discount: float


class DoubleQ(NamedTuple):
    """Learns two tables, each from the other's value of its own best action; `q` is their mean."""

    discount: float
    twins: Float[np.ndarray, "2 S A"]


class NStepSarsa(NamedTuple):
    """Learns from the rewards of several steps and the action after them."""

    discount: float
    recent: Recent


class QLambda(NamedTuple):
    """Learns from the best next action, and hands what it learns back along the greedy steps before."""

    discount: float
    trace_decay: float
    recent: Recent


class DynaQ(NamedTuple):
    """Learns as Q-learning, from real steps and from imagined ones."""

    discount: float
    planning_steps: int
    model: LearntModel


class PrioritizedSweeping(NamedTuple):
    """Backs up, by the learnt model, the pairs that have most to learn."""

    discount: float
    planning_steps: int
    threshold: float
    model: LearntModel
    heap: Heap


Rule = QLearning | Sarsa | ExpectedSarsa | DoubleQ | NStepSarsa | QLambda | DynaQ | PrioritizedSweeping


class Learner(NamedTuple):
    """An agent, as the compiled functions see it."""

    rule: Rule
    exploration: Exploration
    step_size: StepSize
    keys: Keys
    tables: Tables


class Step(NamedTuple):
    """One step of one row, with the action that is chosen next. `greedy` is argmax_a' Q(s', a')."""

    row: int
    number: int  # of the environment step, counted over all rows
    state: int
    action: int
    reward: float
    terminated: bool
    ended: bool
    next_state: int
    greedy: int
    next_action: int
