"""Figures that take minutes, beside their peers: rows of the benchmark, kept with their origin."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agents.comparison import markdown
from agents.comparison.results import Provenance
from agents.runs.durable import write_durably
from agents.runs.errors import RunError

FOLDER = "speed"


@dataclass(frozen=True)
class Measurement:
    """What one measurement came to."""

    name: str
    command: str
    rows: list[dict[str, Any]]  # in the form of `benchmark.py --json`
    provenance: Provenance


def save_measurement(root: Path, measurement: Measurement) -> None:
    """Write a measurement over the former one of its name.

    Raises:
        OSError: the disk is full, or something of that kind.
    """
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(measurement), indent=1, ensure_ascii=False) + "\n"
    write_durably(folder, f"{measurement.name}.json", text.encode())


def read_measurements(root: Path) -> Iterator[Measurement]:
    """Every measurement that there is, in the order of the names.

    Raises:
        RunError: a file was altered.
    """
    for path in sorted((root / FOLDER).glob("*.json")):
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            measurement = Measurement(**fields | {"provenance": Provenance(**fields["provenance"])})
            section(measurement)  # every number is there
            yield measurement
        except (ValueError, TypeError, KeyError, AttributeError, OSError) as fault:
            raise RunError(f"{path} is no measurement: {fault}") from fault


def section(measurement: Measurement) -> str:
    """The measurement's table, its command and its origin."""
    heads = ("what", "value", "unit", "peer", "peer's value", "ratio")
    return "\n".join(
        (
            f"### `{measurement.name}`\n",
            markdown.table(heads, map(_row, measurement.rows)),
            "",
            markdown.block(measurement.command),
            f"{markdown.origin([measurement.provenance])}\n",
        )
    )


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        row["name"],
        markdown.number(row["value"]),
        row["unit"],
        row["peer"] or markdown.MISSING,
        markdown.number(row["peer_value"]),
        markdown.MISSING if row["ratio"] is None else f"{row['ratio']:.3g}×",
    )
