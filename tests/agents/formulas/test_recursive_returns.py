"""Returns over rows of steps: arrays by hand, forward views, exact values, and mistakes to be caught."""

import itertools
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.formulas.dynamic_programming import action_value, policy_value
from agents.formulas.returns import (
    discounted_return,
    generalised_advantage,
    lambda_return,
    n_step_return,
    retrace_return,
)

# Three columns of the same four steps: one goes on, one terminates at the second, one is truncated there.
REWARD = torch.tensor([1.0, 2.0, 4.0, 8.0])[:, None].expand(4, 3)
NEXT_VALUE = torch.tensor([10.0, 20.0, 30.0, 40.0])[:, None].expand(4, 3)
VALUE = torch.tensor([9.0, 10.0, 20.0, 30.0])[:, None].expand(4, 3)
Q_TAKEN = torch.tensor([3.0, 5.0, 6.0, 7.0])[:, None].expand(4, 3)
RATIO = torch.tensor([0.5, 2.0, 0.5, 1.0])[:, None].expand(4, 3)
TERMINATED, TRUNCATED = torch.zeros(2, 4, 3, dtype=torch.bool)
TERMINATED[1, 1] = TRUNCATED[1, 2] = True

LAMBDA_RETURN = torch.tensor([[6.40625, 4.0, 6.5], [11.625, 2.0, 12.0], [18.5] * 3, [28.0] * 3])
MONTE_CARLO = torch.tensor([[6.5, 2.0, 7.0], [11.0, 2.0, 12.0], [18.0] * 3, [28.0] * 3])
RETRACE = torch.tensor([[8.3203125, 5.25, 7.75], [14.28125, 2.0, 12.0], [24.25] * 3, [28.0] * 3])


def right(terminated, truncated):
    return 0.5 * ~terminated, terminated | truncated


def printed_form(terminated, truncated):
    """The document's: no case for a terminal state, so the bootstrap leaks over it."""
    return torch.full(terminated.shape, 0.5), terminated | truncated


def merged_ends(terminated, truncated):
    """The mistake of treating a time limit as an end."""
    return 0.5 * ~(terminated | truncated), terminated | truncated


def never_cut(terminated, truncated):
    """The mistake of running on into the next episode, where only the time ran out."""
    return 0.5 * ~terminated, terminated


ENDS = [(right, True), (printed_form, False), (merged_ends, False), (never_cut, False)]


@pytest.mark.parametrize(("ends", "passes"), ENDS)
def test_lambda_return_by_hand(ends, passes):
    discount, ended = ends(TERMINATED, TRUNCATED)
    got = lambda_return(REWARD, discount, ended, NEXT_VALUE, 0.5)
    assert torch.equal(got, LAMBDA_RETURN) is passes


@pytest.mark.parametrize(("ends", "passes"), ENDS)
def test_discounted_return_by_hand(ends, passes):
    discount, ended = ends(TERMINATED, TRUNCATED)
    got = discounted_return(REWARD, discount, ended, NEXT_VALUE)
    assert torch.equal(got, MONTE_CARLO) is passes


@pytest.mark.parametrize(("ends", "passes"), ENDS)
def test_generalised_advantage_by_hand(ends, passes):
    discount, ended = ends(TERMINATED, TRUNCATED)
    got = generalised_advantage(REWARD, discount, ended, VALUE, NEXT_VALUE, 0.5)
    by_hand = torch.tensor([[-2.59375, -5.0, -2.5], [1.625, -8.0, 2.0], [-1.5] * 3, [-2.0] * 3])
    assert torch.equal(got, by_hand) is passes


@pytest.mark.parametrize(("ends", "passes"), ENDS)
def test_retrace_return_by_hand(ends, passes):
    discount, ended = ends(TERMINATED, TRUNCATED)
    got = retrace_return(REWARD, discount, ended, Q_TAKEN, NEXT_VALUE, RATIO, 0.5)
    assert torch.equal(got, RETRACE) is passes


