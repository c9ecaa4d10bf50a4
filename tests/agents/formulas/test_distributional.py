"""Distributions of returns: arrays by hand, what a projection and a quantile must keep, and mistakes."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.formulas.distributional import (
    categorical_loss,
    categorical_projection,
    categorical_support,
    cosine_features,
    expected_value,
    quantile_huber_loss,
    quantile_midpoints,
)
from agents.formulas.dynamic_programming import policy_value

ATOMS = torch.tensor([0.0, 1.0, 2.0])


def test_categorical_support_by_hand():
    assert categorical_support(-1.0, 2.0, 4).tolist() == [-1.0, 0.0, 1.0, 2.0]


def test_expected_value_by_hand():
    odds = torch.tensor([[[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]]])  # one state, two actions
    assert expected_value(odds, ATOMS).tolist() == [[0.75, 2.0]]


def nearest_atom(support, probability, atoms):
    """The mistake of giving all mass to one neighbour."""
    index = (support - atoms[0]).div(atoms[1] - atoms[0]).round().clamp(0, len(atoms) - 1).long()
    return torch.zeros(len(support), len(atoms)).scatter_add(1, index, probability)


def beyond_is_lost(support, probability, atoms):
    """The mistake of dropping what lies outside the atoms in place of clipping it."""
    inside = (support >= atoms[0]) & (support <= atoms[-1])
    return categorical_projection(support, probability * inside, atoms)


def ceiling_and_floor(support, probability, atoms):
    """The mistake of weighting by the distances to ceiling and floor, which are both 0 on an atom."""
    position = ((support - atoms[0]) / (atoms[1] - atoms[0])).clamp(0, len(atoms) - 1)
    below, above = position.floor(), position.ceil()
    odds = torch.zeros(len(support), len(atoms))
    odds = odds.scatter_add(1, below.long(), probability * (above - position))
    return odds.scatter_add(1, above.long(), probability * (position - below))


@pytest.mark.parametrize(
    ("project", "passes"),
    [
        (categorical_projection, True),
        (nearest_atom, False),
        (beyond_is_lost, False),
        (ceiling_and_floor, False),
    ],
)
def test_categorical_projection_by_hand(project, passes):
    support = torch.tensor([[0.25, 1.5, 5.0, -3.0], [0.0, 1.0, 2.0, 2.0]])
    odds = torch.tensor([[0.2, 0.3, 0.4, 0.1], [0.2, 0.3, 0.4, 0.1]])
    by_hand = torch.tensor([[0.25, 0.2, 0.55], [0.2, 0.3, 0.5]])
    assert torch.allclose(project(support, odds, ATOMS), by_hand) is passes


def random_rows(seed, size, dtype=torch.float64):
    """Three rows of places and of odds."""
    generator = torch.Generator().manual_seed(seed)
    places, weight = torch.randn(2, 3, size, generator=generator, dtype=dtype)
    return places, weight.softmax(-1)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 12), num_atoms=st.integers(2, 9))
def test_the_projection_is_the_triangular_kernel(seed, size, num_atoms):
    """Σ_j [1 − |x_j − z_i| / Δ]₀¹ q_j, as it stands: every atom with every place."""
    places, odds = random_rows(seed, size)
    atoms = torch.linspace(-1, 1.5, num_atoms, dtype=torch.float64)
    distance = (places.clamp(-1, 1.5)[:, None] - atoms[:, None]).abs() / (2.5 / (num_atoms - 1))
    expected = ((1 - distance).clamp(0, 1) * odds[:, None]).sum(-1)
    projected = categorical_projection(places, odds, atoms)
    torch.testing.assert_close(projected, expected)
    torch.testing.assert_close(projected.sum(-1), torch.ones(3, dtype=torch.float64))
    assert (projected >= 0).all()


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), num_atoms=st.integers(2, 60))
def test_the_projection_keeps_the_mean_of_what_is_inside(seed, num_atoms):
    places, odds = random_rows(seed, 8)
    atoms = torch.linspace(-9, 9, num_atoms, dtype=torch.float64)
    mean = expected_value(categorical_projection(places, odds, atoms), atoms)
    torch.testing.assert_close(mean, (places * odds).sum(-1))


@pytest.mark.parametrize("num_atoms", [2, 3, 51])
def test_the_projection_of_the_atoms_changes_nothing(num_atoms):
    _, odds = random_rows(0, num_atoms, torch.float32)
    atoms = categorical_support(-10.0, 10.0, num_atoms)
    projected = categorical_projection(atoms.expand(3, -1), odds, atoms)
    torch.testing.assert_close(projected, odds, rtol=0, atol=1e-5)


def test_after_an_end_all_mass_is_at_the_reward():
    _, odds = random_rows(1, 3)
    reward, discount = torch.tensor([0.0, 2.0, 0.5]).double(), torch.zeros(3).double()
    support = reward[:, None] + discount[:, None] * ATOMS
    projected = categorical_projection(support, odds, ATOMS.double())
    expected = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.5, 0.5, 0.0]]).double()
    torch.testing.assert_close(projected, expected)


@pytest.mark.parametrize(("leaks", "passes"), [(False, True), (True, False)])
def test_projected_backups_have_the_exact_mean(model, leaks, passes):
    """The odds of a policy's returns, backed up until they stay, have the policy's value for a mean."""
    outcomes = model.outcomes()
    policy = np.random.default_rng(2).dirichlet(np.ones(3), 4)
    chance = outcomes.probability * torch.from_numpy(policy)[outcomes.state, outcomes.action]
    discount = torch.full_like(chance, 0.9) if leaks else 0.9 * (~outcomes.terminated).double()
    atoms = torch.linspace(-30, 30, 31, dtype=torch.float64)
    support = outcomes.reward[:, None] + discount[:, None] * atoms
    odds = torch.full((4, 31), 1 / 31, dtype=torch.float64)
    for _ in range(400):
        projected = categorical_projection(support, odds[outcomes.next_state], atoms)
        odds = torch.zeros(4, 31, dtype=torch.float64).index_add(
            0, outcomes.state, chance[:, None] * projected
        )
    exact = policy_value(model.transition, model.reward, policy, 0.9)
    assert np.allclose(expected_value(odds, atoms).numpy(), exact) is passes


def test_categorical_loss_by_hand():
    logits = torch.tensor([[0.0, math.log(3.0)]])
    loss = categorical_loss(logits, torch.tensor([[0.5, 0.5]]))
    assert loss.item() == pytest.approx(-0.5 * math.log(0.25) - 0.5 * math.log(0.75))


def test_categorical_loss_pulls_the_odds_to_the_target():
    """Its gradient is softmax(x) − p, so that it is least where they agree."""
    places, target = random_rows(3, 6)
    logits = places.clone().requires_grad_(True)
    target.requires_grad_(True)
    categorical_loss(logits, target).sum().backward()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, places.softmax(-1) - target.detach())
    assert target.grad is None


def test_quantile_midpoints_by_hand():
    assert quantile_midpoints(4).tolist() == [0.125, 0.375, 0.625, 0.875]


def quantile_variant(quantiles, fractions, target, sign=1, mirrored=False, over=2, slanted=True):
    """The loss at a threshold of 1, written out; with other than the usual settings it is a mistake."""
    error = sign * (target[:, None] - quantiles[:, :, None])
    size = error.abs()
    bowl = torch.where(size <= 1, 0.5 * error**2, size - 0.5)
    below = (error > 0) if mirrored else (error < 0)
    slant = (fractions[:, :, None] - below.to(error.dtype)).abs() if slanted else 1.0
    return (slant * bowl).mean(over).sum(1)


@pytest.mark.parametrize(
    ("settings", "passes"),
    [
        ({}, True),
        ({"sign": -1}, False),
        ({"mirrored": True}, False),
        ({"over": 1}, False),
        ({"slanted": False}, False),
    ],
    ids=["right", "error turned round", "slant mirrored", "sum and mean exchanged", "no slant"],
)
def test_quantile_loss_by_hand(settings, passes):
    quantiles, fractions = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.2, 0.9]])
    target = torch.tensor([[2.0, 0.5, -1.0]])
    by_hand = (0.2 * 1.5 + 0.2 * 0.125 + 0.8 * 0.5) / 3 + (0.9 * 0.5 + 0.1 * 0.125 + 0.1 * 1.5) / 3
    assert (
        quantile_variant(quantiles, fractions, target, **settings).item() == pytest.approx(by_hand)
    ) is passes
    assert quantile_huber_loss(quantiles, fractions, target).item() == pytest.approx(by_hand)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 6))
def test_quantile_loss_agrees_with_its_written_form(seed, size):
    quantiles, fractions = random_rows(seed, 4)
    target, _ = random_rows(seed + 1, size)
    loss = quantile_huber_loss(quantiles, fractions, 3 * target)
    torch.testing.assert_close(loss, quantile_variant(quantiles, fractions, 3 * target))


def test_quantile_loss_is_unchanged_by_units():
    """Returns and threshold counted in tenths: the loss too, as each error is divided by κ once."""
    quantiles, fractions = random_rows(5, 4)
    target, _ = random_rows(6, 3)
    loss = quantile_huber_loss(quantiles, fractions, target, 0.5)
    torch.testing.assert_close(quantile_huber_loss(10 * quantiles, fractions, 10 * target, 5.0), 10 * loss)


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.85])
@pytest.mark.parametrize(("sign", "passes"), [(1, True), (-1, False)])
def test_quantile_loss_is_least_at_the_quantile(fraction, sign, passes):
    """Of samples spread evenly over 0 … 1 the quantile at τ is τ; the loss turned round finds 1 − τ."""
    samples = (torch.arange(1000) + 0.5) / 1000
    guess = torch.linspace(0, 1, 101)[:, None]
    target = samples.expand(101, -1)
    loss = quantile_huber_loss(sign * guess, torch.full_like(guess, fraction), sign * target, 1e-3)
    assert (abs(guess[loss.argmin()].item() - fraction) < 0.011) is passes


def test_quantile_loss_has_the_gradient_of_finite_differences():
    quantiles, fractions = random_rows(7, 4)
    target, _ = random_rows(8, 5)
    quantiles.requires_grad_(True)
    assert torch.autograd.gradcheck(
        lambda theta: quantile_huber_loss(theta, fractions, target, 0.7), quantiles
    )


def test_quantile_loss_does_not_teach_the_target():
    quantiles, fractions = random_rows(7, 4)
    quantiles.requires_grad_(True)
    target = torch.zeros(3, 2, dtype=torch.float64, requires_grad=True)
    quantile_huber_loss(quantiles, fractions, target).sum().backward()
    assert quantiles.grad is not None
    assert target.grad is None


def test_cosine_features_by_hand():
    features = cosine_features(torch.tensor([[0.0, 0.5, 1.0]]), 3)
    expected = torch.tensor([[[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -1.0, 1.0]]])
    torch.testing.assert_close(features, expected, rtol=0, atol=1e-6)


def test_cosine_features_are_orthogonal():
    """At midpoints they are the rows of a cosine transform: none says what another says."""
    features = cosine_features(quantile_midpoints(64)[None].double(), 16)[0]
    gram = features.T @ features / 32
    expected = torch.eye(16, dtype=torch.float64)
    expected[0, 0] = 2.0
    torch.testing.assert_close(gram, expected, rtol=0, atol=1e-9)


def test_a_support_that_is_no_number_gives_odds_that_are_none():
    atoms = torch.linspace(-1, 1, 3)
    support = torch.tensor([[torch.nan, 0.0], [0.0, 0.5]])
    odds = categorical_projection(support, torch.full((2, 2), 0.5), atoms)
    assert odds[0].isnan().any()
    torch.testing.assert_close(odds[1], torch.tensor([0.0, 0.75, 0.25]))
