"""The learning suite: figures that take minutes, trainings that take hours, and the page that tells them."""

import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from rich.console import Console

from agents.comparison.measurements import Measurement, save_measurement
from agents.comparison.page import write_page
from agents.comparison.provenance import provenance
from agents.comparison.results import ResultStore
from agents.comparison.rows import rows_of
from agents.runs.errors import RunError
from agents.runs.report import print_line
from benchmark_row import Row, Scope
from learning_cells import ROOT, train
from learning_plan import MEASUREMENTS, Asked, Plan, planned


def measure(asked: Asked, scope: Scope, results: Path, console: Console) -> Iterator[Row]:
    """Measure, train what is not yet trained, write the page; rows as soon as they are known.

    Raises:
        RunError: a name is unknown, trainings failed, or the user asked to stop.
    """
    plan, failures = planned(asked, scope, results), []
    if not asked.report:
        for name in plan.measurements:
            with console.status(name):
                yield from kept(name, plan)
        failures = train(plan.cells, plan.store, asked, console) if plan.cells else []
    report(plan.store, console)
    yield from rows_of(result for cell in plan.cells if (result := plan.store.find(cell)))
    if failures:
        told = "; ".join(f"{failure.cell.name}: {failure.message}" for failure in failures)
        raise RunError(f"{len(failures)} of {len(plan.cells)} trainings failed: {told}", status=1)


def report(store: ResultStore, console: Console) -> None:
    """Write the page, and say where it is and what is not in it."""
    page, left_out = write_page(store)
    print_line(console, f"look at {page}")
    if left_out:
        print_line(console, f"left out, because today's recipes differ: {', '.join(left_out)}")


def kept(name: str, plan: Plan) -> Iterator[Row]:
    """The rows of a measurement, which is then kept for the page."""
    module, function = MEASUREMENTS[name]
    made, rows = provenance(ROOT), []
    for row in getattr(import_module(module), function)(plan.scope):
        rows.append(row)
        yield row
    save_measurement(plan.store.root, Measurement(name, command(name, plan.scope), rows, made))


def command(name: str, scope: Scope) -> str:
    """What measures it again."""
    words = ["--tasks", f"[{name}]", "--seeds", f"[{','.join(map(str, scope.seeds))}]"]
    words += [] if scope.seconds is None else ["--seconds", f"{scope.seconds:g}"]
    words += [] if scope.peers else ["--peers", "false"]
    return shlex.join(["python", "scripts/benchmark.py", "learning", *words])
