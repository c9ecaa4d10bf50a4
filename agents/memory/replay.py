"""Experience replay: one ring that stores each observation once."""

from typing import Any, NamedTuple, no_type_check

import numpy as np
from gymnasium import Space, spaces
from numba import njit

from agents.agent import Transition, observation_parts
from agents.memory.row_log import RowLog

SEGMENT_BYTES = 8 * 2**20


class Batch(NamedTuple):
    """Transitions over up to n steps: the target is reward + discount · value(next_obs).

    Observations are arrays by name, as `agents.agent.observation_parts` gives them.
    """

    obs: dict[str, np.ndarray]  # (B, …)
    action: np.ndarray  # (B, …)
    reward: np.ndarray  # (B,) float32, Σ γᵏ r
    discount: np.ndarray  # (B,) float32, γᵐ (1 − terminated)
    next_obs: dict[str, np.ndarray]  # (B, …)


class Replay:
    """A ring of shape (capacity / num_envs, num_envs, …) over a NEXT_STEP stream.

    In that stream the row after an end holds the final observation and an action that was ignored; the row
    after it begins the next episode. So every observation is there once, the next observation of a row is the
    row below it, and n-step returns are put together when they are drawn.

    Raises:
        ValueError: the capacity is too small to draw from, ever.
    Source: document 004 §3.4 (Lin, 1992).
    """

    def __init__(
        self,
        observation_space: Space,
        action_space: Space,
        *,
        num_envs: int,
        capacity: int,
        n_step: int,
        discount: float,
    ):
        self.num_envs = num_envs
        self.num_rows = capacity // num_envs
        self.n_step = n_step
        self.discount = discount
        if self.num_rows < n_step + 2:
            raise ValueError(
                f"the replay capacity is {capacity}: for {num_envs} environments and {n_step}-step returns "
                f"it must be at least {num_envs * (n_step + 2)}"
            )
        self.written = 0  # rows ever written
        self.rows = {
            f"obs/{name}": self._allocate(space) for name, space in _parts(observation_space).items()
        }
        self.rows["action"] = self._allocate(action_space)
        shape = (self.num_rows, num_envs)
        self.rows["reward"] = np.zeros(shape, np.float32)
        self.rows |= {name: np.zeros(shape, np.bool_) for name in ("terminated", "truncated", "ignored")}
        self._obs_names = [name.removeprefix("obs/") for name in self.rows if name.startswith("obs/")]
        self._flat = {name: rows.reshape(-1, *rows.shape[2:]) for name, rows in self.rows.items()}
        self._batches: dict[int, Batch] = {}

    def add(self, transition: Transition) -> None:
        """Write one row over the oldest."""
        slot = self.written % self.num_rows
        for name, part in observation_parts(transition.obs).items():
            self.rows[f"obs/{name}"][slot] = part
        for name in ("action", "reward", "terminated", "truncated", "ignored"):
            self.rows[name][slot] = getattr(transition, name)
        self.written += 1

    @property
    def can_sample(self) -> bool:
        """Whether there are two rows to draw from: of two, at least one holds an action that counted."""
        return self._num_first_rows >= 2

    def sample(self, batch_size: int, generator: np.random.Generator) -> Batch:
        """Draw transitions uniformly; the arrays returned are overwritten by the next batch of this size.

        Raises:
            ValueError: there are too few rows to draw from.
        """
        if not self.can_sample:
            raise ValueError(
                f"the replay holds {self.written} rows: too few for {self.n_step}-step transitions"
            )
        batch = self._batch_of(batch_size)
        first = self._draw(batch_size, generator)
        last = np.empty_like(first)
        rewards, terminated, truncated = (self._flat[name] for name in ("reward", "terminated", "truncated"))
        stream = (rewards, terminated, truncated, self.num_envs)
        _fill_windows(first, stream, self.n_step, self.discount, (batch.reward, batch.discount, last))
        np.take(self._flat["action"], first, axis=0, out=batch.action, mode="clip")
        for name in self._obs_names:
            observations = self._flat[f"obs/{name}"]
            np.take(observations, first, axis=0, out=batch.obs[name], mode="clip")
            np.take(observations, last, axis=0, out=batch.next_obs[name], mode="clip")
        return batch

    def state_dict(self) -> dict[str, Any]:
        """What the ring holds; the rows are read from it only when they are asked for."""
        start = max(self.written - self.num_rows, 0)
        row_bytes = sum(rows[0].nbytes for rows in self.rows.values())
        log = RowLog(start, self.written, max(SEGMENT_BYTES // row_bytes, 1), self._read)
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

    def _allocate(self, space: Space) -> np.ndarray:
        assert space.shape is not None  # holds for Box and Discrete, and no other space gets here
        return np.zeros((self.num_rows, self.num_envs, *space.shape), space.dtype)

    @property
    def _num_first_rows(self) -> int:
        return min(self.written, self.num_rows) - self.n_step

    def _draw(self, batch_size: int, generator: np.random.Generator) -> np.ndarray:
        """Places (row · N + environment) whose n following rows are there and whose action counted."""
        ring = self.num_rows * self.num_envs
        oldest = max(self.written - self.num_rows, 0) % self.num_rows * self.num_envs
        choices = self._num_first_rows * self.num_envs
        ignored = self._flat["ignored"]
        first = (oldest + generator.integers(choices, size=batch_size)) % ring
        while (again := np.flatnonzero(ignored.take(first))).size:
            first[again] = (oldest + generator.integers(choices, size=again.size)) % ring
        return first

    def _batch_of(self, size: int) -> Batch:
        if size not in self._batches:
            flat = self._flat
            empty = {name: np.empty((size, *rows.shape[1:]), rows.dtype) for name, rows in flat.items()}
            obs = {name: empty[f"obs/{name}"] for name in self._obs_names}
            next_obs = {name: np.empty_like(part) for name, part in obs.items()}
            self._batches[size] = Batch(
                obs, empty["action"], empty["reward"], empty["reward"].copy(), next_obs
            )
        return self._batches[size]

    def _read(self, first: int, last: int) -> dict[str, np.ndarray]:
        slots = np.arange(first, last) % self.num_rows
        return {name: rows[slots] for name, rows in self.rows.items()}


def _parts(space: Space) -> dict[str, Space]:
    return dict(space.items()) if isinstance(space, spaces.Dict) else {"obs": space}


@njit(cache=True)
@no_type_check
def _fill_windows(first, stream, n_step, discount, out):
    """`agents.formulas.returns.n_step_window` over the ring, from each place in `first`.

    `out` receives the return, the discount before the bootstrap, and the place to bootstrap from.
    """
    reward, terminated, truncated, num_envs = stream
    total, factor, last = out
    for index in range(first.size):
        place = first[index]
        total_here, factor_here = 0.0, 1.0
        for _ in range(n_step):
            total_here += factor_here * reward[place]
            factor_here *= 0.0 if terminated[place] else discount
            ended = terminated[place] or truncated[place]
            place = (place + num_envs) % reward.size
            if ended:
                break
        total[index], factor[index], last[index] = total_here, factor_here, place
