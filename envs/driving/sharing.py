"""Rows shared out to threads: each takes the next few whenever it is free, until none are left.

Threads wake up late and frames differ in cost; halves cut beforehand would wait for the later one.
"""

import os
from collections.abc import Callable
from functools import lru_cache
from queue import SimpleQueue
from threading import Thread
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from envs.driving.compiling import kernel

_FEW = 8  # rows taken at a time
_WORTH_WAKING = 8  # rows for each thread: fewer are done before another has woken up


@intrinsic
def _fetch_add(context: Any, counter: Any, amount: Any) -> Any:
    """Add to the first number of an int64 array in one step that no thread can come between.

    Returns what it was before.
    """

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = make_array(signature.args[0])(target, builder, arguments[0])
        return builder.atomic_rmw("add", array.data, arguments[1], "monotonic")

    return types.int64(counter, types.int64), generate


@kernel
def next_few(turn: np.ndarray, count: int) -> tuple[int, int]:
    """The next rows [first, last) of `count` for this thread, none when there are none left.

    `turn`, (1,) int64, is common to all threads; it counts the rows taken.
    """
    first = _fetch_add(turn, _FEW)  # pyright: ignore[reportCallIssue], numba adds the first argument
    return first, min(first + _FEW, count)


class _Helpers:
    """Threads that wait for work, shared by all simulators of a process."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[tuple[Callable[..., None], tuple, SimpleQueue]] = SimpleQueue()
        self._threads: list[Thread] = []

    def ask(self, number: int, work: Callable[..., None], arguments: tuple, done: SimpleQueue) -> None:
        """Have so many threads call `work(*arguments)`; each puts None, or what went wrong, into `done`."""
        while len(self._threads) < number:
            thread = Thread(target=self._serve, name="hairpin-simulator", daemon=True)
            thread.start()
            self._threads.append(thread)
        for _ in range(number):
            self._jobs.put((work, arguments, done))

    def _serve(self) -> None:
        while True:
            work, arguments, done = self._jobs.get()
            fault: BaseException | None = None
            try:
                work(*arguments)
            except BaseException as raised:
                fault = raised
            del work, arguments  # the arrays are somebody's to use again
            done.put(fault)
            del done, fault


@lru_cache(maxsize=1)
def _helpers() -> _Helpers:
    return _Helpers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_helpers.cache_clear)  # threads do not survive a fork


class SharedWork:
    """Runs kernels over rows by several threads; the calling one is among them."""

    def __init__(self, num_rows: int, threads: int) -> None:
        self.threads = max(1, min(threads, num_rows // _WORTH_WAKING))

    def run(self, work: Callable[..., None], *arguments: Any) -> None:
        """Call a kernel, which takes its rows from `next_few`, by every thread: `work(*arguments, turn)`."""
        arguments = (*arguments, np.zeros(1, np.int64))
        done: SimpleQueue[BaseException | None] = SimpleQueue()
        others = self.threads - 1
        if others:
            _helpers().ask(others, work, arguments, done)
        try:
            work(*arguments)
        finally:
            faults = [done.get() for _ in range(others)]
        for fault in filter(None, faults):
            raise fault
