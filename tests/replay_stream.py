"""A stream of environments in which every observation is a number of its own."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from agents.agent import Transition


class Stream(NamedTuple):
    """How a stream is drawn."""

    seed: int
    num_envs: int
    num_rows: int
    ends: float


def stream(case: Stream) -> Iterator[Transition]:
    """A NEXT_STEP stream: an observation is 1 + row · N + environment, the row after an end is ignored."""
    generator = np.random.default_rng(case.seed)
    shape = (case.num_envs,)
    ended = np.zeros(shape, np.bool_)
    for row in range(case.num_rows):
        ignored = ended
        terminated = ~ignored & (generator.random(shape) < case.ends)
        truncated = ~ignored & (generator.random(shape) < case.ends)
        ended = terminated | truncated
        obs = (1 + row * case.num_envs + np.arange(case.num_envs, dtype=np.float64))[:, None]
        reward = np.where(ignored, 0, generator.normal(size=shape)).astype(np.float32)
        action = generator.integers(0, 9, shape)
        yield Transition(obs, action, reward, terminated, truncated, obs + case.num_envs, ignored)
