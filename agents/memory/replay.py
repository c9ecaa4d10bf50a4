"""Experience replay: transitions over n steps, put together when they are drawn."""

from dataclasses import dataclass
from typing import Any, NamedTuple, no_type_check

import numpy as np
from gymnasium import Space
from numba import njit

from agents.agent import Transition
from agents.memory.ring import Ring, transition_fields, transition_row
from agents.memory.row_sampler import RowSampler, require_capacity

NOTHING = -1  # the place of a frame that there is not


@dataclass(frozen=True)
class ReplayConfig:
    """What is remembered, and what a drawn transition is."""

    capacity: int
    """Environment steps that are remembered."""
    n_step: int = 1
    """Rewards that are summed before the value of what follows."""
    discount: float = 0.99
    """Weight of a reward one step later, γ."""
    frame_stack: int = 1
    """Newest observations of an episode that are seen together; before its first one they are zero."""
    prioritised: bool = False
    """Whether to draw in proportion to priorities rather than uniformly."""


class Batch(NamedTuple):
    """Transitions over up to n steps: the target is reward + discount · value(next_obs).

    Observations are arrays by name, as `agents.agent.observation_parts` gives them; with stacked frames their
    second axis counts them, the newest last.
    """

    obs: dict[str, np.ndarray]  # (B, …) or (B, stack, …)
    action: np.ndarray  # (B, …)
    reward: np.ndarray  # (B,) float32, Σ γᵏ r
    discount: np.ndarray  # (B,) float32, γᵐ (1 − terminated)
    next_obs: dict[str, np.ndarray]  # as obs
    weight: np.ndarray  # (B,) float32, what priorities must be corrected by; 1 without
    place: np.ndarray  # (B,) int64, what `update_priorities` wants to know


class Replay:
    """A ring that stores each frame once; stacks, next observations and returns are found by index.

    Raises:
        ValueError: the capacity is too small to draw from, ever.
    Source: document 004 §3.4 (Lin, 1992); arXiv:1511.05952 for priorities.
    """

    def __init__(self, observation_space: Space, action_space: Space, *, num_envs: int, config: ReplayConfig):
        stacks = f"stacks of {config.frame_stack} and " if config.frame_stack > 1 else ""
        least, what = config.n_step + config.frame_stack + 1, f"{stacks}{config.n_step}-step returns"
        require_capacity(config.capacity, num_envs, least, what)
        self.config = config
        self.ring = Ring(transition_fields(observation_space, action_space), num_envs, config.capacity)
        self.sampler = RowSampler(self.ring, config.frame_stack - 1, config.n_step, config.prioritised)
        self._obs_names = [name for name in self.ring.rows if name.startswith("obs/")]
        self._batches: dict[int, Batch] = {}

    def add(self, transition: Transition) -> None:
        """Write one row over the oldest."""
        self.sampler.add(transition_row(transition))

    @property
    def can_sample(self) -> bool:
        """Whether there is enough to draw from."""
        return self.sampler.can_draw

    def sample(self, batch_size: int, generator: np.random.Generator, correction: float = 1.0) -> Batch:
        """Draw transitions; the arrays returned are overwritten by the next batch of this size.

        `correction` is β, the share of the priorities' bias that the weights take back.

        Raises:
            ValueError: there are too few rows to draw from.
        """
        drawn, flat = self.sampler.draw(batch_size, generator, correction), self.ring.flat
        batch = self._batch_of(batch_size)
        batch.place[:] = drawn.place
        if drawn.weight is not None:
            batch.weight[:] = drawn.weight
        last = np.empty_like(batch.place)
        stream = flat["reward"], flat["terminated"], flat["truncated"], self.ring.num_envs
        out = batch.reward, batch.discount, last
        _fill_windows(batch.place, stream, self.config.n_step, self.config.discount, out)
        np.take(flat["action"], batch.place, axis=0, out=batch.action, mode="clip")
        for name in self._obs_names:
            self._take_frames(name, batch.place, batch.obs[name.removeprefix("obs/")])
            self._take_frames(name, last, batch.next_obs[name.removeprefix("obs/")])
        return batch

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

    def _take_frames(self, name: str, place: np.ndarray, out: np.ndarray) -> None:
        """Copy the frame, or the stack of frames, of each place; numpy moves whole frames, a loop bytes."""
        frames, stack = self.ring.flat[name], self.config.frame_stack
        if stack > 1:
            stacked = np.empty((place.size, stack), np.int64)
            wraps = self.ring.written > self.ring.num_rows
            _find_stacks(place, (self.ring.flat["ignored"], self.ring.num_envs, wraps), stacked)
            place, out = stacked.ravel(), out.reshape(-1, *out.shape[2:])
        np.take(frames, place, axis=0, out=out, mode="clip")
        if stack > 1:
            out[place == NOTHING] = 0

    def _batch_of(self, size: int) -> Batch:
        if size not in self._batches:
            flat, stack = self.ring.flat, self.config.frame_stack
            axis = () if stack == 1 else (stack,)
            obs = {
                name.removeprefix("obs/"): np.empty((size, *axis, *flat[name].shape[1:]), flat[name].dtype)
                for name in self._obs_names
            }
            action = np.empty((size, *flat["action"].shape[1:]), flat["action"].dtype)
            reward, discount = np.empty((2, size), np.float32)
            next_obs = {name: np.empty_like(part) for name, part in obs.items()}
            weight, place = np.ones(size, np.float32), np.empty(size, np.int64)
            self._batches[size] = Batch(obs, action, reward, discount, next_obs, weight, place)
        return self._batches[size]


@njit(cache=True)
@no_type_check
def _fill_windows(first, stream, n_step, discount, out):
    """The `n_step_window` over the ring, from each place in `first`.

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


@njit(cache=True)
@no_type_check
def _find_stacks(places, stream, out):
    """The place of the frame at each place and of those before it in its episode, the newest last.

    Before the episode there is `NOTHING`. The row before its first one is ignored: it holds the observation
    that the last episode ended with. Slot 0 has a row before it only once the ring `wraps`.
    """
    ignored, num_envs, wraps = stream
    stack = out.shape[1]
    for index in range(places.size):
        place = places[index]
        begun = False
        for back in range(stack - 1, -1, -1):
            out[index, back] = NOTHING if begun else place
            begun = begun or (place < num_envs and not wraps)
            place = (place - num_envs) % ignored.size
            begun = begun or ignored[place]
