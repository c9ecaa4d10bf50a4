"""How the weights move: the optimisers, their state by name, and the running average of the weights."""

import copy
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from vision.formulas.optimisers import orthogonalised
from vision.networks import PerceptionNetwork

NetworkT = TypeVar("NetworkT", bound=nn.Module)


class Muon:
    """Momentum whose step for each kernel is made orthogonal: M ← μ M + (1 − μ) G; W ← W − α r U Vᵀ.

    U Vᵀ is that of (1 − μ) G + μ M, a kernel (out, in, h, w) being taken as a matrix (out, in·h·w), and
    r = √max(1, rows / columns). On small networks it needs about half of AdamW's updates.
    Source: Jordan et al. (2024), "Muon: an optimizer for hidden layers in neural networks".
    """

    def __init__(self, kernels: Sequence[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        self.param_groups: list[dict[str, Any]] = [{"params": list(kernels), "lr": lr}]
        self.state: dict[Tensor, dict[str, Tensor]] = {}
        self._momentum = momentum

    @torch.no_grad()
    def step(self) -> None:
        """Move every kernel that has a gradient."""
        for group in self.param_groups:
            for kernel in group["params"]:
                if kernel.grad is not None:
                    self._move(kernel, kernel.grad, group["lr"])

    def _move(self, parameter: Tensor, gradient: Tensor, lr: float) -> None:
        state = self.state.setdefault(parameter, {})
        average = state.setdefault("average", torch.zeros_like(parameter))
        average.lerp_(gradient, 1 - self._momentum)
        direction = orthogonalised(gradient.lerp(average, self._momentum).flatten(1))
        rows, columns = direction.shape
        parameter.add_(direction.view_as(parameter), alpha=-lr * max(1.0, rows / columns) ** 0.5)


_NEWEST = 0.02  # share of the newest length in the running mean
Optimiser = Muon | torch.optim.AdamW


class GradientClip:
    """Shortens gradients that are much longer than usual: one odd batch throws no network back.

    Args:
        network: whose gradients.
        times: the usual length that a gradient is shortened to, once it is longer.
        device: where the network is.

    Attributes:
        usual: () running mean of the gradients' lengths, as shortened; 0 before the first.
    """

    def __init__(self, network: nn.Module, times: float, device: torch.device) -> None:
        self._parameters, self._times = list(network.parameters()), times
        self.usual = torch.zeros((), device=device)

    @torch.no_grad()
    def shorten(self) -> None:
        """Shorten the gradients that are there, together."""
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        length = torch.nn.utils.get_total_norm(gradients)
        begun = self.usual > 0
        longest = torch.where(begun, self._times * self.usual, length)
        scale = (longest / length.clamp(min=1e-12)).clamp(max=1.0)
        for gradient in gradients:
            gradient.mul_(scale)
        self.usual.copy_(torch.where(begun, self.usual.lerp(length * scale, _NEWEST), length))


class WeightAverage(Generic[NetworkT]):
    """θ̄ ← d θ̄ + (1 − d) θ over the parameters, d = min(decay, (1 + n) / (10 + n)).

    The rising d lets the first updates be forgotten.
    Source: Polyak and Juditsky (1992), in its exponential form.
    """

    def __init__(self, network: NetworkT, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._decay = decay
        self._pairs = list(zip(self.network.parameters(), network.parameters(), strict=True))

    @torch.no_grad()
    def update(self, count: int) -> None:
        """Take in the weights as they are after update number `count`."""
        decay = min(self._decay, (1 + count) / (10 + count))
        for average, parameter in self._pairs:
            average.lerp_(parameter, 1 - decay)


def build_optimisers(
    network: PerceptionNetwork, rates: tuple[float, float], weight_decay: float
) -> list[Optimiser]:
    """Muon for the hidden kernels, AdamW for what is left: biases, the first layer, the heads.

    Args:
        network: what they move.
        rates: largest learning rates of Muon and of AdamW.
        weight_decay: of AdamW; biases are not decayed.
    """
    muon_rate, adamw_rate = rates
    hidden = network.hidden_kernels()
    known = {id(parameter) for parameter in hidden}
    others = [parameter for parameter in network.parameters() if id(parameter) not in known]
    groups = [
        {"params": [parameter for parameter in others if parameter.ndim > 1], "weight_decay": weight_decay},
        {"params": [parameter for parameter in others if parameter.ndim <= 1], "weight_decay": 0.0},
    ]
    optimisers: list[Optimiser] = [
        Muon(hidden, muon_rate),
        torch.optim.AdamW(groups, lr=adamw_rate, fused=True),
    ]
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["largest_lr"] = group["lr"]
    return optimisers


def scale_learning_rates(optimisers: Sequence[Optimiser], fraction: float) -> None:
    """Use `fraction` of the largest learning rates from the next update on."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = fraction * group["largest_lr"]


def named_moments(optimisers: Sequence[Optimiser], network: nn.Module) -> dict[str, dict[str, Tensor]]:
    """The optimisers' state under the names of the network's parameters."""
    return {
        name: {key: value.clone() for key, value in optimiser.state[parameter].items()}
        for name, parameter in network.named_parameters()
        for optimiser in optimisers
        if parameter in optimiser.state
    }


def restore_moments(
    optimisers: Sequence[Optimiser], network: nn.Module, moments: dict[str, dict[str, Any]]
) -> None:
    """Put back what `named_moments` gave."""
    parameters = dict(network.named_parameters())
    for optimiser in optimisers:
        optimiser.state.clear()
        owned = {parameter for group in optimiser.param_groups for parameter in group["params"]}
        for name, state in moments.items():
            parameter = parameters[name]
            if parameter in owned:
                optimiser.state[parameter] = {
                    key: _laid_out_like(parameter, value) for key, value in state.items()
                }


def _laid_out_like(parameter: Tensor, value: Tensor) -> Tensor:
    """A copy of a moment in the memory layout of its parameter: another order of sums would be other bits."""
    if value.shape != parameter.shape:
        return value.to(parameter.device, copy=True)
    return torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)
