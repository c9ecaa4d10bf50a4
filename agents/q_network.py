"""Networks of action values: one number for each action, or the numbers of a distribution."""

from math import sqrt

import torch
from gymnasium import Space, spaces
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from agents.devices import moved
from agents.formulas.distributional import cosine_features
from agents.formulas.exploration import factorised_noise, signed_root
from agents.formulas.value_learning import dueling_values
from agents.networks import linear, make_encoder
from agents.q_config import QNetworkConfig

COSINES = 64  # features of a fraction, as in arXiv:1806.06923
NOISE = 0.5  # σ₀ of arXiv:1706.10295


class NoisyLinear(nn.Module):
    """A dense layer whose weights are a mean and a learnt share of noise; without noise until it is drawn.

    Source: arXiv:1706.10295.
    """

    def __init__(self, inputs: int, outputs: int, generator: torch.Generator, gain: float = sqrt(2)):
        super().__init__()
        mean = linear(inputs, outputs, generator, gain)
        self.weight, self.bias = mean.weight, mean.bias
        self.weight_scale = nn.Parameter(torch.full((outputs, inputs), NOISE / sqrt(inputs)))
        self.bias_scale = nn.Parameter(torch.full((outputs,), NOISE / sqrt(inputs)))
        self.noise: tuple[Tensor, Tensor] | None = None

    def draw(self, generator: torch.Generator | None) -> None:
        """Draw new noise; None takes it away."""
        self.noise = None
        if generator is not None:
            outputs, inputs = self.weight.shape
            before, after = torch.randn(inputs + outputs, generator=generator).split((inputs, outputs))
            before, after = (moved(noise, self.weight.device) for noise in (before, after))
            self.noise = factorised_noise(before, after), signed_root(after)

    def forward(self, inputs: Float[Tensor, "*B I"]) -> Float[Tensor, "*B O"]:
        """(μ_w + σ_w ⊙ ε_w) x + μ_b + σ_b ⊙ ε_b."""
        weight, bias = self.weight, self.bias
        if self.noise is not None:
            weight = weight + self.weight_scale * self.noise[0]
            bias = bias + self.bias_scale * self.noise[1]
        return functional.linear(inputs, weight, bias)


class Stack(nn.Module):
    """Dense layers with ReLU between them, and after the last one where it is no output."""

    def __init__(
        self, sizes: tuple[int, ...], config: QNetworkConfig, generator: torch.Generator, outputs: bool
    ):
        super().__init__()
        kind = NoisyLinear if config.noisy else linear
        last = len(sizes) - 2 if outputs else len(sizes)
        self.layers = nn.ModuleList()  # each before its norm: the order of `vision.formulas.perceptron`
        for index, (before, after) in enumerate(zip(sizes, sizes[1:], strict=False)):
            normed = config.layer_norm and index != last
            self.layers.append(kind(before, after, generator, 1.0 if index == last else sqrt(2)))
            self.layers.append(nn.LayerNorm(after) if normed else nn.Identity())
        self.last = last

    def forward(self, hidden: Float[Tensor, "*B I"]) -> Float[Tensor, "*B O"]:
        """Layer by layer."""
        for index in range(len(self.layers) // 2):
            hidden = self.layers[2 * index + 1](self.layers[2 * index](hidden))
            hidden = hidden if index == self.last else hidden.relu_()
        return hidden


class QNetwork(nn.Module):
    """Action values: an encoder, hidden layers, then `size` numbers for each action.

    With dueling streams the last hidden layer is there twice, for the value and for the advantages
    (arXiv:1511.06581). With implicit quantiles the features of the state are multiplied by those of a
    fraction before the last hidden layer (arXiv:1806.06923).
    """

    def __init__(
        self,
        space: Space,
        num_actions: int,
        size: int,
        config: QNetworkConfig,
        generator: torch.Generator,
    ):
        super().__init__()
        self.single = not isinstance(space, spaces.Dict)
        self.num_actions, self.size, self.implicit = num_actions, size, config.implicit
        self.encoder = make_encoder(space, generator, config.encoder)
        sizes = (self.encoder.size, *config.hidden_sizes)
        split = len(sizes) - 1 if len(sizes) > 1 else 1
        self.trunk = Stack(sizes[:split], config, generator, outputs=False)
        numbers = 1 if config.implicit else size
        branch = (sizes[split - 1], *sizes[split:])
        self.advantage = Stack((*branch, num_actions * numbers), config, generator, outputs=True)
        self.value = Stack((*branch, numbers), config, generator, outputs=True) if config.dueling else None
        self.fraction = linear(COSINES, branch[0], generator) if config.implicit else None

    def forward(
        self, obs: dict[str, Tensor], fractions: Float[Tensor, "B K"] | None = None
    ) -> Float[Tensor, "B A K"]:
        """The K numbers of every action; an observation that is one array comes under the name `obs`.

        `fractions` says at which quantiles, where they are implicit.
        """
        hidden = self.trunk(self.encoder(obs["obs"] if self.single else obs))
        if self.fraction is not None:
            assert fractions is not None
            features = self.fraction(cosine_features(fractions, COSINES)).relu_()
            hidden = hidden.unsqueeze(1) * features
        return self._numbers(hidden).float()  # under autocast they come in bfloat16

    def draw(self, generator: torch.Generator | None) -> None:
        """Draw new noise in every noisy layer; None takes it away."""
        for layer in self.modules():
            if isinstance(layer, NoisyLinear):
                layer.draw(generator)

    def _numbers(self, hidden: Float[Tensor, "*B H"]) -> Float[Tensor, "B A K"]:
        advantage = self.advantage(hidden)
        if self.implicit:
            advantage = advantage.transpose(1, 2)
        else:
            advantage = advantage.unflatten(-1, (self.num_actions, self.size))
        if self.value is None:
            return advantage
        value = self.value(hidden).squeeze(-1) if self.implicit else self.value(hidden)
        return dueling_values(value, advantage)
