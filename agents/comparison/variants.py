"""A study on the page: each variant beside what it is a variant of."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from agents.comparison import markdown
from agents.comparison.catalogue import CONTENDERS, TASKS
from agents.comparison.pictures import draw_study
from agents.comparison.records import Task
from agents.comparison.scores import (
    Estimate,
    Runs,
    estimate_improvement,
    estimate_score,
    normalised_strata,
    scores_of,
)
from agents.comparison.studies import BASE, Study

ALL = "all, normalised"
Columns = dict[str, dict[str, Estimate]]


def section(study: Study, runs: Mapping[str, Runs], folder: Path, pictures: Path) -> str:
    """Table, picture and command, over the tasks that the base and variants were run on; else empty."""
    known = study.variants
    varied = {name for name, agents in runs.items() if BASE in agents and known.keys() & agents.keys()}
    tasks = [TASKS[name] for name in runs if name in varied]
    variants = [name for name in known if tasks and all(name in runs[task.name] for task in tasks)]
    if not variants:
        return ""
    agents, picture = [BASE, *variants], pictures / f"{study.name}.png"
    scores, better = _columns(tasks, runs, agents)
    draw_study(scores, {title: _values(column) for title, column in better.items()}, folder / picture)
    rows = _rows(tasks, runs, scores, _better(tasks, runs, agents))
    shown = [run for task in tasks for name in agents for run in runs[task.name][name]]
    return "\n".join(
        (
            f"## {study.title}\n\n{study.introduction}\n",
            markdown.table(("", *scores, "better", "time"), rows),
            f"\n![Scores of every variant beside those of {BASE}]({picture.as_posix()})\n",
            markdown.made_again([task.name for task in tasks], shown),
        )
    )


def _columns(tasks: list[Task], runs: Mapping[str, Runs], agents: list[str]) -> tuple[Columns, Columns]:
    """Score, and chance of being better than the base: column → agent → estimate."""
    scores = {
        task.env_id: {name: estimate_score([scores_of(runs[task.name][name])]) for name in agents}
        for task in tasks
    }
    better = {task.env_id: _better([task], runs, agents) for task in tasks}
    if len(tasks) > 1:
        scores[ALL] = {name: estimate_score(normalised_strata(tasks, runs, name)) for name in agents}
        better[ALL] = _better(tasks, runs, agents)
    return scores, better


def _rows(
    tasks: list[Task], runs: Mapping[str, Runs], scores: Columns, better: Mapping[str, Estimate]
) -> list[tuple[str, ...]]:
    return [
        (
            CONTENDERS[name].variation or f"`{name}`",
            *(markdown.estimate(column[name]) for column in scores.values()),
            markdown.MISSING if name == BASE else markdown.estimate(chance),
            f"{_time(tasks, runs, name):.2f}",
        )
        for name, chance in better.items()
    ]


def _values(column: Mapping[str, Estimate]) -> dict[str, float]:
    return {name: estimate.value for name, estimate in column.items()}


def _better(tasks: list[Task], runs: Mapping[str, Runs], agents: list[str]) -> dict[str, Estimate]:
    base = normalised_strata(tasks, runs, BASE)
    return {name: estimate_improvement(normalised_strata(tasks, runs, name), base) for name in agents}


def _time(tasks: list[Task], runs: Mapping[str, Runs], agent: str) -> float:
    """Time of training over that of the base: the geometric mean of the tasks' medians."""

    def median(task: Task, name: str) -> float:
        return float(np.median([run.seconds for run in runs[task.name][name]]))

    ratios = [median(task, agent) / median(task, BASE) for task in tasks]
    return float(np.exp(np.mean(np.log(ratios))))
