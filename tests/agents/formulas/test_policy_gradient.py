"""Policy gradients: literal arrays, exact gradients by enumeration, and mistakes that must be caught."""

from itertools import product
from math import e, exp, log, pi, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Categorical, Independent, Normal

from agents.formulas.policy_gradient import (
    approximate_kl,
    categorical_entropy,
    categorical_log_probability,
    clip_fraction,
    clipped_policy_loss,
    explained_variance,
    gaussian_entropy,
    gaussian_log_probability,
    normalised_advantage,
    policy_gradient_loss,
    value_loss,
)

SEEDS = st.integers(0, 2**32 - 1)


def normal(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_categorical_log_probability_by_hand():
    logits = torch.tensor([[0.0, log(3.0)], [1000.0, 1000.0]])
    got = categorical_log_probability(logits, torch.tensor([1, 0]))
    torch.testing.assert_close(got, torch.tensor([log(0.75), log(0.5)]))


def test_categorical_entropy_by_hand():
    logits = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, -torch.inf, -torch.inf, -torch.inf]])
    torch.testing.assert_close(categorical_entropy(logits), torch.tensor([log(4.0), 0.0]))


@given(seed=SEEDS, shift=st.floats(-50, 50))
def test_a_policy_over_actions_is_the_distribution_of_its_logits(seed, shift):
    logits, action = normal(seed, 5, 3), torch.tensor([0, 1, 2, 0, 1])
    expected = Categorical(logits=logits)
    got = categorical_log_probability(logits + shift, action)
    torch.testing.assert_close(got, expected.log_prob(action), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(categorical_entropy(logits + shift), expected.entropy(), rtol=1e-9, atol=1e-9)


def test_gaussian_log_probability_by_hand():
    """One deviation from the mean in the first number, none in the second."""
    got = gaussian_log_probability(
        torch.tensor([[1.0, 5.0]]), torch.tensor([log(2.0), 0.0]), torch.tensor([[3.0, 5.0]])
    )
    assert got.item() == pytest.approx(log(exp(-0.5) / (2 * sqrt(2 * pi)) / sqrt(2 * pi)))


def test_gaussian_entropy_by_hand():
    got = gaussian_entropy(torch.tensor([log(2.0), 0.0]))
    assert got.item() == pytest.approx(0.5 * log(2 * pi * e * 4) + 0.5 * log(2 * pi * e))


@given(seed=SEEDS)
def test_a_policy_over_numbers_is_the_distribution_of_its_mean_and_deviation(seed):
    mean, action, log_std = normal(seed, 4, 3), normal(seed + 1, 4, 3), normal(seed + 2, 3)
    expected = Independent(Normal(mean, log_std.exp()), 1)
    got = gaussian_log_probability(mean, log_std, action)
    torch.testing.assert_close(got, expected.log_prob(action), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(gaussian_entropy(log_std).expand(4), expected.entropy())


def test_policy_gradient_loss_by_hand():
    assert policy_gradient_loss(torch.tensor([-1.0, -2.0]), torch.tensor([3.0, -1.0])).item() == 0.5


def chain_gradient(theta, reward, discount):
    """∇ E[G] of two steps, by differentiating the sum over every trajectory; theta: (2, A) logits."""
    theta = theta.clone().requires_grad_(True)
    probability = theta.softmax(-1)
    total = torch.zeros((), dtype=torch.float64)
    for first, second in product(range(theta.shape[1]), repeat=2):
        odds = probability[0, first] * probability[1, second]
        total = total + odds * (reward[0, first] + discount * reward[1, second])
    return torch.autograd.grad(total, theta)[0]


def score_function_gradient(theta, reward, discount, advantage_of):
    """Its estimate −∇L, averaged exactly: each trajectory weighted by its probability."""
    theta = theta.clone().requires_grad_(True)
    probability = theta.detach().softmax(-1)
    gradient = torch.zeros_like(theta)
    for actions in product(range(theta.shape[1]), repeat=2):
        chosen = torch.tensor(actions)
        first, second = reward[0, actions[0]], reward[1, actions[1]]
        returns = torch.stack([first + discount * second, discount * second])  # of the start's units
        loss = policy_gradient_loss(
            categorical_log_probability(theta, chosen), advantage_of(returns, first + discount * second)
        )
        weight = probability[0, actions[0]] * probability[1, actions[1]]
        gradient -= weight * 2 * torch.autograd.grad(loss, theta)[0]  # the loss is a mean over two steps
    return gradient


BASELINE = torch.tensor([0.7, -3.0], dtype=torch.float64)


@given(seed=SEEDS, discount=st.floats(0, 1))
def test_the_score_function_gradient_is_the_exact_one_whatever_the_baseline(seed, discount):
    theta, reward = normal(seed, 2, 3), normal(seed + 1, 2, 3)
    exact = chain_gradient(theta, reward, discount)
    for advantage_of in (lambda returns, _: returns, lambda returns, _: returns - BASELINE):
        got = score_function_gradient(theta, reward, discount, advantage_of)
        torch.testing.assert_close(got, exact, rtol=1e-8, atol=1e-8)


def test_rewarding_a_step_for_the_step_before_it_costs_nothing_on_average():
    """The whole return in place of the return to go is no mistake, only noisier."""
    theta, reward = normal(0, 2, 3), normal(1, 2, 3)
    got = score_function_gradient(theta, reward, 0.9, lambda _, whole: whole.expand(2))
    torch.testing.assert_close(got, chain_gradient(theta, reward, 0.9))


@pytest.mark.parametrize(
    "decoy",
    [lambda returns, _: -returns, lambda returns, whole: whole - returns, lambda returns, _: returns.flip(0)],
)
def test_a_wrong_advantage_is_caught(decoy):
    theta, reward = normal(0, 2, 3), normal(1, 2, 3)
    got = score_function_gradient(theta, reward, 0.9, decoy)
    assert (got - chain_gradient(theta, reward, 0.9)).abs().max() > 0.05


def test_no_gradient_passes_through_the_advantage():
    log_probability, advantage = torch.zeros(2, requires_grad=True), torch.ones(2, requires_grad=True)
    old = torch.zeros(2, requires_grad=True)
    policy_gradient_loss(log_probability, advantage).backward()
    clipped_policy_loss(log_probability, old, advantage, 0.2).backward()
    assert advantage.grad is None
    assert old.grad is None


def test_clipped_policy_loss_by_hand():
    """Ratios 1.5, 0.5, 1.5, 0.5 with ε = 0.2: gains are capped, losses are not."""
    ratio, advantage = torch.tensor([1.5, 0.5, 1.5, 0.5]), torch.tensor([1.0, 1.0, -1.0, -1.0])
    loss = clipped_policy_loss(ratio.log(), torch.zeros(4), advantage, 0.2)
    assert loss.item() == pytest.approx(-(1.2 + 0.5 - 1.5 - 0.8) / 4)


@pytest.mark.parametrize(
    ("ratio", "advantage", "slope"),
    [
        (1.5, 1.0, 0.0),  # good, and already likelier than the clip lets it become
        (0.5, -1.0, 0.0),  # bad, and already rarer
        (0.5, 1.0, -0.5),  # good, but it has become rarer: it may come back
        (1.5, -1.0, 1.5),
        (1.1, 1.0, -1.1),
        (1.1, -1.0, 1.1),
    ],
)
def test_beyond_the_clip_only_what_made_it_worse_is_taught(ratio, advantage, slope):
    """The slope with respect to log π is −ρ A where it is not clipped."""
    log_probability = torch.tensor([log(ratio)], requires_grad=True)
    clipped_policy_loss(log_probability, torch.zeros(1), torch.tensor([advantage]), 0.2).backward()
    assert log_probability.grad is not None
    assert log_probability.grad.item() == pytest.approx(slope)


def clipped_without_minimum(log_probability, old, advantage, clip):
    """The mistake of clipping the ratio alone: an action that went wrong is never brought back."""
    ratio = (log_probability - old).exp().clamp(1 - clip, 1 + clip)
    return -(ratio * advantage).mean()


def test_clipping_without_the_minimum_is_caught():
    log_probability, old, advantage = torch.tensor([log(0.5)]), torch.zeros(1), torch.ones(1)
    right = clipped_policy_loss(log_probability, old, advantage, 0.2)
    assert clipped_without_minimum(log_probability, old, advantage, 0.2) != right


@given(seed=SEEDS, clip=st.floats(0.01, 0.9))
def test_where_the_policy_has_not_moved_the_clipped_gradient_is_the_plain_one(seed, clip):
    log_probability, advantage = normal(seed, 6).requires_grad_(True), normal(seed + 1, 6)
    clipped = clipped_policy_loss(log_probability, log_probability.detach(), advantage, clip)
    plain = policy_gradient_loss(log_probability, advantage)
    torch.testing.assert_close(
        torch.autograd.grad(clipped, log_probability), torch.autograd.grad(plain, log_probability)
    )
    assert clipped.item() == pytest.approx(-advantage.mean().item())


@given(seed=SEEDS, clip=st.floats(0.01, 0.9))
def test_the_clipped_loss_is_never_below_the_unclipped_one(seed, clip):
    log_probability, old, advantage = normal(seed, 3, 8)
    unclipped = -((log_probability - old).exp() * advantage).mean()
    assert clipped_policy_loss(log_probability, old, advantage, clip) >= unclipped - 1e-12


def test_value_loss_by_hand():
    value, target = torch.tensor([1.0, 2.0], requires_grad=True), torch.ones(2, requires_grad=True)
    loss = value_loss(value, torch.tensor([1.0, 5.0]) * target)
    loss.backward()
    assert loss.item() == 0.5 * 9 / 2
    assert value.grad is not None
    assert value.grad.tolist() == [0.0, -1.5]
    assert target.grad is None


def test_normalised_advantage_by_hand():
    got = normalised_advantage(torch.tensor([1.0, 3.0, 5.0]))
    torch.testing.assert_close(got, torch.tensor([-2.0, 0.0, 2.0]) / sqrt(8 / 3))
    assert normalised_advantage(torch.tensor([7.0])).tolist() == [0.0]


@given(seed=SEEDS, scale=st.floats(0.1, 100), shift=st.floats(-10, 10))
def test_a_normalised_advantage_knows_neither_scale_nor_offset(seed, scale, shift):
    advantage = normal(seed, 20)
    got = normalised_advantage(advantage * scale + shift)
    torch.testing.assert_close(got, normalised_advantage(advantage), rtol=1e-5, atol=1e-5)


def test_explained_variance_by_hand():
    target = torch.tensor([1.0, 2.0, 3.0])
    assert explained_variance(target + 5, target).item() == 1.0  # a bias is not held against it
    assert explained_variance(torch.zeros(3), target).item() == 0.0
    assert explained_variance(-target, target).item() == pytest.approx(-3.0)
    assert explained_variance(target, torch.ones(3)).item() == 0.0


def gaussian_kl(mean, std):
    """KL(N(0, 1) ‖ N(mean, std²)) in closed form."""
    return log(std) + (1 + mean**2) / (2 * std**2) - 0.5


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.3, 1.0), (0.2, 1.2)])
def test_the_approximate_divergence_comes_to_the_exact_one(mean, std):
    action = normal(0, 200_000)
    old, new = Normal(0.0, 1.0).log_prob(action), Normal(mean, std).log_prob(action)
    assert approximate_kl(new, old).item() == pytest.approx(gaussian_kl(mean, std), abs=2e-3)


