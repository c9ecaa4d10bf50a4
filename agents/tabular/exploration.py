"""Which action to try: functions of a table's values, of visits, and of random bits that are handed in."""

import math
from typing import no_type_check

from agents.tabular.compiling import kernel
from agents.tabular.randomness import lower_below, upper_unit
from agents.tabular.records import COUNT_BONUS, EPSILON_GREEDY, SOFTMAX


@kernel
@no_type_check
def best_action(values, state):
    """argmax_a of a row of a table; the first one where several are best."""
    best, highest = 0, values[state, 0]
    for action in range(1, values.shape[1]):
        better = values[state, action] > highest
        highest = values[state, action] if better else highest
        best = action if better else best
    return best


@kernel
@no_type_check
def scheduled(exploration, number):
    """ε(t), or the temperature, = start + (end − start) · min(t / T, 1)."""
    share = min(number * exploration.per_step, 1.0)
    return exploration.start + (exploration.end - exploration.start) * share


@kernel
@no_type_check
def choose(learner, state, greedy, number, bits):
    """The action to try in a state; `number` counts environment steps, `bits` are random."""
    exploration, tables = learner.exploration, learner.tables
    if exploration.kind == EPSILON_GREEDY:
        anything = lower_below(bits, tables.q.shape[1])
        return anything if upper_unit(bits) < scheduled(exploration, number) else greedy
    if exploration.kind == SOFTMAX:
        return boltzmann(tables.q, state, tables.q[state, greedy], scheduled(exploration, number), bits)
    if exploration.kind == COUNT_BONUS:
        return first_untried(tables.visits, state, greedy)
    return upper_confidence(tables, state, first_untried(tables.visits, state, -1), exploration.bonus)


@kernel
@no_type_check
def boltzmann(q, state, highest, temperature, bits):
    """Action a with probability ∝ exp(Q(s, a) / τ), the `softmax_policy`."""
    total = 0.0
    for action in range(q.shape[1]):
        total += math.exp((q[state, action] - highest) / temperature)
    left = upper_unit(bits) * total
    for action in range(q.shape[1] - 1):
        left -= math.exp((q[state, action] - highest) / temperature)
        if left < 0.0:
            return action
    return q.shape[1] - 1


@kernel
@no_type_check
def first_untried(visits, state, otherwise):
    """The first action that was never tried in a state."""
    for action in range(visits.shape[1]):
        if visits[state, action] == 0:
            return action
    return otherwise


@kernel
@no_type_check
def upper_confidence(tables, state, untried, bonus):
    """argmax_a of the `upper_confidence_bound` Q(s, a) + c √(ln N(s) / n(s, a)), each was tried before.

    Source: UCB1 (2002).
    """
    if untried >= 0:
        return untried
    logarithm = math.log(tables.visits[state].sum())
    best, highest = 0, -math.inf
    for action in range(tables.q.shape[1]):
        bound = tables.q[state, action] + bonus * math.sqrt(logarithm / tables.visits[state, action])
        if bound > highest:
            best, highest = action, bound
    return best


@kernel
@no_type_check
def expected_value(learner, step):
    """Σ_a' π(a' | s') Q(s', a') under the policy that explores."""
    exploration, q, state = learner.exploration, learner.tables.q, step.next_state
    highest = q[state, step.greedy]
    if exploration.kind == EPSILON_GREEDY:
        epsilon = scheduled(exploration, step.number)
        return (1.0 - epsilon) * highest + epsilon * q[state].mean()
    if exploration.kind == SOFTMAX:
        temperature = scheduled(exploration, step.number)
        total, value = 0.0, 0.0
        for action in range(q.shape[1]):
            weight = math.exp((q[state, action] - highest) / temperature)
            total += weight
            value += weight * q[state, action]
        return value / total
    return q[state, step.next_action]  # the other policies draw nothing
