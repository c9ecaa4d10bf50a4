"""Numbers, tables and commands as Markdown."""

import shlex
from collections.abc import Iterable, Sequence

from agents.comparison.results import Provenance, Result
from agents.comparison.scores import Estimate

MISSING = "–"


def number(value: float | None) -> str:
    """A number as it is read: no more digits than say something."""
    if value is None:
        return MISSING
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}".replace("-", "−")


def estimate(value: Estimate | None) -> str:
    """A number with its interval."""
    if value is None:
        return MISSING
    interval = "" if value.low is None else f" [{number(value.low)}, {number(value.high)}]"
    return number(value.value) + interval


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text, the others numbers."""
    rule = ["---", *("---:" for _ in heads[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, rule, *rows])


def block(line: str) -> str:
    """A command line in a block of its own."""
    return f"```sh\n{line}\n```"


def made_again(tasks: Iterable[str], results: Sequence[Result]) -> str:
    """The benchmark's command that makes these results again, and where they come from."""
    agents, seeds = dict.fromkeys(run.agent for run in results), sorted({run.seed for run in results})
    together = max(run.provenance.together for run in results)
    options = {"tasks": tasks, "agents": agents, "seeds": map(str, seeds)}
    lists = (word for name, items in options.items() for word in (f"--{name}", f"[{','.join(items)}]"))
    words = ["python", "scripts/benchmark.py", "learning", *lists]
    words += ["--parallel", str(together)] if together > 1 else []
    return f"{block(shlex.join(words))}\n{origin([run.provenance for run in results])}\n"


def origin(made: Iterable[Provenance]) -> str:
    """Machines, and the commits that each of them ran."""
    commits: dict[str, dict[str, None]] = {}
    for provenance in made:
        commit = f"{provenance.commit or 'no commit'}{' with changes' if provenance.changed else ''}"
        commits.setdefault(_machine(provenance), {})[commit] = None
    return " ".join(f"*{machine}; {', '.join(names)}.*" for machine, names in commits.items())


def _machine(made: Provenance) -> str:
    cores = f"{made.cores} core{'s' if made.cores > 1 else ''} of {made.processor}"
    where = f"{cores}, {made.accelerator}" if made.accelerator else cores
    together = f", {made.together} trainings at a time with a thread each" if made.together > 1 else ""
    libraries = ", ".join(f"{name} {number}" for name, number in made.versions.items())
    return f"{where}{together}; {libraries}"
