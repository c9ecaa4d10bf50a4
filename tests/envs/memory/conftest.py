"""How batches are compared: row by row, bit for bit."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="session")
def part() -> Callable[[Any, int], Any]:
    """Row n of observations or infos (nested arrays), without what its mask does not cover."""

    def part_of(value: Any, n: int) -> Any:
        if not isinstance(value, dict):
            return value[n]
        return {
            key: part_of(inner, n)
            for key, inner in value.items()
            if not key.startswith("_") and (f"_{key}" not in value or value[f"_{key}"][n])
        }

    return part_of


@pytest.fixture(scope="session")
def bits() -> Callable[[Any], Any]:
    """Something to compare bit for bit: nested tuples of names, types, shapes and bytes."""

    def bits_of(value: Any) -> Any:
        if isinstance(value, dict):
            return tuple((key, bits_of(value[key])) for key in sorted(value))
        if isinstance(value, tuple | list):
            return tuple(map(bits_of, value))
        if value is None:
            return None
        array = np.asarray(value)
        if array.dtype == object:
            return tuple(map(bits_of, array.tolist()))
        return array.dtype.str, array.shape, array.tobytes()

    return bits_of
