"""The parts of the page that are about agents: one for each task, and one over all tasks together."""

from collections.abc import Mapping
from pathlib import Path

from agents.comparison import markdown
from agents.comparison.catalogue import CONTENDERS, TASKS
from agents.comparison.pictures import draw_learning, draw_profiles, thresholds_for
from agents.comparison.records import Task
from agents.comparison.scores import (
    Runs,
    Summary,
    estimate_improvement,
    estimate_score,
    normalised_strata,
    profile,
    summarise_agent,
)
from agents.comparison.studies import BASE

FEWEST = 2  # tasks, or agents, that are worth a table over all tasks


def task_section(task: Task, runs: Runs, folder: Path, pictures: Path) -> str:
    """Table, learning curves and command of a task; empty where no agent proper was run on it."""
    proper = {name: results for name, results in runs.items() if CONTENDERS[name].variation is None}
    if not proper:
        return ""
    picture = pictures / f"{task.name}.png"
    draw_learning(task, proper, folder / picture)
    peers = {name: runs.get(CONTENDERS[name].peer or name, []) for name in proper}
    rows = [_task_row(summarise_agent(task, results, peers[name])) for name, results in proper.items()]
    scores = ("agent", "runs", task.score.replace("_", " "))
    times = ("steps to solve", "seconds to solve", "seconds to its peer's score", "seconds")
    marks = f"chance {markdown.number(task.chance)}, solved {markdown.number(task.solved)}"
    return "\n".join(
        (
            f"## {task.env_id}\n\n`{task.name}`: {task.env_steps:,} steps; {marks}.\n",
            markdown.table((*scores, *times, "better than its peer"), rows),
            f"\n![Learning curves on {task.env_id}, over steps and over seconds]({picture.as_posix()})\n",
            markdown.made_again([task.name], [run for results in proper.values() for run in results]),
        )
    )


def overall_section(runs: Mapping[str, Runs], folder: Path, pictures: Path) -> str:
    """Agents over all tasks that the base was run on beside another; one that misses a task is left out.

    Variants have a section of their own.
    """
    proper = [name for name, contender in CONTENDERS.items() if contender.variation is None]
    together = {name: [agent for agent in proper if agent in agents] for name, agents in runs.items()}
    tasks = [TASKS[name] for name, agents in together.items() if BASE in agents and len(agents) >= FEWEST]
    agents = [agent for agent in proper if all(agent in together[task.name] for task in tasks)]
    if len(tasks) < FEWEST or len(agents) < FEWEST:
        return ""
    strata = {agent: normalised_strata(tasks, runs, agent) for agent in agents}
    picture = pictures / "profiles.png"
    thresholds = thresholds_for([stratum for parts in strata.values() for stratum in parts])
    curves = {agent: profile(parts, thresholds) for agent, parts in strata.items()}
    draw_profiles(curves, len(tasks), folder / picture)
    names = ", ".join(f"`{task.name}`" for task in tasks)
    shown = [run for task in tasks for agent in agents for run in runs[task.name][agent]]
    return "\n".join(
        (
            f"## All tasks together\n\nScores are normalised: 0 is chance, 1 is solved. Tasks: {names}.\n",
            markdown.table(("agent", "normalised score", "better than its peer"), _overall_rows(strata)),
            f"\n![Share of runs above each normalised score]({picture.as_posix()})\n",
            markdown.made_again([task.name for task in tasks], shown),
        )
    )


def _task_row(summary: Summary) -> tuple[str, ...]:
    steps = summary.steps_to_solve
    return (
        f"`{summary.agent}`",
        str(summary.runs),
        markdown.estimate(summary.score),
        markdown.MISSING if steps is None else f"{steps:,.0f}",
        markdown.number(summary.seconds_to_solve),
        markdown.number(summary.seconds_to_peer),
        markdown.number(summary.seconds),
        markdown.estimate(summary.better),
    )


def _overall_rows(strata: Mapping[str, list]) -> list[tuple[str, ...]]:
    rows = []
    for agent, parts in strata.items():
        peer = strata.get(CONTENDERS[agent].peer or "")
        better = estimate_improvement(parts, peer) if peer else None
        rows.append((f"`{agent}`", markdown.estimate(estimate_score(parts)), markdown.estimate(better)))
    return rows
