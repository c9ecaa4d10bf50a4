"""A stream of environments in which everything is drawn anew: actions, rewards, ends and observations."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from agents.agent import Transition

FIRST_ACTION, NUM_ACTIONS = 6, 4


def noise(num_envs: int, rows: int, space: Space, seed: int = 0, wasted: float = 0.0) -> Iterator[Transition]:
    """A NEXT_STEP stream: episodes of any length, each followed by a row that resets.

    Such a row tells what was `wasted` for a reward, which nobody should believe.
    """
    space.seed(seed)
    generator, obs = np.random.default_rng(seed), _sampled(space, num_envs)
    ignored = np.zeros(num_envs, np.bool_)
    for _ in range(rows):
        next_obs, chance = _sampled(space, num_envs), generator.random(num_envs)
        reward = np.where(ignored, wasted, generator.normal(size=num_envs)).astype(np.float32)
        terminated, truncated = ~ignored & (chance < 0.15), ~ignored & (chance > 0.85)
        action = FIRST_ACTION + generator.integers(0, NUM_ACTIONS, num_envs)
        yield Transition(obs, action, reward, terminated, truncated, next_obs, ignored)
        obs, ignored = next_obs, terminated | truncated


def _sampled(space: Space, num_envs: int) -> Any:
    if isinstance(space, spaces.Dict):
        return {name: _sampled(part, num_envs) for name, part in space.items()}
    return np.stack([space.sample() for _ in range(num_envs)])
