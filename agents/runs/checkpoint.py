"""Checkpoints: safetensors and JSON, hashed, written whole or not at all."""

import json
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.numpy

from agents.runs.durable import DamagedFileError, FileRecord, write_durably
from agents.runs.segments import SegmentStore
from agents.runs.state_tree import StateTree, put_together, take_apart
from vision.files import sync_directory

PARTIAL = ".partial"
STATE, ARRAYS, MANIFEST = "state.json", "arrays.safetensors", "manifest.json"


class CheckpointError(RuntimeError):
    """A checkpoint could not be written, or none could be read."""


class Checkpoint(NamedTuple):
    """What was read; `warnings` has a sentence for each newer checkpoint that was damaged."""

    state: Any
    step: int
    path: Path
    warnings: list[str]


class CheckpointStore:
    """The checkpoints of one run, the newest `keep` of them.

    A checkpoint is a folder NUMBER-step-STEP with the tree, the arrays and a manifest of SHA-256 sums. Row
    logs are kept beside them in `segments/`, each file written once and shared. `origin` tells what made
    them, such as the hash of a configuration; those of another origin are refused.
    """

    def __init__(self, folder: Path, keep: int = 2, origin: Callable[[], str] = lambda: ""):
        self.folder = folder
        self.keep = keep
        self._origin = origin
        self._segments = SegmentStore(folder)
        self._damaged: set[Path] = set()

    def save(self, state: Any, step: int) -> Path:
        """Write a nested dictionary of tensors, arrays, row logs and JSON values.

        Raises:
            CheckpointError: the disk is full, or something of that kind; the checkpoints before are intact.
            TypeError: the state holds something else.
        """
        parts = take_apart(state)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self._write(parts, step)
            self._forget_old()
        except OSError as error:
            with suppress(OSError):
                self._forget_unused_segments()
            raise CheckpointError(
                f"the checkpoint of step {step} could not be written to {self.folder} ({error.strerror}); "
                "those before it are intact"
            ) from error
        return path

    def load_latest(self) -> Checkpoint | None:
        """Read the newest checkpoint that is whole; None if there has never been one.

        Raises:
            CheckpointError: there are checkpoints, and all are damaged, or they are of another origin.
        """
        warnings: list[str] = []
        for path in reversed(self._paths()):
            try:
                parts, step = self._read(path)
            except DamagedFileError as damage:
                self._damaged.add(path)
                warnings.append(f"checkpoint {path.name} is damaged: {damage}")
                continue
            told = [f"{warning}; {path.name}, before it, is used" for warning in warnings]
            return Checkpoint(put_together(parts), step, path, told)
        if warnings:
            raise CheckpointError(f"no checkpoint in {self.folder} is whole: {'; '.join(warnings)}")
        return None

    def _paths(self) -> list[Path]:
        """All checkpoints, the oldest first."""
        paths = (path for path in self.folder.glob("*") if re.fullmatch(r"\d+-step-\d+", path.name))
        return sorted(paths, key=lambda path: int(path.name.partition("-")[0]))

    def _write(self, parts: StateTree, step: int) -> Path:
        paths = self._paths()
        number = int(paths[-1].name.partition("-")[0]) + 1 if paths else 1
        path = self.folder / f"{number:06d}-step-{step}"
        partial = self.folder / (path.name + PARTIAL)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            self._fill(partial, parts, step)
            partial.rename(path)
        except OSError:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        sync_directory(self.folder)
        return path

    def _fill(self, folder: Path, parts: StateTree, step: int) -> None:
        logs = {name: self._segments.save(name, log) for name, log in parts.logs.items()}
        tree = {"step": step, "tree": parts.tree, "logs": logs, "origin": self._origin()}
        files = [
            write_durably(folder, STATE, json.dumps(tree).encode()),
            write_durably(folder, ARRAYS, safetensors.numpy.save(parts.arrays)),
        ]
        write_durably(folder, MANIFEST, json.dumps([asdict(file) for file in files]).encode())

    def _read(self, path: Path) -> tuple[StateTree, int]:
        files = _read_manifest(path)
        if {file.name for file in files} != {STATE, ARRAYS}:
            raise DamagedFileError(f"{MANIFEST} was altered")
        for file in files:
            file.check(path)
        saved = json.loads((path / STATE).read_bytes())
        if saved.get("origin") != self._origin():
            raise CheckpointError(
                f"checkpoint {path} was made under another configuration: put config.yaml back, or start anew"
            )
        for segment in _segments_of(saved):
            segment.check(self.folder)
        logs = {name: self._segments.load(name, log) for name, log in saved["logs"].items()}
        return StateTree(saved["tree"], safetensors.numpy.load_file(path / ARRAYS), logs), saved["step"]

    def _forget_old(self) -> None:
        paths = self._paths()
        kept = [path for path in paths if path not in self._damaged][-self.keep :]
        for path in set(paths) - set(kept):
            path.rename(
                path.with_name(path.name + PARTIAL)
            )  # half deleted, it must not look like a checkpoint
        for partial in self.folder.glob(f"*{PARTIAL}"):
            shutil.rmtree(partial)
        self._forget_unused_segments()

    def _forget_unused_segments(self) -> None:
        used: set[str] = set()
        for path in self._paths():
            with suppress(OSError, ValueError):  # a damaged one needs none
                used |= {file.name for file in _segments_of(json.loads((path / STATE).read_bytes()))}
        self._segments.keep_only(used)


def _segments_of(saved: dict[str, Any]) -> list[FileRecord]:
    return [FileRecord(**entry["file"]) for log in saved["logs"].values() for entry in log["segments"]]


def _read_manifest(path: Path) -> list[FileRecord]:
    try:
        return [FileRecord(**entry) for entry in json.loads((path / MANIFEST).read_bytes())]
    except (OSError, ValueError, TypeError) as error:
        raise DamagedFileError(f"{MANIFEST} cannot be read ({error})") from error
