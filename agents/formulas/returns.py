"""Returns: what a stretch of experience was worth.

The recursive returns walk backwards over `T` steps of `B` environments. `discount` is γ·(1 − terminated), and
`ended` is terminated or truncated: there, and at the last row, the recursion is cut, and `next_value`, V of
the true next observation, stands for what would follow. So a terminated step is worth its reward alone, a
truncated one bootstraps, and the row that a vector environment spends on a reset leaks into no other.
"""

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


def lambda_return(
    reward: Float[Tensor, "T B"],
    discount: Float[Tensor, "T B"],
    ended: Bool[Tensor, "T B"],
    next_value: Float[Tensor, "T B"],
    decay: float,
) -> Float[Tensor, "T B"]:
    """Return G_t = r_t + γ_t [(1 − λ) V(s_{t+1}) + λ G_{t+1}]; where cut, G_t = r_t + γ_t V(s_{t+1}).

    `decay` is λ: 0 is one step of temporal differences, 1 is Monte Carlo.
    Source: document 001 §3.1.4, whose target looks one step ahead; Sutton (1988).
    """
    carry = decay * discount * _goes_on(ended)
    return _accumulate(reward + (discount - carry) * next_value, carry)


def discounted_return(
    reward: Float[Tensor, "T B"],
    discount: Float[Tensor, "T B"],
    ended: Bool[Tensor, "T B"],
    next_value: Float[Tensor, "T B"],
) -> Float[Tensor, "T B"]:
    """Return G_t = r_t + γ_t G_{t+1}; where cut, G_t = r_t + γ_t V(s_{t+1}).

    An agent without values gives zeros, and counts what follows a truncation as nothing.
    Source: document 001 §3.1.4 and §3.2.4, which name policy gradients without a formula; Williams (1992).
    """
    goes_on = _goes_on(ended)
    return _accumulate(reward + discount * next_value * ~goes_on, discount * goes_on)


def generalised_advantage(
    reward: Float[Tensor, "T B"],
    discount: Float[Tensor, "T B"],
    ended: Bool[Tensor, "T B"],
    value: Float[Tensor, "T B"],
    next_value: Float[Tensor, "T B"],
    decay: float,
) -> Float[Tensor, "T B"]:
    """Advantage A_t = δ_t + γ_t λ A_{t+1} with δ_t = r_t + γ_t V(s_{t+1}) − V(s_t); where cut, A_t = δ_t.

    `decay` is λ. With λ = 1 it is the discounted return less V(s_t).
    Source: document 001 §3.2.4, which names policy gradients without a formula; arXiv:1506.02438.
    """
    error = reward + discount * next_value - value
    return _accumulate(error, decay * discount * _goes_on(ended))


def retrace_return(
    reward: Float[Tensor, "T B"],
    discount: Float[Tensor, "T B"],
    ended: Bool[Tensor, "T B"],
    q_taken: Float[Tensor, "T B"],
    next_value: Float[Tensor, "T B"],
    ratio: Float[Tensor, "T B"],
    decay: float,
) -> Float[Tensor, "T B"]:
    """Return G_t = r_t + γ_t [V(s_{t+1}) + c_{t+1} (G_{t+1} − Q(s_{t+1}, a_{t+1}))]; c = λ min(1, ρ).

    Where cut, G_t = r_t + γ_t V(s_{t+1}). `q_taken` is Q(s_t, a_t); `next_value` is V(s) = Σ_a π(a|s) Q(s, a)
    of the true next observation; `ratio` is ρ_t = π(a_t|s_t) / μ(a_t|s_t), of the policy π that is learnt and
    the policy μ that acted; `decay` is λ.
    Source: document 004 §3.4 (learning from another policy's replayed steps); arXiv:1606.02647.
    """
    trace = decay * ratio.clamp(max=1.0)
    carry = discount * trace.roll(-1, 0) * _goes_on(ended)
    return _accumulate(reward + discount * next_value - carry * q_taken.roll(-1, 0), carry)


def _goes_on(ended: Bool[Tensor, "T B"]) -> Bool[Tensor, "T B"]:
    """Whether the row below continues the same episode."""
    goes_on = ~ended
    goes_on[-1] = False
    return goes_on


def _accumulate(gain: Float[Tensor, "T B"], carry: Float[Tensor, "T B"]) -> Float[Tensor, "T B"]:
    """x_t = gain_t + carry_t x_{t+1}, with nothing after the last row."""
    total, following = [], torch.zeros_like(gain[-1])
    for step in reversed(range(len(gain))):
        following = gain[step] + carry[step] * following
        total.append(following)
    return torch.stack(total[::-1])
