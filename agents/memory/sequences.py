"""Replay of sequences: stretches of a stream, for agents that remember."""

from typing import Any, NamedTuple, no_type_check

import numpy as np
from gymnasium import Space
from numba import njit

from agents.agent import Transition
from agents.memory.ring import Field, Ring, transition_fields, transition_row
from agents.memory.row_sampler import RowSampler, require_capacity


class Sequences(NamedTuple):
    """Stretches of T rows, time first; observations are there once more, of the row after the last.

    A row that is `ignored` holds an episode's last observation, whose value may be bootstrapped from and
    whose action meant nothing; the row after it begins another episode.
    """

    obs: dict[str, np.ndarray]  # (T + 1, B, …)
    action: np.ndarray  # (T, B, …)
    reward: np.ndarray  # (T, B) float32
    terminated: np.ndarray  # (T, B)
    truncated: np.ndarray  # (T, B)
    ignored: np.ndarray  # (T, B)
    state: dict[str, np.ndarray]  # (B, …), what was remembered before the first row
    weight: np.ndarray  # (B,) float32, what priorities must be corrected by; 1 without
    place: np.ndarray  # (B,) int64, what `update_priorities` wants to know


class SequenceReplay:
    """A ring over the stream from which stretches of `length` rows are drawn, with the memory before them.

    `state` says which arrays of the agent's memory are stored, by name: those of one environment. A share
    `beginnings` of the stretches is moved back to where its episode begins, as far as that is still held;
    priorities have no such share, for they say which stretch is to be learnt from.

    Raises:
        ValueError: the capacity is too small to draw from, ever; or what is drawn by priority would be moved.
    Source: arXiv:1507.06527; stored memory as in Kapturowski et al. (2019).
    """

    def __init__(
        self,
        spaces: tuple[Space, Space],
        state: dict[str, Field],
        *,
        num_envs: int,
        capacity: int,
        length: int,
        beginnings: float = 0.0,
        prioritised: bool = False,
    ):
        if prioritised and beginnings > 0:
            raise ValueError(f"beginnings is {beginnings}, but what is drawn by priority cannot be moved")
        require_capacity(capacity, num_envs, length + 2, f"sequences of {length}")
        self.length, self.beginnings = length, beginnings
        remembered = {f"state/{name}": field for name, field in state.items()}
        self.ring = Ring(transition_fields(*spaces) | remembered, num_envs, capacity)
        self.sampler = RowSampler(self.ring, 0, length, prioritised)

    def add(self, transition: Transition, state: dict[str, np.ndarray]) -> None:
        """Write one row over the oldest; `state` is what was remembered before its observation."""
        remembered = {f"state/{name}": values for name, values in state.items()}
        self.sampler.add(transition_row(transition) | remembered)

    @property
    def can_sample(self) -> bool:
        """Whether there is enough to draw from."""
        return self.sampler.can_draw

    def sample(self, batch_size: int, generator: np.random.Generator, correction: float = 1.0) -> Sequences:
        """Draw stretches, each beginning at a row whose action counted.

        Raises:
            ValueError: there are too few rows to draw from.
        """
        place, weight = self.sampler.draw(batch_size, generator, correction)
        weight = np.ones(batch_size) if weight is None else weight
        moved = np.flatnonzero(generator.random(batch_size) < self.beginnings)
        place[moved] = self._beginning(place[moved])
        flat, ring = self.ring.flat, self.ring.num_rows * self.ring.num_envs
        places = (place + np.arange(self.length + 1)[:, None] * self.ring.num_envs) % ring
        rows = {
            name: values[places if name.startswith("obs/") else places[:-1]]
            for name, values in flat.items()
            if not name.startswith("state/")
        }
        obs = {name.removeprefix("obs/"): rows.pop(name) for name in list(rows) if name.startswith("obs/")}
        state = {
            name.removeprefix("state/"): values[place]
            for name, values in flat.items()
            if name.startswith("state/")
        }
        return Sequences(obs=obs, **rows, state=state, weight=weight.astype(np.float32), place=place)

    def _beginning(self, place: np.ndarray) -> np.ndarray:
        """The first place of each one's episode that is held."""
        back = self.sampler.row_of(place) - self.sampler.first_row
        return _first_of_episode(place, back, self.ring.flat["ignored"], self.ring.num_envs)

    def update_priorities(self, place: np.ndarray, priority: np.ndarray) -> None:
        """Give drawn places a new priority; without priorities, nothing happens."""
        self.sampler.update_priorities(place, priority)

    def state_dict(self) -> dict[str, Any]:
        """What the replay holds; the rows are read from it only when they are asked for."""
        return self.sampler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave.

        Raises:
            ValueError: the state is that of a ring of another size.
        """
        self.sampler.load_state_dict(state)


@njit(cache=True)
@no_type_check
def _first_of_episode(place, back, ignored, num_envs):
    """Go up at most `back` rows from each place, and not past a row that is ignored."""
    first = place.copy()
    for index in range(place.size):
        for _ in range(back[index]):
            above = (first[index] - num_envs) % ignored.size
            if ignored[above]:
                break
            first[index] = above
    return first
