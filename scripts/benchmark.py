"""Measure Hairpin beside what a user would pick instead, in the same minutes on the same machine."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

from rich.console import Console
from rich.table import Table

import simulation_speed
from agents.runs.config import require
from agents.runs.durable import write_durably
from agents.runs.parser import exit_status, parse_options

SUITES = {"simulation": simulation_speed.measure}


@dataclass(frozen=True)
class Options:
    """What to measure."""

    suite: str
    """What to measure: simulation."""
    num_envs: int = 256
    """Environments in the batch."""
    threads: int = 2
    """Threads over the batch."""
    seconds: float = 3.0
    """How long each case is measured."""
    peers: bool = True
    """Measure the peers as well (extra `peers`)."""
    json: Path | None = None
    """File for the results."""

    def __post_init__(self) -> None:
        require(self.suite in SUITES, "suite", self.suite, " or ".join(SUITES))
        require(1 <= self.num_envs <= 4096, "num_envs", self.num_envs, "from 1 to 4096")
        require(1 <= self.threads <= 256, "threads", self.threads, "from 1 to 256")
        require(self.seconds > 0, "seconds", self.seconds, "above 0")


def benchmark(arguments: Sequence[str]) -> None:
    """Measure, print a table and write the results.

    Raises:
        RunError: what is wrong with the arguments.
    """
    options = parse_options(Options, arguments, str(__doc__))
    console, rows = Console(), []
    table = Table("what", "steps/s", "peer's", "ratio")
    suite = SUITES[options.suite]
    with console.status("measuring"):
        for row in suite(options.num_envs, options.threads, options.seconds, options.peers):
            rows.append(row)
            theirs, ratio = (row[key] if row[key] is not None else "" for key in ("peer_value", "ratio"))
            table.add_row(row["name"], f"{row['value']:,.0f}", f"{theirs}", f"{ratio}")
    console.print(table)
    if options.json:
        text = json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
        write_durably(options.json.parent, options.json.name, text.encode())


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status of the program: 0, or 2 for bad input."""
    return exit_status(partial(benchmark, sys.argv[1:] if arguments is None else arguments))


if __name__ == "__main__":
    sys.exit(main())
