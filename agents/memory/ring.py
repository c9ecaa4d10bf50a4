"""A ring of rows over a stream of environments: what every replay is built on."""

from typing import Any, NamedTuple

import numpy as np
from gymnasium import Space
from numpy.typing import DTypeLike

from agents.agent import Transition, observation_parts, space_parts
from agents.memory.row_log import RowLog

SEGMENT_BYTES = 8 * 2**20


class Field(NamedTuple):
    """One array of a row: the shape of an environment's part, and its type."""

    shape: tuple[int, ...]
    dtype: DTypeLike


class Ring:
    """The last rows of a NEXT_STEP stream, each an array of (N, …) for every field.

    In that stream the row after an end holds the final observation and an action that was ignored; the row
    after it begins the next episode. So every observation is there once, and the next observation of a row
    is the row below it.

    Attributes:
        rows: the arrays (capacity / N, N, …) by name; `flat` is the same memory as (places, …), where the
            place of an environment's row is row · N + environment.
        written: rows ever written.

    Raises:
        MemoryError: it does not fit.
    """

    def __init__(self, fields: dict[str, Field], num_envs: int, capacity: int):
        self.num_envs = num_envs
        self.num_rows = capacity // num_envs
        self.written = 0
        self.rows = {
            name: np.zeros((self.num_rows, num_envs, *field.shape), field.dtype)
            for name, field in fields.items()
        }
        self.flat = {name: rows.reshape(-1, *rows.shape[2:]) for name, rows in self.rows.items()}

    @property
    def held(self) -> int:
        """Rows that are there."""
        return min(self.written, self.num_rows)

    @property
    def oldest(self) -> int:
        """Slot of the oldest row."""
        return (self.written - self.held) % max(self.num_rows, 1)

    def add(self, row: dict[str, Any]) -> None:
        """Write one row over the oldest."""
        slot = self.written % self.num_rows
        for name, values in row.items():
            self.rows[name][slot] = values
        self.written += 1

    def state_dict(self) -> dict[str, Any]:
        """What the ring holds; the rows are read from it only when they are asked for."""
        row_bytes = sum(rows[0].nbytes for rows in self.rows.values())
        segment = max(SEGMENT_BYTES // row_bytes, 1)
        log = RowLog(self.written - self.held, self.written, segment, self._read)
        return {"num_envs": self.num_envs, "written": self.written, "rows": log}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave.

        Raises:
            ValueError: the state is that of a ring of another size.
        """
        log: RowLog = state["rows"]
        held = min(state["written"], self.num_rows)
        if state["num_envs"] != self.num_envs or log.stop - log.start != held:
            raise ValueError(
                f"a replay of {self.num_rows} rows × {self.num_envs} environments cannot take "
                f"{log.stop - log.start} rows × {state['num_envs']} environments"
            )
        for first, last in log.segments():
            slots = np.arange(first, last) % self.num_rows
            for name, rows in log.read(first, last).items():
                self.rows[name][slots] = rows
        self.written = state["written"]

    def _read(self, first: int, last: int) -> dict[str, np.ndarray]:
        slots = np.arange(first, last) % self.num_rows
        return {name: rows[slots] for name, rows in self.rows.items()}


FLAGS = ("terminated", "truncated", "ignored")


def transition_fields(observation_space: Space, action_space: Space) -> dict[str, Field]:
    """The fields of a transition: obs/NAME for each part of an observation, action, reward and flags."""
    fields = {f"obs/{name}": _field(part) for name, part in space_parts(observation_space).items()}
    flags = {name: Field((), np.bool_) for name in FLAGS}
    return {**fields, "action": _field(action_space), "reward": Field((), np.float32), **flags}


def transition_row(transition: Transition) -> dict[str, Any]:
    """A transition as a row of these fields."""
    obs = {f"obs/{name}": part for name, part in observation_parts(transition.obs).items()}
    return obs | {name: getattr(transition, name) for name in ("action", "reward", *FLAGS)}


def _field(space: Space) -> Field:
    assert space.shape is not None  # holds for Box and Discrete, and no other space gets here
    assert space.dtype is not None
    return Field(space.shape, space.dtype)
