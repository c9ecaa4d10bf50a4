"""Rows that are written once, in order: what a memory hands to a checkpoint without copying itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RowLog:
    """The rows [start, stop) of a sequence that grows at its end and is forgotten from its beginning.

    `read(first, last)` gives the rows [first, last) by name, each an array with the row as first axis. It
    looks at the living memory: read before that changes. `rows_per_segment` is how many rows are best stored
    together.
    """

    start: int
    stop: int
    rows_per_segment: int
    read: Callable[[int, int], dict[str, np.ndarray]]

    def segments(self) -> Iterator[tuple[int, int]]:
        """Row ranges on a grid that depends on `rows_per_segment` alone, cut to what is held."""
        grid = range(self.start - self.start % self.rows_per_segment, self.stop, self.rows_per_segment)
        for first in grid:
            yield max(first, self.start), min(first + self.rows_per_segment, self.stop)
