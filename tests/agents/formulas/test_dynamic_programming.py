"""Exact values: small worlds by hand, every policy tried, and figures known of Gymnasium's toy worlds."""

import itertools
from typing import Any, cast

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.formulas import dynamic_programming
from agents.formulas.dynamic_programming import (
    action_value,
    finite_horizon_optimum,
    finite_horizon_value,
    greedy,
    policy_iteration,
    policy_value,
    sweeping_priority,
    value_iteration,
)

# State 0: stay and earn 1, or go to state 1 for nothing. State 1: earn 3 and end, or go back for nothing.
TRANSITION = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [1.0, 0.0]]])
REWARD = np.array([[1.0, 0.0], [3.0, 0.0]])


def test_value_iteration_by_hand():
    np.testing.assert_allclose(value_iteration(TRANSITION, REWARD, 0.5), [[2.0, 1.5], [3.0, 1.0]])


def test_policy_iteration_by_hand():
    policy, value = policy_iteration(TRANSITION, REWARD, 0.5)
    assert policy.tolist() == [0, 0]
    np.testing.assert_allclose(value, [2.0, 3.0])


def test_action_value_by_hand():
    value = action_value(TRANSITION, REWARD, np.array([10.0, 20.0]), 0.5)
    assert value.tolist() == [[6.0, 10.0], [3.0, 5.0]]


def test_policy_value_by_hand():
    """Always going on earns nothing; by halves V₀ = ½(1 + V₀/2) + ½ V₁/2 and V₁ = ½·3 + ½ V₀/2."""
    assert policy_value(TRANSITION, REWARD, np.array([1, 1]), 0.5).tolist() == [0.0, 0.0]
    even = policy_value(TRANSITION, REWARD, np.full((2, 2), 0.5), 0.5)
    np.testing.assert_allclose(even, [14 / 11, 20 / 11])


def test_finite_horizon_by_hand():
    """With one step left state 1 pays at once; with two, state 0 is better left than kept."""
    value, policy = finite_horizon_optimum(TRANSITION, REWARD, 2)
    assert value.tolist() == [[3.0, 3.0], [1.0, 3.0], [0.0, 0.0]]
    assert policy.tolist() == [[1, 0], [0, 0]]
    assert finite_horizon_value(TRANSITION, REWARD, np.array([0, 1]), 3).tolist() == [3.0, 2.0]
    assert finite_horizon_value(TRANSITION, REWARD, np.array([0, 1]), 3, 0.5).tolist() == [1.75, 0.75]


def test_ties_go_to_the_lowest_action():
    assert greedy(np.array([[1.0, 2.0, 2.0], [0.0, 0.0, 0.0]])).tolist() == [1, 0]


