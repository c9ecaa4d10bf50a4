"""Trainings carried out one after the other or side by side, each kept as soon as it is over."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from agents.comparison.carrying_out import Failure, Workshop, carry_out
from agents.comparison.records import Cell
from agents.comparison.results import Result, ResultStore
from agents.runs.errors import InterruptedRunError
from agents.runs.progress import progress_bar
from agents.runs.report import print_line
from learning_plan import Asked

ROOT = Path(__file__).parents[1]


def train(cells: Sequence[Cell], store: ResultStore, asked: Asked, console: Console) -> list[Failure]:
    """Carry out the cells that are not finished yet; returns those that came to nothing.

    Raises:
        InterruptedRunError: the user asked to stop; every finished cell is kept.
    """
    waiting = [cell for cell in cells if store.find(cell) is None]
    total, failures = len(cells), []
    finished = total - len(waiting)
    if finished:
        print_line(console, f"{finished} of {total} trainings are finished, and would be the same today")
    try:
        with (
            folder_of(asked.folder) as folder,
            progress_bar(console, "learning", total, "trainings", finished) as advance,
        ):
            for outcome in carry_out(waiting, Workshop(ROOT, folder, asked.together)):
                if isinstance(outcome, Failure):
                    failures.append(outcome)
                    print_line(console, f"{outcome.cell.name} failed: {outcome.message}")
                    continue
                store.save(outcome)
                finished += 1
                print_line(console, told(outcome))
                advance(finished, "")
    except KeyboardInterrupt as fault:
        again = "the same command goes on from there"
        raise InterruptedRunError(
            f"stopped; {finished} of {total} trainings are finished: {again}"
        ) from fault
    return failures


def told(result: Result) -> str:
    """A finished cell in a line."""
    return f"{result.task} {result.agent} {result.seed}: {result.score:.4g} after {result.seconds:,.0f} s"


@contextmanager
def folder_of(asked: Path | None) -> Iterator[Path]:
    """Where the runs lie while they are carried out."""
    if asked:
        asked.mkdir(parents=True, exist_ok=True)
        yield asked.absolute()
        return
    with TemporaryDirectory(prefix="hairpin-") as folder:
        yield Path(folder)
