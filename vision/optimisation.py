"""What training carries beside the weights: their running average, and the optimiser's moments by name."""

import copy
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

NetworkT = TypeVar("NetworkT", bound=nn.Module)


class WeightAverage(Generic[NetworkT]):
    """θ̄ ← d θ̄ + (1 − d) θ over parameters and normalisation statistics, d = min(decay, (1 + n) / (10 + n)).

    The rising d lets the first updates be forgotten.
    Source: Polyak and Juditsky (1992), in its exponential form.
    """

    def __init__(self, network: NetworkT, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._decay = decay
        self._averages, self._sources = _floating(self.network), _floating(network)

    @torch.no_grad()
    def update(self, count: int) -> None:
        """Take in the weights as they are after update number `count`."""
        decay = min(self._decay, (1 + count) / (10 + count))
        for average, source in zip(self._averages, self._sources, strict=True):
            average.lerp_(source, 1 - decay)


def build_optimiser(network: nn.Module, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW that decays matrices and kernels, but neither biases nor normalisation."""
    parameters = list(network.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, fused=True)


def set_learning_rate(optimiser: torch.optim.Optimizer, learning_rate: float) -> None:
    """Use `learning_rate` from the next update on."""
    for group in optimiser.param_groups:
        group["lr"] = learning_rate


def named_moments(optimiser: torch.optim.Optimizer, network: nn.Module) -> dict[str, dict[str, Tensor]]:
    """The optimiser's state under the names of the network's parameters."""
    return {
        name: {key: value.clone() for key, value in optimiser.state[parameter].items()}
        for name, parameter in network.named_parameters()
        if parameter in optimiser.state
    }


def restore_moments(
    optimiser: torch.optim.Optimizer, network: nn.Module, moments: dict[str, dict[str, Any]]
) -> None:
    """Put back what `named_moments` gave."""
    optimiser.state.clear()
    for name, parameter in network.named_parameters():
        if name in moments:
            optimiser.state[parameter] = {key: value.clone() for key, value in moments[name].items()}


def _floating(network: nn.Module) -> list[Tensor]:
    tensors = [*network.parameters(), *network.buffers()]
    return [tensor.detach() for tensor in tensors if tensor.is_floating_point()]
