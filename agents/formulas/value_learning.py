"""Learning action values by bootstrapping.

`discount` is γ·(1 − terminated), so that an end needs no case of its own: a terminated step has discount 0,
a truncated one keeps it.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional


def td_target(
    reward: Float[Tensor, " B"], discount: Float[Tensor, " B"], next_q_values: Float[Tensor, "B A"]
) -> Float[Tensor, " B"]:
    """Target y = r + γ max_a' Q(s', a').

    Source: document 001 §3.1.4 and §4.2.4 (Watkins, 1989). The document prints no case for a terminal s', so
    that its form adds the value of a state that has none; here the discount of a terminated step is 0.
    """
    return reward + discount * next_q_values.amax(-1)


def double_q_target(
    reward: Float[Tensor, " B"],
    discount: Float[Tensor, " B"],
    q_online: Float[Tensor, "B A"],
    q_target: Float[Tensor, "B A"],
) -> Float[Tensor, " B"]:
    """Target y = r + γ Q⁻(s', argmax_a' Q(s', a')).

    Source: document 001 §3.1.4 with the double estimator of arXiv:1509.06461.
    """
    greedy = q_online.argmax(-1, keepdim=True)
    return reward + discount * q_target.gather(-1, greedy).squeeze(-1)


def q_learning_update(
    q_value: Float[Tensor, " B"], target: Float[Tensor, " B"], learning_rate: float
) -> Float[Tensor, " B"]:
    """Move Q(s, a) ← (1 − α) Q(s, a) + α y.

    Source: document 001 §3.1.4 and §4.2.4 (Watkins, 1989).
    """
    return (1 - learning_rate) * q_value + learning_rate * target


def td_loss(
    q_values: Float[Tensor, "B A"],
    action: Int[Tensor, " B"],
    target: Float[Tensor, " B"],
    threshold: float = 1.0,
) -> Float[Tensor, ""]:
    """Loss L = mean_B h(Q(s, a) − y); h(δ) = ½δ² for |δ| ≤ κ, κ(|δ| − ½κ) beyond.

    No gradient passes through the target. `threshold` is κ.
    Source: document 004 §3.4 (update from replayed batches); Huber (1964) as in Nature 518 (2015) 529.
    """
    taken = q_values.gather(-1, action.unsqueeze(-1)).squeeze(-1)
    return functional.huber_loss(taken, target.detach(), delta=threshold)


def polyak_average(
    average: Float[Tensor, "*shape"],
    online: Float[Tensor, "*shape"],
    rate: float,
    out: Float[Tensor, "*shape"] | None = None,
) -> Float[Tensor, "*shape"]:
    """Average θ⁻ ← (1 − τ) θ⁻ + τ θ.

    `out`, when given, receives the result and may be `average` itself.
    Source: Polyak and Juditsky (1992), as the target network of arXiv:1509.02971; document 004 §3.4 names
    none, and a network that chases its own values diverges.
    """
    return torch.lerp(average, online, rate, out=out)
