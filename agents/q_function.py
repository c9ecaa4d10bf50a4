"""A network of action values as a learner holds it: parameters in one buffer, forward and backward."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from agents.q_config import QNetworkConfig
from agents.q_network import QNetwork
from vision.formulas.perceptron import NormedPerceptron, Perceptron


class QFunction:
    """Evaluates a network, and takes the slope of a loss back through it.

    A network of plain dense layers on the processor is evaluated by the documents' own two passes
    (`vision.formulas.perceptron`), which need a third less time than automatic differentiation.

    Args:
        network: what is evaluated.
        flat: all its parameters, as one tensor that it looks into.
        gradient: their slopes, likewise; `backward` fills it.
        config: the network's shape.
        autocast: whether to compute in bfloat16 where that is safe.
    """

    def __init__(
        self,
        network: QNetwork,
        flat: Float[Tensor, " P"],
        gradient: Float[Tensor, " P"],
        config: QNetworkConfig,
        autocast: bool = False,
    ):
        self.network, self.flat, self.gradient = network, flat, gradient
        self.autocast = autocast
        self.perceptron = None
        if not autocast and _is_plain(network, config) and self.flat.device.type == "cpu":
            sizes = network.encoder.size, *config.hidden_sizes, network.num_actions * network.size
            kind = NormedPerceptron if config.layer_norm else Perceptron
            self.perceptron = kind(sizes, self.flat, self.gradient)
        self._encode: Callable[[Any], Tensor] = network.encoder.forward
        self._numbers: Tensor | None = None  # with the graph behind them

    def __call__(
        self, obs: dict[str, Tensor], fractions: Float[Tensor, "B K"] | None = None
    ) -> Float[Tensor, "B A K"]:
        """The numbers of every action; the next call with as many rows may overwrite them."""
        if self.perceptron is not None:
            return self._evaluate(obs, fractions)
        with torch.no_grad():
            return self._evaluate(obs, fractions)

    def forward(
        self, obs: dict[str, Tensor], fractions: Float[Tensor, "B K"] | None = None
    ) -> Float[Tensor, "B A K"]:
        """As a call, and `backward` may follow; the numbers carry no graph of their own."""
        if self.perceptron is not None:
            return self(obs, fractions)
        with torch.enable_grad():
            self._numbers = self._evaluate(obs, fractions)
        return self._numbers.detach()

    def backward(self, gradient: Float[Tensor, "B A K"]) -> None:
        """Write a loss's slope at all parameters, from its slope at the numbers of the last `forward`."""
        if self.perceptron is not None:
            self.perceptron.backward(gradient.flatten(1))
            return
        assert self._numbers is not None
        self.gradient.zero_()
        self._numbers.backward(gradient)
        self._numbers = None

    def encode(self, obs: dict[str, Tensor]) -> Float[Tensor, "B D"]:
        """What the perceptron sees."""
        return self._encode(obs["obs"] if self.network.single else obs)

    def _evaluate(self, obs: dict[str, Tensor], fractions: Tensor | None) -> Tensor:
        network = self.network
        if self.perceptron is not None:
            outputs = self.perceptron.forward(self.encode(obs))
            return outputs.view(-1, network.num_actions, network.size)
        with torch.autocast(self.flat.device.type, torch.bfloat16, enabled=self.autocast):
            return network(obs, fractions)


def _is_plain(network: QNetwork, config: QNetworkConfig) -> bool:
    special = config.dueling or config.noisy or config.implicit
    return not special and not any(True for _ in network.encoder.parameters())
