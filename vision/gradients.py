"""Gradients of a batch, computed part by part in threads of their own."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vision.data import TensorBatch

Losses = Callable[[TensorBatch], tuple[Tensor, Tensor]]
"""Gives what is minimised on a batch (a mean over it), and what is to be reported."""


class GradientWorkers:
    """Cuts each batch into parts and computes their gradients at the same time, one thread for each part.

    Convolutions of small networks gain little from threads inside each operation, which wait for one another
    hundreds of times an update, and lose everything where another process holds a core; these threads wait
    once. The parts are added in their order, so that the bits do not depend on the threads' timing.
    Give torch itself one thread.
    """

    def __init__(self, parts: int) -> None:
        self._parts = parts
        self._pool = ThreadPoolExecutor(parts - 1, "gradients") if parts > 1 else None

    def compute(self, losses: Losses, batch: TensorBatch, network: nn.Module) -> Tensor:
        """Put the gradient of the batch's mean loss into the parameters; returns what `losses` reports."""
        parameters = list(network.parameters())
        shares = _cut(batch, self._parts)
        first, *others = shares
        futures = [self._submit(losses, share, parameters) for share in others]
        results = [_gradients(losses, first, parameters), *(future.result() for future in futures)]
        weights = [len(share.frames) / len(batch.frames) for share in shares]
        for column, parameter in enumerate(parameters):
            parameter.grad = _weighted_sum([result.gradients[column] for result in results], weights)
        return torch.stack([w * result.report for w, result in zip(weights, results, strict=True)]).sum(0)

    def _submit(self, losses: Losses, share: TensorBatch, parameters: Sequence[Tensor]) -> "Future[_Result]":
        assert self._pool is not None  # there is a second share only if there is a second part
        return self._pool.submit(_gradients, losses, share, parameters)


class _Result(NamedTuple):
    report: Tensor
    gradients: tuple[Tensor | None, ...]


def _gradients(losses: Losses, batch: TensorBatch, parameters: Sequence[Tensor]) -> _Result:
    loss, report = losses(batch)
    return _Result(report.detach(), torch.autograd.grad(loss, parameters, allow_unused=True))


def _cut(batch: TensorBatch, parts: int) -> list[TensorBatch]:
    """At most `parts` batches of about the same size, in order."""
    count = min(parts, len(batch.frames))
    columns = [tensor.tensor_split(count) for tensor in batch if tensor is not None]
    return [TensorBatch(*share) for share in zip(*columns, strict=True)]


def _weighted_sum(tensors: Sequence[Tensor | None], weights: Sequence[float]) -> Tensor | None:
    total: Tensor | None = None
    for tensor, weight in zip(tensors, weights, strict=True):
        if tensor is not None:
            total = tensor * weight if total is None else total.add_(tensor, alpha=weight)
    return total
