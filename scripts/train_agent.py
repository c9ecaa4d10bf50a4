"""Train an agent: the encoder it sees through if it needs one, the agent, its evaluation, a report."""

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from agents.runs.command_line import read_run
from agents.runs.parser import exit_status
from agents.runs.pipeline import Pipeline
from agents.runs.report import print_line
from agents.runs.threads import prepare_threads
from agents.runs.trained import TrainedRun
from envs.driving.stream import STREAMS
from envs.film import record_episode

DEFAULT_CONFIG = Path(__file__).parents[1] / "configs" / "driving" / "lane_follow.yaml"
FILM_SECONDS = 60.0


def film(run: TrainedRun, path: Path) -> None:
    """Film one episode on the reported split.

    Raises:
        ValueError: the environment cannot draw.
    """
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # a film needs no window
    env = run.watched_env(run.reported_split, render_mode="rgb_array")
    try:
        act, seed = run.greedy_policy(), run.config.seed
        record_episode(env, act, path, seed, seconds=FILM_SECONDS, to_its_end=False)
    finally:
        env.close()


def train(arguments: Sequence[str]) -> None:
    """Carry out the run that the arguments ask for.

    Raises:
        RunError: what is wrong with them, or what ended the run.
    """
    request = read_run(arguments, DEFAULT_CONFIG, str(__doc__))
    console = Console()
    if request.resumes and request.folder.finished:
        print_line(console, f"{request.folder.path} is finished; look at {request.folder.report}")
        return
    prepare_threads()
    pipeline = Pipeline(request.config, request.folder, STREAMS, film, console)
    if not request.resumes:
        request.folder.create(request.options)
    print_line(console, f"run {request.folder.path}")
    pipeline.run(request.options)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status of the program: 0, 1 for a run that failed, 2 for bad input, 130 for Ctrl-C."""
    return exit_status(partial(train, sys.argv[1:] if arguments is None else arguments))


if __name__ == "__main__":
    sys.exit(main())
