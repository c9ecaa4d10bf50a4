"""Learning from a model that is learnt on the way: Dyna-Q and prioritised sweeping."""

from typing import no_type_check

from agents.tabular.compiling import kernel
from agents.tabular.exploration import best_action
from agents.tabular.heap import pop_highest, push
from agents.tabular.randomness import lower_below, random_bits, upper_unit


@kernel
@no_type_check
def remember(model, pair, reward, step):
    """Count one more time that a pair led there; once K successors are known, further ones are ignored."""
    for slot in range(model.seen.shape[1]):
        count = model.seen[pair, slot]
        if count == 0:
            put_down(model, pair, slot, step)
        elif (
            model.next_state[pair, slot] != step.next_state or model.terminated[pair, slot] != step.terminated
        ):
            continue
        model.seen[pair, slot] = count + 1
        model.reward[pair, slot] += (reward - model.reward[pair, slot]) / (count + 1)
        if model.total[pair] == 0:
            model.known[model.num_known[0]] = pair
            model.num_known[0] += 1
        model.total[pair] += 1
        return


@kernel
@no_type_check
def put_down(model, pair, slot, step):
    """Write a new successor down, and the pair among those that lead to it."""
    model.next_state[pair, slot], model.terminated[pair, slot] = step.next_state, step.terminated
    if not step.terminated:
        place = pair * model.seen.shape[1] + slot
        model.link[place], model.head[step.next_state] = model.head[step.next_state], place


@kernel
@no_type_check
def imagine(learner, number):
    """Learn, as Q-learning does, from steps of the model that follow known pairs drawn uniformly.

    A pair's successors are drawn as often as they were seen, where Sutton's model knows only the last one.
    """
    rule, tables, model, num_actions = (
        learner.rule,
        learner.tables,
        learner.rule.model,
        learner.tables.q.shape[1],
    )
    for index in range(rule.planning_steps):
        bits = random_bits(learner.keys.rule, number * rule.planning_steps + index)
        pair = model.known[lower_below(bits, model.num_known[0])]
        slot, left = 0, upper_unit(bits) * model.total[pair] - model.seen[pair, 0]
        while left >= 0.0:
            slot += 1
            left -= model.seen[pair, slot]
        state, action = pair // num_actions, pair % num_actions
        error = value_after(learner, pair, slot) - tables.q[state, action]
        tables.q[state, action] += tables.rate[state, action] * error


@kernel
@no_type_check
def sweep(learner, pair):
    """Queue a pair, then back up the pairs whose values are furthest from what the model says of them."""
    tables, model, num_actions = learner.tables, learner.rule.model, learner.tables.q.shape[1]
    schedule(learner, pair)
    for _ in range(learner.rule.planning_steps):
        if learner.rule.heap.size[0] == 0:
            return
        pair = pop_highest(learner.rule.heap)
        state, action = pair // num_actions, pair % num_actions
        tables.q[state, action] += tables.rate[state, action] * surprise(learner, pair)
        place = model.head[state]
        while place >= 0:
            schedule(learner, place // model.seen.shape[1])
            place = model.link[place]


@kernel
@no_type_check
def schedule(learner, pair):
    """Queue a pair if its backup would change it by more than the threshold."""
    priority = abs(surprise(learner, pair))
    if priority > learner.rule.threshold:
        push(learner.rule.heap, pair, priority)


@kernel
@no_type_check
def surprise(learner, pair):
    """Σ_s' p̂(s' | s, a) (r + γ max_a' Q(s', a')) − Q(s, a): its size is the `sweeping_priority`."""
    model, num_actions = learner.rule.model, learner.tables.q.shape[1]
    total = 0.0
    for slot in range(model.seen.shape[1]):
        if model.seen[pair, slot] == 0:
            break
        total += model.seen[pair, slot] * value_after(learner, pair, slot)
    return total / model.total[pair] - learner.tables.q[pair // num_actions, pair % num_actions]


@kernel
@no_type_check
def value_after(learner, pair, slot):
    """Value r + γ (1 − terminated) max_a' Q(s', a') of one remembered successor."""
    model, q = learner.rule.model, learner.tables.q
    if model.terminated[pair, slot]:
        return model.reward[pair, slot]
    next_state = model.next_state[pair, slot]
    return model.reward[pair, slot] + learner.rule.discount * q[next_state, best_action(q, next_state)]
