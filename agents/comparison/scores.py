"""What the results of a comparison say: one agent on one task, and agents over several tasks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from agents.comparison.records import Task
from agents.comparison.results import Result
from agents.runs.statistics import (
    interquartile_curve,
    interquartile_mean,
    normalised,
    performance_profile,
    probability_of_improvement,
    stratified_interval,
)

STEPS, SECONDS, SCORE = range(3)  # columns of a result's curve
POINTS = 100  # of a drawn curve

Runs = Mapping[str, Sequence[Result]]
"""Agent → its results on one task."""


class Estimate(NamedTuple):
    """A number and its interval of 95 %; no interval where one run says nothing of the next."""

    value: float
    low: float | None
    high: float | None


class Summary(NamedTuple):
    """An agent on a task."""

    agent: str
    runs: int
    score: Estimate  # interquartile mean over runs
    seconds: float  # median over runs
    steps_to_solve: float | None  # median over runs; None where half of them or more did not
    seconds_to_solve: float | None
    seconds_to_peer: float | None  # until the score that the peer ends with; None without one, or never
    better: Estimate | None  # chance of a better score than the peer's; None without one


class Curve(NamedTuple):
    """Interquartile means over runs along one axis, between the ends of their interval."""

    x: Float[np.ndarray, " T"]
    middle: Float[np.ndarray, " T"]
    low: Float[np.ndarray, " T"]
    high: Float[np.ndarray, " T"]


def by_task(results: Iterable[Result]) -> dict[str, dict[str, list[Result]]]:
    """Task → agent → results."""
    found: dict[str, dict[str, list[Result]]] = {}
    for result in results:
        found.setdefault(result.task, {}).setdefault(result.agent, []).append(result)
    return found


def summarise_agent(task: Task, runs: Sequence[Result], peer: Sequence[Result]) -> Summary:
    """What an agent's runs on a task come to, beside its peer's (none: nothing to compare with).

    A peer is given itself: how long it needs to its own score is what an agent is held against.
    """
    alone = bool(peer) and peer[0].agent == runs[0].agent
    return Summary(
        agent=runs[0].agent,
        runs=len(runs),
        score=estimate_score([scores_of(runs)]),
        seconds=float(np.median([run.seconds for run in runs])),
        steps_to_solve=_median_to_reach(task.solved, runs, STEPS),
        seconds_to_solve=_median_to_reach(task.solved, runs, SECONDS),
        seconds_to_peer=_median_to_reach(interquartile_mean(scores_of(peer)), runs, SECONDS)
        if peer
        else None,
        better=estimate_improvement([scores_of(runs)], [scores_of(peer)]) if peer and not alone else None,
    )


def scores_of(runs: Sequence[Result]) -> Float[np.ndarray, " N"]:
    """The final score of each run."""
    return np.array([run.score for run in runs])


def normalised_strata(tasks: Sequence[Task], runs: Mapping[str, Runs], agent: str) -> list[np.ndarray]:
    """An agent's scores on each task, 0 for chance and 1 for solved."""
    return [normalised(scores_of(runs[task.name][agent]), task.chance, task.solved) for task in tasks]


def estimate_score(strata: Sequence[np.ndarray]) -> Estimate:
    """The interquartile mean over all runs of all tasks."""
    return _estimate(strata, lambda drawn: interquartile_mean(np.concatenate(drawn)))


def estimate_improvement(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> Estimate:
    """The chance that a run of ours scores higher than one of theirs, a mean over tasks."""

    def improvement(drawn: Sequence[np.ndarray]) -> float:
        pairs = zip(drawn[: len(ours)], drawn[len(ours) :], strict=True)
        return float(np.mean([probability_of_improvement(x, y) for x, y in pairs]))

    return _estimate([*ours, *theirs], improvement)


def profile(strata: Sequence[np.ndarray], thresholds: Float[np.ndarray, " T"]) -> Curve:
    """The performance profile with its interval."""
    interval = stratified_interval(strata, lambda drawn: performance_profile(drawn, thresholds), _generator())
    return Curve(thresholds, performance_profile(strata, thresholds), interval[0], interval[1])


def learning_curve(task: Task, runs: Sequence[Result], axis: int) -> Curve:
    """Scores along the axis STEPS or SECONDS, from chance to where the first run ends."""
    end = min(run.curve[-1][axis] for run in runs)
    x = np.linspace(0.0, end, POINTS)
    curves = np.stack([_interpolated(task, run, axis, x) for run in runs])

    def middle(drawn: Sequence[np.ndarray]) -> np.ndarray:
        return interquartile_curve(curves[drawn[0].astype(int)])

    low, high = stratified_interval([np.arange(float(len(runs)))], middle, _generator())
    return Curve(x, interquartile_curve(curves), low, high)


def _interpolated(task: Task, run: Result, axis: int, x: Float[np.ndarray, " T"]) -> Float[np.ndarray, " T"]:
    points = np.array([[0.0, 0.0, task.chance], *run.curve])
    return np.interp(x, points[:, axis], points[:, SCORE])


def _median_to_reach(score: float, runs: Sequence[Result], axis: int) -> float | None:
    """Until the first look at which a run had this score; None where half of them or more never had."""
    first = [next((point[axis] for point in run.curve if point[SCORE] >= score), np.inf) for run in runs]
    median = float(np.median(first))
    return median if np.isfinite(median) else None


def _estimate(strata: Sequence[np.ndarray], statistic: Callable[[list[np.ndarray]], float]) -> Estimate:
    value = statistic(list(strata))
    if max(map(len, strata)) < 2:
        return Estimate(value, None, None)
    low, high = stratified_interval(strata, statistic, _generator())
    return Estimate(value, float(low), float(high))


def _generator() -> np.random.Generator:
    """The same resamples each time: a page that is written again does not change."""
    return np.random.default_rng(0)
