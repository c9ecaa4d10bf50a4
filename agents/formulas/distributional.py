"""Learning the distribution of returns in place of its mean: as odds of fixed atoms, or as quantiles."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from agents.formulas.value_learning import huber


def categorical_support(low: float, high: float, num_atoms: int) -> Float[Tensor, " K"]:
    """Atoms z_i = low + i Δ with Δ = (high − low) / (K − 1), i = 0 … K − 1.

    Source: arXiv:1707.06887 §4; document 001 §3.1.4 knows a return by its mean alone.
    """
    return torch.linspace(low, high, num_atoms)


def categorical_projection(
    support: Float[Tensor, "B M"], probability: Float[Tensor, "B M"], atoms: Float[Tensor, " K"]
) -> Float[Tensor, "B K"]:
    """Odds p_i = Σ_j [1 − |clip(x_j, z_0, z_{K−1}) − z_i| / Δ]₀¹ q_j: each mass to its two neighbours.

    `support` holds x_j = r + γ z_j and `probability` q_j; `atoms` are evenly spaced. The mean is kept where
    no x_j lies outside the atoms. A mixture of distributions is one row of all their masses, weighted.
    Source: arXiv:1707.06887 §4; document 001 §3.1.4 knows a return by its mean alone.
    """
    last = len(atoms) - 1
    spacing = (atoms[-1] - atoms[0]) / last
    position = ((support - atoms[0]) / spacing).clamp(0, last)
    below = position.floor().clamp(max=last - 1)
    share = position - below
    index = below.nan_to_num().long()  # where x is no number, the odds become none either
    odds = probability.new_zeros(len(probability), len(atoms))
    return odds.scatter_add(1, index, probability * (1 - share)).scatter_add(
        1, index + 1, probability * share
    )


def categorical_loss(logits: Float[Tensor, "B K"], target: Float[Tensor, "B K"]) -> Float[Tensor, " B"]:
    """Loss L = −Σ_i p_i log softmax(x)_i, of each row.

    `target` is p, through which no gradient passes. Least where softmax(x) = p.
    Source: arXiv:1707.06887 §4; the cross-entropy of documents 001 §4.2.1 and 004 §4.1, with odds for labels.
    """
    return -(target.detach() * logits.log_softmax(-1)).sum(-1)


def expected_value(probability: Float[Tensor, "*S K"], atoms: Float[Tensor, " K"]) -> Float[Tensor, "*S"]:
    """Value Q = Σ_i p_i z_i.

    Source: arXiv:1707.06887 §4; the Q(s, a) of document 001 §3.1.4.
    """
    return probability @ atoms


def quantile_midpoints(num_quantiles: int) -> Float[Tensor, " K"]:
    """Fractions τ_i = (2i + 1) / 2K, i = 0 … K − 1.

    The quantiles there are the K equal masses nearest to a distribution, by the 1-Wasserstein distance.
    Source: arXiv:1710.10044, lemma 2; document 001 §3.1.4 knows a return by its mean alone.
    """
    return (torch.arange(num_quantiles) + 0.5) / num_quantiles


def quantile_huber_loss(
    quantiles: Float[Tensor, "B K"],
    fractions: Float[Tensor, "B K"],
    target: Float[Tensor, "B M"],
    threshold: float = 1.0,
) -> Float[Tensor, " B"]:
    """Loss L = Σ_i (1/M) Σ_j |τ_i − [u_ij < 0]| h(u_ij) / κ, u_ij = y_j − θ_i, with Huber's h; of each row.

    `quantiles` are θ at the `fractions` τ, `target` holds samples or quantiles y, through which no gradient
    passes. `threshold` is κ, greater than 0; the smaller, the nearer is the least θ_i to the quantile at τ_i.
    Source: arXiv:1710.10044 §4, divided by κ as in arXiv:1806.06923; document 004 §3.4 names no loss.
    """
    error = target.detach().unsqueeze(1) - quantiles.unsqueeze(2)  # B K M
    slant = (fractions.unsqueeze(2) - (error < 0).to(error.dtype)).abs()
    return (slant * huber(error, threshold) / threshold).mean(2).sum(1)


def cosine_features(fractions: Float[Tensor, "B K"], size: int) -> Float[Tensor, "B K size"]:
    """Features φ_i(τ) = cos(π i τ), i = 0 … size − 1.

    Source: arXiv:1806.06923 §3; document 004 §3.4 feeds a network with the state alone.
    """
    order = torch.arange(size, dtype=fractions.dtype, device=fractions.device)
    return (math.pi * order * fractions.unsqueeze(-1)).cos()
