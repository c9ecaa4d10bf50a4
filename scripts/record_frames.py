"""Store labelled frames of a task's camera, for perception to learn from again and again."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from agents.runs.errors import RunError, require
from agents.runs.parser import exit_status, parse_options
from agents.runs.report import print_line
from envs.driving.stream import STREAMS
from vision.shards import ShardError, write_shards


@dataclass(frozen=True)
class Options:
    """Which frames, and where they go."""

    save: Path
    """Folder for the frames; it must not hold any yet."""
    env_id: str = "Hairpin/Traffic-v0"
    """The task."""
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    """Options of its camera and roads, such as --env_kwargs.image_size '[64,96]'."""
    split: str = "train"
    """Split of the roads: train, val, test or ood."""
    scene: bool = False
    """Whether depth and instances are stored as well."""
    batches: int = 64
    """How many."""
    batch_size: int = 256
    """Frames in each."""
    seed: int = 0
    """Of what is seen."""

    def __post_init__(self) -> None:
        require(self.env_id in STREAMS, "env_id", self.env_id, " or ".join(sorted(STREAMS)))
        require(self.batches >= 1, "batches", self.batches, "at least 1")
        require(self.batch_size >= 1, "batch_size", self.batch_size, "at least 1")
        require(self.seed >= 0, "seed", self.seed, "0 or greater")


def record(arguments: Sequence[str]) -> None:
    """Store the frames that the arguments ask for.

    Raises:
        RunError: what is wrong with them, or why nothing can be stored.
    """
    options = parse_options(Options, arguments, str(__doc__))
    scene = {"scene": True} if options.scene else {}
    about = {"env_id": options.env_id, "split": options.split, "seed": options.seed, **options.env_kwargs}
    try:
        stream = STREAMS[options.env_id](
            options.split, options.batch_size, options.seed, **scene, **options.env_kwargs
        )
        per_shard = max(1, 2048 // options.batch_size)
        written = write_shards(
            stream, options.save, options.batches, batches_per_shard=per_shard, about=about
        )
        for _ in track(written, "shards", -(-options.batches // per_shard)):
            pass
    except (ShardError, ValueError, OSError) as fault:
        raise RunError(str(fault)) from fault
    frames = options.batches * options.batch_size
    print_line(Console(), f"{frames} frames of {options.env_id} ({options.split}) in {options.save}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status of the program: 0, or 2 for bad input."""
    return exit_status(partial(record, sys.argv[1:] if arguments is None else arguments))


if __name__ == "__main__":
    sys.exit(main())
