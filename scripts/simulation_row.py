"""Rows of the simulation's benchmark."""

from typing import Any

Row = dict[str, Any]


def row(name: str, value: float, settings: Row) -> Row:
    """One row without a peer."""
    empty = {"peer": None, "peer_value": None, "ratio": None}
    return {"name": name, "value": round(value, 2), "unit": "steps/s", **empty, "settings": settings}
