"""Several processes that train one network: each on frames of its own, all by the mean of their gradients."""

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

T = TypeVar("T")
_PATIENCE = timedelta(minutes=10)  # for a process that says nothing


class Processes:
    """The processes that train together; one, where nobody has started several.

    Attributes:
        rank: number of this one; 0 leads: it writes, and its clock counts.
        count: how many there are.
    """

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank, self.count = rank, count

    @classmethod
    def joined(cls, device: torch.device) -> "Processes":
        """Join the others that `torchrun` has started, if it has; each takes the GPU of its number."""
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count < 2:
            return cls()
        if device.type == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        backend = "nccl" if device.type == "cuda" else "gloo"
        distributed.init_process_group(backend, timeout=_PATIENCE)
        return cls(distributed.get_rank(), count)

    def leave(self) -> None:
        """Part from the others."""
        if self.count > 1:
            distributed.destroy_process_group()

    def mean(self, report: Tensor, network: nn.Module) -> Tensor:
        """Give every parameter the mean of all processes' gradients; returns the mean of what they report."""
        if self.count == 1:
            return report
        gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
        flat = torch.cat([report.flatten(), *(gradient.flatten() for gradient in gradients)])
        distributed.all_reduce(flat)
        flat /= self.count
        parts = flat.split([report.numel(), *(gradient.numel() for gradient in gradients)])
        for gradient, part in zip(gradients, parts[1:], strict=True):
            gradient.copy_(part.view(gradient.shape))
        return parts[0].view(report.shape).clone()

    def agreed(self, numbers: Sequence[float]) -> list[float]:
        """The leader's numbers."""
        if self.count == 1:
            return list(numbers)
        told: list[Any] = [list(numbers)]
        distributed.broadcast_object_list(told)
        return told[0]

    def gathered(self, part: T) -> list[T]:
        """What every process gives, in the order of their ranks."""
        if self.count == 1:
            return [part]
        parts: list[Any] = [None] * self.count
        distributed.all_gather_object(parts, part)
        return parts
