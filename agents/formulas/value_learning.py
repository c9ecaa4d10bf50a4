"""Learning action values by bootstrapping.

`discount` is γ·(1 − terminated), so that an end needs no case of its own: a terminated step has discount 0,
a truncated one keeps it.
"""

import torch
from jaxtyping import Bool, Float, Int
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


def policy_target(
    reward: Float[Tensor, " B"],
    discount: Float[Tensor, " B"],
    values: Float[Tensor, "B A"],
    policy: Float[Tensor, "B A"],
) -> Float[Tensor, " B"]:
    """Target y = r + γ Σ_a' π(a'|s') v(s', a').

    `values` is what an action is worth to the policy: Q(s', a'), or Q(s', a') − τ log π(a'|s') where it is
    paid for its entropy.
    Source: document 001 §3.1.4 with the mean for the maximum; van Seijen et al. (2009), arXiv:2007.14430.
    """
    return reward + discount * (policy * values).sum(-1)


def expected_sarsa_target(
    reward: Float[Tensor, " B"],
    discount: Float[Tensor, " B"],
    next_q_values: Float[Tensor, "B A"],
    policy: Float[Tensor, "B A"],
) -> Float[Tensor, " B"]:
    """Target y = r + γ Σ_a' π(a'|s') Q(s', a').

    Source: document 001 §3.1.4 with the mean for the maximum; van Seijen et al. (2009).
    """
    return policy_target(reward, discount, next_q_values, policy)


def sarsa_target(
    reward: Float[Tensor, " B"],
    discount: Float[Tensor, " B"],
    next_q_values: Float[Tensor, "B A"],
    next_action: Int[Tensor, " B"],
) -> Float[Tensor, " B"]:
    """Target y = r + γ Q(s', a'), of the action a' that is taken next.

    Source: document 001 §3.1.4 with the action taken for the best one; Rummery and Niranjan (1994).
    """
    return reward + discount * next_q_values.gather(-1, next_action.unsqueeze(-1)).squeeze(-1)


def watkins_cut(
    ended: Bool[Tensor, "T B"], q_values: Float[Tensor, "T B A"], action: Int[Tensor, "T B"]
) -> Bool[Tensor, "T B"]:
    """Cut c_t = ended_t ∨ [Q(s_{t+1}, a_{t+1}) < max_a Q(s_{t+1}, a)], for λ-returns of the greedy policy.

    Q(λ) is the λ-return with c for the ends and max_a Q(s', a) for the next value: a return reaches as far as
    the actions taken are greedy. Below the last row nothing is known, and nothing is cut.
    Source: document 001 §3.1.4 over several steps; Watkins (1989).
    """
    taken = q_values.gather(-1, action.unsqueeze(-1)).squeeze(-1)
    explored = taken < q_values.amax(-1)
    return torch.cat((ended[:-1] | explored[1:], ended[-1:]))


def log_policy(q_values: Float[Tensor, "B A"], temperature: float) -> Float[Tensor, "B A"]:
    """Logarithm log π(a|s) = q(s, a)/τ − log Σ_b exp(q(s, b)/τ), of the softmax policy.

    `temperature` is τ, greater than 0; the largest value is taken off first, so that none overflows.
    Source: arXiv:2007.14430 §3; document 001 §3.1.4 names no policy but the greedy one.
    """
    return ((q_values - q_values.amax(-1, keepdim=True)) / temperature).log_softmax(-1)


def soft_value(
    q_values: Float[Tensor, "B A"], log_policy: Float[Tensor, "B A"], temperature: float
) -> Float[Tensor, " B"]:
    """Value V(s) = Σ_a π(a|s) (Q(s, a) − τ log π(a|s)).

    `temperature` is τ. Of the softmax policy at τ it is τ log Σ_a exp(Q(s, a)/τ), the maximum as τ → 0.
    Source: arXiv:2007.14430 §3; document 001 §3.1.4 names the maximum alone.
    """
    return (log_policy.exp() * (q_values - temperature * log_policy)).sum(-1)


