"""The exact worth of a policy in a finite model that an environment tells: no episode is played.

A model has arrays over S states, A actions and K successors; see `agents.agent.LearnsFromModel`. Besides, it
gives `transition()` (S, A, S), where an end goes nowhere, and `expected_reward()` (S, A).
"""

from typing import Any

import numpy as np
from gymnasium import Space, spaces
from jaxtyping import Int

from agents.agent import Agent
from agents.formulas.dynamic_programming import (
    finite_horizon_optimum,
    finite_horizon_value,
    policy_iteration,
)

FARSIGHTED = 0.999  # a discount at which a time limit of a few hundred steps is hardly felt
ENDLESS = 10_000  # steps that an episode without a time limit is valued over
MOST_STATES = 2_000  # more would fill the memory with chances of going from each to each


def told_model(env: Any, observation_space: Space, action_space: Space) -> Any | None:
    """The finite model of an environment that tells one and shows its states as they are, else None."""
    model = getattr(env.unwrapped, "model", None)
    if model is None or not hasattr(model, "next_state"):
        return None
    num_states, num_actions, _ = model.next_state.shape
    shown = spaces.Discrete(num_states), spaces.Discrete(num_actions)
    return model if (observation_space, action_space) == shown else None


def exact_return(model: Any, policy: Int[np.ndarray, " S"]) -> float:
    """Mean return of a stationary policy from the model's first states, under its time limit."""
    value = finite_horizon_value(model.transition(), model.expected_reward(), policy, _steps(model))
    return float(model.start @ value)


def stationary_optimum(model: Any, discount: float = FARSIGHTED) -> float:
    """The same of the policy that is best at a discount near 1, which Q-learning would find at that discount.

    A time limit that is felt favours a little more haste: on the 8 × 8 lake a discount of 0.995 gives 0.8936
    instead of 0.8857.
    """
    policy, _ = policy_iteration(model.transition(), model.expected_reward(), discount)
    return exact_return(model, policy)


def optimal_return(model: Any) -> float:
    """Mean return of the best policy of all, which knows the steps that are left: no agent can have more."""
    value, _ = finite_horizon_optimum(model.transition(), model.expected_reward(), _steps(model))
    return float(model.start @ value[0])


def exact_scores(agent: Agent, model: Any) -> dict[str, float]:
    """`exact_return` of an agent's greedy policy and `optimal_return`; nothing of one that has a memory."""
    num_states = len(model.start)
    if num_states > MOST_STATES or agent.initial_state(num_states) is not None:
        return {}
    policy, _ = agent.act_greedily(np.arange(num_states), None)
    return {"exact_return": exact_return(model, policy), "optimal_return": optimal_return(model)}


def _steps(model: Any) -> int:
    return model.max_steps or ENDLESS
