"""Priorities of places, and draws in proportion to them: a sum-tree in one array."""

from typing import Any, no_type_check

import numpy as np
from numba import njit


class Priorities:
    """A priority for each of `size` places, with their sums over ever larger groups.

    Node n of the tree holds the sum of nodes 2n and 2n + 1; node 1 holds that of all. A change climbs one
    path, a draw descends one. Every node is the sum of the two below it and nothing else, so that a tree that
    is built anew from its leaves has the same bits.

    Attributes:
        largest: the largest priority ever set; what nobody has learnt from yet gets it.

    Source: arXiv:1511.05952, appendix B.2.1.
    """

    def __init__(self, size: int):
        self.size = size
        self.first_leaf = 1 << max(size - 1, 0).bit_length()
        self.tree = np.zeros(2 * self.first_leaf)
        self.largest = 1.0

    @property
    def total(self) -> float:
        """The sum of all priorities."""
        return float(self.tree[1])

    def set(self, places: np.ndarray, priority: np.ndarray) -> None:
        """Give each place its priority, 0 or more; of a place that comes twice, the last one counts."""
        _set(self.tree, places, priority)
        self.largest = max(self.largest, float(priority.max(initial=0.0)))

    def clear(self, first: int, last: int) -> None:
        """Take the places `first` … `last` − 1 out of every draw."""
        _set_range(self.tree, first + self.first_leaf, last + self.first_leaf, 0.0)

    def admit(self, places: np.ndarray) -> None:
        """Let places be drawn with the largest priority."""
        _set(self.tree, places, np.full(len(places), self.largest))

    def draw(self, count: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Places (B,) in proportion to their priorities, one from each of B equal shares; and P of each."""
        targets = (np.arange(count) + generator.random(count)) / count
        places, probability = np.empty(count, np.int64), np.empty(count)
        _draw(self.tree, targets, places, probability)
        return places, probability

    def state_dict(self) -> dict[str, Any]:
        """The leaves and the largest priority."""
        leaves = self.tree[self.first_leaf : self.first_leaf + self.size]
        return {"priority": leaves, "largest": self.largest}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.tree[:] = 0.0
        self.tree[self.first_leaf : self.first_leaf + self.size] = state["priority"]
        for first in _levels(self.first_leaf):
            self.tree[first : 2 * first] = self.tree[2 * first : 4 * first].reshape(-1, 2).sum(1)
        self.largest = state["largest"]


def _levels(first_leaf: int) -> list[int]:
    """The first node of every level, from the one above the leaves to the root."""
    return [1 << level for level in reversed(range(first_leaf.bit_length() - 1))]


@njit(cache=True)
@no_type_check
def _set(tree, places, priority):
    first_leaf = tree.size // 2
    for index in range(places.size):
        tree[first_leaf + places[index]] = priority[index]
    for index in range(places.size):
        node = (first_leaf + places[index]) // 2
        while node >= 1:
            tree[node] = tree[2 * node] + tree[2 * node + 1]
            node //= 2


@njit(cache=True)
@no_type_check
def _set_range(tree, first, last, priority):
    """Set the leaves `first` … `last` − 1, given as nodes; neighbours share most of their way up."""
    if first >= last:
        return
    for node in range(first, last):
        tree[node] = priority
    low, high = first // 2, (last - 1) // 2
    while high >= 1:
        for node in range(low, high + 1):
            tree[node] = tree[2 * node] + tree[2 * node + 1]
        low //= 2
        high //= 2


@njit(cache=True)
@no_type_check
def _draw(tree, targets, places, probability):
    """Descend with each target, a share of the total in [0, 1)."""
    first_leaf, total = tree.size // 2, tree[1]
    for index in range(targets.size):
        rest = targets[index] * total
        node = 1
        while node < first_leaf:
            node *= 2
            # the right half only if something is there: rounding may leave a rest past the last leaf
            if rest >= tree[node] and tree[node + 1] > 0:
                rest -= tree[node]
                node += 1
        places[index] = node - first_leaf
        probability[index] = tree[node] / total
