"""Measure Hairpin beside what a user would pick instead, in the same minutes on the same machine."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

import task_speed
from rich.console import Console
from rich.table import Table

import simulation_speed
from agents.runs.durable import write_durably
from agents.runs.parser import exit_status, parse_options
from benchmark_options import SECONDS, Options
from benchmark_row import Scope


def benchmark(arguments: Sequence[str]) -> None:
    """Measure, print a table and write the results.

    Raises:
        RunError: what is wrong with the arguments.
    """
    options = parse_options(Options, arguments, str(__doc__))
    console, rows = Console(), []
    table = Table("what", "value", "unit", "peer", "peer's value", "ratio")
    for row in measured(options, console):
        rows.append(row)
        cells = (row["name"], row["value"], row["unit"], row["peer"], row["peer_value"], row["ratio"])
        table.add_row(*map(shown, cells))
    console.print(table)
    if options.json:
        text = json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
        write_durably(options.json.parent, options.json.name, text.encode())


def measured(options: Options, console: Console) -> Iterator[dict[str, Any]]:
    """The rows of a suite, each as soon as it is known."""
    if options.suite == "simulation":
        with console.status("measuring"):
            seconds = options.seconds or SECONDS
            yield from simulation_speed.measure(options.num_envs, options.threads, seconds, options.peers)
            yield from task_speed.measure_tasks(options.num_envs, options.threads, seconds, options.peers)
        return
    if options.suite == "perception":
        import perception_speed  # brings what trains: the simulation need not wait for it

        with console.status("measuring"):
            yield from perception_speed.measure(options.threads, options.seconds or SECONDS)
        return
    import learning_suite  # for the same reason

    scope = Scope(options.seeds, options.seconds, options.peers)
    asked = learning_suite.Asked(
        options.tasks, options.agents, options.parallel, options.folder, options.report
    )
    yield from learning_suite.measure(asked, scope, options.results, console)


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
