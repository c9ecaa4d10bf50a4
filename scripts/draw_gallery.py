"""Draw the pictures of the documentation: every task and every look, as an agent and as a person see them."""

import sys
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from agents.runs.durable import write_durably
from agents.runs.errors import require
from agents.runs.parser import exit_status, parse_options
from envs.driving.experts import expert_for
from envs.driving.tasks import IDS
from envs.driving.vector_env import DrivingVectorEnv

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
SMALL, LARGE = (64, 64), (400, 640)
EFFECTS = {
    "night": {"night": 1.0},
    "dusk, low sun": {"night": 0.35, "low_sun": 0.9},
    "rain": {"rain": 0.9, "wet": 0.8},
    "fog": {"fog": 0.7},
    "snow": {"snow": 0.9},
    "wet road": {"wet": 1.0},
    "motion blur": {"motion_blur": 1.0},
    "sensor noise": {"noise": 1.0},
    "dirt on the lens": {"dirt": 1.0},
    "rain at night": {"night": 0.9, "rain": 0.9, "wet": 1.0},
}
LOOKS: dict[str, dict[str, Any]] = {
    **{look: {"look": look} for look in ("clean", "randomized", "noisy")},
    **{name: {"look": "clean", "weather": weather} for name, weather in EFFECTS.items()},
}
"""Keyword arguments by the name of what a picture shows."""


@dataclass(frozen=True)
class Options:
    """Where the pictures go, and of what moment they are."""

    folder: Path = PICTURES
    """Folder of the pictures."""
    steps: int = 80
    """Control steps that the expert has driven when they are taken."""
    columns: int = 6
    """Cars, each on a road of its own, in the sheet of small pictures."""
    seed: int = 3
    """Seed of the first car."""

    def __post_init__(self) -> None:
        require(self.folder.is_dir(), "folder", str(self.folder), "a folder that exists")
        require(self.steps >= 0, "steps", self.steps, "0 or greater")
        require(self.columns >= 1, "columns", self.columns, "at least 1")
        require(self.seed >= 0, "seed", self.seed, "0 or greater")


def frames(options: Options, size: tuple[int, int], count: int, **kwargs: Any) -> np.ndarray:
    """What the cameras of so many cars see, (count, H, W, 3), after the expert has driven a while."""
    env = DrivingVectorEnv(
        count, **{"split": "train", "num_levels": 16, **kwargs}, image_size=list(size), num_threads=1
    )
    obs, _ = env.reset(seed=options.seed)
    expert = expert_for(env)
    for _ in range(options.steps):
        obs, *_ = env.step(expert.act(env))
    env.close()
    return np.array(obs)


def sheet(options: Options, rows: dict[str, dict[str, Any]], size: tuple[int, int], columns: int) -> bytes:
    """A png of pictures with their names; a small one is drawn with pixels three wide."""
    from matplotlib.figure import Figure  # takes long to load: not for --help

    zoom, each = (3, options.columns) if size == SMALL else (1, 1)
    across = columns if each == 1 else 1
    height, width = size[0] * zoom, size[1] * zoom * each
    pad, title = 6, 22
    lines = -(-len(rows) // across)
    dpi, total = 100, ((width + pad) * across + pad, (height + title + pad) * lines + pad)
    figure = Figure(figsize=(total[0] / dpi, total[1] / dpi), dpi=dpi, facecolor="#16181c")
    for place, (name, kwargs) in enumerate(rows.items()):
        taken = frames(options, size, each, **kwargs).repeat(zoom, axis=1).repeat(zoom, axis=2)
        x, y = pad + place % across * (width + pad), pad + place // across * (height + title + pad)
        box = (x / total[0], 1 - (y + title + height) / total[1], width / total[0], height / total[1])
        axes = figure.add_axes(box)
        axes.imshow(np.concatenate(list(taken), axis=1), interpolation="nearest", aspect="auto")
        axes.set_axis_off()
        figure.text(x / total[0], 1 - (y + title - 5) / total[1], name, color="#e8eaed", fontsize=10)
    png = BytesIO()
    figure.savefig(png, format="png", dpi=dpi, facecolor=figure.get_facecolor())
    return png.getvalue()


def draw(arguments: list[str]) -> None:
    """Draw all sheets.

    Raises:
        RunError: what is wrong with the arguments.
    """
    options = parse_options(Options, arguments, str(__doc__))
    tasks = {IDS[task]: {"task": task, "look": "clean"} for task in IDS}
    looks = {name: {"task": "traffic", **kwargs} for name, kwargs in LOOKS.items()}
    for name, rows in (("tasks", tasks), ("looks", looks)):
        for size in (SMALL, LARGE):
            picture = sheet(options, rows, size, 2)
            write_durably(options.folder, f"{name}-{size[1]}x{size[0]}.png", picture)


def main(arguments: list[str] | None = None) -> int:
    """Exit status of the program: 0, or 2 for bad input."""
    return exit_status(partial(draw, sys.argv[1:] if arguments is None else arguments))


if __name__ == "__main__":
    sys.exit(main())
