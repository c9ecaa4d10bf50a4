"""Advantage actor-critic: one step along the policy gradient for each short rollout.

Source: document 001 §3.1.4 and §3.2.4, which name policy gradients without a formula; arXiv:1602.01783.
Deviations from the paper: the environments are stepped together and not each by its own thread, Adam for
RMSProp, long gradients are shortened, advantages are generalised (arXiv:1506.02438) and brought to one scale,
and so are rewards. `decay` 1, `normalise_advantages` and `scale_rewards` false are the paper's.
"""

from dataclasses import dataclass
from typing import Literal

from agents.actor_critic import ActorCritic
from agents.actor_critic_config import ActorCriticConfig


@dataclass(frozen=True)
class A2CConfig(ActorCriticConfig):
    """Advantage actor-critic: a policy and a critic, learnt from each short rollout once."""

    name: Literal["a2c"] = "a2c"
    """The agent's name."""
    learning_rate: float = 1e-3
    """Step size of Adam."""
    rollout_steps: int = 128
    """Steps that are learnt from together, over all environments."""


class A2C(ActorCritic[A2CConfig]):
    """Learns from every rollout once, by the plain policy gradient, as all actor-critics here begin."""
