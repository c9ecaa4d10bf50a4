"""Where a run's numbers go: metrics.jsonl always; Weights & Biases and TensorBoard as asked."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents.runs.config import TrackConfig
from agents.runs.folder import RunFolder
from agents.runs.metrics_file import MetricsFile
from agents.runs.wandb_feed import WandbFeed


class Tracker:
    """Writes records, and keeps the run's clock.

    Args:
        folder: the run's folder.
        config: the run's options, for those who listen.
        track: who listens.
        state: `state_dict` of the checkpoint to go on from; None starts over.
    """

    def __init__(
        self,
        folder: RunFolder,
        config: Mapping[str, Any],
        track: TrackConfig,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self._start = time.monotonic() - (state["seconds"] if state else 0.0)
        self._file = MetricsFile(folder.metrics, state["position"] if state else 0)
        self._wandb = None
        if track.mode != "disabled":
            self._wandb = WandbFeed(folder.path, config, track.mode, track.project)
        self._tensorboard = _tensorboard_writer(folder.path) if track.tensorboard else None

    @property
    def seconds(self) -> float:
        """Wall-clock time of the run up to now, the parts before a resume included."""
        return time.monotonic() - self._start

    def log(self, env_steps: int, metrics: Mapping[str, float]) -> None:
        """Write one record. Wall-clock values belong under `time/…`; `seconds` is added here.

        Raises:
            OSError: metrics.jsonl cannot be written.
        """
        record = {"env_steps": env_steps, **metrics, "seconds": round(self.seconds, 3)}
        self._file.write(record)
        if self._wandb:
            self._wandb.log(record)
        if self._tensorboard:
            for name, value in metrics.items():
                self._tensorboard.add_scalar(name, value, env_steps)

    def picture(self, name: str, path: Path) -> None:
        """Show a picture file to those who can see."""
        if self._wandb:
            self._wandb.media("Image", name, path)

    def video(self, name: str, path: Path) -> None:
        """Show a video file to those who can see."""
        if self._wandb:
            self._wandb.media("Video", name, path)

    def state_dict(self) -> dict[str, Any]:
        """How far the records go, in bytes, and the clock in seconds."""
        return {"position": self._file.position, "seconds": self.seconds}

    def close(self) -> None:
        """Finish every listener; one that failed is named, and the run stands all the same."""
        self._file.close()
        if self._tensorboard:
            self._tensorboard.close()
        if self._wandb and (fault := self._wandb.close()):
            sys.stderr.write(f"Weights & Biases did not take this run ({fault}); metrics.jsonl has it all.\n")


def _tensorboard_writer(folder: Path) -> Any:
    from torch.utils.tensorboard import SummaryWriter  # takes seconds: only for those who ask

    return SummaryWriter(str(folder / "tensorboard"))