def test_an_action_gives_way_only_to_a_better_one():
    """State 0 pays 1 and ends, or waits; 1 pays ½ and ends, or goes to 0. To change 0 is to wait for ever."""
    transition = np.array([[[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]]])
    policy, value = policy_iteration(transition, np.array([[0.0, 1.0], [0.5, 0.0]]), 1.0)
    assert policy.tolist() == [1, 1]
    assert value.tolist() == [1.0, 1.0]


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), discount=st.floats(0, 1))
def test_both_iterations_find_the_same_optimum(make_model, seed, discount):
    model = make_model(seed)
    q_values = value_iteration(model.transition, model.reward, discount)
    policy, value = policy_iteration(model.transition, model.reward, discount)
    np.testing.assert_allclose(value, q_values.max(-1), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(q_values[np.arange(4), policy], q_values.max(-1), rtol=1e-8, atol=1e-8)
    own = action_value(model.transition, model.reward, q_values.max(-1), discount)
    np.testing.assert_allclose(own, q_values, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_no_policy_of_all_is_better_than_the_optimum(make_model, seed):
    model = make_model(seed, states=3, actions=2)
    policies = [np.array(policy) for policy in itertools.product(range(2), repeat=3)]
    values = [policy_value(model.transition, model.reward, policy, 0.95) for policy in policies]
    best = value_iteration(model.transition, model.reward, 0.95).max(-1)
    np.testing.assert_allclose(np.max(values, axis=0), best, rtol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_no_plan_of_all_is_better_than_the_finite_optimum(make_model, seed):
    model = make_model(seed, states=2, actions=2)
    value, policy = finite_horizon_optimum(model.transition, model.reward, 3, 0.9)
    plans = itertools.product(itertools.product(range(2), repeat=2), repeat=3)
    worth = [plan_value(model, plan, 0.9) for plan in plans]
    np.testing.assert_allclose(value[0], np.max(worth, axis=0))
    np.testing.assert_allclose(plan_value(model, policy, 0.9), value[0])


def plan_value(model, plan, discount):
    """What a policy for each time is worth, from the last to the first."""
    value = np.zeros(len(model.reward))
    for policy in reversed(plan):
        choice = np.arange(len(value)), np.array(policy)
        value = model.reward[choice] + discount * model.transition[choice] @ value
    return value


def walked_value(model, policy, state, steps, discount):
    """The mean over all walks of what they earn, each walk followed by itself."""
    if steps == 0:
        return 0.0
    total = 0.0
    for action, chosen in enumerate(policy[state]):
        following = sum(
            chance * walked_value(model, policy, successor, steps - 1, discount)
            for successor, chance in enumerate(model.transition[state, action])
        )
        total += chosen * (model.reward[state, action] + discount * following)
    return total


@pytest.mark.parametrize("steps", [0, 1, 4])
def test_finite_horizon_value_is_the_mean_of_all_walks(make_model, steps):
    model = make_model(3, states=3, actions=2)
    policy = np.random.default_rng(0).dirichlet(np.ones(2), 3)
    walked = [walked_value(model, policy, state, steps, 0.9) for state in range(3)]
    value = finite_horizon_value(model.transition, model.reward, policy, steps, 0.9)
    np.testing.assert_allclose(value, walked)


def test_a_far_horizon_is_none(model):
    policy = np.random.default_rng(0).dirichlet(np.ones(3), 4)
    far = finite_horizon_value(model.transition, model.reward, policy, 2000, 0.9)
    np.testing.assert_allclose(far, policy_value(model.transition, model.reward, policy, 0.9))
    value, _ = finite_horizon_optimum(model.transition, model.reward, 2000, 0.9)
    np.testing.assert_allclose(value[0], value_iteration(model.transition, model.reward, 0.9).max(-1))


def test_one_action_a_state_is_certain_odds(model):
    policy = np.array([2, 0, 1, 1])
    odds = np.eye(3)[policy]
    for discount in (0.5, 1.0):
        sure = policy_value(model.transition, model.reward, policy, discount)
        np.testing.assert_allclose(policy_value(model.transition, model.reward, odds, discount), sure)


def test_what_never_ends_is_refused_without_a_discount(monkeypatch):
    monkeypatch.setattr(dynamic_programming, "MOST_SWEEPS", 50)
    with pytest.raises(ArithmeticError, match="do not settle at a discount of 1"):
        value_iteration(TRANSITION, REWARD, 1.0)
    with pytest.raises(np.linalg.LinAlgError):
        policy_value(TRANSITION, REWARD, np.array([0, 0]), 1.0)


def toy_world(name, **settings):
    """Transition, reward and start of one of Gymnasium's toy worlds, from its own table."""
    env = cast(Any, gymnasium.make(name, **settings).unwrapped)
    states, actions = env.observation_space.n, env.action_space.n
    transition, reward = np.zeros((states, actions, states)), np.zeros((states, actions))
    for state, action in itertools.product(range(states), range(actions)):
        for chance, following, gain, terminated in env.P[state][action]:
            reward[state, action] += chance * gain
            transition[state, action, following] += chance * (not terminated)
    return transition, reward, env.initial_state_distrib


@pytest.mark.parametrize(
    ("map_name", "steps", "stationary", "timed"), [("4x4", 100, 0.740, 0.7442), ("8x8", 200, 0.886, 0.9132)]
)
def test_the_slippery_lake_is_crossed_as_often_as_is_known(map_name, steps, stationary, timed):
    transition, reward, start = toy_world("FrozenLake-v1", map_name=map_name)
    value, _ = finite_horizon_optimum(transition, reward, steps)
    assert start @ value[0] == pytest.approx(timed, abs=1e-4)
    policy, _ = policy_iteration(transition, reward, 0.9999)
    crossed = finite_horizon_value(transition, reward, policy, steps)
    assert start @ crossed == pytest.approx(stationary, abs=1e-3)


def test_the_cliff_costs_thirteen_steps():
    transition, reward, start = toy_world("CliffWalking-v1")
    value, _ = finite_horizon_optimum(transition, reward, 100)
    assert start @ value[0] == -13.0


def test_sweeping_priority_by_hand():
    next_q_values = np.array([[1.0, 4.0], [9.0, 9.0]])
    priority = sweeping_priority(
        np.array([1.0, -1.0]), np.array([0.5, 0.0]), next_q_values, np.array([5.0, 2.0])
    )
    assert priority.tolist() == [2.0, 3.0]


def test_nothing_is_left_to_sweep_at_the_optimum():
    """In a world without chance every remembered step then says what is known."""
    q_values = value_iteration(TRANSITION, REWARD, 0.5)
    priority = sweeping_priority(
        REWARD.ravel(), 0.5 * TRANSITION.sum(-1).ravel(), q_values[[0, 1, 0, 0]], q_values.ravel()
    )
    np.testing.assert_allclose(priority, 0.0, atol=1e-11)
