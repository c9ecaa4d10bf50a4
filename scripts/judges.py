"""Results on one split or held-out axis: of a run's policy, of the expert, of chance."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from gymnasium.vector import VectorEnv

from agents.runs.environments import make_environment
from agents.runs.errors import RunError
from agents.runs.evaluation import evaluate
from agents.runs.seeding import derive_seed
from agents.runs.trained import load_run
from envs.drivers import Driver
from envs.driving.axes import held_out_axes
from envs.driving.vector_env import DrivingVectorEnv

LANE_FOLLOW = "Hairpin/LaneFollow-v0"


class Episodes(NamedTuple):
    """Which episodes, and under what."""

    split: str
    number: int
    seed: int | None  # by default the one of the run's own evaluation
    env_kwargs: Mapping[str, Any]  # in place of the run's


Listener = Callable[[int], None]
"""Told how many episodes have ended."""


class Judge(Protocol):
    """Somebody who drives, to be judged."""

    def results(self, asked: Episodes, on_episodes: Listener) -> dict[str, Any]:
        """How the episodes went.

        Raises:
            RunError: something does not suit the environment.
        """
        ...

    def axes(self, asked: Episodes) -> dict[str, dict[str, Any]]:
        """Keyword arguments by the axis along which they leave what is trained on."""
        ...


class RunJudge:
    """Judges the policy of a run.

    Raises:
        RunError: the folder is not a run's.
    """

    def __init__(self, path: Path, device: str, env_id: str | None) -> None:
        self._run = load_run(path, device)
        own = self._run.config.env.id
        if env_id not in (None, own):
            raise RunError(f"env_id is {env_id!r}; {path} was trained on {own}: leave it out")

    def results(self, asked: Episodes, on_episodes: Listener) -> dict[str, Any]:
        """See `Judge`."""
        kwargs = dict(asked.env_kwargs)
        split = kwargs.pop("split", asked.split)
        return self._run.evaluate(split, asked.number, asked.seed, on_episodes, **kwargs)

    def axes(self, asked: Episodes) -> dict[str, dict[str, Any]]:
        """See `Judge`."""
        split = asked.split if self._run.splits else None
        return _axes_of(self._run.make_env(1, split, **asked.env_kwargs), bool(self._run.splits))


class DriverJudge:
    """Judges the expert or chance, by default on the episodes of a run whose seed is 0."""

    def __init__(self, name: str, env_id: str | None) -> None:
        self._name, self._env_id = name, env_id or LANE_FOLLOW

    def results(self, asked: Episodes, on_episodes: Listener) -> dict[str, Any]:
        """See `Judge`."""
        seed = derive_seed(0, "evaluate") if asked.seed is None else asked.seed
        kwargs = self._kwargs(asked)
        try:
            return evaluate(
                Driver(self._name, seed),
                partial(make_environment, self._env_id, kwargs=kwargs),
                asked.number,
                seed,
                name=self._name,
                split=kwargs.get("split"),
                on_episodes=on_episodes,
            )
        except ValueError as fault:
            raise RunError(str(fault)) from fault

    def axes(self, asked: Episodes) -> dict[str, dict[str, Any]]:
        """See `Judge`."""
        try:
            return _axes_of(make_environment(self._env_id, 1, self._kwargs(asked)), True)
        except ValueError as fault:
            raise RunError(str(fault)) from fault

    def _kwargs(self, asked: Episodes) -> dict[str, Any]:
        own = {"obs": "state"} if self._env_id.startswith("Hairpin/") else {}
        return {**own, "split": asked.split, **asked.env_kwargs}


def _axes_of(env: VectorEnv, has_splits: bool) -> dict[str, dict[str, Any]]:
    """The axes of an environment, which is closed: those of driving, or its split ood."""
    cars = env.unwrapped
    axes = held_out_axes(cars.config) if isinstance(cars, DrivingVectorEnv) else {}
    env.close()
    return axes or ({"ood": {"split": "ood"}} if has_splits else {})
