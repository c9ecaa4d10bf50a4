"""From what an environment shows and takes to rows and columns of a table, and back."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import Space, spaces
from jaxtyping import Int, Shaped

MOST_PAIRS = 50_000_000
MOST_TOLD = 10**12  # a larger number is told by its power of ten


class StateNumbers:
    """Numbers the observations of a space: those of discrete parts as they are, those of a `Box` by bins.

    Args:
        space: Discrete, MultiDiscrete or Box, or a Tuple or Dict of them.
        bins: intervals that each number of a Box is divided into: one for all of them, or one each, in the
            order of the parts.
        low: lower ends of those intervals; () takes the Box's own.
        high: upper ends.
        unbounded: where a Box has no end of its own, the intervals end at this distance from 0.

    Raises:
        ValueError: the space does not suit it.
    """

    def __init__(
        self,
        space: Space,
        bins: Sequence[int] = (10,),
        low: Sequence[float] = (),
        high: Sequence[float] = (),
        unbounded: float = 3.0,
    ):
        self.space = space
        parts = _parts(space)
        boxes = [part for part in parts if isinstance(part, spaces.Box)]
        edges = iter(_edges(space, boxes, bins, low, high, unbounded))
        self.edges: list[np.ndarray | None] = []  # of each column: the inner ends of its intervals, if any
        sizes, firsts = [], []
        for part in parts:
            if isinstance(part, spaces.Box):
                inner = [next(edges) for _ in range(math.prod(part.shape))]
                self.edges += inner
                sizes += [len(edge) + 1 for edge in inner]
                firsts += [0] * len(inner)
            else:
                self.edges += [None] * len(_firsts(part))
                sizes += _sizes(part)
                firsts += _firsts(part)
        self.first = np.array(firsts, np.int64)
        self.shape = tuple(sizes)
        self.number = math.prod(self.shape)

    def encode(self, obs: Any) -> Int[np.ndarray, " N"]:
        """The states' numbers of a batch of observations."""
        if isinstance(self.space, spaces.Discrete):
            return np.asarray(obs).astype(np.int64) - self.first[0]
        columns = self._columns(obs)
        return np.asarray(np.ravel_multi_index(tuple(columns.T), self.shape), np.int64)

    def _columns(self, obs: Any) -> Int[np.ndarray, "N D"]:
        """The number of each part of each observation, counted from 0."""
        if isinstance(obs, dict):
            assert isinstance(self.space, spaces.Dict)
            obs = [obs[name] for name in self.space.spaces]
        parts = obs if isinstance(obs, list | tuple) else [obs]
        flat = np.concatenate([np.asarray(part).reshape(len(part), -1) for part in parts], 1)
        places = [
            values if edge is None else np.searchsorted(edge, values, "right")
            for edge, values in zip(self.edges, flat.T, strict=True)
        ]
        return np.stack(places, 1).astype(np.int64) - self.first


class ActionNumbers:
    """Numbers the actions of a Discrete or MultiDiscrete space.

    Raises:
        ValueError: the space does not suit it.
    """

    def __init__(self, space: Space):
        if not isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
            raise ValueError(
                "a tabular agent needs a Discrete or MultiDiscrete action space, as FrozenLake-v1 has; "
                f"this one is {space}"
            )
        self.single = isinstance(space, spaces.Discrete)
        self.shape, self.first = tuple(_sizes(space)), np.array(_firsts(space), np.int64)
        self.number = math.prod(self.shape)

    def encode(self, action: Shaped[np.ndarray, "N ..."]) -> Int[np.ndarray, " N"]:
        """The numbers of a batch of actions."""
        columns = np.asarray(action).reshape(len(action), -1).astype(np.int64) - self.first
        return np.asarray(np.ravel_multi_index(tuple(columns.T), self.shape), np.int64)

    def decode(self, number: Int[np.ndarray, " N"]) -> Int[np.ndarray, "N ..."]:
        """The actions that have these numbers."""
        columns = np.stack(np.unravel_index(number, self.shape), 1) + self.first
        return columns[:, 0] if self.single else columns


def _edges(
    space: Space,
    boxes: Sequence[spaces.Box],
    bins: Sequence[int],
    low: Sequence[float],
    high: Sequence[float],
    unbounded: float,
) -> list[np.ndarray]:
    """The inner ends of the intervals of each number of these parts of a space."""
    if not boxes:
        return []
    size = sum(math.prod(box.shape) for box in boxes)
    counts = _spread("bins", bins, size)
    own_low = np.concatenate([box.low.reshape(-1) for box in boxes])
    own_high = np.concatenate([box.high.reshape(-1) for box in boxes])
    lows = _spread("low", low, size) if low else _bounded(own_low, -unbounded)
    highs = _spread("high", high, size) if high else _bounded(own_high, unbounded)
    if not (np.isfinite(lows) & np.isfinite(highs) & (lows < highs)).all():
        raise ValueError(
            f"agent.low is {low!r} and agent.high {high!r}; for {space} each must lie below the other"
        )
    ends = zip(lows, highs, counts.astype(int), strict=True)
    return [np.linspace(start, end, count + 1)[1:-1] for start, end, count in ends]


def _bounded(ends: np.ndarray, otherwise: float) -> np.ndarray:
    """Ends of a Box, with another where there is none, or one that stands for none."""
    flat = ends.astype(np.float64)
    return np.where(np.abs(flat) < 1e6, flat, otherwise)


def _spread(name: str, values: Sequence[float], size: int) -> np.ndarray:
    if len(values) not in (1, size):
        raise ValueError(f"agent.{name} has {len(values)} numbers; the Box needs 1 or {size}")
    return np.broadcast_to(np.asarray(values, np.float64), (size,))


def _parts(space: Space) -> list[Any]:
    if isinstance(space, spaces.Tuple | spaces.Dict):
        inner = space.spaces.values() if isinstance(space, spaces.Dict) else space.spaces
        parts = list(inner)
    else:
        parts = [space]
    fits = parts and all(
        isinstance(part, spaces.Discrete | spaces.MultiDiscrete | spaces.Box) for part in parts
    )
    if not fits:
        raise ValueError(
            "a tabular agent needs observations that are Discrete, MultiDiscrete or Box, as FrozenLake-v1 "
            f"and CartPole-v1 have, or a Tuple or Dict of them; this space is {space}"
        )
    return parts


def _sizes(part: Any) -> list[int]:
    return np.ravel(part.n if isinstance(part, spaces.Discrete) else part.nvec).tolist()


def _firsts(part: Any) -> list[int]:
    return np.ravel(part.start).tolist()


def require_table(states: StateNumbers, actions: ActionNumbers) -> None:
    """Refuse a table that is too large to fill.

    Raises:
        ValueError: says how large it would be, and what would make it smaller.
    """
    pairs = states.number * actions.number
    if pairs > MOST_PAIRS:
        raise ValueError(
            f"a table of {_rounded(states.number)} states × {actions.number} actions is too large: "
            f"{states.space} needs fewer agent.bins, or an agent with a network such as dqn"
        )


def _rounded(number: int) -> str:
    """A number, or about which power of ten it is."""
    return str(number) if number < MOST_TOLD else f"about 10^{number.bit_length() * math.log10(2):.0f}"
