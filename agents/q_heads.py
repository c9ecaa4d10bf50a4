"""What a network's K numbers of an action say about its return: its mean, odds of atoms, or quantiles.

Each kind knows the value that it stands for, the target that follows from what comes next, and the loss
between the two. What comes next is a mixture over M actions: one for a hard maximum, all for a soft policy.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from agents.formulas.distributional import (
    categorical_loss,
    categorical_projection,
    categorical_support,
    expected_value,
    quantile_huber_loss,
    quantile_midpoints,
)
from agents.q_config import DQNConfig


class Following(NamedTuple):
    """What an update bootstraps from: M actions of the next state."""

    numbers: Float[Tensor, "B M K"]
    policy: Float[Tensor, "B M"] | None = None  # adds up to 1; None where there is but one action
    bonus: Float[Tensor, "B M"] | None = None  # what an action pays besides, −τ log π


class Learnt(NamedTuple):
    """What a batch tells: its loss, how surprising each row was, and the slope of the loss."""

    loss: Float[Tensor, ""]
    surprise: Float[Tensor, " B"]  # its size counts, not its sign
    gradient: Float[Tensor, "B K"]  # ∂loss / ∂numbers of the action taken


@runtime_checkable
class Head(Protocol):
    """The meaning of the K numbers of an action."""

    size: int

    def q_values(self, numbers: Float[Tensor, "B A K"]) -> Float[Tensor, "B A"]:
        """The mean return of each action."""
        ...

    def target(
        self, reward: Float[Tensor, " B"], discount: Float[Tensor, " B"], following: Following
    ) -> Float[Tensor, "B K"]:
        """What the numbers of the action taken should be."""
        ...

    def worth(self, target: Float[Tensor, "B K"]) -> Float[Tensor, ""]:
        """The mean return that a batch of targets stands for."""
        ...

    def learn(
        self,
        numbers: Float[Tensor, "B K"],
        fractions: Float[Tensor, "B K"] | None,
        target: Float[Tensor, "B K"],
        weight: Float[Tensor, " B"] | None,
    ) -> Learnt:
        """Compare the numbers of the action taken with their target."""
        ...


class MeanHead:
    """The mean return alone, learnt by Huber's loss; its slope is written out."""

    size = 1

    def q_values(self, numbers: Float[Tensor, "B A K"]) -> Float[Tensor, "B A"]:
        """The number itself."""
        return numbers.squeeze(-1)

    def target(
        self, reward: Float[Tensor, " B"], discount: Float[Tensor, " B"], following: Following
    ) -> Float[Tensor, "B K"]:
        """Target r + γ Σ_a π(a) (Q(a) + bonus(a)), the `policy_target`."""
        value = _mixed(following).squeeze(-1)
        return torch.addcmul(reward, discount, value).unsqueeze(-1)

    def worth(self, target: Float[Tensor, "B K"]) -> Float[Tensor, ""]:
        """Their mean."""
        return target.mean()

    def learn(
        self,
        numbers: Float[Tensor, "B K"],
        fractions: Float[Tensor, "B K"] | None,
        target: Float[Tensor, "B K"],
        weight: Float[Tensor, " B"] | None,
    ) -> Learnt:
        """Huber's h(δ) = c(δ − ½c) with c = clip(δ, ±1), whose slope is c, as in `td_loss_gradient`."""
        error = numbers - target
        clipped = error.clamp(-1.0, 1.0)
        slope = clipped / len(error)
        slope = slope if weight is None else slope * weight.unsqueeze(-1)
        return Learnt(torch.vdot(slope.view(-1), (error - 0.5 * clipped).view(-1)), error.view(-1), slope)


