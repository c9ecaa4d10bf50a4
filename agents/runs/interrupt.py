"""Ctrl-C as a request: a stage ends where its state is whole, and is saved."""

import signal
from types import FrameType, TracebackType
from typing import Any


class Interrupt:
    """Listens for Ctrl-C and for a scheduler's SIGTERM while it is entered.

    The first asks; a second one stops at once, with what the last checkpoint holds.
    """

    def __init__(self) -> None:
        self.requested = False
        self._former: dict[int, Any] = {}

    def __enter__(self) -> "Interrupt":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._former[number] = signal.signal(number, self._request)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _request(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
