"""One function for each update rule: what one step of one row teaches the tables.

γ·(1 − terminated) stands before every bootstrap: a truncated step keeps its own. The next action is chosen
before the update, from the values that the target reads, by all rules as SARSA has it.
"""

import math
from typing import no_type_check

import numpy as np
from numba.extending import overload

from agents.tabular.compiling import OPTIONS, kernel
from agents.tabular.exploration import best_action, expected_value
from agents.tabular.planning import imagine, remember, sweep
from agents.tabular.randomness import random_bits
from agents.tabular.records import (
    COUNT_BONUS,
    DoubleQ,
    DynaQ,
    ExpectedSarsa,
    Learner,
    NStepSarsa,
    PrioritizedSweeping,
    QLambda,
    QLearning,
    Sarsa,
    Step,
)

GRAIN = 64  # α(n) is computed anew when n has grown by this part of itself: a power costs as much as a step


@kernel
@no_type_check
def count_visit(learner, state, action):
    """n(s, a) ← n(s, a) + 1, and α(n) = α / n^ω."""
    step_size, tables = learner.step_size, learner.tables
    visits = tables.visits[state, action] + 1
    tables.visits[state, action] = visits
    if visits >= tables.due[state, action]:
        tables.rate[state, action] = step_size.initial * math.pow(visits, -step_size.power)
        tables.due[state, action] = visits + 1 + visits // GRAIN


@kernel
@no_type_check
def lifted_reward(learner, step):
    """r, or r plus the `count_bonus` β / √n(s, a) where seldom tried actions are to be worth more.

    Source: MBIE-EB (2008).
    """
    if learner.exploration.kind != COUNT_BONUS:
        return step.reward
    visits = learner.tables.visits[step.state, step.action]
    return step.reward + learner.exploration.bonus / math.sqrt(visits)


@kernel
@no_type_check
def discount_of(learner, step):
    """γ (1 − terminated)."""
    return 0.0 if step.terminated else learner.rule.discount


@kernel
@no_type_check
def move(tables, state, action, target):
    """Move Q(s, a) ← Q(s, a) + α(n) (y − Q(s, a)), the `q_learning_update`, whatever y is."""
    tables.q[state, action] += tables.rate[state, action] * (target - tables.q[state, action])


@kernel
@no_type_check
def q_learning(learner, step):
    """Target y = r + γ max_a' Q(s', a'), the `td_target`. Source: document 001 §3.1.4 (Watkins, 1989)."""
    value = learner.tables.q[step.next_state, step.greedy]
    target = lifted_reward(learner, step) + discount_of(learner, step) * value
    move(learner.tables, step.state, step.action, target)


@kernel
@no_type_check
def sarsa(learner, step):
    """Target y = r + γ Q(s', a'), the `sarsa_target`; a' is the action that will be taken.

    Source: Rummery and Niranjan (1994).
    """
    value = learner.tables.q[step.next_state, step.next_action]
    target = lifted_reward(learner, step) + discount_of(learner, step) * value
    move(learner.tables, step.state, step.action, target)


@kernel
@no_type_check
def expected_sarsa(learner, step):
    """Target y = r + γ Σ_a' π(a' | s') Q(s', a'), the `expected_sarsa_target`.

    Source: van Seijen et al. (2009).
    """
    value = expected_value(learner, step)
    target = lifted_reward(learner, step) + discount_of(learner, step) * value
    move(learner.tables, step.state, step.action, target)


@kernel
@no_type_check
def double_q(learner, step):
    """Target y = r + γ Q₂(s', argmax_a' Q₁(s', a')) for Q₁, the `double_q_target`, or the converse.

    Source: van Hasselt (2010).
    """
    tables, twins, state, action = learner.tables, learner.rule.twins, step.state, step.action
    one = np.int64(random_bits(learner.keys.rule, step.number) & np.uint64(1))
    value = twins[1 - one, step.next_state, best_action(twins[one], step.next_state)]
    target = lifted_reward(learner, step) + discount_of(learner, step) * value
    twins[one, state, action] += tables.rate[state, action] * (target - twins[one, state, action])
    tables.q[state, action] = (twins[0, state, action] + twins[1, state, action]) / 2.0


