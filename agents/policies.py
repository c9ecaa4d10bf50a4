"""Networks that choose by chance: a distribution over actions, and the value of what they see."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from gymnasium import Space, spaces
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from agents.formulas.policy_gradient import (
    categorical_entropy,
    categorical_log_probability,
    gaussian_entropy,
    gaussian_log_probability,
)
from agents.networks import linear, make_encoder
from agents.normalisation import RunningMoments

SMALL_GAIN = 0.01  # of the last layer of a policy: it begins with hardly a preference


class CategoricalHead(nn.Module):
    """One logit for each action of a Discrete space.

    What it chooses is counted from 0, whatever the space begins with.
    """

    def __init__(self, space: spaces.Discrete, inputs: int, generator: torch.Generator):
        super().__init__()
        self.choices = spaces.Discrete(int(space.n))
        self.first_action = int(space.start)
        self.layer = linear(inputs, int(space.n), generator, SMALL_GAIN)

    def forward(self, hidden: Float[Tensor, "B H"]) -> Float[Tensor, "B A"]:
        """The logits."""
        return self.layer(hidden).float()  # under autocast they come in bfloat16

    def log_probability(self, logits: Float[Tensor, "B A"], choice: Int[Tensor, " B"]) -> Float[Tensor, " B"]:
        """How likely each choice is."""
        return categorical_log_probability(logits, choice)

    def entropy(self, logits: Float[Tensor, "B A"]) -> Float[Tensor, ""]:
        """How undecided the policy is, on average over the rows."""
        return categorical_entropy(logits).mean()

    def sample(
        self, logits: Float[np.ndarray, "N A"], generator: np.random.Generator
    ) -> Int[np.ndarray, " N"]:
        """Draw a choice for each row, by inverting the cumulative distribution."""
        odds = np.exp((logits - logits.max(1, keepdims=True)).astype(np.float64))
        cumulative = odds.cumsum(1)
        drawn = generator.random((len(logits), 1)) * cumulative[:, -1:]  # always less than the last one
        return (cumulative <= drawn).sum(1)

    def mode(self, logits: Float[np.ndarray, "N A"]) -> Int[np.ndarray, " N"]:
        """The likeliest choice of each row."""
        return logits.argmax(1)

    def action(self, choice: Int[np.ndarray, " N"]) -> Int[np.ndarray, " N"]:
        """The choice as the environment knows it."""
        return choice + self.first_action


class GaussianHead(nn.Module):
    """A Gaussian for each number of a Box: its mean depends on the state, its deviation does not.

    A choice is measured in half-widths of the bounds from their middle, and in plain numbers where there is a
    bound missing. One outside the bounds is drawn, and learnt from, as it is; the environment is handed what
    lies nearest inside.
    """

    def __init__(self, space: spaces.Box, inputs: int, generator: torch.Generator):
        super().__init__()
        self.space = space
        size = int(np.prod(space.shape))
        self.choices = spaces.Box(-np.inf, np.inf, (size,), np.float32)
        with np.errstate(over="ignore"):  # bounds of the largest numbers are none
            bounded = np.isfinite(space.high - space.low)
        low, high = np.where(bounded, space.low, -1.0), np.where(bounded, space.high, 1.0)
        self.middle, self.half_width = (high + low) / 2, (high - low) / 2
        self.layer = linear(inputs, size, generator, SMALL_GAIN)
        self.log_std = nn.Parameter(torch.zeros(size))

    def forward(self, hidden: Float[Tensor, "B H"]) -> Float[Tensor, "B D"]:
        """The means."""
        return self.layer(hidden).float()  # under autocast they come in bfloat16

    def log_probability(
        self, mean: Float[Tensor, "B D"], choice: Float[Tensor, "B D"]
    ) -> Float[Tensor, " B"]:
        """How likely each choice is."""
        return gaussian_log_probability(mean, self.log_std, choice)

    def entropy(self, mean: Float[Tensor, "B D"]) -> Float[Tensor, ""]:
        """How undecided the policy is, in every state."""
        return gaussian_entropy(self.log_std)

    def sample(
        self, mean: Float[np.ndarray, "N D"], generator: np.random.Generator
    ) -> Float[np.ndarray, "N D"]:
        """Draw a choice for each row."""
        deviation = np.exp(self.log_std.detach().cpu().numpy())
        return mean + deviation * generator.standard_normal(mean.shape, dtype=np.float32)

    def mode(self, mean: Float[np.ndarray, "N D"]) -> Float[np.ndarray, "N D"]:
        """The likeliest choice of each row."""
        return mean

    def action(self, choice: Float[np.ndarray, "N D"]) -> Shaped[np.ndarray, "N ..."]:
        """The choice as the environment knows it."""
        space = self.space
        action = self.middle + self.half_width * choice.reshape(-1, *space.shape)
        return action.clip(space.low, space.high).astype(space.dtype)


Head = CategoricalHead | GaussianHead


class Tower(nn.Module):
    """Hidden layers with tanh."""

    def __init__(self, sizes: Sequence[int], generator: torch.Generator):
        super().__init__()
        self.layers = nn.ModuleList(linear(before, after, generator) for before, after in pairwise(sizes))

    def forward(self, hidden: Float[Tensor, "B D"]) -> Float[Tensor, "B H"]:
        """Layer by layer."""
        for layer in self.layers:
            hidden = layer(hidden).tanh_()
        return hidden


class PolicyNetwork(nn.Module):
    """One encoder; on it two towers of hidden layers, one for the policy and one for the value.

    With `normalise`, numbers that are neither bytes nor one-hot come in deviations from their running mean.

    Raises:
        ValueError: there is no encoder for such observations, or no distribution over such actions.
    """

    def __init__(
        self,
        observation_space: Space,
        action_space: Space,
        hidden_sizes: Sequence[int],
        generator: torch.Generator,
        normalise: bool = False,
    ):
        super().__init__()
        self.single = not isinstance(observation_space, spaces.Dict)
        self.encoder = make_encoder(observation_space, generator)
        self.moments = _moments(observation_space) if normalise else {}
        self.all_moments = nn.ModuleList(self.moments.values())  # so that they are part of the state
        sizes = (self.encoder.size, *hidden_sizes)
        self.policy_tower = Tower(sizes, generator)
        self.value_tower = Tower(sizes, generator)
        self.head = make_head(action_space, sizes[-1], generator)
        self.value_layer = linear(sizes[-1], 1, generator, 1.0)

    def forward(self, obs: dict[str, Tensor]) -> tuple[Float[Tensor, "B P"], Float[Tensor, " B"]]:
        """What the head makes of each row, and the row's value V(s).

        An observation that is one array comes under the name `obs`.
        """
        encoded = self._encode(obs)
        value = self.value_layer(self.value_tower(encoded)).squeeze(-1).float()
        return self.head(self.policy_tower(encoded)), value

    def policy(self, obs: dict[str, Tensor]) -> Float[Tensor, "B P"]:
        """What the head makes of each row, without its value."""
        return self.head(self.policy_tower(self._encode(obs)))

    @property
    def is_measured(self) -> bool:
        """Whether something has been seen of all that is to be normalised."""
        return all(int(moments.count) > 0 for moments in self.moments.values())

    def update_moments(self, obs: dict[str, Tensor]) -> None:
        """Take rows into the running means."""
        for name, moments in self.moments.items():
            moments.update(obs[name])

    def _encode(self, obs: dict[str, Tensor]) -> Float[Tensor, "B D"]:
        if self.moments:
            obs = obs | {name: moments(obs[name]) for name, moments in self.moments.items()}
        return self.encoder(obs["obs"] if self.single else obs)


def make_head(space: Space, inputs: int, generator: torch.Generator) -> Head:
    """The distribution that fits an action space.

    Raises:
        ValueError: there is none.
    """
    if isinstance(space, spaces.Discrete):
        return CategoricalHead(space, inputs, generator)
    if isinstance(space, spaces.Box) and np.issubdtype(space.dtype, np.floating):
        return GaussianHead(space, inputs, generator)
    raise ValueError(f"no distribution over actions of {space}: Discrete, or a Box of floats, would fit")


def _moments(space: Space) -> dict[str, RunningMoments]:
    """Running moments for each part that is a Box of numbers with a point."""
    parts = dict(space.items()) if isinstance(space, spaces.Dict) else {"obs": space}
    return {
        name: RunningMoments(int(np.prod(part.shape)))
        for name, part in sorted(parts.items())
        if isinstance(part, spaces.Box) and np.issubdtype(part.dtype, np.floating)
    }
