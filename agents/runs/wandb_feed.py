"""Weights & Biases, fed from a thread of its own: slow to start, and never a reason for a run to stop."""

import os
import secrets
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal, NamedTuple

from agents.runs.durable import write_durably


class _Media(NamedTuple):
    kind: Literal["Image", "Video"]
    name: str
    path: Path


class WandbFeed:
    """Hands metrics, pictures and videos on in the background.

    Args:
        folder: the run's folder; everything is kept below `folder/wandb`.
        config: the run's options.
        mode: offline or online.
        project: name of the project.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any], mode: str, project: str) -> None:
        self._queue: SimpleQueue[dict[str, float] | _Media | None] = SimpleQueue()
        self._thread = ThreadPoolExecutor(1, "wandb")
        settings = {"project": project, "mode": mode, "name": folder.name, "config": dict(config)}
        self._result: Future[None] = self._thread.submit(self._feed, folder, settings)

    def log(self, record: Mapping[str, float]) -> None:
        """Queue one line of metrics."""
        self._queue.put(dict(record))

    def media(self, kind: Literal["Image", "Video"], name: str, path: Path) -> None:
        """Queue a picture or a video file."""
        self._queue.put(_Media(kind, name, path))

    def close(self) -> BaseException | None:
        """Wait until all is handed on; returns what went wrong, if anything did."""
        self._queue.put(None)
        self._thread.shutdown()
        return self._result.exception()

    def _feed(self, folder: Path, settings: dict[str, Any]) -> None:
        os.environ.setdefault("WANDB_DISABLE_WEAVE", "true")  # it takes our `agents` for another library
        import wandb  # takes over a second: off the critical path

        quiet = wandb.Settings(silent=True, console="off", disable_git=True, x_disable_stats=True)
        run = wandb.init(dir=str(folder), id=_run_id(folder), resume="allow", settings=quiet, **settings)
        run.define_metric("env_steps")
        run.define_metric("*", step_metric="env_steps")
        run.define_metric("perception/update")
        run.define_metric("perception/*", step_metric="perception/update")
        while (item := self._queue.get()) is not None:
            if isinstance(item, _Media):
                run.log({item.name: getattr(wandb, item.kind)(str(item.path))})
            else:
                run.log(item)
        run.finish()


def _run_id(folder: Path) -> str:
    """The id by which a resumed run goes on as the same one."""
    file = folder / "wandb" / "hairpin-id"
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        write_durably(file.parent, file.name, secrets.token_hex(4).encode())
    return file.read_text()
