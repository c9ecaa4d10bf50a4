"""Train an encoder that reads a camera: where the lane is, how the road bends, what each pixel is."""

import sys
from collections.abc import Sequence
from functools import partial

from rich.console import Console

from agents.devices import find_device
from agents.runs.command_line import Request, read_encoder_run
from agents.runs.config import EncoderRunConfig
from agents.runs.encoder_run import EncoderRun
from agents.runs.parser import exit_status
from agents.runs.report import print_line
from agents.runs.threads import prepare_threads
from envs.driving.stream import STREAMS
from vision.processes import Processes


def train(arguments: Sequence[str]) -> None:
    """Carry out the run that the arguments ask for.

    Raises:
        RunError: what is wrong with them, or what ended the run.
    """
    request = read_encoder_run(arguments, str(__doc__))
    processes = Processes.joined(find_device(request.config.device))
    console = Console(quiet=processes.rank > 0)
    try:
        _train(request, console, processes)
    finally:
        processes.leave()


def _train(request: Request[EncoderRunConfig], console: Console, processes: Processes) -> None:
    """Lead the run, or follow who leads it."""
    if request.resumes and request.folder.finished:
        print_line(console, f"{request.folder.path} is finished; look at {request.folder.report}")
        return
    prepare_threads()
    run = EncoderRun(request.config, request.folder, STREAMS, console, processes)
    if processes.rank > 0:
        run.follow(request.resumes)
        return
    if not request.resumes:
        request.folder.create(request.options)
    print_line(console, f"run {request.folder.path}")
    run.run(request.options)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status of the program: 0, 1 for a run that failed, 2 for bad input, 130 for Ctrl-C."""
    return exit_status(partial(train, sys.argv[1:] if arguments is None else arguments))


if __name__ == "__main__":
    sys.exit(main())