class CategoricalHead:
    """Odds of fixed atoms, given as logits. Source: arXiv:1707.06887."""

    def __init__(self, config: DQNConfig, device: torch.device):
        self.size = config.atoms
        self.atoms = categorical_support(config.lowest_value, config.highest_value, config.atoms).to(device)

    def q_values(self, numbers: Float[Tensor, "B A K"]) -> Float[Tensor, "B A"]:
        """The mean of the atoms by their odds."""
        return expected_value(numbers.softmax(-1), self.atoms)

    def target(
        self, reward: Float[Tensor, " B"], discount: Float[Tensor, " B"], following: Following
    ) -> Float[Tensor, "B K"]:
        """The odds of r + γ (z + bonus), brought back to the atoms."""
        odds, values = following.numbers.softmax(-1), self.atoms.expand_as(following.numbers)
        if following.policy is not None and following.bonus is not None:
            odds = following.policy.unsqueeze(-1) * odds
            values = values + following.bonus.unsqueeze(-1)
        support = reward[:, None, None] + discount[:, None, None] * values
        return categorical_projection(support.flatten(1), odds.flatten(1), self.atoms)

    def worth(self, target: Float[Tensor, "B K"]) -> Float[Tensor, ""]:
        """The mean of the atoms by these odds."""
        return expected_value(target, self.atoms).mean()

    def learn(
        self,
        numbers: Float[Tensor, "B K"],
        fractions: Float[Tensor, "B K"] | None,
        target: Float[Tensor, "B K"],
        weight: Float[Tensor, " B"] | None,
    ) -> Learnt:
        """Cross-entropy of the odds."""
        return _by_autograd(numbers, lambda leaf: categorical_loss(leaf, target), weight)


class QuantileHead:
    """Quantiles at the middles of K equal shares, or at the fractions asked for.

    Source: arXiv:1710.10044; arXiv:1806.06923 where the fractions are drawn.
    """

    def __init__(self, config: DQNConfig, device: torch.device):
        self.size = config.atoms
        self.midpoints = quantile_midpoints(config.atoms).to(device)

    def q_values(self, numbers: Float[Tensor, "B A K"]) -> Float[Tensor, "B A"]:
        """The mean of the quantiles."""
        return numbers.mean(-1)

    def target(
        self, reward: Float[Tensor, " B"], discount: Float[Tensor, " B"], following: Following
    ) -> Float[Tensor, "B K"]:
        """Quantiles r + γ Σ_a π(a) (θ(a) + bonus(a)), each by itself."""
        mixed = _mixed(following)
        return reward.unsqueeze(-1) + discount.unsqueeze(-1) * mixed

    def worth(self, target: Float[Tensor, "B K"]) -> Float[Tensor, ""]:
        """Their mean."""
        return target.mean()

    def learn(
        self,
        numbers: Float[Tensor, "B K"],
        fractions: Float[Tensor, "B K"] | None,
        target: Float[Tensor, "B K"],
        weight: Float[Tensor, " B"] | None,
    ) -> Learnt:
        """Huber's loss, slanted to each quantile's side."""
        at = self.midpoints.expand_as(numbers) if fractions is None else fractions
        return _by_autograd(numbers, lambda leaf: quantile_huber_loss(leaf, at, target), weight)


def make_head(config: DQNConfig, device: torch.device) -> Head:
    """The head that the configuration asks for."""
    if config.distribution == "none":
        return MeanHead()
    return (CategoricalHead if config.distribution == "categorical" else QuantileHead)(config, device)


def _mixed(following: Following) -> Float[Tensor, "B K"]:
    """Σ_a π(a) (number(a) + bonus(a)) of each number."""
    numbers = following.numbers
    if following.policy is None or following.bonus is None:
        return numbers.squeeze(1)
    return (following.policy.unsqueeze(-1) * (numbers + following.bonus.unsqueeze(-1))).sum(1)


def _by_autograd(numbers: Tensor, loss_of_rows: Callable[[Tensor], Tensor], weight: Tensor | None) -> Learnt:
    """The slope of a loss by automatic differentiation, no further than to the numbers."""
    with torch.enable_grad():
        leaf = numbers.detach().requires_grad_()
        rows = loss_of_rows(leaf)
        loss = (rows if weight is None else rows * weight).mean()
        (gradient,) = torch.autograd.grad(loss, leaf)
    return Learnt(loss.detach(), rows.detach(), gradient)
