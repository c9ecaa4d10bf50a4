"""A nested state taken apart into what JSON, arrays and row logs can hold, and put together again."""

from typing import Any, NamedTuple

import numpy as np
import torch

from agents.memory.row_log import RowLog


class StateTree(NamedTuple):
    """A state in three parts; `tree` refers to `arrays` and `logs` by name."""

    tree: Any
    arrays: dict[str, np.ndarray]
    logs: dict[str, RowLog]


def take_apart(state: Any) -> StateTree:
    """Split a nested state; tuples become lists.

    Raises:
        TypeError: a leaf is no tensor, array, row log or JSON value, or a key is no plain string.
    """
    parts = StateTree({}, {}, {})
    return parts._replace(tree=_take_apart(state, "state", parts))


def put_together(parts: StateTree) -> Any:
    """Undo `take_apart`: tensors come back as tensors on the processor, arrays as arrays."""
    return _put_together(parts.tree, parts)


def _take_apart(node: Any, path: str, parts: StateTree) -> Any:
    if node is None or type(node) in (bool, int, float, str):
        return node
    if isinstance(node, dict):
        return {_key(key, path): _take_apart(value, f"{path}/{key}", parts) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_take_apart(value, f"{path}/{index}", parts) for index, value in enumerate(node)]
    if isinstance(node, RowLog):
        parts.logs[path] = node
        return {"$log": path}
    return _take_apart_array(node, path, parts)


def _take_apart_array(node: Any, path: str, parts: StateTree) -> dict[str, str]:
    if isinstance(node, torch.Tensor) and node.dtype != torch.bfloat16:
        parts.arrays[path] = node.detach().cpu().contiguous().numpy()
        return {"$tensor": path}
    if isinstance(node, np.ndarray) and node.dtype.kind in "biuf":
        parts.arrays[path] = np.asarray(node, order="C")
        return {"$array": path}
    kind = getattr(node, "dtype", type(node).__name__)
    raise TypeError(f"{path} is of type {kind}: a checkpoint holds tensors, arrays, row logs and JSON values")


def _key(key: Any, path: str) -> str:
    if not isinstance(key, str) or key.startswith("$"):
        raise TypeError(f"{path} has the key {key!r}: a key must be a string that does not start with $")
    return key


def _put_together(node: Any, parts: StateTree) -> Any:
    if isinstance(node, list):
        return [_put_together(value, parts) for value in node]
    if not isinstance(node, dict):
        return node
    match node:
        case {"$tensor": name}:
            return torch.from_numpy(parts.arrays[name])
        case {"$array": name}:
            return parts.arrays[name]
        case {"$log": name}:
            return parts.logs[name]
    return {key: _put_together(value, parts) for key, value in node.items()}
