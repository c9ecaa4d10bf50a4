"""A network that learns and its Polyak average: one step of Adam at a time, and what came of it."""

from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from agents.agent import NonFiniteLossError
from agents.formulas.value_learning import polyak_average
from agents.networks import flatten_parameters
from agents.q_config import ScoreConfig
from vision.formulas.optimisers import ADAM, adam_step_

Reading = tuple[float | Tensor, ...]
"""Loss, mean target and length of the gradient: on a processor numbers, else tensors not waited for."""


class Twins:
    """The parameters of two networks of one shape, each in one buffer that the network looks into.

    Attributes:
        flat, gradient: of the online network; a backward pass fills the second.
        averaged_flat: of the averaged one.
        env_steps: environment steps taken; whoever owns the twins counts.
        updates: steps of Adam taken.

    Source: document 004 §4.1.3 (Adam); arXiv:1509.02971 for the average.
    """

    def __init__(self, config: ScoreConfig, online: nn.Module, averaged: nn.Module):
        self.config, self.online, self.averaged = config, online, averaged
        parameter = flatten_parameters(online)
        self.flat, self.gradient = parameter.detach(), cast(Tensor, parameter.grad)
        self.averaged_flat = flatten_parameters(averaged).detach()
        self.constants = ADAM._replace(epsilon=config.adam_epsilon)
        self.moments = torch.zeros_like(self.flat), torch.zeros_like(self.flat)
        self.env_steps = 0
        self.updates = 0
        self.readings: list[Reading] = []  # of each update since a report

    @property
    def learning_rate(self) -> float:
        """The step size now."""
        steps = self.config.learning_rate_steps
        share = min(self.env_steps / steps, 1.0) if steps else 0.0
        return self.config.learning_rate * (1.0 - 0.9 * share)

    def step(self, loss: float | Float[Tensor, ""], target: float | Float[Tensor, ""]) -> None:
        """Adam along the shortened gradient, then the average; both numbers are kept to be told."""
        config = self.config
        norm, scale = self._shortened()
        self.updates += 1
        rate = self.learning_rate
        adam_step_(self.flat, self.gradient, *self.moments, self.updates, rate, self.constants, scale)
        if self.updates % config.average_every == 0:
            polyak_average(self.averaged_flat, self.flat, config.polyak, out=self.averaged_flat)
        self.readings.append((_number(loss), _number(target), norm))

    def report(self, told: str = "target") -> dict[str, float]:
        """Updates so far, and means over those since the last report: here the device is waited for.

        `told` is what the second number of each `step` is called.

        Raises:
            NonFiniteLossError: a loss since the last report was not finite.
        """
        readings = self._finite_readings()
        self.readings.clear()
        names = ("loss", told, "gradient_norm")
        means = dict(zip(names, readings.mean(0).tolist(), strict=True)) if len(readings) else {}
        return {"updates": float(self.updates)} | means

    def state_dict(self) -> dict[str, Any]:
        """Networks, moments and counters.

        Raises:
            NonFiniteLossError: the networks are spoilt.
        """
        return {
            "online": self.online.state_dict(),
            "averaged": self.averaged.state_dict(),
            "moments": self.moments,
            "env_steps": self.env_steps,
            "updates": self.updates,
            "readings": self._finite_readings(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.online.load_state_dict(state["online"])
        self.averaged.load_state_dict(state["averaged"])
        for moment, saved in zip(self.moments, state["moments"], strict=True):
            moment.copy_(saved)
        self.env_steps, self.updates = state["env_steps"], state["updates"]
        self.readings = [tuple(reading) for reading in state["readings"].to(self.flat.device)]

    def _shortened(self) -> tuple[float | Tensor, float | Tensor]:
        """The length of the gradient, and what brings it to the longest that is followed."""
        norm, longest = torch.linalg.vector_norm(self.gradient), self.config.max_grad_norm
        if norm.device.type == "cpu":
            length = float(norm)
            return length, min(longest / (length + 1e-6), 1.0)
        return norm, (longest / (norm + 1e-6)).clamp_(max=1.0)

    def _finite_readings(self) -> Float[Tensor, "U 3"]:
        columns = [
            torch.stack([torch.as_tensor(value) for value in column])
            for column in zip(*self.readings, strict=True)
        ]
        readings = torch.stack(columns, 1).cpu() if columns else torch.zeros(0, 3)
        spoilt = (~readings[:, 0].isfinite()).nonzero()
        if len(spoilt):
            raise NonFiniteLossError(self.env_steps, self.updates - len(readings) + int(spoilt[0]) + 1)
        return readings


def _number(value: float | Tensor) -> float | Tensor:
    """A number where that needs no waiting for a device."""
    if isinstance(value, Tensor):
        value = value.detach()
        return value.item() if value.device.type == "cpu" else value
    return value
