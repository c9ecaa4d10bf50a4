"""What is compared: tasks, agents, how each agent is trained on each task, and one training of them all."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from agents.runs.command_line import checked_agent, parse_run, run_parser
from agents.runs.config import RunConfig

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Recipe:
    """How an agent is trained on a task: a named experiment, and what differs from it."""

    config: str | None = None
    """File of the experiment, seen from the project's root."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Option of train_agent.py → value."""


@dataclass(frozen=True)
class Task:
    """An environment, a budget, and two scores between which others are placed."""

    name: str
    """What it is called on the command line."""
    env_id: str
    """Gymnasium id of the environment."""
    env_steps: int
    """Environment steps of a training."""
    chance: float
    """Mean score of random actions."""
    solved: float
    """Score at which the task counts as solved."""
    recipes: Mapping[str, Recipe]
    """Kind of agent → how it is trained here; a kind that is missing is not run."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of every training here."""
    score: str = "mean_return"
    """Which number of an evaluation counts."""
    episodes: int = 100
    """Episodes of the final evaluation."""
    looks: int = 20
    """Points of a learning curve: evaluations while it trains, of which the best policy is kept."""

    def __post_init__(self) -> None:
        if not self.solved > self.chance:
            raise ValueError(f"{self.name}: solved is {self.solved}; it must be above chance, {self.chance}")


@dataclass(frozen=True)
class Contender:
    """An agent by the name under which it is compared: a kind, and what sets it apart within it."""

    name: str
    """What it is called on the command line."""
    kind: str
    """Which recipe of a task it follows."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of train_agent.py that differ from the recipe."""
    peer: str | None = None
    """The agent of another library that it is held against."""
    variation: str | None = None
    """What sets it apart from the agent that it is a variant of, in words; None for an agent of its own."""


@dataclass(frozen=True)
class Cell:
    """One training: an agent on a task under a seed."""

    task: Task
    contender: Contender
    seed: int

    @property
    def name(self) -> str:
        """Task, agent and seed."""
        return f"{self.task.name} {self.contender.name} {self.seed}"

    @property
    def arguments(self) -> list[str]:
        """The words that train_agent.py is started with, but for the run's folder."""
        return [*self._shared_arguments, "--seed", str(self.seed)]

    @property
    def definition(self) -> dict[str, Any]:
        """Everything that the training depends on, but its seed and the code: the resolved options.

        Raises:
            RunError: the recipe has an option that the agent does not know.
        """
        config = self.task.recipes[self.contender.kind].config
        words = (str(ROOT / word) if word == config else word for word in self._shared_arguments)
        return _resolved(tuple(words))

    @property
    def defaults(self) -> dict[str, Any]:
        """The same of an agent of this kind that is told nothing but its name and its environment."""
        name = self.contender.options["agent.name"]
        return _resolved(("--env.id", self.task.env_id, "--agent.name", name))

    @property
    def _shared_arguments(self) -> list[str]:
        task, recipe = self.task, self.task.recipes[self.contender.kind]
        options = {
            "env.id": task.env_id,
            **task.options,
            **recipe.options,
            **self.contender.options,
            "train.env_steps": task.env_steps,
            "evaluate.interval": max(task.env_steps // task.looks, 1),
            "evaluate.episodes": task.episodes,
            "track.mode": "disabled",
        }
        words = ["--config", recipe.config] if recipe.config else []
        return [*words, *(word for name, value in options.items() for word in (f"--{name}", _word(value)))]


@cache  # all seeds of an agent on a task have the same
def _resolved(arguments: tuple[str, ...]) -> dict[str, Any]:
    """What a run's options come to, as JSON values."""
    run, text = parse_run(RunConfig, run_parser(RunConfig, "", checked_agent(arguments)), arguments)
    options = yaml.safe_load(text)
    parts = ["env", "agent", "train", "evaluate", *(["perception"] if run.needs_encoder else [])]
    return json.loads(json.dumps({part: options[part] for part in parts}))


def _word(value: Any) -> str:
    """A value as the command line takes it."""
    return value if isinstance(value, str) else json.dumps(value)
