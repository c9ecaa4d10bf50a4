"""What the learning suite is asked for, and whether there is such a thing."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from agents.comparison.catalogue import CONTENDERS, GROUPS, TASKS, cells_of, expanded, runnable
from agents.comparison.records import Cell
from agents.comparison.results import ResultStore
from agents.runs.errors import RunError
from benchmark_row import Scope

MEASUREMENTS = {
    "cartpole_equal_work": ("cartpole_equal_work", "measure"),
    "cartpole_time": ("cartpole_time", "measure"),
    "pixels_equal_work": ("pixels_equal_work", "measure"),
    "replay_million": ("memory_speed", "million"),
    "prioritised_sampling": ("memory_speed", "prioritised"),
    "loop_overhead": ("loop_speed", "overhead"),
    "tabular_updates": ("tabular_speed", "updates"),
    "tabular_exact": ("tabular_speed", "exact"),
    "lane_follow": ("learning_speed", "measure"),
}
"""Task that needs no cells → module and function that measure it."""


class Asked(NamedTuple):
    """What a user asks for."""

    tasks: Sequence[str] | None = None  # None: all that there are
    agents: Sequence[str] | None = None
    together: int = 1  # trainings side by side
    folder: Path | None = None  # of the runs; None: one that is removed
    report: bool = False  # the page alone


class Plan(NamedTuple):
    """The same, all names known."""

    measurements: list[str]
    cells: list[Cell]
    scope: Scope
    store: ResultStore


def planned(asked: Asked, scope: Scope, results: Path) -> Plan:
    """What is to be done.

    Raises:
        RunError: there is no task or agent of a name, or an agent is run on none of the tasks.
    """
    everything = [*(MEASUREMENTS if asked.agents is None else []), *TASKS]
    names = everything if asked.tasks is None else list(dict.fromkeys(asked.tasks))
    require_known("tasks", names, [*MEASUREMENTS, *TASKS])
    require_known("agents", asked.agents or (), [*CONTENDERS, *GROUPS])
    tasks = [name for name in names if name in TASKS]
    agents = runnable(tasks) if asked.agents is None else expanded(asked.agents)
    agents = [name for name in agents if scope.peers or not name.startswith("sb3-")]
    try:
        cells = cells_of(tasks, agents, list(dict.fromkeys(scope.seeds)))
    except ValueError as fault:
        raise RunError(str(fault)) from fault
    if cells and scope.seconds is not None and not asked.report:
        raise RunError(f"seconds limits what is measured; {tasks[0]} is trained for its own number of steps")
    return Plan([name for name in names if name in MEASUREMENTS], cells, scope, ResultStore(results))


def require_known(option: str, names: Sequence[str], known: Sequence[str]) -> None:
    """Refuse a name that nobody has.

    Raises:
        RunError: one sentence that says which names there are.
    """
    for name in names:
        if name not in known:
            raise RunError(f"{option} has {name!r}; there are {', '.join(known)}")