@given(seed=SEEDS)
def test_the_approximate_divergence_is_never_negative(seed):
    new, old = normal(seed, 2, 4)
    assert approximate_kl(new, old) >= 0


def test_the_plain_mean_of_the_log_ratio_may_be_negative():
    new, old = torch.tensor([-0.5]), torch.tensor([-1.0])
    assert (old - new).mean() < 0 < approximate_kl(new, old)


def test_exchanging_the_two_policies_is_caught():
    """KL(π_old ‖ π) by enumeration: the actions are drawn by π_old."""
    old, new = torch.tensor([0.5, 0.5], dtype=torch.float64), torch.tensor([0.9, 0.1], dtype=torch.float64)
    exact = (old * (old / new).log()).sum()
    right = approximate_kl(new.log(), old.log())  # two actions, as often as π_old draws them
    torch.testing.assert_close(right, exact)
    assert abs(approximate_kl(old.log(), new.log()) - exact) > 0.1


def test_clip_fraction_by_hand():
    ratio = torch.tensor([1.0, 1.19, 1.3, 0.7])
    assert clip_fraction(ratio.log(), torch.zeros(4), 0.2).item() == 0.5


def test_a_policy_that_follows_its_gradient_finds_the_best_arm():
    """The exact gradient of a bandit, step by step: the odds of the best of three arms go to one."""
    theta = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    pays = torch.tensor([0.1, 0.9, 0.5], dtype=torch.float64)
    arms = torch.arange(3)
    for _ in range(300):
        odds = theta.detach().softmax(-1)[0]
        loss = policy_gradient_loss(
            categorical_log_probability(theta.expand(3, 3), arms), 3 * odds * (pays - odds @ pays)
        )
        theta.data -= 2.0 * torch.autograd.grad(loss, theta)[0]
    np.testing.assert_allclose(theta.detach().softmax(-1)[0, 1], 1.0, atol=0.02)
