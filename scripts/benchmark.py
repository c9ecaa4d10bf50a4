"""Measure Hairpin beside what a user would pick instead, in the same minutes on the same machine."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

from rich.console import Console
from rich.table import Table

import simulation_speed
from agents.runs.durable import write_durably
from agents.runs.errors import require
from agents.runs.parser import exit_status, parse_options

SUITES = {"simulation": 3.0, "learning": 900.0}
"""What can be measured, and for how many seconds at most each case is, unless told otherwise."""


@dataclass(frozen=True)
class Options:
    """What to measure."""

    suite: str
    """What to measure: simulation, the steps per second; or learning, the time until a car drives."""
    num_envs: int = 1024
    """Environments in the batch of the simulation."""
    threads: int = 2
    """Threads over the batch of the simulation."""
    seeds: tuple[int, ...] = (0,)
    """Seeds of what learns, such as --seeds '[0,1,2]'; every time is a mean over them."""
    seconds: float | None = None
    """How long each case is measured: 3 for simulation; for learning the longest training, 900."""
    peers: bool = True
    """Measure the peers as well (extra `peers`)."""
    json: Path | None = None
    """File for the results."""

    def __post_init__(self) -> None:
        require(self.suite in SUITES, "suite", self.suite, " or ".join(SUITES))
        require(1 <= self.num_envs <= 4096, "num_envs", self.num_envs, "from 1 to 4096")
        require(1 <= self.threads <= 256, "threads", self.threads, "from 1 to 256")
        fit = len(self.seeds) > 0 and min(self.seeds) >= 0
        require(fit, "seeds", list(self.seeds), "one or more whole numbers, 0 or greater")
        require(self.seconds is None or self.seconds > 0, "seconds", self.seconds, "above 0")
        if self.json:
            fits = self.json.parent.is_dir() and (self.json.is_file() or not self.json.exists())
            require(fits, "json", str(self.json), "a file in a folder that exists")


def benchmark(arguments: Sequence[str]) -> None:
    """Measure, print a table and write the results.

    Raises:
        RunError: what is wrong with the arguments.
    """
    options = parse_options(Options, arguments, str(__doc__))
    console, rows = Console(), []
    table = Table("what", "value", "unit", "peer", "peer's value", "ratio")
    with console.status("measuring"):
        for row in measured(options):
            rows.append(row)
            cells = (row["name"], row["value"], row["unit"], row["peer"], row["peer_value"], row["ratio"])
            table.add_row(*map(shown, cells))
    console.print(table)
    if options.json:
        text = json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
        write_durably(options.json.parent, options.json.name, text.encode())


def measured(options: Options) -> Iterator[dict[str, Any]]:
    """The rows of a suite, each as soon as it is known."""
    seconds = options.seconds or SUITES[options.suite]
    if options.suite == "simulation":
        return simulation_speed.measure(options.num_envs, options.threads, seconds, options.peers)
    import learning_speed  # brings what trains: the other suite need not wait for it

    return learning_speed.measure(options.seeds, seconds, options.peers)


def shown(cell: Any) -> str:
    """A cell of the table."""
    if isinstance(cell, float):
        return f"{cell:,.0f}" if cell >= 1000 else f"{cell:.3g}"
    return "" if cell is None else str(cell)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status of the program: 0, or 2 for bad input."""
    return exit_status(partial(benchmark, sys.argv[1:] if arguments is None else arguments))


if __name__ == "__main__":
    sys.exit(main())