def retrace_loop(inputs, most=1.0, shift=1, corrected=True):
    """Retrace, row by row; with other than the usual last three it is one of the mistakes."""
    reward, discount, ended, q_taken, next_value, ratio, decay = inputs
    returns = torch.empty_like(reward)
    for step in reversed(range(len(reward))):
        returns[step] = reward[step] + discount[step] * next_value[step]
        if step + 1 < len(reward):
            trace = decay * ratio[step + shift].clamp(max=most) * ~ended[step]
            following = returns[step + 1] - corrected * q_taken[step + 1]
            returns[step] += discount[step] * trace * following
    return returns


@pytest.mark.parametrize(
    ("settings", "passes"),
    [({}, True), ({"most": 9.0}, False), ({"shift": 0}, False), ({"corrected": False}, False)],
    ids=["right", "ratios unclipped", "trace of the step itself", "nothing taken off"],
)
def test_retrace_mistakes_are_caught(settings, passes):
    discount, ended = right(TERMINATED, TRUNCATED)
    got = retrace_loop((REWARD, discount, ended, Q_TAKEN, NEXT_VALUE, RATIO, 0.5), **settings)
    assert torch.equal(got, RETRACE) is passes


@pytest.fixture(params=range(8))
def stretch(request):
    """Seven random steps of five environments: reward, discount, ended, value, next value."""
    generator = torch.Generator().manual_seed(request.param)
    reward, value, elsewhere = torch.randn(3, 7, 5, generator=generator, dtype=torch.float64)
    terminated, truncated = torch.rand(2, 7, 5, generator=generator) < 0.2
    ended = terminated | truncated
    next_value = torch.where(ended, elsewhere, value.roll(-1, 0))  # where it goes on, V of the row below
    return reward, 0.9 * (~terminated).double(), ended, value, next_value


def test_without_decay_it_is_one_step_of_temporal_differences(stretch):
    reward, discount, ended, value, next_value = stretch
    one_step = reward + discount * next_value
    ratio = torch.ones_like(value)
    torch.testing.assert_close(lambda_return(reward, discount, ended, next_value, 0.0), one_step)
    retraced = retrace_return(reward, discount, ended, value, next_value, ratio, 0.0)
    torch.testing.assert_close(retraced, one_step)
    advantage = generalised_advantage(reward, discount, ended, value, next_value, 0.0)
    torch.testing.assert_close(advantage, one_step - value)


def test_with_full_decay_it_is_monte_carlo(stretch):
    reward, discount, ended, value, next_value = stretch
    monte_carlo = discounted_return(reward, discount, ended, next_value)
    torch.testing.assert_close(lambda_return(reward, discount, ended, next_value, 1.0), monte_carlo)
    advantage = generalised_advantage(reward, discount, ended, value, next_value, 1.0)
    torch.testing.assert_close(advantage, monte_carlo - value)


def test_the_advantage_is_the_lambda_return_less_the_value(stretch):
    reward, discount, ended, value, next_value = stretch
    advantage = generalised_advantage(reward, discount, ended, value, next_value, 0.7)
    torch.testing.assert_close(advantage, lambda_return(reward, discount, ended, next_value, 0.7) - value)


def test_retrace_on_a_deterministic_policy_is_the_lambda_return(stretch):
    reward, discount, ended, value, next_value = stretch
    retraced = retrace_return(reward, discount, ended, value, next_value, torch.ones_like(value), 0.7)
    torch.testing.assert_close(retraced, lambda_return(reward, discount, ended, next_value, 0.7))


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), decay=st.floats(0, 1), steps=st.integers(1, 6))
def test_retrace_agrees_with_a_plain_loop(seed, decay, steps):
    generator = torch.Generator().manual_seed(seed)
    reward, q_taken, next_value, ratio = torch.randn(4, steps, 3, generator=generator, dtype=torch.float64)
    discount, ended = torch.rand(2, steps, 3, generator=generator, dtype=torch.float64)
    inputs = (reward, discount, ended < 0.3, q_taken, next_value, ratio.exp(), decay)
    torch.testing.assert_close(retrace_return(*inputs), retrace_loop(inputs))


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), decay=st.floats(0, 1), steps=st.integers(1, 6))
def test_the_lambda_return_is_the_mean_of_n_step_returns(seed, decay, steps):
    """The forward view: (1 − λ) Σ λⁿ⁻¹ G⁽ⁿ⁾, with what is left of the weight on the longest."""
    generator = torch.Generator().manual_seed(seed)
    reward, value = torch.randn(2, 3, steps, generator=generator, dtype=torch.float64)
    terminated, truncated = torch.rand(2, 3, steps, generator=generator) < 0.2
    forward, left = torch.zeros(3, dtype=torch.float64), 1.0
    for n in range(1, steps + 1):
        weight = left * (1 - decay) if n < steps else left
        now = slice(0, n)
        forward += weight * n_step_return(
            reward[:, now], terminated[:, now], truncated[:, now], value[:, now], 0.9
        )
        left *= decay
    discount, ended = 0.9 * (~terminated).double(), terminated | truncated
    got = lambda_return(reward.T, discount.T, ended.T, value.T, decay)[0]
    torch.testing.assert_close(got, forward)


