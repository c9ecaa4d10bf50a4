"""Results in the form of `benchmark.py --json`: rows for the score and for the seconds of each agent."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from agents.comparison.catalogue import CONTENDERS, TASKS
from agents.comparison.records import Task
from agents.comparison.results import Result
from agents.comparison.scores import Runs, Summary, by_task, summarise_agent


def rows_of(results: Iterable[Result]) -> Iterator[dict[str, Any]]:
    """Interquartile mean of the score and median seconds of every agent on every task, beside its peer's.

    Where an agent gets to the score that its peer ends with, a third row says after how long. The peer's
    value there is its whole training; the settings tell when it first had that score itself.
    """
    for name, runs in by_task(results).items():
        for agent in runs:
            yield from _rows(TASKS[name], agent, runs)


def _rows(task: Task, agent: str, runs: Runs) -> Iterator[dict[str, Any]]:
    peer = CONTENDERS[agent].peer if CONTENDERS[agent].peer in runs else None
    beside: Sequence[Result] = runs[peer] if peer else []
    ours = summarise_agent(task, runs[agent], beside)
    theirs = summarise_agent(task, beside, beside) if peer else None
    settings = _settings(ours, [run.seed for run in runs[agent]])
    yield {
        "name": f"{task.name}, {agent}: score",
        "value": ours.score.value,
        "unit": task.score,
        "peer": peer,
        "peer_value": theirs.score.value if theirs else None,
        "ratio": _score_ratio(task, ours, theirs) if theirs else None,
        "settings": settings,
    }
    yield {
        "name": f"{task.name}, {agent}: {task.env_steps} steps of training",
        "value": ours.seconds,
        "unit": "s",
        "peer": peer,
        "peer_value": theirs.seconds if theirs else None,
        "ratio": theirs.seconds / ours.seconds if theirs else None,
        "settings": settings,
    }
    if theirs and ours.seconds_to_peer:
        yield {
            "name": f"{task.name}, {agent}: until the score that {peer} ends with",
            "value": ours.seconds_to_peer,
            "unit": "s",
            "peer": peer,
            "peer_value": theirs.seconds,
            "ratio": theirs.seconds / ours.seconds_to_peer,
            "settings": {**settings, "peer_until_its_score": theirs.seconds_to_peer},
        }


def _score_ratio(task: Task, ours: Summary, theirs: Summary) -> float | None:
    """Of the scores above chance; None where the peer is no better than chance."""
    above = theirs.score.value - task.chance
    return (ours.score.value - task.chance) / above if above > 0 else None


def _settings(summary: Summary, seeds: Sequence[int]) -> Mapping[str, Any]:
    better = summary.better
    return {
        "seeds": sorted(seeds),
        "interval": [summary.score.low, summary.score.high],
        "steps_to_solve": summary.steps_to_solve,
        "seconds_to_solve": summary.seconds_to_solve,
        "better_than_peer": better.value if better else None,
    }
