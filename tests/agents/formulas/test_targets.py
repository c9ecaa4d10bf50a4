"""Targets beyond the maximum: arrays by hand, and the fixed points of their backups by exact planning."""

import math

import numpy as np
import pytest
import torch

from agents.formulas.dynamic_programming import action_value, policy_value, value_iteration
from agents.formulas.value_learning import (
    double_q_target,
    expected_sarsa_target,
    log_policy,
    munchausen_reward,
    policy_target,
    sarsa_target,
    soft_value,
    td_target,
    watkins_cut,
)

REWARD = torch.tensor([1.0, -1.0])
DISCOUNT = torch.tensor([0.5, 0.0])  # the second step terminated
Q_VALUES = torch.tensor([[2.0, 4.0, 8.0], [5.0, 0.0, 1.0]])
POLICY = torch.tensor([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])


def test_sarsa_target_by_hand():
    target = sarsa_target(REWARD, DISCOUNT, Q_VALUES, torch.tensor([1, 0]))
    assert target.tolist() == [1 + 0.5 * 4, -1.0]


@pytest.mark.parametrize("formula", [expected_sarsa_target, policy_target])
def test_expected_sarsa_target_by_hand(formula):
    assert formula(REWARD, DISCOUNT, Q_VALUES, POLICY).tolist() == [1 + 0.5 * (1 + 1 + 2), -1.0]


def test_a_certain_policy_makes_them_all_one():
    action = Q_VALUES.argmax(-1)
    certain = torch.eye(3)[action]
    best = td_target(REWARD, DISCOUNT, Q_VALUES)
    assert torch.equal(expected_sarsa_target(REWARD, DISCOUNT, Q_VALUES, certain), best)
    assert torch.equal(sarsa_target(REWARD, DISCOUNT, Q_VALUES, action), best)


# Each target, as a backup that takes reward, discount, Q(s', ·), and π(·|s').


def optimal_backup(reward, discount, next_q_values, policy):
    return td_target(reward, discount, next_q_values)


def double_backup(reward, discount, next_q_values, policy):
    return double_q_target(reward, discount, next_q_values, next_q_values)


def sarsa_backup(reward, discount, next_q_values, policy):
    """The mean over the action that comes next."""
    each = [
        sarsa_target(reward, discount, next_q_values, torch.full(reward.shape, action))
        for action in range(policy.shape[1])
    ]
    return (policy * torch.stack(each, 1)).sum(1)


def right_ends(outcomes):
    return ~outcomes.terminated


def printed_form(outcomes):
    """The document's: it bootstraps from a state that is not there."""
    return torch.ones_like(outcomes.terminated)


def merged_ends(outcomes):
    """The mistake of taking a time limit for an end."""
    return ~(outcomes.terminated | outcomes.truncated)


def fixed_point(model, backup, ends, policy):
    """Where Q stays under the expected target of every outcome."""
    outcomes = model.outcomes()
    states, actions = model.reward.shape
    pair = outcomes.state * actions + outcomes.action
    discount = 0.9 * ends(outcomes).double()
    q_values = torch.zeros(states, actions, dtype=torch.float64)
    for _ in range(400):
        next_q_values, chosen = q_values[outcomes.next_state], policy[outcomes.next_state]
        target = backup(outcomes.reward, discount, next_q_values, chosen)
        mean = torch.zeros(states * actions, dtype=torch.float64)
        q_values = mean.scatter_add(0, pair, outcomes.probability * target).reshape(states, actions)
    return q_values.numpy()


@pytest.mark.parametrize(
    ("ends", "passes"), [(right_ends, True), (printed_form, False), (merged_ends, False)]
)
@pytest.mark.parametrize("backup", [optimal_backup, double_backup, expected_sarsa_target, sarsa_backup])
def test_repeated_backups_reach_the_exact_values(model, backup, ends, passes):
    policy = np.random.default_rng(1).dirichlet(np.ones(3), 4)
    if backup in (optimal_backup, double_backup):
        exact = value_iteration(model.transition, model.reward, 0.9)
    else:
        value = policy_value(model.transition, model.reward, policy, 0.9)
        exact = action_value(model.transition, model.reward, value, 0.9)
    reached = fixed_point(model, backup, ends, torch.from_numpy(policy))
    assert np.allclose(reached, exact, rtol=1e-9) is passes


# A bandit of three states in a row: what is greedy, what is not, and where the episode ended.
Q_ROWS = torch.tensor([[1.0, 2.0], [3.0, 1.0], [5.0, 5.0], [0.0, 4.0]])[:, None]


