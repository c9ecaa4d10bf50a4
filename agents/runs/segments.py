"""Row logs on disk: files of rows that are written once and shared by all checkpoints that need them."""

import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from agents.memory.row_log import RowLog
from agents.runs.durable import FileRecord, write_durably

FOLDER = "segments"


@dataclass(frozen=True)
class Segment:
    """The rows [first, last) of a log, and the file they are in."""

    first: int
    last: int
    file: FileRecord


class SegmentStore:
    """Writes the rows that no earlier checkpoint of this process wrote or read, and no others."""

    def __init__(self, root: Path):
        self.root = root
        self._known: dict[tuple[str, int], Segment] = {}  # by log and last row

    def save(self, name: str, log: RowLog) -> dict[str, Any]:
        """Bring a log to the disk; returns what `load` needs, as JSON values.

        Raises:
            OSError: the disk is full, or something of that kind.
        """
        (self.root / FOLDER).mkdir(exist_ok=True)
        segments = [self._find(name, *span) or self._write(name, log, *span) for span in log.segments()]
        self._remember(name, segments)
        bounds = {"start": log.start, "stop": log.stop, "rows_per_segment": log.rows_per_segment}
        return bounds | {"segments": [asdict(segment) for segment in segments]}

    def load(self, name: str, saved: dict[str, Any]) -> RowLog:
        """The log that `save` described; its rows are read from the disk when they are asked for."""
        segments = [
            Segment(entry["first"], entry["last"], FileRecord(**entry["file"])) for entry in saved["segments"]
        ]
        self._remember(name, segments)

        def read(first: int, last: int) -> dict[str, np.ndarray]:
            pieces = [
                self._read(segment, first, last)
                for segment in segments
                if segment.first < last and first < segment.last
            ]
            return {part: np.concatenate([piece[part] for piece in pieces]) for part in pieces[0]}

        return RowLog(saved["start"], saved["stop"], saved["rows_per_segment"], read)

    def keep_only(self, files: Iterable[str]) -> None:
        """Delete every segment whose file is not among these."""
        wanted = {Path(file).name for file in files}
        self._known = {
            key: known for key, known in self._known.items() if Path(known.file.name).name in wanted
        }
        for path in (self.root / FOLDER).glob("*"):
            if path.name not in wanted:
                path.unlink()

    def _find(self, name: str, first: int, last: int) -> Segment | None:
        """A known segment that ends with these rows; it may begin with some that are forgotten since."""
        known = self._known.get((name, last))
        if known is None or known.first > first or not (self.root / known.file.name).exists():
            return None
        return known

    def _write(self, name: str, log: RowLog, first: int, last: int) -> Segment:
        data = safetensors.numpy.save(log.read(first, last))
        file = f"{FOLDER}/{name.replace('/', '-')}-{first}-{last}-{zlib.crc32(data):08x}.safetensors"
        return Segment(first, last, write_durably(self.root, file, data))

    def _remember(self, name: str, segments: list[Segment]) -> None:
        self._known = {key: known for key, known in self._known.items() if key[0] != name}
        self._known |= {(name, segment.last): segment for segment in segments}

    def _read(self, segment: Segment, first: int, last: int) -> dict[str, np.ndarray]:
        rows = safetensors.numpy.load_file(self.root / segment.file.name)
        span = slice(max(first - segment.first, 0), last - segment.first)
        return {part: array[span] for part, array in rows.items()}
