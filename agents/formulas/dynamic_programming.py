"""Exact answers for finite models, by which everything that learns is judged.

`transition[s, a, s']` is the chance of going on in s', so that a row sums to 1 less the chance of an end, and
an end needs no case of its own; `reward[s, a]` is the expected reward. S states, A actions, all in float64.
"""

import numpy as np
from jaxtyping import Float64, Int

MOST_SWEEPS = 1_000_000
RESOLUTION = 1e-10  # an action must be better by so much, relatively: rounding alone never changes a policy


def greedy(q_values: Float64[np.ndarray, "S A"]) -> Int[np.ndarray, " S"]:
    """Policy π(s) = argmax_a Q(s, a), the lowest action where several are best.

    Source: document 001 §3.1.4; Bellman (1957).
    """
    return q_values.argmax(-1)


def action_value(
    transition: Float64[np.ndarray, "S A S"],
    reward: Float64[np.ndarray, "S A"],
    value: Float64[np.ndarray, " S"],
    discount: float,
) -> Float64[np.ndarray, "S A"]:
    """Value Q(s, a) = R(s, a) + γ Σ_s' P(s'|s, a) V(s').

    Source: document 001 §3.1.4, whose target is a sample of it; Bellman (1957).
    """
    return reward + discount * (transition @ value)


def value_iteration(
    transition: Float64[np.ndarray, "S A S"],
    reward: Float64[np.ndarray, "S A"],
    discount: float,
    tolerance: float = 1e-12,
) -> Float64[np.ndarray, "S A"]:
    """Optimum Q(s, a) = R(s, a) + γ Σ_s' P(s'|s, a) max_a' Q(s', a'), the limit of sweeps from 0.

    Sweeps end when none moves by more than `tolerance`, relatively where values exceed 1: the distance to the
    optimum is then at most γ / (1 − γ) times that. A discount of 1 needs a model that ends by itself.

    Source: document 001 §3.1.4, of which this is the expectation; Bellman (1957).

    Raises:
        ArithmeticError: a million sweeps do not settle it.
    """
    q_values = np.zeros_like(reward)
    for _ in range(MOST_SWEEPS):
        swept = action_value(transition, reward, q_values.max(-1), discount)
        change, q_values = np.abs(swept - q_values).max(), swept
        if change <= tolerance * max(1.0, np.abs(q_values).max()):
            return q_values
    raise ArithmeticError(f"values do not settle at a discount of {discount}")


def policy_iteration(
    transition: Float64[np.ndarray, "S A S"], reward: Float64[np.ndarray, "S A"], discount: float
) -> tuple[Int[np.ndarray, " S"], Float64[np.ndarray, " S"]]:
    """Policy π(s) ← argmax_a [R(s, a) + γ Σ_s' P(s'|s, a) V_π(s')] until it stays, and its value V_π.

    An action gives way only to a better one. A discount of 1 needs a model that ends under every policy.

    Source: document 001 §3.1.4, whose maximum is this improvement; Howard (1960).

    Raises:
        numpy.linalg.LinAlgError: some policy goes on for ever at a discount of 1.
    """
    policy = greedy(reward)
    while True:
        value = policy_value(transition, reward, policy, discount)
        q_values = action_value(transition, reward, value, discount)
        better = q_values.max(-1) - value > RESOLUTION * np.maximum(1.0, np.abs(value))
        if not better.any():
            return policy, value
        policy = np.where(better, greedy(q_values), policy)


def policy_value(
    transition: Float64[np.ndarray, "S A S"],
    reward: Float64[np.ndarray, "S A"],
    policy: Int[np.ndarray, " S"] | Float64[np.ndarray, "S A"],
    discount: float,
) -> Float64[np.ndarray, " S"]:
    """Value V_π = (I − γ P_π)⁻¹ R_π with P_π = Σ_a π(a|s) P(·|s, a) and R_π = Σ_a π(a|s) R(s, a).

    `policy` is one action a state, or the odds of all.

    Source: document 001 §3.1.4 with the policy for the maximum; Puterman (1994) §6.1.

    Raises:
        numpy.linalg.LinAlgError: the policy goes on for ever at a discount of 1.
    """
    onward, gain = _under(transition, reward, policy)
    return np.linalg.solve(np.eye(len(gain)) - discount * onward, gain)


def finite_horizon_value(
    transition: Float64[np.ndarray, "S A S"],
    reward: Float64[np.ndarray, "S A"],
    policy: Int[np.ndarray, " S"] | Float64[np.ndarray, "S A"],
    steps: int,
    discount: float = 1.0,
) -> Float64[np.ndarray, " S"]:
    """Value V_k(s) = Σ_a π(a|s) [R(s, a) + γ Σ_s' P(s'|s, a) V_{k−1}(s')], V_0 = 0, with k `steps` left.

    What a policy that knows no time earns until the time limit. `policy` is one action a state, or all odds.
    Source: document 001 §3.1.4 under a time limit; Puterman (1994) §4.2.
    """
    onward, gain = _under(transition, reward, policy)
    value = np.zeros_like(gain)
    for _ in range(steps):
        value = gain + discount * (onward @ value)
    return value


def finite_horizon_optimum(
    transition: Float64[np.ndarray, "S A S"],
    reward: Float64[np.ndarray, "S A"],
    steps: int,
    discount: float = 1.0,
) -> tuple[Float64[np.ndarray, "times S"], Int[np.ndarray, "steps S"]]:
    """Optimum V_t(s) = max_a [R(s, a) + γ Σ_s' P(s'|s, a) V_{t+1}(s')], V_T = 0, and its policy π_t.

    The best under a time limit of T = `steps`, by a policy that knows the time. Row t is for t steps spent:
    row 0 is the whole episode's, and the value has a last row of zeros.
    Source: document 001 §3.1.4 under a time limit; Puterman (1994) §4.3.
    """
    value = np.zeros((steps + 1, len(reward)))
    policy = np.zeros((steps, len(reward)), np.int64)
    for step in reversed(range(steps)):
        q_values = action_value(transition, reward, value[step + 1], discount)
        policy[step], value[step] = greedy(q_values), q_values.max(-1)
    return value, policy


def sweeping_priority(
    reward: Float64[np.ndarray, " N"],
    discount: Float64[np.ndarray, " N"],
    next_q_values: Float64[np.ndarray, "N A"],
    q_value: Float64[np.ndarray, " N"],
) -> Float64[np.ndarray, " N"]:
    """Priority p = |r + γ max_a' Q(s', a') − Q(s, a)|, of replaying a remembered step.

    `discount` is γ·(1 − terminated).
    Source: document 001 §3.1.4, the size of whose update it is; Moore and Atkeson (1993).
    """
    return np.abs(reward + discount * next_q_values.max(-1) - q_value)


def _under(
    transition: Float64[np.ndarray, "S A S"],
    reward: Float64[np.ndarray, "S A"],
    policy: Int[np.ndarray, " S"] | Float64[np.ndarray, "S A"],
) -> tuple[Float64[np.ndarray, "S S"], Float64[np.ndarray, " S"]]:
    """The chain and the rewards that a policy makes of a model."""
    if policy.ndim == 1:
        states = np.arange(len(policy))
        return transition[states, policy], reward[states, policy]
    return np.einsum("sa,sat->st", policy, transition), (policy * reward).sum(-1)
