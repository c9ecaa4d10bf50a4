"""Learning from environments that are stepped from outside, by the choices and rules of the compiled loop."""

from typing import no_type_check

from agents.tabular.compiling import kernel
from agents.tabular.exploration import best_action, choose
from agents.tabular.randomness import random_bits
from agents.tabular.records import Step
from agents.tabular.rules import update


@kernel
@no_type_check
def answer(learner, walkers, states):
    """Choose an action for every row that stands elsewhere than where one was chosen: at a beginning."""
    for row in range(states.size):
        if walkers.state[row] != states[row]:
            begin_at(learner, walkers, row, states[row])


@kernel
@no_type_check
def begin_at(learner, walkers, row, state):
    """Choose the first action of an episode."""
    bits = random_bits(learner.keys.first_choice, walkers.counts[1])
    greedy = best_action(learner.tables.q, state)
    walkers.state[row] = state
    walkers.action[row] = choose(learner, state, greedy, walkers.counts[0], bits)
    walkers.counts[1] += 1


@kernel
@no_type_check
def follow(learner, walkers, moves, reward, flags):
    """Learn from one step of every row, and choose its next action.

    `moves` are states, actions and next states, `flags` terminated, ended and ignored.
    """
    states, actions, next_states = moves
    terminated, ended, ignored = flags
    for row in range(states.size):
        if ignored[row]:
            walkers.state[row] = -1  # the next observation begins an episode
            continue
        number, next_state = walkers.counts[0], next_states[row]
        greedy = best_action(learner.tables.q, next_state)
        bits = random_bits(learner.keys.choice, number)
        next_action = choose(learner, next_state, greedy, number, bits)
        outcome = (reward[row], terminated[row], ended[row], next_state, greedy, next_action)
        update(learner, Step(row, number, states[row], actions[row], *outcome))
        walkers.counts[0] = number + 1
        walkers.state[row], walkers.action[row] = next_state, next_action