@pytest.mark.parametrize(
    ("action", "ended", "cut"),
    [
        ([1, 0, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]),  # all greedy; of two that are equal, either is
        ([1, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]),  # the second explored: the first cannot reach beyond
        ([0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]),  # its own action was explored: what follows is not
        ([1, 0, 1, 1], [0, 1, 0, 1], [0, 1, 0, 1]),
    ],
)
def test_watkins_cut_by_hand(action, ended, cut):
    ends = torch.tensor(ended, dtype=torch.bool)[:, None]
    got = watkins_cut(ends, Q_ROWS, torch.tensor(action)[:, None])
    assert got[:, 0].int().tolist() == cut


def test_log_policy_by_hand():
    odds = log_policy(torch.tensor([[0.0, 2 * math.log(3.0)]]), 2.0).exp()
    torch.testing.assert_close(odds, torch.tensor([[0.25, 0.75]]))


@pytest.mark.parametrize("temperature", [1e-6, 0.03, 1.0, 1e4])
def test_log_policy_stays_finite(temperature):
    log_odds = log_policy(torch.tensor([[-1e4, 0.0, 1e4], [3.0, 3.0, 3.0]]), temperature)
    assert log_odds.isfinite().all()
    torch.testing.assert_close(log_odds.exp().sum(-1), torch.ones(2))
    assert soft_value(torch.tensor([[-1e4, 0.0, 1e4]]), log_odds[:1], temperature).isfinite().all()


def test_soft_value_by_hand():
    odds = torch.tensor([[0.25, 0.75]])
    value = soft_value(torch.tensor([[4.0, 8.0]]), odds.log(), 2.0)
    entropy = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    assert value.item() == pytest.approx(7.0 + 2.0 * entropy)


@pytest.mark.parametrize("temperature", [0.01, 0.5, 3.0])
def test_soft_value_is_the_soft_maximum(temperature):
    q_values = Q_VALUES.double()
    value = soft_value(q_values, log_policy(q_values, temperature), temperature)
    expected = temperature * np.logaddexp.reduce(q_values.numpy() / temperature, axis=-1)
    np.testing.assert_allclose(value.numpy(), expected, rtol=1e-12)


def test_munchausen_reward_by_hand():
    log_odds = torch.tensor([-0.5, -9.0, 0.0])
    reward = munchausen_reward(torch.ones(3), log_odds, 0.5, 0.9, -1.0)
    torch.testing.assert_close(reward, torch.tensor([1 - 0.9 * 0.25, 1 - 0.9, 1.0]))


def test_without_scale_and_temperature_it_is_the_hard_target():
    log_odds = log_policy(Q_VALUES, 1e-6)
    reward = munchausen_reward(REWARD, log_odds[:, 0], 1e-6, 0.0, -1.0)
    values = Q_VALUES - 1e-6 * log_odds
    soft = policy_target(reward, DISCOUNT, values, log_odds.exp())
    torch.testing.assert_close(soft, td_target(REWARD, DISCOUNT, Q_VALUES))


def soft_optimum(model, temperature):
    """The state values of the best policy that is paid τ for its entropy, planned with the exact model."""
    value = np.zeros(len(model.reward))
    for _ in range(600):
        q_values = action_value(model.transition, model.reward, value, 0.9)
        value = temperature * np.logaddexp.reduce(q_values / temperature, axis=-1)
    return value


@pytest.mark.parametrize(
    ("sign", "entropy_paid", "passes"),
    [(1.0, True, True), (-1.0, True, False), (1.0, False, False)],
    ids=["right", "the bonus taken off", "no entropy in the bootstrap"],
)
def test_munchausen_plans_at_a_lower_temperature(model, sign, entropy_paid, passes):
    """Unclipped, its fixed point is the soft optimum at (1 − α) τ: V is the same, (1 − α) Q + α V its Q."""
    scale, temperature = 0.6, 0.5
    outcomes = model.outcomes()
    pair = outcomes.state * 3 + outcomes.action
    discount = 0.9 * (~outcomes.terminated).double()
    q_values = torch.zeros(4, 3, dtype=torch.float64)
    for _ in range(1200):
        log_odds = log_policy(q_values, temperature)
        taken = log_odds[outcomes.state, outcomes.action]
        reward = munchausen_reward(outcomes.reward, taken, temperature, sign * scale, -1e9)
        values = q_values - entropy_paid * temperature * log_odds
        target = policy_target(
            reward, discount, values[outcomes.next_state], log_odds.exp()[outcomes.next_state]
        )
        q_values = torch.zeros(12, dtype=torch.float64)
        q_values = q_values.scatter_add(0, pair, outcomes.probability * target).reshape(4, 3)
    value = soft_value(q_values, log_policy(q_values, temperature), temperature)
    expected = soft_optimum(model, (1 - scale) * temperature)
    assert np.allclose(value.numpy(), expected, rtol=1e-8) is passes
