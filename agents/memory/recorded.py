"""Recorded episodes as transitions: folders in Minari's format, such as a person's drives."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from agents.runs.errors import RunError


class Transition(NamedTuple):
    """One step of a recorded episode."""

    obs: Any  # an array, or a dictionary of arrays
    action: np.ndarray
    reward: float
    next_obs: Any
    discount: float  # γ, or 0 where the episode ended by itself; a cut-off one still bootstraps


def recorded_transitions(path: Path, discount: float = 0.99) -> Iterator[Transition]:
    """The transitions of a recording, in the order in which they were driven.

    Args:
        path: folder of a recording.
        discount: γ of a step after which the episode goes on.

    Raises:
        RunError: the folder is not a recording, or it is damaged.
    """
    try:
        import minari  # an extra
    except ImportError as missing:
        raise RunError(f"to read recordings, install the extra recording: {missing}") from missing
    if not path.is_dir():
        raise RunError(f"{path} is missing: it should be the folder of a recording")
    try:
        episodes = list(minari.MinariDataset(path).iterate_episodes())
    except (OSError, KeyError, ValueError, AssertionError, TypeError) as fault:
        raise RunError(f"{path} is no recording, or it is damaged: {fault}") from fault
    for episode in episodes:
        for t in range(len(episode.rewards)):
            ended = 0.0 if episode.terminations[t] else discount
            obs, next_obs = _at(episode.observations, t), _at(episode.observations, t + 1)
            yield Transition(obs, episode.actions[t], float(episode.rewards[t]), next_obs, ended)


def _at(observations: Any, t: int) -> Any:
    if isinstance(observations, dict):
        return {name: part[t] for name, part in observations.items()}
    return observations[t]
