"""metrics.jsonl: the truth of a run, one JSON object a line."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from agents.runs.errors import RunError


class MetricsFile:
    """Appends lines and hands each to the system at once, so that a kill loses none.

    Args:
        path: the file.
        position: bytes of it that stand; what a run wrote past its checkpoint is cut off.

    Raises:
        RunError: the file is shorter than that.
    """

    def __init__(self, path: Path, position: int = 0) -> None:
        size = path.stat().st_size if path.exists() else 0
        if size < position:
            raise RunError(f"{path} has {size} bytes and the checkpoint knows of {position}: it was altered")
        self._file = path.open("ab", buffering=0)
        self._file.truncate(position)

    @property
    def position(self) -> int:
        """Bytes written."""
        return self._file.seek(0, 2)

    def write(self, record: Mapping[str, float]) -> None:
        """Append one line; what is not a finite number becomes null.

        Raises:
            OSError: the disk is full.
        """
        finite = {name: value if math.isfinite(value) else None for name, value in record.items()}
        line = json.dumps(finite, allow_nan=False).encode() + b"\n"
        if self._file.write(line) != len(line):
            raise OSError(f"{self._file.name} took only a part of a line: is the disk full?")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_metrics(path: Path) -> list[dict[str, float | None]]:
    """Every whole line of a metrics file, oldest first.

    Raises:
        RunError: the file was altered.
    """
    try:
        with path.open(encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]
    except ValueError as fault:
        raise RunError(f"{path} was altered: {fault}") from fault