@kernel
@no_type_check
def n_step_sarsa(learner, step):
    """Target y = Σ_{k<m} γᵏ r_k + γᵐ Q(s_m, a_m), the `n_step_return`; m = n, or less at an end.

    Source: Sutton and Barto (2018) §7.2.
    """
    tables, recent, row = learner.tables, learner.rule.recent, step.row
    length = append(recent, step, tables.q.shape[1], lifted_reward(learner, step))
    full = length == recent.pair.shape[1]
    if not step.ended and not full:
        return
    value, factor = tables.q[step.next_state, step.next_action], discount_of(learner, step)
    for index in range(length - 1, -1, -1):
        value = recent.weight[row, index] + factor * value
        factor = learner.rule.discount
        if step.ended or index == 0:
            pair = recent.pair[row, index]
            move(tables, pair // tables.q.shape[1], pair % tables.q.shape[1], value)
    if step.ended:
        recent.length[row] = 0


@kernel
@no_type_check
def q_lambda(learner, step):
    """Move Q(s, a) ← Q(s, a) + α δ e(s, a), e ← γλ e, by `watkins_cut` cut where exploring begins.

    Source: Watkins (1989). Traces are replaced, and forgotten once they are short of a thousandth.
    """
    tables, recent, row, num_actions = (
        learner.tables,
        learner.rule.recent,
        step.row,
        learner.tables.q.shape[1],
    )
    value = tables.q[step.next_state, step.greedy]
    target = lifted_reward(learner, step) + discount_of(learner, step) * value
    error = target - tables.q[step.state, step.action]
    goes_on = not step.ended and tables.q[step.next_state, step.next_action] == value
    pair = step.state * num_actions + step.action
    for index in range(recent.length[row]):
        if recent.pair[row, index] == pair:
            recent.weight[row, index] = 0.0
    for index in range(append(recent, step, num_actions, 1.0)):
        state, action = recent.pair[row, index] // num_actions, recent.pair[row, index] % num_actions
        tables.q[state, action] += tables.rate[state, action] * error * recent.weight[row, index]
        recent.weight[row, index] *= learner.rule.trace_decay
    if not goes_on:
        recent.length[row] = 0


@kernel
@no_type_check
def dyna_q(learner, step):
    """Learn from the step, remember it, and learn from as many imagined ones. Source: Sutton (1990)."""
    q_learning(learner, step)
    pair = step.state * learner.tables.q.shape[1] + step.action
    remember(learner.rule.model, pair, lifted_reward(learner, step), step)
    imagine(learner, step.number)


@kernel
@no_type_check
def prioritized_sweeping(learner, step):
    """Remember the step, and back up the pairs that have most to learn. Source: Moore and Atkeson (1993)."""
    pair = step.state * learner.tables.q.shape[1] + step.action
    remember(learner.rule.model, pair, lifted_reward(learner, step), step)
    sweep(learner, pair)


@kernel
@no_type_check
def append(recent, step, num_actions, weight):
    """Write the step's pair behind the others of its row, over the oldest if need be; how many there are."""
    row, length = step.row, recent.length[step.row]
    if length == recent.pair.shape[1]:
        for index in range(1, length):
            recent.pair[row, index - 1] = recent.pair[row, index]
            recent.weight[row, index - 1] = recent.weight[row, index]
        length -= 1
    recent.pair[row, length] = step.state * num_actions + step.action
    recent.weight[row, length] = weight
    recent.length[row] = length + 1
    return length + 1


RULES = {
    QLearning: q_learning,
    Sarsa: sarsa,
    ExpectedSarsa: expected_sarsa,
    DoubleQ: double_q,
    NStepSarsa: n_step_sarsa,
    QLambda: q_lambda,
    DynaQ: dyna_q,
    PrioritizedSweeping: prioritized_sweeping,
}


def learn(learner: Learner, step: Step) -> None:
    """Learn from a step by the function that belongs to the learner's rule."""
    RULES[type(learner.rule)](learner, step)


@overload(learn, jit_options=OPTIONS)  # pyright: ignore[reportArgumentType]
def _learn(learner, step):
    """The same for compiled callers: the rule's type is known when they are compiled."""
    return RULES[learner.types[learner.fields.index("rule")].instance_class].py_func


@kernel
@no_type_check
def update(learner, step):
    """Count the visit, then learn from the step."""
    count_visit(learner, step.state, step.action)
    learn(learner, step)
