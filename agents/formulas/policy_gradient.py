"""Policy gradients: how likely an action is under a policy, and the losses that make good ones likelier.

A policy over A actions is a row of logits; one over D continuous numbers is a Gaussian with a mean for each
row and one logarithm of a deviation for each number.
"""

from math import log, pi

import torch
from jaxtyping import Float, Int
from torch import Tensor


def categorical_log_probability(
    logits: Float[Tensor, "B A"], action: Int[Tensor, " B"]
) -> Float[Tensor, " B"]:
    """Log-probability log π(a|s) = z_a − log Σ_b exp z_b.

    Source: document 001 §3.1.4 and §3.2.4, which name policy gradients without a formula; Williams (1992).
    """
    return logits.log_softmax(-1).gather(-1, action.unsqueeze(-1)).squeeze(-1)


def categorical_entropy(logits: Float[Tensor, "B A"]) -> Float[Tensor, " B"]:
    """Entropy H = −Σ_a π(a|s) log π(a|s).

    An action whose logit is −∞ adds nothing.
    Source: document 001 §3.1.4 and §3.2.4, which name policy gradients without a formula; Williams and Peng
    (1991), as in arXiv:1602.01783.
    """
    log_probability = logits.log_softmax(-1).clamp(min=torch.finfo(logits.dtype).min)  # 0 · ∞ is not 0
    return -(log_probability.exp() * log_probability).sum(-1)


def gaussian_log_probability(
    mean: Float[Tensor, "B D"], log_std: Float[Tensor, " D"], action: Float[Tensor, "B D"]
) -> Float[Tensor, " B"]:
    """Log-density log π(a|s) = −Σ_d [½ ((a_d − μ_d) / σ_d)² + log σ_d + ½ log 2π].

    Source: document 001 §3.1.4 and §3.2.4, which name policy gradients without a formula; Williams (1992).
    """
    deviation = (action - mean) * (-log_std).exp()
    return -(0.5 * deviation.square() + log_std + 0.5 * log(2 * pi)).sum(-1)


def gaussian_entropy(log_std: Float[Tensor, " D"]) -> Float[Tensor, ""]:
    """Entropy H = Σ_d [log σ_d + ½ log 2πe]: the same in every state.

    Source: document 001 §3.1.4 and §3.2.4, which name policy gradients without a formula; Shannon (1948).
    """
    return (log_std + 0.5 * (log(2 * pi) + 1)).sum()


def policy_gradient_loss(
    log_probability: Float[Tensor, " B"], advantage: Float[Tensor, " B"]
) -> Float[Tensor, ""]:
    """Loss L = −mean_B log π(a|s) A.

    Its gradient is minus the policy gradient, an estimate of −∇ E[return]. None passes through the advantage.
    Source: document 001 §3.1.4 and §3.2.4, which name policy gradients without a formula; Williams (1992),
    Sutton et al. (1999).
    """
    return -(log_probability * advantage.detach()).mean()


def clipped_policy_loss(
    log_probability: Float[Tensor, " B"],
    old_log_probability: Float[Tensor, " B"],
    advantage: Float[Tensor, " B"],
    clip: float,
) -> Float[Tensor, ""]:
    """Loss L = −mean_B min(ρ A, clamp(ρ, 1 − ε, 1 + ε) A) with ρ = π(a|s) / π_old(a|s).

    `old_log_probability` is that of the policy that acted, `clip` is ε. An action that is already likelier by
    more than ε, and good, teaches nothing more; nor one that is rarer by as much, and bad.
    Source: document 001 §3.1.4 and §3.2.4, which name policy gradients without a formula; arXiv:1707.06347.
    """
    ratio = (log_probability - old_log_probability.detach()).exp()
    weight = advantage.detach()
    return -torch.minimum(ratio * weight, ratio.clamp(1 - clip, 1 + clip) * weight).mean()


def value_loss(value: Float[Tensor, " B"], target: Float[Tensor, " B"]) -> Float[Tensor, ""]:
    """Loss L = mean_B ½ (V(s) − G)².

    No gradient passes through the target.
    Source: document 003 §4.3.1 (the squared error with its half), as the critic of arXiv:1602.01783.
    """
    return 0.5 * (value - target.detach()).square().mean()


def normalised_advantage(advantage: Float[Tensor, " B"], epsilon: float = 1e-8) -> Float[Tensor, " B"]:
    """Advantage A ← (A − mean_B A) / (std_B A + ε), with the deviation of the population.

    A single one becomes 0: there is nothing that it would be better than.
    Source: document 001 §3.2.4 names policy gradients without a formula; a practice written down in
    arXiv:2005.12729.
    """
    return (advantage - advantage.mean()) / (advantage.std(correction=0) + epsilon)


def explained_variance(value: Float[Tensor, " B"], target: Float[Tensor, " B"]) -> Float[Tensor, ""]:
    """Share 1 − Var(G − V) / Var(G) of the returns' variance that the values foretell.

    1 is perfect, 0 no better than a constant, less is worse; 0 where the returns do not vary.
    Source: the coefficient of determination, without its penalty on a bias; a measure of the critic that
    document 001 §3.1.4 leaves unnamed.
    """
    variance = target.var(correction=0)
    share = 1 - (target - value).var(correction=0) / variance
    return torch.where(variance > 0, share, torch.zeros_like(share))


def approximate_kl(
    log_probability: Float[Tensor, " B"], old_log_probability: Float[Tensor, " B"]
) -> Float[Tensor, ""]:
    """Divergence KL(π_old ‖ π) ≈ mean_B [(ρ − 1) − log ρ] with ρ = π(a|s) / π_old(a|s), a drawn from π_old.

    Unbiased, and no term is negative: with −log ρ alone the mean may be.
    Source: Kullback and Leibler (1951); the estimator k3 of J. Schulman's note "Approximating KL divergence".
    """
    log_ratio = log_probability - old_log_probability
    return (log_ratio.expm1() - log_ratio).mean()


def clip_fraction(
    log_probability: Float[Tensor, " B"], old_log_probability: Float[Tensor, " B"], clip: float
) -> Float[Tensor, ""]:
    """Share mean_B 1[|ρ − 1| > ε] of the actions whose probability has moved past the clip.

    Source: arXiv:1707.06347, whose ρ and ε these are.
    """
    return ((log_probability - old_log_probability).expm1().abs() > clip).float().mean()
