"""Arrays to hand out, again and again."""

import sys
from collections.abc import Callable

import numpy as np

_KEPT = 4  # arrays of a pool: what a loop holds at a time, and one or two to spare
_UNUSED = 2  # references to an array that the pool alone holds: the list's, and `getrefcount`'s own


class Pool:
    """Makes arrays of one shape, and hands one out again once nobody holds it or a view of it any more.

    Memory fresh from the operating system costs a page fault every 4 KiB: more, for a batch of frames, than
    to draw them.

    Args:
        make: makes an array.
        always_same: hand out the same array every time, whoever still holds it.
    """

    def __init__(self, make: Callable[[], np.ndarray], always_same: bool = False) -> None:
        self._make, self._always_same = make, always_same
        self._arrays: list[np.ndarray] = []

    def take(self) -> np.ndarray:
        """An array with arbitrary content that nobody else reads or writes."""
        for n in range(len(self._arrays)):
            if self._always_same or sys.getrefcount(self._arrays[n]) == _UNUSED:
                return self._arrays[n]
        fresh = self._make()
        if len(self._arrays) < _KEPT:
            self._arrays.append(fresh)
        return fresh
