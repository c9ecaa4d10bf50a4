"""docs/results.md: every figure with its interval, its command, its machine and its commit."""

from collections.abc import Mapping
from pathlib import Path

from agents.comparison import measurements, variants
from agents.comparison.catalogue import CONTENDERS, TASKS, known_cell
from agents.comparison.results import Result, ResultStore
from agents.comparison.scores import by_task
from agents.comparison.sections import overall_section, task_section
from agents.comparison.studies import STUDIES
from agents.runs.durable import write_durably

PICTURES = Path("pictures") / "results"
INTRODUCTION = """# Results

`scripts/benchmark.py learning` writes this page from the files in `results/`, one for each training; under
every table stands the command that makes it again. A score is that of the best policy of a training, in an
evaluation of its own, on episodes that nothing was chosen by. Scores are interquartile means over runs, with
intervals of 95 % by a stratified bootstrap; *better* is the chance that a run scores higher than one of the
peer (arXiv:2108.13264). Seconds are those of training, medians over runs; the looks at the policy that draw
the curves are not counted. *To its peer's score* is until the first look that is no worse than what the peer
comes to in the end; in a peer's own row, until its own. A ratio above 1 means that ours is better.
"""


def write_page(store: ResultStore) -> tuple[Path, list[str]]:
    """Write the page and its pictures beside the store's folder; returns it, and what is left out by name.

    Raises:
        RunError: a file of the store was altered.
    """
    folder = store.root.parent
    (folder / PICTURES).mkdir(parents=True, exist_ok=True)
    results, others = current_results(store)
    found = by_task(results)
    runs = {name: _in_order(found[name]) for name in TASKS if name in found}
    measured = [
        measurements.section(measurement) for measurement in measurements.read_measurements(store.root)
    ]
    sections = [
        INTRODUCTION,
        *(["## Work side by side\n"] if measured else []),
        *measured,
        overall_section(runs, folder, PICTURES),
        *(variants.section(study, runs, folder, PICTURES) for study in STUDIES),
        *(task_section(TASKS[name], agents, folder, PICTURES) for name, agents in runs.items()),
    ]
    text = "\n".join(section for section in sections if section)
    write_durably(folder, f"{store.root.name}.md", text.encode())
    return folder / f"{store.root.name}.md", others


def current_results(store: ResultStore) -> tuple[list[Result], list[str]]:
    """The results that would come out of today's recipes, and the names of the others.

    Raises:
        RunError: a file of the store was altered.
    """
    current, others = [], []
    for result in store.results():
        cell = known_cell(result.task, result.agent, result.seed)
        if cell and store.find(cell):
            current.append(result)
        else:
            others.append(f"{result.task} {result.agent} {result.seed}")
    return current, others


def _in_order(agents: Mapping[str, list[Result]]) -> dict[str, list[Result]]:
    """Agents in the order of the catalogue, runs in that of their seeds."""
    order = [name for name in CONTENDERS if name in agents]
    return {name: sorted(agents[name], key=lambda run: run.seed) for name in order}
