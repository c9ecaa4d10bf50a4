"""Watch an episode, or film it: a run's policy, the expert, chance, or yourself at the keyboard."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from agents.runs.environments import make_environment
from agents.runs.errors import RunError, require
from agents.runs.greedy import open_run
from agents.runs.parser import exit_status, parse_options
from agents.runs.progress import progress_bar
from agents.runs.report import print_scores
from envs.drivers import DRIVERS, make_driver
from envs.film import drive_episode, record_episode, require_film
from envs.keyboard import drive_by_keyboard


@dataclass(frozen=True)
class Options:
    """Who drives, where, and what becomes of the pictures."""

    policy: str = "human"
    """human, expert, random, or the folder of a run, which may also stand first without --policy."""
    save: Path | None = None
    """File for a film, mp4 or gif; without it a window opens."""
    record: Path | None = None
    """Folder for what human drives, as episodes in Minari's format that a learner can load."""
    seed: int = 0
    """Seed of the episode."""
    level: int | None = None
    """Number of the road; by default the seed draws it."""
    split: str = "test"
    """Split of the roads: train, val, test or ood."""
    seconds: float = float("inf")
    """How much of the episode is filmed."""
    env_id: str = "Hairpin/LaneFollow-v0"
    """The task, such as Hairpin/Traffic-v0."""
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments of the environment, such as --env_kwargs.look noisy."""

    def __post_init__(self) -> None:
        require(self.seed >= 0, "seed", self.seed, "0 or greater")
        require(self.seconds > 0, "seconds", self.seconds, "above 0")
        mine = self.record is None or self.policy == "human"
        require(mine, "record", str(self.record), "left out unless the policy is human")


def drive(options: Options, console: Console) -> dict[str, float]:
    """Drive as the options ask; returns the metrics of the last episode."""
    name, policy, save, seed = options.env_id, options.policy, options.save, options.seed
    road = {} if options.level is None else {"levels": options.level}
    kwargs = {"split": options.split, "render_mode": "rgb_array" if save else "human", **options.env_kwargs}
    if save:
        require_film(save)
    if policy == "human":
        env = make_environment(name, 1, kwargs | {"actions": "continuous"})
        return drive_by_keyboard(env, seed, road, save, options.record)
    if policy in DRIVERS:
        env = make_environment(name, 1, kwargs)
        act = make_driver(policy, env, seed)
    else:
        env, act = open_run(Path(policy), kwargs.pop("split"), **kwargs)
    if save is None:
        return drive_episode(env, act, seed, road)
    with progress_bar(console, f"film {save}", 100, "%") as advance:
        return record_episode(env, act, save, seed, road, options.seconds, advance)


def render(arguments: list[str]) -> None:
    """Let whom the arguments name drive, and print how it went."""
    if arguments and not arguments[0].startswith("-"):
        arguments = ["--policy", *arguments]
    options, console = parse_options(Options, arguments, str(__doc__)), Console()
    try:
        print_scores(console, "episode", drive(options, console))
    except (OSError, ValueError) as fault:
        raise RunError(str(fault)) from fault


def main(arguments: list[str] | None = None) -> int:
    """Exit status of the program: 0, or 2 for bad input."""
    return exit_status(lambda: render(sys.argv[1:] if arguments is None else arguments))


if __name__ == "__main__":
    sys.exit(main())
