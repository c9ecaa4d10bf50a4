"""Labelled frames: what a source of them must offer, and a thread that keeps one batch ahead."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor


class LabelledBatch(NamedTuple):
    """Frames with their labels; row i of each belongs to the same moment.

    Depth [m] and instances, 0 where a pixel is of none, are there where a source was asked for whole scenes.
    """

    frames: UInt8[np.ndarray, "B H W C"]
    semantic: UInt8[np.ndarray, "B H W"]
    pose: Float32[np.ndarray, "B P"]
    depth: Float32[np.ndarray, "B H W"] | None = None
    instances: UInt8[np.ndarray, "B H W"] | None = None


class TensorBatch(NamedTuple):
    """A labelled batch on the device that trains."""

    frames: UInt8[Tensor, "B H W C"]
    semantic: UInt8[Tensor, "B H W"]
    pose: Float32[Tensor, "B P"]
    depth: Float32[Tensor, "B H W"] | None = None
    instances: UInt8[Tensor, "B H W"] | None = None


@runtime_checkable
class LabelledSource(Protocol):
    """An endless stream of labelled batches that can be stopped and continued."""

    def next_batch(self) -> tuple[np.ndarray, ...]:
        """The parts of a `LabelledBatch`, in arrays that are not written again."""
        ...

    def schema(self) -> dict[str, Any]:
        """The camera and the labels: see `vision.schema`."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to give the same next batch, bit for bit."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state` was taken."""
        ...


class PrefetchedSource:
    """A source whose next batch is computed in one thread while the caller works on the last.

    The order is the source's own. `state_dict` is the source's state after the last batch handed out,
    whatever the thread has computed since. A failure of the source is raised by the `next_batch` that would
    have returned its batch.
    """

    def __init__(self, source: LabelledSource) -> None:
        self._source = source
        self._pool = ThreadPoolExecutor(1, "labelled-batches")
        self._state = source.state_dict()
        self._ahead: Future[tuple[LabelledBatch, dict[str, Any]]] | None = None

    def __enter__(self) -> "PrefetchedSource":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def next_batch(self) -> tuple[np.ndarray, ...]:
        """The next batch of the source; starts the one after it."""
        ahead = self._ahead or self._pool.submit(self._compute)
        self._ahead = None
        batch, self._state = ahead.result()
        self._ahead = self._pool.submit(self._compute)
        return tuple(part for part in batch if part is not None)

    def schema(self) -> dict[str, Any]:
        """The schema of the source."""
        return self._source.schema()

    def state_dict(self) -> dict[str, Any]:
        """The state of the source as of the last batch handed out."""
        return self._state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue the source from `state`; what was computed ahead is dropped."""
        self._wait()
        self._source.load_state_dict(state)
        self._state = self._source.state_dict()

    def close(self) -> None:
        """End the thread; the source itself is left as of the last batch handed out."""
        self._wait()
        self._source.load_state_dict(self._state)
        self._pool.shutdown()

    def _wait(self) -> None:
        if self._ahead is not None:
            self._ahead.exception()
            self._ahead = None

    def _compute(self) -> tuple[LabelledBatch, dict[str, Any]]:
        batch = LabelledBatch(*self._source.next_batch())
        return batch, self._source.state_dict()


def to_tensors(batch: LabelledBatch, device: torch.device) -> TensorBatch:
    """The batch on `device`: shared memory on a CPU, pinned and copied without waiting on CUDA."""
    tensors = [torch.from_numpy(array) for array in batch if array is not None]
    if device.type == "cuda":
        tensors = [tensor.pin_memory() for tensor in tensors]
    return TensorBatch(*(tensor.to(device, non_blocking=True) for tensor in tensors))
