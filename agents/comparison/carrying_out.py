"""Cells carried out as a user would: one process each, several side by side if asked."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from agents.comparison.provenance import provenance
from agents.comparison.records import Cell
from agents.comparison.results import Provenance, Result, curve_of
from agents.runs.folder import RunFolder
from agents.runs.metrics_file import read_metrics

LOOK_SECONDS = 0.1
PROGRAM = "scripts/train_agent.py"
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OMP_THREAD_LIMIT": "1",  # holds against a program that asks for more
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}


class Failure(NamedTuple):
    """A cell that came to nothing, and what its program said."""

    cell: Cell
    message: str


class Workshop(NamedTuple):
    """Where cells are carried out."""

    root: Path
    """The project."""
    folder: Path
    """Where the runs' folders lie."""
    together: int = 1
    """Cells side by side; of several, each has one thread."""


def carry_out(cells: Sequence[Cell], workshop: Workshop) -> Iterator[Result | Failure]:
    """Results in the order in which the cells end. Whatever ends the loop early stops what is running.

    Raises:
        KeyboardInterrupt: Ctrl-C, or a scheduler's SIGTERM.
    """
    waiting, running = list(cells), []
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while waiting or running:
            while waiting and len(running) < workshop.together:
                running.append(_Run(waiting.pop(0), workshop))
            time.sleep(LOOK_SECONDS)
            for run in [run for run in running if run.process.poll() is not None]:
                running.remove(run)
                yield run.outcome()
    finally:
        for run in running:
            run.process.terminate()
        for run in running:
            run.process.wait()
        signal.signal(signal.SIGTERM, former)


def command_of(cell: Cell) -> str:
    """What a user types to carry a cell out."""
    return shlex.join(["python", PROGRAM, *cell.arguments])


class _Run:
    """A cell under way, in a session of its own: Ctrl-C goes to who started it, and from there to it."""

    def __init__(self, cell: Cell, workshop: Workshop) -> None:
        name = f"{cell.task.name}-{cell.contender.name}-{cell.seed}-{datetime.now():%Y%m%d-%H%M%S}"
        self.cell = cell
        self.folder = RunFolder(workshop.folder / name)
        self.made: Provenance = provenance(workshop.root, workshop.together)
        self.said = workshop.folder / f"{name}.log"
        threads = ONE_THREAD if workshop.together > 1 else {}
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, PROGRAM, *cell.arguments, "--run_dir", str(self.folder.path)],
                cwd=workshop.root,
                env={**os.environ, "SDL_VIDEODRIVER": "dummy", **threads},
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,
            )

    def outcome(self) -> Result | Failure:
        """What came of it, now that it has ended."""
        if self.process.returncode != 0:
            said = self.said.read_text(errors="replace").strip().splitlines()
            return Failure(self.cell, said[-1] if said else f"exit status {self.process.returncode}")
        task = self.cell.task
        curve = curve_of(read_metrics(self.folder.metrics), task.score)
        return Result(
            task=task.name,
            agent=self.cell.contender.name,
            seed=self.cell.seed,
            score=json.loads(self.folder.evaluation.read_text())[task.score],
            env_steps=int(curve[-1][0]),
            seconds=curve[-1][1],
            curve=curve,
            command=command_of(self.cell),
            definition=self.cell.definition,
            provenance=self.made,
        )
