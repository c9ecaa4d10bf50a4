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
        space: Discrete, MultiDiscrete, a Tuple or Dict of them, or a Box.
        bins: intervals that each number of a Box is divided into: one for all of them, or one each.
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
        self.edges = _edges(space, bins, low, high, unbounded) if isinstance(space, spaces.Box) else None
        parts = [space] if self.edges is not None else _discrete_parts(space)
        self.shape = tuple(bins_of(self.edges)) if self.edges is not None else _sizes(parts)
        self.first = _firsts(parts) if self.edges is None else np.zeros(len(self.shape), np.int64)
        self.number = math.prod(self.shape)

    def encode(self, obs: Any) -> Int[np.ndarray, " N"]:
        """The states' numbers of a batch of observations."""
        if isinstance(self.space, spaces.Discrete):
            return np.asarray(obs).astype(np.int64) - self.first[0]
        columns = self._columns(obs)
        return np.asarray(np.ravel_multi_index(tuple(columns.T), self.shape), np.int64)

    def _columns(self, obs: Any) -> Int[np.ndarray, "N D"]:
        """The number of each part of each observation, counted from 0."""
        if self.edges is not None:
            values = np.asarray(obs).reshape(len(obs), len(self.shape))
            places = [np.searchsorted(edge, values[:, d], "right") for d, edge in enumerate(self.edges)]
            return np.stack(places, 1)
        if isinstance(obs, dict):
            assert isinstance(self.space, spaces.Dict)
            obs = [obs[name] for name in self.space.spaces]
        parts = obs if isinstance(obs, list | tuple) else [obs]
        flat = [np.asarray(part).reshape(len(part), -1) for part in parts]
        return np.concatenate(flat, 1).astype(np.int64) - self.first


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
        self.shape, self.first = _sizes([space]), _firsts([space])
        self.number = math.prod(self.shape)

    def encode(self, action: Shaped[np.ndarray, "N ..."]) -> Int[np.ndarray, " N"]:
        """The numbers of a batch of actions."""
        columns = np.asarray(action).reshape(len(action), -1).astype(np.int64) - self.first
        return np.asarray(np.ravel_multi_index(tuple(columns.T), self.shape), np.int64)

    def decode(self, number: Int[np.ndarray, " N"]) -> Int[np.ndarray, "N ..."]:
        """The actions that have these numbers."""
        columns = np.stack(np.unravel_index(number, self.shape), 1) + self.first
        return columns[:, 0] if self.single else columns


def bins_of(edges: Sequence[np.ndarray]) -> list[int]:
    """Intervals between and beyond so many edges."""
    return [len(edge) + 1 for edge in edges]


def _edges(
    space: spaces.Box, bins: Sequence[int], low: Sequence[float], high: Sequence[float], unbounded: float
) -> list[np.ndarray]:
    """The inner ends of the intervals of each number."""
    size = math.prod(space.shape)
    counts = _spread("bins", bins, size)
    lows = _spread("low", low, size) if low else _bounded(space.low, -unbounded)
    highs = _spread("high", high, size) if high else _bounded(space.high, unbounded)
    if not (np.isfinite(lows) & np.isfinite(highs) & (lows < highs)).all():
        raise ValueError(
            f"agent.low is {low!r} and agent.high {high!r}; for {space} each must lie below the other"
        )
    ends = zip(lows, highs, counts.astype(int), strict=True)
    return [np.linspace(start, end, count + 1)[1:-1] for start, end, count in ends]


def _bounded(ends: np.ndarray, otherwise: float) -> np.ndarray:
    """Ends of a Box, with another where there is none, or one that stands for none."""
    flat = ends.reshape(-1).astype(np.float64)
    return np.where(np.abs(flat) < 1e6, flat, otherwise)


def _spread(name: str, values: Sequence[float], size: int) -> np.ndarray:
    if len(values) not in (1, size):
        raise ValueError(f"agent.{name} has {len(values)} numbers; the Box needs 1 or {size}")
    return np.broadcast_to(np.asarray(values, np.float64), (size,))


def _discrete_parts(space: Space) -> list[Space]:
    if isinstance(space, spaces.Tuple | spaces.Dict):
        inner = space.spaces.values() if isinstance(space, spaces.Dict) else space.spaces
        parts = list(inner)
    else:
        parts = [space]
    fits = parts and all(isinstance(part, spaces.Discrete | spaces.MultiDiscrete) for part in parts)
    if not fits:
        raise ValueError(
            "a tabular agent needs observations that are Discrete, MultiDiscrete, a Tuple or Dict of them, "
            f"or a Box, as FrozenLake-v1 and CartPole-v1 have; this space is {space}"
        )
    return parts


def _sizes(parts: Sequence[Any]) -> tuple[int, ...]:
    sizes = [np.ravel(part.n if isinstance(part, spaces.Discrete) else part.nvec) for part in parts]
    return tuple(int(size) for size in np.concatenate(sizes))


def _firsts(parts: Sequence[Any]) -> Int[np.ndarray, " D"]:
    return np.concatenate([np.ravel(part.start) for part in parts]).astype(np.int64)


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
