"""Judge the policy of a run, the expert or chance on roads that no policy has been trained on."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from agents.runs.durable import write_durably
from agents.runs.errors import require
from agents.runs.parser import exit_status, parse_options
from agents.runs.progress import progress_bar
from agents.runs.report import print_evaluation, print_gaps
from agents.runs.threads import prepare_threads
from envs.drivers import DRIVERS
from judges import DriverJudge, Episodes, Judge, RunJudge


@dataclass(frozen=True)
class Options:
    """What to judge, and on what."""

    run: Path
    """Folder of the run; or expert, or random, which drive `env_id`."""
    env_id: str | None = None
    """What the expert or chance drive, such as Hairpin/Traffic-v0; by default Hairpin/LaneFollow-v0."""
    split: str = "test"
    """Split of the environment's levels; ignored where it has none."""
    episodes: int = 100
    """Episodes, each on a level of its own, each driven once to its end."""
    ood: Literal["none", "all"] = "none"
    """all judges every held-out axis as well: roads, density, friction, looks, cameras unlike training's."""
    seed: int | None = None
    """Seed of the episodes; by default the one that the run's own evaluation used."""
    json: Path | None = None
    """File for the results."""
    device: str = "auto"
    """Where networks run: auto, cpu, cuda or mps."""
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments that replace the run's, such as --env_kwargs.look noisy."""

    def __post_init__(self) -> None:
        require(self.episodes >= 1, "episodes", self.episodes, "at least 1")
        require(self.seed is None or self.seed >= 0, "seed", self.seed, "0 or greater")
        for key in ("split", "num_envs", "render_mode"):
            require(key not in self.env_kwargs, f"env_kwargs.{key}", self.env_kwargs.get(key), "left out")
        if self.json:
            fits = self.json.parent.is_dir() and (self.json.is_file() or not self.json.exists())
            require(fits, "json", str(self.json), "a file in a folder that exists")


def judge(arguments: Sequence[str]) -> None:
    """Evaluate as the arguments ask, print, and write the results.

    Raises:
        RunError: what is wrong with them, or with the run's folder.
    """
    options = parse_options(Options, arguments, str(__doc__))
    prepare_threads()
    console, who = Console(), _judge_of(options)
    asked = Episodes(options.split, options.episodes, options.seed, options.env_kwargs)
    results = [_judged(console, who, asked, options.split)]
    axes = who.axes(asked) if options.ood == "all" else {}
    for axis, kwargs in axes.items():
        apart = asked._replace(env_kwargs={**asked.env_kwargs, **kwargs})
        results.append({"axis": axis, **_judged(console, who, apart, axis)})
    if axes:
        print_gaps(console, results[0], {result["axis"]: result for result in results[1:]})
    if options.json:
        content = results if options.ood == "all" else results[0]
        text = json.dumps(content, indent=2) + "\n"
        write_durably(options.json.parent, options.json.name, text.encode())


def _judge_of(options: Options) -> Judge:
    """Who is judged."""
    if str(options.run) in DRIVERS:
        return DriverJudge(str(options.run), options.env_id)
    return RunJudge(options.run, options.device, options.env_id)


def _judged(console: Console, who: Judge, asked: Episodes, title: str) -> dict[str, Any]:
    """Results, with a bar while they are worked out, printed."""
    with progress_bar(console, f"evaluate {title}", asked.number, "episodes") as advance:
        result = who.results(asked, lambda done: advance(done, ""))
    print_evaluation(console, result)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status of the program: 0, or 2 for bad input."""
    return exit_status(partial(judge, sys.argv[1:] if arguments is None else arguments))


if __name__ == "__main__":
    sys.exit(main())
