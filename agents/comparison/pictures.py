"""The pictures of a comparison: learning curves, performance profiles, ingredients beside their base."""

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import EngFormatter

from agents.comparison.catalogue import CONTENDERS
from agents.comparison.records import Task
from agents.comparison.results import Result
from agents.comparison.scores import SECONDS, STEPS, Curve, Estimate, learning_curve
from agents.comparison.studies import BASE

INK, FAINT = "#24292f", "#d0d7de"
COLOURS = {
    "dqn": "#1f6fb4",
    "pqn": "#8250b5",
    "ppo": "#d9631e",
    "a2c": "#1f9e77",
    "lstm-q": "#c2255c",
    "transformer-q": "#8a7f00",
}
BETTER, WORSE, EVEN = "#1f6fb4", "#c2410c", "#6e7781"
MOST_COLUMNS = 6  # of names in a row
SURE = 0.8  # chance of being better from which a variant is drawn as better
NOTE = (
    f"Interquartile mean and interval of 95 %; line and band: {BASE}.\n"
    f"Blue: a run scores higher than one of {BASE} with a chance of {SURE:.0%} or more; red: lower."
)
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#eaeef2",
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "savefig.dpi": 130,
}


def draw_learning(task: Task, runs: Mapping[str, Sequence[Result]], path: Path) -> None:
    """Learning curves on both axes: environment steps on the left, seconds of training on the right."""
    with matplotlib.rc_context(STYLE):
        figure = _figure(10, 4.2)
        left, right = figure.subplots(1, 2, sharey=True)
        for axes, axis in ((left, STEPS), (right, SECONDS)):
            for agent, results in runs.items():
                curve = learning_curve(task, results, axis)
                colour = _draw_curve(axes, curve, agent)
                axes.plot(curve.x[-1], curve.middle[-1], "o", color=colour, markersize=4.5)
            axes.axhline(task.solved, color=EVEN, linewidth=1, linestyle=(0, (1, 2)))
            axes.set_xlim(left=0)
        left.set_xlabel("environment steps")
        left.xaxis.set_major_formatter(EngFormatter(sep=""))
        right.set_xlabel("seconds of training")
        left.set_ylabel(task.score.replace("_", " "))
        left.annotate("solved", (0, task.solved), (4, 3), textcoords="offset points", color=EVEN, fontsize=9)
        figure.suptitle(task.env_id, x=0.01, ha="left", fontweight="bold")
        _save(figure, left, path)


def draw_profiles(curves: Mapping[str, Curve], tasks: int, path: Path) -> None:
    """The share of runs that score above a threshold, for each agent."""
    with matplotlib.rc_context(STYLE):
        figure = _figure(7, 4.2)
        axes = figure.subplots()
        for agent, curve in curves.items():
            _draw_curve(axes, curve, agent)
        axes.set_xlabel("normalised score τ: 0 is chance, 1 is solved")
        axes.set_ylabel("share of runs above τ")
        axes.set_ylim(-0.02, 1.02)
        axes.margins(x=0)
        axes.set_title(f"Performance profiles over {tasks} tasks")
        _save(figure, axes, path)


def draw_study(
    panels: Mapping[str, Mapping[str, Estimate]], better: Mapping[str, Mapping[str, float]], path: Path
) -> None:
    """A panel for each task: the score of every variant, and behind them that of the base.

    Args:
        panels: title → agent → score; every panel has the same agents, the base among them.
        better: title → agent → chance of being better than the base, which gives the colour.
        path: the file.
    """
    agents = [agent for agent in next(iter(panels.values())) if agent != BASE]
    with matplotlib.rc_context(STYLE):
        figure = _figure(2.2 + 2.5 * len(panels), 1.8 + 0.33 * len(agents))
        row: Any = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, (title, scores) in zip(row, panels.items(), strict=True):
            _draw_base(axes, scores[BASE])
            for place, agent in enumerate(agents):
                _draw_estimate(axes, scores[agent], place, better[title][agent])
            axes.set_title(title)
            axes.grid(axis="y", visible=False)
        row[0].set_yticks(range(len(agents)), [CONTENDERS[agent].variation or agent for agent in agents])
        row[0].invert_yaxis()
        figure.supxlabel(NOTE, x=0.01, ha="left", fontsize=9, color=EVEN)
        figure.savefig(path)


def _figure(width: float, height: float) -> Figure:
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.06)  # [inches]
    return Figure(figsize=(width, height), layout=layout)


def _draw_curve(axes: Axes, curve: Curve, agent: str) -> str:
    """Draw the line with its interval; returns its colour."""
    ours = not agent.startswith("sb3-")
    colour = COLOURS.get(agent.removeprefix("sb3-"), EVEN)
    style = "-" if ours else (0, (4, 2))
    axes.plot(curve.x, curve.middle, color=colour, linestyle=style, linewidth=2 if ours else 1.6, label=agent)
    axes.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.16 if ours else 0.08, linewidth=0)
    return colour


def _draw_base(axes: Axes, base: Estimate) -> None:
    axes.axvline(base.value, color=EVEN, linewidth=1)
    if base.low is not None and base.high is not None:
        axes.axvspan(base.low, base.high, color=FAINT, alpha=0.45, linewidth=0)


def _draw_estimate(axes: Axes, score: Estimate, place: int, better: float) -> None:
    colour = BETTER if better >= SURE else WORSE if better <= 1 - SURE else EVEN
    if score.low is not None and score.high is not None:
        axes.plot(
            [score.low, score.high], [place, place], color=colour, linewidth=2.2, solid_capstyle="round"
        )
    axes.plot(score.value, place, "o", color=colour, markersize=6, markeredgecolor="white")


def _save(figure: Figure, axes: Axes, path: Path) -> None:
    """Put the names of the lines below, and write the file."""
    handles, labels = axes.get_legend_handles_labels()
    columns = len(labels) if len(labels) <= MOST_COLUMNS else ceil(len(labels) / 2)
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)
    figure.savefig(path)


def thresholds_for(strata: Sequence[np.ndarray]) -> np.ndarray:
    """Normalised scores at which profiles are drawn: from a little below chance to the best one."""
    scores = np.concatenate(strata)
    return np.linspace(min(-0.05, float(scores.min())), max(1.05, float(scores.max())), 200)
