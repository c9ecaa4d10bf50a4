"""Draw what cameras see: a sheet of frames, of the classes of their pixels, and of their depths."""

import sys
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.image import imsave

from agents.runs.durable import write_durably
from agents.runs.environments import make_environment
from agents.runs.errors import RunError, require
from agents.runs.parser import exit_status, parse_options
from envs.drawing import contact_sheet
from envs.driving.vector_env import DrivingVectorEnv


@dataclass(frozen=True)
class Options:
    """Which cameras, and where the sheet goes."""

    save: Path
    """The sheet, a png."""
    columns: int = 8
    """Cars, each on a road and under a look of its own; one a column."""
    zoom: int = 2
    """A pixel of a frame is so many of the sheet wide and high."""
    seed: int = 0
    """Seed of the first car."""
    split: str = "test"
    """Split of the roads: train, val, test or ood."""
    env_id: str = "Hairpin/LaneFollow-v0"
    """The task, such as Hairpin/Traffic-v0."""
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments of the environment, such as --env_kwargs.look noisy."""

    def __post_init__(self) -> None:
        require(self.save.suffix == ".png", "save", str(self.save), "a png")
        require(self.save.parent.is_dir(), "save", str(self.save), "in a folder that exists")
        require(self.seed >= 0, "seed", self.seed, "0 or greater")
        require(self.columns >= 1, "columns", self.columns, "at least 1")
        require(self.zoom >= 1, "zoom", self.zoom, "at least 1")


def draw(arguments: list[str]) -> None:
    """Draw the sheet that the arguments ask for.

    Raises:
        RunError: what is wrong with them, or why the sheet cannot be written.
    """
    options = parse_options(Options, arguments, str(__doc__))
    try:
        kwargs = {"split": options.split, **options.env_kwargs}
        env = make_environment(options.env_id, options.columns, kwargs)
        env.reset(seed=options.seed)
        if not isinstance(env, DrivingVectorEnv):
            raise RunError(f"env_id is {options.env_id!r}, which has no camera")
        sheet = BytesIO()
        imsave(sheet, contact_sheet(env.simulator, options.zoom, 2 * options.zoom), format="png")
        write_durably(options.save.parent, options.save.name, sheet.getvalue())
    except (OSError, ValueError) as fault:
        raise RunError(str(fault)) from fault


def main(arguments: list[str] | None = None) -> int:
    """Exit status of the program: 0, or 2 for bad input."""
    return exit_status(partial(draw, sys.argv[1:] if arguments is None else arguments))


if __name__ == "__main__":
    sys.exit(main())
