"""The rows of a batch: one record an environment, and the kernels that begin and step them.

What a row does depends on its record, its action and the model alone, never on the rows beside it.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from envs.driving.compiling import drop_stale_cache, kernel
from envs.driving.randomness import mix, stream_key
from envs.tabular.model import FiniteModel

drop_stale_cache(Path(__file__).parent, Path(__file__).parents[1] / "driving")

STREAM_WORLD = 32  # apart from the streams of driving
_DROPPED_BITS, _TO_UNIT = np.uint64(11), 2.0**-53

# What a row holds beside the `ROW_FIELDS` of every batch.
FIELDS: list[tuple] = [
    ("key", np.uint64),  # of the episode's draws: number 0 is its start, number t its step t
    ("state", np.int64),
]


class ModelArrays(NamedTuple):
    """A model as the compiled code takes it: outcomes (S·A, K), with running sums of their chances."""

    cumulative: np.ndarray
    next_state: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    start: np.ndarray  # (S,) running sum
    num_actions: int
    max_steps: int


class Outcomes(NamedTuple):
    """What a step gives, a row an environment."""

    obs: np.ndarray  # (N,) int64
    reward: np.ndarray  # (N,) float64
    terminated: np.ndarray  # (N,) bool
    truncated: np.ndarray  # (N,) bool


def model_arrays(model: FiniteModel) -> ModelArrays:
    """Lay out a model for the kernels."""
    pairs = (model.num_states * model.num_actions, -1)
    return ModelArrays(
        _running_sum(model.probability).reshape(pairs),
        model.next_state.reshape(pairs),
        model.reward.reshape(pairs),
        model.terminated.reshape(pairs),
        _running_sum(model.start),
        model.num_actions,
        model.max_steps,
    )


def _running_sum(chances: np.ndarray) -> np.ndarray:
    """Sums up to each chance, 1 from the last that is above 0: rounding must not leave a gap below 1."""
    total = np.cumsum(chances, axis=-1)
    left = np.cumsum(chances[..., ::-1], axis=-1)[..., ::-1] - chances
    return np.where(left > 0.0, np.minimum(total, 1.0), 1.0)


@kernel(inline="always")
def _unit(key, counter):
    """Draw number `counter`, uniform in [0, 1), with 53 random bits."""
    return np.float64(mix(key, np.uint64(counter)) >> _DROPPED_BITS) * _TO_UNIT


@kernel
def _begin(row, start):
    """Go on to a row's next episode."""
    row.episode += 1
    row.step, row.ended = 0, False
    row.key = stream_key(row.seed, row.episode, 0, STREAM_WORLD)
    row.state = np.searchsorted(start, _unit(row.key, 0), side="right")


@kernel(nogil=True)
def begin_rows(rows, chosen, start):
    """Begin a new episode in every row that is chosen, (N,) bool."""
    for n in range(rows.shape[0]):
        if chosen[n]:
            _begin(rows[n], start)


@kernel
def _draw_outcome(cumulative, draw):
    """The first outcome whose running sum is above the draw."""
    k = 0
    while cumulative[k] <= draw:
        k += 1
    return k


@kernel(nogil=True)
def step_rows(rows, actions, model, outcomes):
    """Step every row; one that has ended begins its next episode instead. Returns how many end."""
    ends = 0
    for n in range(rows.shape[0]):
        row = rows[n]
        outcomes.reward[n] = 0.0
        outcomes.terminated[n] = outcomes.truncated[n] = False
        if row.ended:
            _begin(row, model.start)
        else:
            row.step += 1
            pair = row.state * model.num_actions + actions[n]
            k = _draw_outcome(model.cumulative[pair], _unit(row.key, row.step))
            row.state = model.next_state[pair, k]
            outcomes.reward[n] = model.reward[pair, k]
            outcomes.terminated[n] = model.terminated[pair, k]
            outcomes.truncated[n] = row.step == model.max_steps and not outcomes.terminated[n]
            row.ended = outcomes.terminated[n] or outcomes.truncated[n]
            ends += row.ended
        outcomes.obs[n] = row.state
    return ends
