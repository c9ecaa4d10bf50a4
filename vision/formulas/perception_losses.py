"""Losses of segmentation and depth, and how those of several tasks are weighed against each other."""

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from torch.nn.functional import logsigmoid


def focal_loss(
    logits: Float[Tensor, "B K *S"], label: Integer[Tensor, " B *S"], focus: float = 2.0
) -> Float[Tensor, ""]:
    """L = −(1/N) Σ_n (1 − p_n[y_n])^γ log p_n[y_n] with p = softmax(z).

    γ is `focus`; γ = 0 is `cross_entropy`. What is known already counts for little, so that the many pixels
    of the road do not drown the few of a person.
    Source: arXiv:1708.02002 §3, the cross-entropy of documents 001 §4.2.1 and 004 §4.1 with a factor.
    """
    chosen = logits.gather(1, label.long().unsqueeze(1)).squeeze(1)
    log_probability = chosen - logits.logsumexp(1)
    return -((1 - log_probability.exp()).pow(focus) * log_probability).mean()


def dice_loss(
    probability: Float[Tensor, "B K *S"], label: Integer[Tensor, " B *S"], smooth: float = 1.0
) -> Float[Tensor, ""]:
    """L = 1 − (1/K) Σ_k (2 Σ_n p_n[k] [y_n = k] + ε) / (Σ_n p_n[k] + Σ_n [y_n = k] + ε), sums over the batch.

    Every class counts alike, however few its pixels; ε is `smooth`, with which an absent class that is not
    predicted costs nothing.
    Source: arXiv:1606.04797 §3, with plain sums below in place of squares, as in arXiv:1707.03237; the
    documents name segmentation and no loss of it.
    """
    classes = torch.arange(probability.shape[1], device=label.device)
    truth = (label.unsqueeze(1) == classes.view(-1, *([1] * (label.ndim - 1)))).to(probability.dtype)
    others = tuple(axis for axis in range(probability.ndim) if axis != 1)
    overlap = (probability * truth).sum(others)
    total = probability.sum(others) + truth.sum(others)
    return 1 - ((2 * overlap + smooth) / (total + smooth)).mean()


def multi_task_loss(losses: Float[Tensor, " T"], log_variance: Float[Tensor, " T"]) -> Float[Tensor, ""]:
    """L = Σ_t ½ (e^{−s_t} L_t + s_t) with s_t = log σ_t² learnt beside the network.

    At the best s the weight of a task is 1 / L_t: the one that cannot be done better counts for less.
    Source: arXiv:1705.07115 §3, eq. 7, for a Gaussian likelihood of every task; the documents name several
    tasks and no weights.
    """
    return 0.5 * ((-log_variance).exp() * losses + log_variance).sum()


def scale_invariant_loss(
    log_depth: Float[Tensor, " B *S"], target: Float[Tensor, " B *S"], share: float = 0.5
) -> Float[Tensor, " B"]:
    """L = mean(d²) − λ mean(d)² with d = log ŷ − log y, of each image.

    λ is `share`: at 0 the error of the logarithms, at 1 their variance, for which a depth that is wrong by
    one factor everywhere is right.
    Source: arXiv:1406.2283 §3.2; the documents name no depth.
    """
    difference = (log_depth - target).flatten(1)
    return difference.square().mean(1) - share * difference.mean(1).square()


def heat_map_loss(
    logits: Float[Tensor, "B K H W"], heat: Float[Tensor, "B K H W"], focus: float = 2.0, falloff: float = 4.0
) -> Float[Tensor, ""]:
    """L = −(1/N) Σ ((1 − p)^α log p where h = 1, (1 − h)^β p^α log(1 − p) elsewhere), with p = σ(z).

    h is 1 in the middle of an object and falls off around it, N how many objects there are, at least one; α
    is `focus` and β `falloff`.
    Source: arXiv:1904.07850 §3, eq. 1.
    """
    log_p, log_rest = logsigmoid(logits), logsigmoid(-logits)
    p, middle = log_p.exp(), heat >= 1
    found = (1 - p).pow(focus) * log_p
    empty = (1 - heat).pow(falloff) * p.pow(focus) * log_rest
    return -torch.where(middle, found, empty).sum() / middle.sum().clamp_min(1)
