"""Returns: what a stretch of experience was worth."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


class NStepWindow(NamedTuple):
    """What n steps leave to be bootstrapped: y = reward + discount · V(s_length)."""

    reward: Float[Tensor, " B"]
    discount: Float[Tensor, " B"]
    length: Int[Tensor, " B"]


def n_step_window(
    reward: Float[Tensor, "B n"],
    terminated: Bool[Tensor, "B n"],
    truncated: Bool[Tensor, "B n"],
    discount: float,
) -> NStepWindow:
    """Sum R = Σ_{k<m} γᵏ r_k and D = γᵐ (1 − terminated_{m−1}), m the first end of the episode, or n.

    A truncated episode stops the sum but keeps its bootstrap; a terminated one drops it.
    Source: document 001 §3.1.4, whose target knows neither case; Sutton (1988), as in arXiv:1710.02298.
    """
    steps = torch.arange(reward.shape[1], device=reward.device)
    ended = (terminated | truncated).int()
    reached = ended.cumsum(1) - ended == 0
    length = reached.sum(1)
    last = (length - 1).unsqueeze(1)
    stays = ~terminated.gather(1, last).squeeze(1)
    gamma = reward.new_tensor(discount)
    total = (gamma**steps * reward * reached).sum(1)
    return NStepWindow(total, gamma**length * stays, length)


def n_step_return(
    reward: Float[Tensor, "B n"],
    terminated: Bool[Tensor, "B n"],
    truncated: Bool[Tensor, "B n"],
    next_value: Float[Tensor, "B n"],
    discount: float,
) -> Float[Tensor, " B"]:
    """Return G = Σ_{k<m} γᵏ r_k + γᵐ (1 − terminated_{m−1}) V(s_m).

    `next_value[:, k]` is V(s_{k+1}), of the true next observation of step k.
    Source: document 001 §3.1.4 carried over n steps; Sutton (1988), as in arXiv:1710.02298.
    """
    window = n_step_window(reward, terminated, truncated, discount)
    bootstrap = next_value.gather(1, (window.length - 1).unsqueeze(1)).squeeze(1)
    return window.reward + window.discount * bootstrap
