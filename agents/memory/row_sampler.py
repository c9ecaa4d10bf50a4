"""Which places of a ring can be drawn, and how often."""

from typing import Any, NamedTuple

import numpy as np

from agents.formulas.prioritised import importance_weight
from agents.memory.priorities import Priorities
from agents.memory.ring import Ring


class Drawn(NamedTuple):
    """Places, and what their priorities must be corrected by."""

    place: np.ndarray  # (B,) int64
    weight: np.ndarray | None  # (B,) float64, at most 1; None where all places are drawn alike


class RowSampler:
    """Draws places whose action counted, `before` rows above and `after` rows below them being there.

    Rows are counted from the first ever written; nothing is above that one.
    """

    def __init__(self, ring: Ring, before: int, after: int, prioritised: bool):
        self.ring, self.before, self.after = ring, before, after
        self.priorities = Priorities(ring.num_rows * ring.num_envs) if prioritised else None

    @property
    def first_row(self) -> int:
        """The oldest row that can be drawn."""
        forgotten = self.ring.written - self.ring.held
        return forgotten + self.before if forgotten else 0

    @property
    def last_row(self) -> int:
        """One past the newest row that can be drawn."""
        return max(self.ring.written - self.after, self.first_row)

    @property
    def can_draw(self) -> bool:
        """Whether there are two rows to draw from: of two, at least one holds an action that counted."""
        return self.last_row - self.first_row >= 2

    def add(self, row: dict[str, Any]) -> None:
        """Write a row of the ring: what lost the rows above it goes, what has those below it can be drawn."""
        first_before = self.first_row
        self.ring.add(row)
        if self.priorities is None:
            return
        for gone in range(first_before, self.first_row):
            places = self.places(gone)
            self.priorities.clear(int(places[0]), int(places[-1]) + 1)
        ready = self.ring.written - 1 - self.after
        if ready >= self.first_row:
            places = self.places(ready)
            self.priorities.admit(places[~self.ring.flat["ignored"][places]])

    def draw(self, count: int, generator: np.random.Generator, correction: float) -> Drawn:
        """Draw places uniformly, or with the `replay_probability` of their priorities.

        `correction` is β of the weights.

        Raises:
            ValueError: there are too few rows to draw from.
        """
        if not self.can_draw:
            raise ValueError(
                f"the replay holds {self.ring.written} rows: too few to draw one that {self.after} follow"
            )
        if self.priorities is None:
            return Drawn(self._draw_uniformly(count, generator), None)
        place, probability = self.priorities.draw(count, generator)
        choices = (self.last_row - self.first_row) * self.ring.num_envs
        return Drawn(place, importance_weight(probability, choices, correction))

    def update_priorities(self, place: np.ndarray, priority: np.ndarray) -> None:
        """Give drawn places a new priority; those that cannot be drawn any more are left out.

        Without priorities, nothing happens.
        """
        if self.priorities is not None:
            rows = self.row_of(place)
            there = (rows >= self.first_row) & (rows < self.last_row)
            self.priorities.set(place[there], priority[there])

    def row_of(self, place: np.ndarray) -> np.ndarray:
        """The row that a place's slot holds now."""
        slot = place // self.ring.num_envs
        return self.ring.written - 1 - (self.ring.written - 1 - slot) % self.ring.num_rows

    def places(self, row: int) -> np.ndarray:
        """The places of a row's environments."""
        num_envs = self.ring.num_envs
        return row % self.ring.num_rows * num_envs + np.arange(num_envs)

    def state_dict(self) -> dict[str, Any]:
        """The ring and the priorities."""
        priorities = {} if self.priorities is None else {"priorities": self.priorities.state_dict()}
        return {**self.ring.state_dict(), **priorities}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave.

        Raises:
            ValueError: the state is that of a ring of another size.
        """
        self.ring.load_state_dict(state)
        if self.priorities is not None:
            self.priorities.load_state_dict(state["priorities"])

    def _draw_uniformly(self, count: int, generator: np.random.Generator) -> np.ndarray:
        ring = self.ring.num_rows * self.ring.num_envs
        oldest = self.first_row % self.ring.num_rows * self.ring.num_envs
        choices = (self.last_row - self.first_row) * self.ring.num_envs
        ignored = self.ring.flat["ignored"]
        place = (oldest + generator.integers(choices, size=count)) % ring
        while (again := np.flatnonzero(ignored.take(place))).size:
            place[again] = (oldest + generator.integers(choices, size=again.size)) % ring
        return place


def require_capacity(capacity: int, num_envs: int, rows: int, what: str) -> None:
    """Refuse a capacity that never holds `rows` rows.

    Raises:
        ValueError: says how much is needed for what.
    """
    if capacity // num_envs < rows:
        raise ValueError(
            f"the replay capacity is {capacity}: for {num_envs} environments and {what} "
            f"it must be at least {num_envs * rows}"
        )
