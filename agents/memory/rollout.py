"""A rollout: what one policy met in a row, learnt from and then forgotten."""

from typing import Any

import numpy as np
from gymnasium import Space
from jaxtyping import Bool, Shaped

from agents.agent import Transition, observation_parts
from agents.memory.ring import transition_fields, transition_row


class Rollout:
    """Rows of a NEXT_STEP stream, (T, N, …) for every field, in the order in which they came.

    In that stream the next observation of a row is the row below it, at an end too: there the row below is
    `ignored`, and holds the final observation. So there is one row of observations more than of all else. An
    ignored row is nothing to learn from, and no return passes it, since the row above it has ended.

    Attributes:
        length: rows that are there, T. Memory begins with `rows` of them, and doubles when they are full.
    """

    def __init__(self, observation_space: Space, action_space: Space, num_envs: int, rows: int):
        self.num_envs = num_envs
        self.length = 0
        fields = transition_fields(observation_space, action_space)
        self._rows = {
            name: np.zeros((rows + 1, num_envs, *field.shape), field.dtype) for name, field in fields.items()
        }
        self._obs_names = [name for name in fields if name.startswith("obs/")]
        self._other_names = [name for name in fields if not name.startswith("obs/")]

    def add(self, transition: Transition) -> None:
        """Write one row below the others."""
        self._make_room(self.length + 1)
        row, below = transition_row(transition), observation_parts(transition.next_obs)
        for name in self._obs_names if self.length == 0 else ():
            self._rows[name][0] = row[name]
        for name in self._obs_names:
            self._rows[name][self.length + 1] = below[name.removeprefix("obs/")]
        for name in self._other_names:
            self._rows[name][self.length] = row[name]
        self.length += 1

    def clear(self) -> None:
        """Forget all rows."""
        self.length = 0

    def rows(self, name: str) -> Shaped[np.ndarray, "T N ..."]:
        """One field of all rows, until one is added: action, reward, terminated, truncated or ignored."""
        return self._rows[name][: self.length]

    @property
    def ended(self) -> Bool[np.ndarray, "T N"]:
        """Whether an episode's last action stands there."""
        return self.rows("terminated") | self.rows("truncated")

    def observations(self) -> dict[str, np.ndarray]:
        """Each part by name, row after row, with what the last one led to: ((T + 1) · N, …)."""
        parts = {name.removeprefix("obs/"): self._rows[name][: self.length + 1] for name in self._obs_names}
        return {name: part.reshape(-1, *part.shape[2:]) for name, part in parts.items()}

    def state_dict(self) -> dict[str, Any]:
        """The rows that are there, as they are now: copy what must not change."""
        rows = {name: rows[: self.length + 1] for name, rows in self._rows.items()}
        return {"num_envs": self.num_envs, "length": self.length, "rows": rows}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave.

        Raises:
            ValueError: the state is that of another number of environments.
        """
        if state["num_envs"] != self.num_envs:
            raise ValueError(
                f"a rollout of {self.num_envs} environments cannot take one of {state['num_envs']}"
            )
        self.length = state["length"]
        self._make_room(self.length)
        for name, rows in state["rows"].items():
            self._rows[name][: self.length + 1] = rows

    def _make_room(self, length: int) -> None:
        """Have memory for so many rows and the observation below them."""
        held = len(self._rows["reward"])
        if length + 1 <= held:
            return
        for name, rows in self._rows.items():
            grown = np.zeros((max(2 * held, length + 1), *rows.shape[1:]), rows.dtype)
            grown[:held] = rows
            self._rows[name] = grown
