"""Proximal policy optimisation: several passes over a rollout, as long as the policy stays near the old one.

Source: document 001 §3.1.4 and §3.2.4, which name policy gradients without a formula; arXiv:1707.06347.
Deviations from the paper: advantages are brought to one scale over the whole rollout, and rewards too unless
`scale_rewards` is false, long gradients are shortened, and policy and value share only the encoder of images.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor

from agents.actor_critic import ActorCritic
from agents.actor_critic_config import ActorCriticConfig
from agents.formulas.policy_gradient import approximate_kl, clip_fraction, clipped_policy_loss
from agents.samples import Samples


@dataclass(frozen=True)
class PPOConfig(ActorCriticConfig):
    """Proximal policy optimisation: a policy and a critic, learnt from each rollout several times."""

    name: Literal["ppo"] = "ppo"
    """The agent's name."""
    epochs: int = 10
    """Passes over a rollout."""
    minibatch_size: int = 256
    """Samples in an update, or as near to it as divides a rollout evenly."""
    clip: float = 0.2
    """How far an action's probability may move, as a share of what it was, before it is left alone, ε."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("epochs", "minibatch_size"):
            self._require(getattr(self, key) >= 1, key, "at least 1")
        self._require(self.clip > 0, "clip", "greater than 0")


class PPO(ActorCritic[PPOConfig]):
    """Learns from every rollout in shuffled minibatches, by the clipped policy gradient."""

    reading_names = (*ActorCritic.reading_names, "kl", "clip_fraction")

    def _batches(self, places: np.ndarray) -> Iterator[np.ndarray]:
        """Every epoch deals all samples out anew."""
        parts = max(round(len(places) / self.config.minibatch_size), 1)
        for _ in range(self.config.epochs):
            yield from np.array_split(self.drawing.permutation(places), parts)

    def _policy_loss(self, log_probability: Tensor, samples: Samples) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The clipped loss; how far the policy has moved, and how often the clip held it."""
        old, clip = samples.log_probability, self.config.clip
        loss = clipped_policy_loss(log_probability, old, samples.advantage, clip)
        now = log_probability.detach()
        return loss, (approximate_kl(now, old), clip_fraction(now, old, clip))
