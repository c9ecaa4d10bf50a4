"""What a benchmark's row is, and what a measurement is told."""

from collections.abc import Sequence
from typing import Any, NamedTuple

Row = dict[str, Any]


class Scope(NamedTuple):
    """How much is measured."""

    seeds: Sequence[int] = (0,)
    """Seeds of what learns."""
    seconds: float | None = None
    """How long each case is measured, or the longest training; None for each measurement's own."""
    peers: bool = True
    """Whether the peers are measured as well."""


class Peer(NamedTuple):
    """What ours is held against."""

    name: str
    value: float | None = None
    ratio: float | None = None


def row(name: str, value: float | None, unit: str, settings: Row, peer: Peer | None = None) -> Row:
    """A row in the form of `benchmark.py --json`; a ratio above 1 means that ours is better."""
    return {
        "name": name,
        "value": rounded(value),
        "unit": unit,
        "peer": peer.name if peer else None,
        "peer_value": rounded(peer.value) if peer else None,
        "ratio": rounded(peer.ratio) if peer else None,
        "settings": settings,
    }


def rounded(value: float | None) -> float | None:
    """Four digits, which is more than a clock knows."""
    return None if value is None else float(f"{value:.4g}")
