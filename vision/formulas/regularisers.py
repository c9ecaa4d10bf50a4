"""What keeps a network from learning its samples by heart: penalties, dropout, when to stop, folds."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor


def l1_penalty(weights: Float[Tensor, "*S"], strength: float) -> Float[Tensor, ""]:
    """Penalty P = λ Σ |w|.

    Source: documents 001 Q2 and 004 §2.4, which name it without a formula; Tibshirani (1996).
    """
    return strength * weights.abs().sum()


def l1_penalty_gradient(weights: Float[Tensor, "*S"], strength: float) -> Float[Tensor, "*S"]:
    """∂P/∂w = λ sgn w, 0 at w = 0.

    Source: documents 001 Q2 and 004 §2.4, which name it without a formula; Tibshirani (1996).
    """
    return strength * weights.sign()


def l2_penalty(weights: Float[Tensor, "*S"], strength: float) -> Float[Tensor, ""]:
    """Penalty P = ½ λ Σ w².

    With the half, descent on it is decay by α λ a step; `weight_decay` of PyTorch's optimisers is this λ.
    Source: documents 001 Q2 and 004 §2.4, which name it without a formula; Hoerl and Kennard (1970).
    """
    return 0.5 * strength * weights.square().sum()


def l2_penalty_gradient(weights: Float[Tensor, "*S"], strength: float) -> Float[Tensor, "*S"]:
    """∂P/∂w = λ w.

    Source: documents 001 Q2 and 004 §2.4, which name it without a formula; Hoerl and Kennard (1970).
    """
    return strength * weights


def dropout(
    activation: Float[Tensor, "*S"], rate: float, generator: torch.Generator
) -> tuple[Float[Tensor, "*S"], Bool[Tensor, "*S"]]:
    """Activation y = m ⊙ a / (1 − p), where each m is 0 with probability p and else 1; y and m.

    Its expectation is a, so that nothing changes when the network is used.

    Raises:
        ValueError: p is not in [0, 1).
    Source: documents 001 Q2 and 004 §2.4, which name it without a formula; Srivastava et al. (2014).
    """
    if not 0 <= rate < 1:
        raise ValueError(f"dropout's rate is {rate}; it must be at least 0 and below 1")
    draws = torch.rand(activation.shape, generator=generator, device=activation.device)
    kept = draws >= rate
    return activation * kept / (1 - rate), kept


def dropout_backward(
    gradient: Float[Tensor, "*S"], kept: Bool[Tensor, "*S"], rate: float
) -> Float[Tensor, "*S"]:
    """∂J/∂a = m ⊙ ∂J/∂y / (1 − p).

    Source: documents 001 Q2 and 004 §2.4, which name dropout without a formula; Srivastava et al. (2014).
    """
    return gradient * kept / (1 - rate)


def stops_early(losses: Sequence[float], patience: int, least: float = 0.0) -> bool:
    """Whether the best loss is `patience` evaluations old: min of the last ≥ min of those before − δ.

    `losses` are the validation's so far and δ is `least`, what counts as better. What is not a number is no
    best.
    Source: documents 001 Q2 and 004 §2.4, which name early stopping without a formula; Prechelt (1998).
    """
    best, age = float("inf"), 0
    for loss in losses:
        better = loss < best - least
        best, age = (loss, 0) if better else (best, age + 1)
    return age >= patience


def fold_of_groups(group: Int64[Tensor, " N"], folds: int, generator: torch.Generator) -> Int64[Tensor, " N"]:
    """Fold f_n in 0 … k − 1 of each sample, the same for all of a group; k-fold where each is its own group.

    Groups are drawn in a random order, the largest first, each into the fold with the fewest samples so far:
    so the folds are as even as the groups allow.

    Raises:
        ValueError: there are fewer groups than folds, or fewer than two folds.
    Source: documents 001 Q2 and 004 §2.4, which name k-fold cross-validation; Stone (1974). A road that is in
    two folds would be known when it is tested.
    """
    names, member, sizes = group.unique(return_inverse=True, return_counts=True)
    if not 2 <= folds <= len(names):
        raise ValueError(f"{folds} folds of {len(names)} groups; there must be 2 folds, and a group in each")
    order = torch.randperm(len(names), generator=generator)
    order = order[sizes[order].argsort(descending=True, stable=True)]
    fold, filled = torch.zeros(len(names), dtype=torch.int64), [0] * folds
    for index in order.tolist():
        emptiest = filled.index(min(filled))
        fold[index] = emptiest
        filled[emptiest] += int(sizes[index])
    return fold[member]
