"""The second stage of a run: the agent learns, is judged now and then, and its best network is kept."""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

from agents.agent import NonFiniteLossError
from agents.runs.cadence import CheckpointCadence
from agents.runs.checkpoint import CheckpointStore
from agents.runs.chooser import Chooser
from agents.runs.environments import Environments
from agents.runs.loop import Training
from agents.runs.progress import Advance
from agents.runs.session import Session
from agents.runs.threads import threads_for, work_on
from agents.runs.trained import TrainedRun
from agents.runs.watch import Watch


class AgentStage:
    """Trains an agent, keeping the network that did best on the roads of the choosing split.

    Args:
        learner: the agent, and where it is judged.
        environments: where it learns.
        session: the run.
    """

    def __init__(self, learner: TrainedRun, environments: Environments, session: Session) -> None:
        self._config = learner.config
        self._environments = environments
        self._session = session
        self._training = Training(learner.agent, environments)
        self._store = CheckpointStore(session.folder.agent_checkpoints, origin=session.folder.config_hash)
        self._watch = Watch(session, learner.config.train.seconds)
        self._chooser = Chooser(learner, session)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint's state."""
        self._training.load_state_dict(state["training"])
        self._watch.seconds = state["seconds"]
        self._chooser.load_state_dict(state)

    def save(self) -> None:
        """Write a checkpoint of the whole run."""
        state = {
            "training": self._training.state_dict(),
            "tracking": self._session.tracker.state_dict(),
            "seconds": self._watch.elapsed,
            **self._chooser.state_dict(),
        }
        self._store.save(state, self._environments.env_steps)

    def run(self) -> None:
        """Train to the end of the budget, then hand the agent its best network.

        Raises:
            InterruptedRunError: the user asked to stop; a checkpoint is written.
            RunError: the loss is no longer finite.
        """
        threads_for(work_on(self._environments.observation_space))
        self._watch.begin()
        cadence = CheckpointCadence(self.save, self._session.checkpoint_seconds)
        budget, steps = self._config.train.env_steps, self._environments.env_steps
        with self._session.progress("agent", budget, "steps", steps) as advance:
            try:
                self._train(cadence, advance)
            except NonFiniteLossError as fault:
                raise self._session.diverged(str(fault), self._store) from fault
        self._chooser.finish()

    def _train(self, cadence: CheckpointCadence, advance: Advance) -> None:
        """Alternate between learning and choosing; a limit of time or success ends it after a choice."""
        if self._environments.env_steps == 0:
            cadence.save()
        budget, interval = self._config.train.env_steps, self._config.evaluate.interval
        while self._chooser.evaluations < math.ceil(budget / interval) and not self._chooser.succeeds:
            target = min((self._chooser.evaluations + 1) * interval, budget)
            for metrics in self._training.train(target, partial(self._stop, advance)):
                self._log(metrics)
                cadence.save_if_due()
            self._leave_if_asked(cadence)
            self._chooser.choose(self._environments.env_steps, lambda _: self._leave_if_asked(cadence))
            if self._watch.time_is_up:
                break
        cadence.save()
        advance(budget, "")

    def _stop(self, advance: Advance) -> bool:
        return self._watch.stop(self._environments.env_steps, advance)

    def _leave_if_asked(self, cadence: CheckpointCadence) -> None:
        if self._session.interrupt.requested:
            cadence.save()
            raise self._session.interrupted()

    def _log(self, metrics: Mapping[str, float]) -> None:
        others = {name: value for name, value in metrics.items() if name != "env_steps"}
        self._session.tracker.log(int(metrics["env_steps"]), others)
