"""Results that nobody had to train for."""

from collections.abc import Callable

import pytest

from agents.comparison.carrying_out import command_of
from agents.comparison.catalogue import CONTENDERS, TASKS
from agents.comparison.records import Cell
from agents.comparison.results import Provenance, Result, ResultStore
from agents.runs import statistics

MADE = Provenance("A Processor", 2, None, {"python": "3.11.0"}, "abc123456", False, 1)


def result_of(
    task: str, agent: str, seed: int, score: float, seconds: float = 10.0, made: Provenance = MADE
) -> Result:
    """A run that rises in a straight line over four looks, the last one at its score."""
    cell = Cell(TASKS[task], CONTENDERS[agent], seed)
    steps, chance = cell.task.env_steps, cell.task.chance
    shares = [0.25, 0.5, 0.75, 1.0]
    curve = [[share * steps, share * seconds, chance + share * (score - chance)] for share in shares]
    return Result(task, agent, seed, score, steps, seconds, curve, command_of(cell), cell.definition, made)


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch):
    """Intervals from fewer resamples: their ends are not what is tested."""
    monkeypatch.setattr(statistics, "RESAMPLES", 50)


@pytest.fixture
def store(tmp_path) -> ResultStore:
    return ResultStore(tmp_path / "docs" / "results")


@pytest.fixture
def make_result() -> Callable[..., Result]:
    return result_of
