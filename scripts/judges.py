"""Results on one split: of a run's policy, of the expert, of chance."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from agents.runs.environments import make_environment
from agents.runs.errors import RunError
from agents.runs.evaluation import evaluate
from agents.runs.seeding import derive_seed
from agents.runs.trained import load_run
from envs.drivers import Driver


class Episodes(NamedTuple):
    """Which episodes, and under what."""

    split: str
    number: int
    seed: int | None  # by default the one of the run's own evaluation
    env_kwargs: Mapping[str, Any]  # in place of the run's
    on_episodes: Callable[[int], None]  # told how many have ended


def judge_run(path: Path, device: str, asked: Episodes) -> dict[str, Any]:
    """The results of a run's policy.

    Raises:
        RunError: the folder is not a run's, or something does not suit its environment.
    """
    run = load_run(path, device)
    return run.evaluate(asked.split, asked.number, asked.seed, asked.on_episodes, **asked.env_kwargs)


def judge_driver(name: str, asked: Episodes) -> dict[str, Any]:
    """The results of the expert or of chance, by default on the episodes of a run whose seed is 0.

    Raises:
        RunError: something does not suit the environment.
    """
    seed = derive_seed(0, "evaluate") if asked.seed is None else asked.seed
    kwargs = {"obs": "state", **asked.env_kwargs, "split": asked.split}
    try:
        return evaluate(
            Driver(name, seed),
            partial(make_environment, "Hairpin/LaneFollow-v0", kwargs=kwargs),
            asked.number,
            seed,
            name=name,
            split=asked.split,
            on_episodes=asked.on_episodes,
        )
    except ValueError as fault:
        raise RunError(str(fault)) from fault
