"""A run that trains an encoder alone, for any number of agents to see through."""

from collections.abc import Mapping

from rich.console import Console

from agents.devices import find_device
from agents.runs.build import LabelledStream, labelled_stream_of
from agents.runs.config import EncoderRunConfig
from agents.runs.environments import make_environment
from agents.runs.errors import RunError
from agents.runs.folder import RunFolder
from agents.runs.perception_stage import PerceptionStage
from agents.runs.report import print_line, print_scores, write_report
from agents.runs.session import open_session
from vision.processes import Processes


class EncoderRun:
    """Builds all that the training of an encoder needs, then carries it out.

    Args:
        config: the run.
        folder: where it lies; it may hold a part of the run already.
        labelled_streams: environment id → labelled frames of its camera.
        console: where the bar and the table are printed.
        processes: those that train together; this one alone by default.

    Raises:
        RunError: something does not fit; one sentence that says what.
    """

    def __init__(
        self,
        config: EncoderRunConfig,
        folder: RunFolder,
        labelled_streams: Mapping[str, LabelledStream],
        console: Console,
        processes: Processes | None = None,
    ) -> None:
        self._config = config
        self._folder = folder
        self._console = console
        stream = labelled_stream_of(config.env, labelled_streams)
        try:
            make_environment(config.env.id, 1, config.env.kwargs).close()  # refuses what does not suit it
            device = str(find_device(config.device))
            self._stage = PerceptionStage(config.perception, stream, folder, config.seed, device, processes)
        except ValueError as fault:
            raise RunError(str(fault)) from fault

    def follow(self, resumes: bool) -> None:
        """Train beside the process that leads; nothing is written.

        Args:
            resumes: whether the run goes on from a checkpoint.

        Raises:
            RunError: what ended the training.
        """
        if resumes:
            self._stage.restore(self._console)
        self._stage.follow()

    def run(self, options: str) -> None:
        """Train, measure on unseen roads, save, report.

        Args:
            options: the resolved configuration as YAML, for those who listen.

        Raises:
            RunError: the run was interrupted, diverged, or could not be written.
        """
        tracked = self._stage.restore(self._console)
        with open_session(self._folder, options, self._config.track, tracked, self._console) as session:
            scores = self._stage.run(session)
            write_report(self._folder, scores)
            session.tracker.picture("curves", self._folder.curves)
        print_scores(self._console, "encoder on unseen roads", scores)
        print_line(self._console, f"look at     {self._folder.report}")
        print_line(self._console, f"use with    --perception.path {self._folder.perception}")
