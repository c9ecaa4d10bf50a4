"""What a run leaves for its reader: curves, one self-contained page, a table in the terminal."""

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from agents.runs.durable import write_durably
from agents.runs.folder import RunFolder
from agents.runs.metrics_file import read_metrics

PANELS = {
    "success": ("success", "choose/success_rate"),
    "return": ("episode_return", "choose/mean_return"),
    "agent: loss": ("loss", "train/loss"),
    "perception: loss": ("perception/loss",),
}
"""Title → metrics drawn in one panel: evaluations as dots, the others as lines."""
LARGEST_VIDEO = 20_000_000  # bytes; a page with a larger one inside would be slow to open
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #1b1f24; background: #fff; }
img, video { max-width: 100%; border-radius: 6px; image-rendering: auto; }
table { border-collapse: collapse; }
td, th { padding: .25rem 1.5rem .25rem 0; text-align: left; border-bottom: 1px solid #d7dce2; }
td + td { text-align: right; font-variant-numeric: tabular-nums; }
pre { background: #f3f5f7; padding: 1rem; border-radius: 6px; overflow: auto; font-size: 13px; }
@media (prefers-color-scheme: dark) {
  body { color: #e6e9ec; background: #14171a; } pre { background: #1f2429; } td, th { border-color: #333a42; }
}
"""


def draw_curves(metrics: Sequence[Mapping[str, float | None]], path: Path) -> None:
    """Draw the panels that the metrics have numbers for."""
    from matplotlib.figure import Figure  # takes long to load: not before the run is over

    panels = {title: names for title, names in PANELS.items() if any(_points(metrics, x) for x in names)}
    num_rows = max(1, (len(panels) + 1) // 2)
    figure = Figure(figsize=(10, 3.2 * num_rows), layout="constrained")
    for place, (title, names) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(num_rows, min(2, len(panels)), place)
        for name in names:
            points = _points(metrics, name)
            if not points:
                continue
            style = "o-" if name.startswith("choose/") else "-"
            axes.plot(*zip(*points, strict=True), style, label=name, markersize=4)
        axes.set_title(title)
        axes.set_xlabel("updates" if title.startswith("perception") else "environment steps")
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=110)


def _points(metrics: Sequence[Mapping[str, float | None]], name: str) -> list[tuple[float, float]]:
    """(x, value) of every record that has the metric."""
    x_name = "perception/update" if name.startswith("perception/") else "env_steps"
    pairs = [(record.get(x_name), record.get(name)) for record in metrics]
    return [(x, value) for x, value in pairs if x is not None and value is not None]


def write_report(folder: RunFolder, scores: Mapping[str, Any]) -> None:
    """Draw the curves and write the page. The page comes last: it says that the run is over."""
    draw_curves(read_metrics(folder.metrics), folder.curves)
    write_durably(folder.path, folder.report.name, _page(folder, scores).encode())


def _page(folder: RunFolder, scores: Mapping[str, Any]) -> str:
    title = html.escape(folder.path.name)
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(value)}</td></tr>"
        for name, value in score_rows(scores)
    )
    pictures = [_picture(path, name) for path, name in _pictures(folder) if path.is_file()]
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title><style>{STYLE}</style>"
        f"<h1>{title}</h1>{_video(folder.episode)}<h2>Evaluation</h2><table>{rows}</table>"
        f"{''.join(pictures)}<h2>Configuration</h2><pre>{html.escape(folder.config.read_text())}</pre></html>\n"
    )


def _pictures(folder: RunFolder) -> list[tuple[Path, str]]:
    return [
        (folder.curves, "Curves"),
        (folder.perception / "predictions.png", "What the encoder sees on unseen roads"),
    ]


def _picture(path: Path, name: str) -> str:
    return f"<h2>{name}</h2><img alt='{name}' src='data:image/png;base64,{_base64(path)}'>"


def _video(path: Path) -> str:
    if not path.is_file() or path.stat().st_size > LARGEST_VIDEO:
        return ""
    return f"<video controls autoplay loop muted src='data:video/mp4;base64,{_base64(path)}'></video>"


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def score_rows(scores: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and printed value of every result of an evaluation that there is."""
    return [(name.replace("_", " "), _printed(value)) for name, value in scores.items() if value is not None]


def _printed(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}"
    if isinstance(value, list | tuple):
        return " … ".join(_printed(item) for item in value)
    return str(value)


def print_line(console: Console, line: str) -> None:
    """Print a line as it is: a path must not be broken where the window ends."""
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def print_scores(console: Console, title: str, scores: Mapping[str, Any]) -> None:
    """Print results as a table."""
    table = Table(title=title, title_justify="left")
    table.add_column("result")
    table.add_column("value", justify="right")
    for name, value in score_rows(scores):
        table.add_row(name, value)
    console.print(table)


def print_evaluation(console: Console, scores: Mapping[str, Any]) -> None:
    """Print what an evaluation of an agent found."""
    where = f" of the {scores['split']} split" if scores["split"] else ""
    print_scores(console, f"{scores['episodes']} episodes{where}", scores)


GAP_SCORES = ("driving_score", "success_rate", "mean_return")
"""What a gap is told of: the first of these that an evaluation has."""


def print_gaps(console: Console, own: Mapping[str, Any], apart: Mapping[str, Mapping[str, Any]]) -> None:
    """Print how much of a score is lost along each held-out axis.

    Args:
        console: where to.
        own: results on what the policy may expect.
        apart: results by axis.
    """
    score = next(name for name in GAP_SCORES if own.get(name) is not None)
    table = Table(title=f"{score.replace('_', ' ')} by held-out axis", title_justify="left")
    table.add_column("axis")
    for column in ("score", "gap"):
        table.add_column(column, justify="right")
    table.add_row("none", _printed(own[score]), "")
    for axis, results in apart.items():
        table.add_row(axis, _printed(results[score]), f"{results[score] - own[score]:+,.3f}")
    console.print(table)