def munchausen_reward(
    reward: Float[Tensor, " B"],
    log_policy_taken: Float[Tensor, " B"],
    temperature: float,
    scale: float,
    floor: float,
) -> Float[Tensor, " B"]:
    """Reward r̃ = r + α clip(τ log π(a|s), l₀, 0).

    `temperature` is τ, `scale` is α, `floor` is l₀, below 0.
    Source: arXiv:2007.14430 §3; document 001 §3.1.4 rewards by the environment alone.
    """
    return reward + scale * (temperature * log_policy_taken).clamp(floor, 0.0)


def q_learning_update(
    q_value: Float[Tensor, " B"], target: Float[Tensor, " B"], learning_rate: float
) -> Float[Tensor, " B"]:
    """Move Q(s, a) ← (1 − α) Q(s, a) + α y.

    Source: document 001 §3.1.4 and §4.2.4 (Watkins, 1989).
    """
    return (1 - learning_rate) * q_value + learning_rate * target


def td_error(
    q_values: Float[Tensor, "B A"], action: Int[Tensor, " B"], target: Float[Tensor, " B"]
) -> Float[Tensor, " B"]:
    """Error δ = y − Q(s, a).

    Source: document 001 §3.1.4, whose update is Q(s, a) + α δ; Sutton (1988).
    """
    return target - q_values.gather(-1, action.unsqueeze(-1)).squeeze(-1)


def huber(error: Float[Tensor, "*S"], threshold: float) -> Float[Tensor, "*S"]:
    """Loss h(δ) = ½δ² for |δ| ≤ κ, κ(|δ| − ½κ) beyond; each number by itself.

    `threshold` is κ, greater than 0. The slope is δ clipped to ±κ.
    Source: Huber (1964), as in Nature 518 (2015) 529; document 004 §3.4 names no loss.
    """
    return functional.huber_loss(error, torch.zeros_like(error), reduction="none", delta=threshold)


def td_loss(
    q_values: Float[Tensor, "B A"],
    action: Int[Tensor, " B"],
    target: Float[Tensor, " B"],
    threshold: float = 1.0,
    weight: Float[Tensor, " B"] | None = None,
) -> Float[Tensor, ""]:
    """Loss L = mean_B w h(y − Q(s, a)) with Huber's h.

    No gradient passes through the target. `threshold` is κ of h; `weight` is w, 1 where there is none.
    Source: document 004 §3.4 (update from replayed batches); Huber (1964) as in Nature 518 (2015) 529, with
    the importance weights of arXiv:1511.05952.
    """
    loss = huber(td_error(q_values, action, target.detach()), threshold)
    return (loss if weight is None else weight * loss).mean()


def td_loss_gradient(
    q_values: Float[Tensor, "B A"],
    action: Int[Tensor, " B"],
    target: Float[Tensor, " B"],
    threshold: float = 1.0,
    weight: Float[Tensor, " B"] | None = None,
) -> Float[Tensor, "B A"]:
    """Gradient ∂L/∂Q(s, a) = −(1/B) w clip(δ, −κ, κ) of the TD loss, δ = y − Q(s, a); 0 for other actions.

    For a backward pass by hand. `threshold` is κ, `weight` is w, 1 where there is none.
    Source: document 000 §4.2 (∂L/∂W = ∂L/∂out · ∂out/∂W) on the loss of Nature 518 (2015) 529.
    """
    slope = td_error(q_values, action, target).clamp(-threshold, threshold) / -len(target)
    slope = slope if weight is None else weight * slope
    return torch.zeros_like(q_values).scatter(-1, action.unsqueeze(-1), slope.unsqueeze(-1))


def dueling_values(
    value: Float[Tensor, "B ..."], advantage: Float[Tensor, "B A ..."]
) -> Float[Tensor, "B A ..."]:
    """Values Q(s, a) = V(s) + A(s, a) − (1/|A|) Σ_a' A(s, a').

    Without the mean, V and A could move against each other for ever and give the same Q.
    Source: arXiv:1511.06581 §3; document 004 §3.4 has one stream.
    """
    return value.unsqueeze(1) + advantage - advantage.mean(1, keepdim=True)


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
