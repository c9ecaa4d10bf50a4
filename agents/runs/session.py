"""What every stage of a run shares: its folder, its listeners, its user."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import yaml
from rich.console import Console

from agents.runs.checkpoint import CheckpointError, CheckpointStore
from agents.runs.config import TrackConfig
from agents.runs.errors import InterruptedRunError, RunError
from agents.runs.folder import RunFolder
from agents.runs.interrupt import Interrupt
from agents.runs.progress import Advance, progress_bar
from agents.runs.tracking import Tracker


@dataclass(frozen=True)
class Session:
    """One run being carried out."""

    folder: RunFolder
    tracker: Tracker
    interrupt: Interrupt
    console: Console
    checkpoint_seconds: float  # least time between two checkpoints

    def progress(self, name: str, total: int, unit: str, done: int = 0) -> AbstractContextManager[Advance]:
        """A progress bar for one stage."""
        return progress_bar(self.console, name, total, unit, done)

    def interrupted(self) -> InterruptedRunError:
        """What to tell a user who asked the run to stop."""
        return InterruptedRunError(f"stopped and saved; go on with --resume {self.folder.path}")

    def diverged(self, what: str, store: CheckpointStore) -> RunError:
        """What to tell when a loss is no longer finite: where, under which options, and what is left."""
        checkpoint = store.load_latest()
        last = (
            f"the last good checkpoint is {checkpoint.path}" if checkpoint else "there is no checkpoint yet"
        )
        return RunError(f"{what}; options are in {self.folder.config}; {last}", status=1)


@contextmanager
def open_session(
    folder: RunFolder,
    options: str,
    track: TrackConfig,
    tracked: Mapping[str, Any] | None,
    console: Console,
    checkpoint_seconds: float = 10.0,
) -> Iterator[Session]:
    """Listen to a run and to its user while it is carried out.

    Args:
        folder: the run's folder.
        options: its resolved configuration as YAML, for those who listen.
        track: who listens.
        tracked: the tracker's state to go on from; None starts over.
        console: where bars are printed.
        checkpoint_seconds: least time between two checkpoints.

    Raises:
        RunError: the folder cannot be written.
    """
    with Interrupt() as interrupt:
        tracker = Tracker(folder, yaml.safe_load(options), track, tracked)
        try:
            yield Session(folder, tracker, interrupt, console, checkpoint_seconds)
        except (OSError, CheckpointError) as fault:
            raise RunError(f"the run stopped: {fault}; go on with --resume {folder.path}") from fault
        finally:
            tracker.close()
