"""Finished cells: one file each, written whole, told apart by what they were made with."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from agents.comparison.records import Cell
from agents.runs.durable import write_durably
from agents.runs.errors import RunError

LOOK = 3  # environment steps, seconds, score


@dataclass(frozen=True)
class Provenance:
    """Where a figure comes from."""

    processor: str
    cores: int
    accelerator: str | None
    versions: dict[str, str]  # of Python and of the libraries that the figure depends on
    commit: str | None  # None outside a repository
    changed: bool  # whether the code differed from that commit
    together: int  # cells that ran side by side


@dataclass(frozen=True)
class Result:
    """What came of a cell."""

    task: str
    agent: str
    seed: int
    score: float  # of the best policy, in the final evaluation
    env_steps: int
    seconds: float  # of training: the looks at the policy are not counted
    curve: list[list[float]]  # environment steps, seconds, score, at each look
    command: str
    definition: dict[str, Any]
    provenance: Provenance


def same_definition(
    former: Mapping[str, Any], present: Mapping[str, Any], defaults: Mapping[str, Any]
) -> bool:
    """Whether a training would be the same today; an option that is new since then must have its default."""
    known = all(name in present and _same(name, former, present, defaults) for name in former)
    return known and all(present[name] == defaults.get(name) for name in present.keys() - former.keys())


def _same(name: str, *definitions: Mapping[str, Any]) -> bool:
    former, present, defaults = (definition.get(name, {}) for definition in definitions)
    if isinstance(former, dict) and isinstance(present, dict) and not name.endswith("kwargs"):
        return same_definition(former, present, defaults)
    return former == present


class ResultStore:
    """The finished cells in a folder: TASK/AGENT/SEED.json.

    Args:
        root: the folder; it need not be there.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, cell: Cell) -> Result | None:
        """The result of a cell; None where there is none, or only that of another definition.

        Raises:
            RunError: its file was altered.
        """
        path = self._path(cell.task.name, cell.contender.name, cell.seed)
        result = read_result(path) if path.is_file() else None
        same = result and same_definition(result.definition, cell.definition, cell.defaults)
        return result if same else None

    def save(self, result: Result) -> None:
        """Write a result, whole or not at all.

        Raises:
            OSError: the disk is full, or something of that kind.
        """
        path = self._path(result.task, result.agent, result.seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path.parent, path.name, as_text(result).encode())

    def results(self) -> Iterator[Result]:
        """Every result that there is, in the order of the names.

        Raises:
            RunError: a file was altered.
        """
        for path in sorted(self.root.glob("*/*/*.json")):
            yield read_result(path)

    def _path(self, task: str, agent: str, seed: int) -> Path:
        return self.root / task / agent / f"{seed}.json"


def read_result(path: Path) -> Result:
    """The result in a file.

    Raises:
        RunError: the file was altered.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        result = Result(**fields | {"provenance": Provenance(**fields["provenance"])})
        _check(result, path)
    except (ValueError, TypeError, KeyError, OSError) as fault:
        raise RunError(f"{path} is no result: {fault}") from fault
    return result


def _check(result: Result, path: Path) -> None:
    """Refuse what no training comes to.

    Raises:
        ValueError, TypeError: says what.
    """
    named = result.task, result.agent, str(result.seed)
    if named != (*path.parts[-3:-1], path.stem):
        raise ValueError(f"it is that of {' '.join(named)}")
    numbers = [result.score, result.seconds, *(number for look in result.curve for number in look)]
    if not result.curve or any(len(look) != LOOK for look in result.curve):
        raise ValueError("its curve has no looks")
    if not all(map(isfinite, numbers)):
        raise ValueError("it has a number that is not finite")
    if not isinstance(result.definition, dict) or not isinstance(result.provenance.versions, dict):
        raise TypeError("its definition or its versions are none")


def as_text(result: Result) -> str:
    """A result as JSON, one field a line."""
    lines = (
        f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in asdict(result).items()
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def curve_of(records: Sequence[Mapping[str, float | None]], score: str) -> list[list[float]]:
    """Environment steps, seconds of training and score at each look; the seconds of looking do not count."""
    curve, looking = [], 0.0
    for record in records:
        looking += record.get("time/choose") or 0.0
        seen, seconds = record.get(f"choose/{score}"), record.get("seconds")
        if seen is not None and seconds is not None:
            curve.append([int(record["env_steps"] or 0), round(seconds - looking, 3), seen])
    return curve
