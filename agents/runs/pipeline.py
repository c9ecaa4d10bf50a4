"""A run from its first line to its report: see, learn, be judged, tell."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from agents.agent import LearnsFromExpert, Remembers
from agents.devices import find_device
from agents.peers.training import TrainsItself
from agents.registry import agent_class, make_agent
from agents.runs.agent_stage import AgentStage
from agents.runs.build import (
    LabelledStream,
    labelled_stream_of,
    make_env,
    observed,
    require_expert,
    require_levels,
    require_splits,
    splits_of,
)
from agents.runs.checkpoint import CheckpointError, CheckpointStore
from agents.runs.chooser import numbers
from agents.runs.config import RunConfig
from agents.runs.durable import write_durably
from agents.runs.environments import Environments
from agents.runs.errors import RunError
from agents.runs.folder import RunFolder
from agents.runs.peer_stage import PeerStage, require_new
from agents.runs.perception_stage import PerceptionStage
from agents.runs.report import print_evaluation, print_line, write_report
from agents.runs.seeding import derive_seed
from agents.runs.session import Session, open_session
from agents.runs.trained import TrainedRun, load_encoder

RecordEpisode = Callable[[TrainedRun, Path], None]
"""Writes a film of one episode that the policy drives."""


class Pipeline:
    """Builds everything that a run needs before anything is trained or written, then carries it out.

    Args:
        config: the run.
        folder: where it lies; it may hold a part of the run already.
        labelled_streams: environment id → labelled frames of its camera.
        record_episode: writes the film.
        console: where bars and the table are printed.

    Raises:
        RunError: something does not fit; one sentence that says what.
    """

    def __init__(
        self,
        config: RunConfig,
        folder: RunFolder,
        labelled_streams: Mapping[str, LabelledStream],
        record_episode: RecordEpisode,
        console: Console,
    ) -> None:
        self._config = config
        self._folder = folder
        self._record_episode = record_episode
        self._console = console
        if issubclass(agent_class(config.agent.name), TrainsItself):
            require_new(config.agent.name, folder)
        self._checkpoint = self._latest_checkpoint()
        try:
            self._device = str(find_device(config.device))
            self._build(labelled_streams)
        except ValueError as fault:
            raise RunError(str(fault)) from fault

    def _latest_checkpoint(self) -> dict[str, Any] | None:
        try:
            folder = self._folder
            checkpoint = CheckpointStore(folder.agent_checkpoints, origin=folder.config_hash).load_latest()
        except CheckpointError as fault:
            raise RunError(str(fault)) from fault
        for warning in checkpoint.warnings if checkpoint else ():
            print_line(self._console, warning)
        return checkpoint.state if checkpoint else None

    def _build(self, labelled_streams: Mapping[str, LabelledStream]) -> None:
        """Make the environments, the encoder (or the stage that will train it) and the agent."""
        config = self._config
        self._env = make_env(config, None, config.env.num_envs)
        self._splits = splits_of(self._env)
        require_splits(config, self._splits)
        require_levels(config, self._splits)
        self._stage: PerceptionStage | None = None
        self._encoder = None
        if config.needs_encoder:
            self._build_encoder(labelled_stream_of(config.env, labelled_streams))
        seen = observed(config, self._env, self._stage.network if self._stage else self._encoder)
        spaces = seen.single_observation_space, seen.single_action_space
        self._agent = make_agent(config.agent, *spaces, derive_seed(config.seed, "agent"), self._device)
        if isinstance(self._agent, LearnsFromExpert):
            require_expert(config, self._agent)
        if isinstance(self._agent, Remembers):
            self._agent.require_room(config.env.num_envs)

    def _build_encoder(self, labelled_stream: LabelledStream) -> None:
        config = self._config
        if config.perception.path:
            schema = labelled_stream("train", 1, 0).schema()
            self._encoder = load_encoder(config, self._folder, self._device, schema)
        elif self._checkpoint:
            self._encoder = load_encoder(config, self._folder, self._device)
        else:
            self._stage = PerceptionStage(
                config.perception, labelled_stream, self._folder, config.seed, self._device
            )

    def run(self, options: str) -> None:
        """Carry the run out, from where it stands to its report.

        Args:
            options: the resolved configuration as YAML, for those who listen.

        Raises:
            RunError: the run was interrupted, diverged, or could not be written.
        """
        seconds = self._config.train.checkpoint_seconds
        track, tracked = self._config.track, self._restore()
        with open_session(self._folder, options, track, tracked, self._console, seconds) as session:
            self._carry_out(session)

    def _restore(self) -> dict[str, Any] | None:
        """The tracker's state where the run stands."""
        if self._checkpoint:
            return self._checkpoint["tracking"]
        return self._stage.restore(self._console) if self._stage else None

    def _carry_out(self, session: Session) -> None:
        if self._stage:
            self._stage.run(session)
            self._encoder = load_encoder(self._config, self._folder, self._device)
        learner = TrainedRun(self._config, self._agent, self._encoder, self._splits)
        env_steps = self._train(session, learner)
        shutil.rmtree(self._folder.perception_checkpoints, ignore_errors=True)  # the agent's hold all by now
        scores = self._judge(session, learner, env_steps)
        self._film(session, learner)
        write_report(self._folder, scores)
        session.tracker.picture("curves", self._folder.curves)
        self._tell(scores)

    def _train(self, session: Session, learner: TrainedRun) -> int:
        """Train the agent; returns the environment steps taken."""
        seen = observed(self._config, self._env, self._encoder)
        if isinstance(self._agent, TrainsItself):
            peer = PeerStage(learner, self._agent, seen, session)
            peer.run()
            seen.close()
            return peer.env_steps
        environments = Environments(seen, derive_seed(self._config.seed, "environments"))
        stage = AgentStage(learner, environments, session)
        if self._checkpoint:
            try:
                stage.load_state_dict(self._checkpoint)
            except ValueError as fault:  # an environment that does not repeat itself, say
                raise RunError(str(fault)) from fault
            self._checkpoint = None
        stage.run()
        environments.close()
        return environments.env_steps

    def _judge(self, session: Session, learner: TrainedRun, env_steps: int) -> dict[str, Any]:
        """The one look at the reported split."""
        config = self._config.evaluate
        with session.progress("evaluate", config.episodes, "episodes") as advance:

            def show_and_leave_if_asked(finished: int) -> None:
                advance(finished, "")
                if session.interrupt.requested:
                    raise session.interrupted()

            scores = learner.evaluate(config.split, config.episodes, None, show_and_leave_if_asked)
        session.tracker.log(env_steps, numbers(scores, "evaluate/"))
        text = json.dumps(scores, indent=2) + "\n"
        write_durably(self._folder.path, self._folder.evaluation.name, text.encode())
        return scores

    def _film(self, session: Session, trained: TrainedRun) -> None:
        try:
            self._record_episode(trained, self._folder.episode)
        except Exception as fault:  # whatever another's environment may raise, the run stands without a film
            print_line(self._console, f"no film: {fault}")
            return
        session.tracker.video("episode", self._folder.episode)

    def _tell(self, scores: dict[str, Any]) -> None:
        print_evaluation(self._console, scores)
        path = self._folder.path
        print_line(self._console, f"look at     {self._folder.report}")
        print_line(self._console, f"drive with  python scripts/render_episode.py {path}")
        print_line(self._console, f"judge with  python scripts/evaluate.py {path} --split test")
