"""Train an agent: the encoder it sees through if it needs one, the agent, its evaluation, a report."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

import envs  # noqa: F401  registers the environments
from agents.runs.command_line import read_run
from agents.runs.parser import exit_status
from agents.runs.pipeline import Pipeline
from agents.runs.report import print_line
from agents.runs.threads import prepare_threads
from agents.runs.video import record_episode
from envs.driving.stream import LabelledStream

DEFAULT_CONFIG = Path(__file__).parents[1] / "configs" / "driving" / "lane_follow.yaml"
STREAMS = {"Hairpin/LaneFollow-v0": LabelledStream}


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
    pipeline = Pipeline(request.config, request.folder, STREAMS, record_episode, console)
    if not request.resumes:
        request.folder.create(request.options)
    print_line(console, f"run {request.folder.path}")
    pipeline.run(request.options)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status of the program: 0, 1 for a run that failed, 2 for bad input, 130 for Ctrl-C."""
    return exit_status(partial(train, sys.argv[1:] if arguments is None else arguments))


if __name__ == "__main__":
    sys.exit(main())