class Courses(NamedTuple):
    """Every course of three steps that a model allows, with its odds once the first action is taken."""

    state: torch.Tensor
    action: torch.Tensor
    next_state: torch.Tensor
    odds: torch.Tensor
    reward: torch.Tensor
    discount: torch.Tensor
    ended: torch.Tensor


def courses(model, policy):
    """Of two states and two actions there are so few that all can be written down."""
    steps = model.outcomes(truncation=0.0)
    possible = steps.probability.nonzero().flatten().tolist()
    linked = [
        course
        for course in itertools.product(possible, repeat=3)
        if all(steps.next_state[a] == steps.state[b] for a, b in itertools.pairwise(course))
    ]
    index = torch.tensor(linked).T  # T B
    state, action, ended = steps.state[index], steps.action[index], steps.terminated[index]
    odds = steps.probability[index].prod(0) * policy[state[1:], action[1:]].prod(0)
    discount = 0.9 * (~ended).double()
    return Courses(state, action, steps.next_state[index], odds, steps.reward[index], discount, ended)


@pytest.fixture
def two_policies():
    return np.random.default_rng(4).dirichlet(np.ones(2), (2, 2))


@pytest.mark.parametrize("decay", [0.0, 0.6, 1.0])
@pytest.mark.parametrize(("values_of", "passes"), [(0, True), (1, False)], ids=["learnt", "acting"])
def test_the_expected_retrace_return_is_the_exact_value(make_model, two_policies, decay, values_of, passes):
    """From the exact Q of π, whoever acts, the mean return is Q again; with V of μ in it, it is not."""
    model = make_model(1, states=2, actions=2)
    learnt, acting = two_policies
    exact = policy_value(model.transition, model.reward, learnt, 0.9)
    q_values = torch.from_numpy(action_value(model.transition, model.reward, exact, 0.9))
    course = courses(model, torch.from_numpy(acting))
    ratio = torch.from_numpy(learnt / acting)[course.state, course.action]
    value = (torch.from_numpy(two_policies[values_of]) * q_values).sum(-1)
    q_taken, next_value = q_values[course.state, course.action], value[course.next_state]
    got = retrace_return(course.reward, course.discount, course.ended, q_taken, next_value, ratio, decay)
    pair = course.state[0] * 2 + course.action[0]
    mean = torch.zeros(4, dtype=torch.float64).scatter_add(0, pair, course.odds * got[0])
    assert torch.allclose(mean, q_values.flatten()) is passes


@pytest.mark.parametrize("decay", [0.0, 0.6, 1.0])
@pytest.mark.parametrize(("leaks", "passes"), [(False, True), (True, False)])
def test_the_expected_lambda_return_is_the_exact_value(make_model, two_policies, decay, leaks, passes):
    model, policy = make_model(1, states=2, actions=2), torch.from_numpy(two_policies[0])
    value = torch.from_numpy(policy_value(model.transition, model.reward, two_policies[0], 0.9))
    course = courses(model, policy)
    discount = torch.full_like(course.discount, 0.9) if leaks else course.discount
    got = lambda_return(course.reward, discount, course.ended, value[course.next_state], decay)
    weight = course.odds * policy[course.state[0], course.action[0]]
    mean = torch.zeros(2, dtype=torch.float64).scatter_add(0, course.state[0], weight * got[0])
    assert torch.allclose(mean, value) is passes
