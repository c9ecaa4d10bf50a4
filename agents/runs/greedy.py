"""A run opened for whoever wants to watch it drive."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from agents.agent import Observation


def open_run(
    folder: Path, split: str, /, **overrides: Any
) -> tuple[VectorEnv, Callable[[Observation], np.ndarray]]:
    """An environment of one row as a run's agent sees it, and its greedy policy from observations to actions.

    Args:
        folder: the run's.
        split: the levels to draw from; ignored where the environment has none.
        **overrides: keyword arguments of the environment that replace the run's.

    Raises:
        RunError: the folder is missing, not a run's, has no policy yet, or was altered.
        ValueError: the environment refuses a keyword argument.
    """
    from agents.runs.threads import prepare_threads  # torch: who needs no run need not wait for it
    from agents.runs.trained import load_run

    if overrides.get("render_mode") == "rgb_array":
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # a film needs no window
    prepare_threads()
    run = load_run(folder)
    return run.watched_env(split if run.splits else None, **overrides), run.greedy_policy()
