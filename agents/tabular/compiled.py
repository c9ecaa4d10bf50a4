"""Learning in a finite model without an environment: choose, draw what follows, update, all compiled.

An environment may tell its model: for each of the S states and A actions K successors with their
probabilities. The loop then takes the place of the environments' steps, by the same choices and rules.
"""

from typing import Any, NamedTuple, no_type_check

import numpy as np
from jaxtyping import Bool, Float, Int

from agents.agent import Practice
from agents.tabular.compiling import kernel
from agents.tabular.exploration import best_action, choose
from agents.tabular.randomness import random_bits, upper_unit
from agents.tabular.records import Step
from agents.tabular.rules import update
from agents.tabular.stepping import begin_at

WINDOW = 100  # episodes whose returns are kept


class FiniteModel(NamedTuple):
    """A known model as the loop reads it; `chance` and `start_chance` are cumulative probabilities."""

    next_state: Int[np.ndarray, "S A K"]
    chance: Float[np.ndarray, "S A K"]
    reward: Float[np.ndarray, "S A K"]
    terminated: Bool[np.ndarray, "S A K"]
    start: Int[np.ndarray, " starts"]
    start_chance: Float[np.ndarray, " starts"]
    max_steps: int  # time limit of an episode; 0: none


class Walkers(NamedTuple):
    """Where each of N rows stands, and what the last episodes of all of them were worth."""

    state: Int[np.ndarray, " N"]
    action: Int[np.ndarray, " N"]
    length: Int[np.ndarray, " N"]
    total: Float[np.ndarray, " N"]
    counts: Int[np.ndarray, " 3"]  # steps taken, episodes begun, episodes ended
    last_return: Float[np.ndarray, " window"]
    last_length: Float[np.ndarray, " window"]


def practice_since(counts: Int[np.ndarray, " 3"], walkers: Walkers) -> Practice:
    """What the rows did since their counts were these; at most `WINDOW` episodes are told, oldest first."""
    steps, _, ended = walkers.counts.tolist()
    episodes = ended - int(counts[2])
    places = np.arange(ended - min(episodes, WINDOW), ended) % WINDOW
    returns, lengths = walkers.last_return[places], walkers.last_length[places]
    return Practice(steps - int(counts[0]), episodes, returns, lengths)


def finite_model(model: Any) -> FiniteModel:
    """The model that an environment tells, ready for the loop."""
    start = np.flatnonzero(model.start > 0.0)
    return FiniteModel(
        next_state=np.array(model.next_state, np.int32),
        chance=_cumulative(model.probability),
        reward=np.array(model.reward, np.float64),
        terminated=np.array(model.terminated, np.bool_),
        start=start.astype(np.int64),
        start_chance=_cumulative(model.start[start]),
        max_steps=int(model.max_steps),
    )


def _cumulative(chance: Float[np.ndarray, "*S K"]) -> Float[np.ndarray, "*S K"]:
    """Sums along the last axis; 2 from the last possible outcome on: rounding leads to no impossible one."""
    total = np.cumsum(np.asarray(chance, np.float64), axis=-1)
    return np.where(total >= total[..., -1:], 2.0, total)


def new_walkers(num_rows: int) -> Walkers:
    """Rows that stand nowhere yet."""
    rows, window = np.zeros(num_rows), np.zeros(WINDOW)
    whole = rows.astype(np.int64)
    state = whole - 1
    return Walkers(state, whole, whole.copy(), rows, np.zeros(3, np.int64), window, window.copy())


@kernel
@no_type_check
def walk(learner, model, walkers, rounds):
    """Take `rounds` steps of every row, in turn: no row's step waits for that of the row before."""
    for row in range(walkers.state.size):
        if walkers.state[row] < 0:
            begin_episode(learner, model, walkers, row)
    for _ in range(rounds):
        for row in range(walkers.state.size):
            take_step(learner, model, walkers, row)


@kernel
@no_type_check
def take_step(learner, model, walkers, row):
    """One step of one row, and what is learnt from it."""
    number, q = walkers.counts[0], learner.tables.q
    state, action = walkers.state[row], walkers.action[row]
    slot = successor(model.chance, state, action, upper_unit(random_bits(learner.keys.outcome, number)))
    next_state = np.int64(model.next_state[state, action, slot])
    reward, terminated = model.reward[state, action, slot], model.terminated[state, action, slot]
    walkers.length[row] += 1
    walkers.total[row] += reward
    ended = terminated or walkers.length[row] == model.max_steps
    greedy = best_action(q, next_state)
    next_action = choose(learner, next_state, greedy, number, random_bits(learner.keys.choice, number))
    update(
        learner, Step(row, number, state, action, reward, terminated, ended, next_state, greedy, next_action)
    )
    walkers.counts[0] = number + 1
    walkers.state[row], walkers.action[row] = next_state, next_action
    if ended:
        end_episode(walkers, row)
        begin_episode(learner, model, walkers, row)


@kernel
@no_type_check
def successor(chance, state, action, unit):
    """The first successor whose cumulative probability lies above a number in [0, 1)."""
    slot = 0
    for index in range(chance.shape[2] - 1):  # to the end, always: a loop that stops by chance is slower
        slot += unit >= chance[state, action, index]
    return slot


@kernel
@no_type_check
def begin_episode(learner, model, walkers, row):
    """Draw the first state, and choose the first action."""
    unit = upper_unit(random_bits(learner.keys.start, walkers.counts[1]))
    start = 0
    while unit >= model.start_chance[start]:
        start += 1
    begin_at(learner, walkers, row, model.start[start])


@kernel
@no_type_check
def end_episode(walkers, row):
    """Write down how the episode went, over the one a window ago."""
    place = walkers.counts[2] % walkers.last_return.size
    walkers.last_return[place], walkers.last_length[place] = walkers.total[row], walkers.length[row]
    walkers.counts[2] += 1
    walkers.total[row], walkers.length[row] = 0.0, 0
