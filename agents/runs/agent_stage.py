"""The second stage of a run: the agent learns, is judged now and then, and its best network is kept."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from safetensors.torch import save as to_safetensors
from torch import Tensor

from agents.agent import NonFiniteLossError
from agents.runs.cadence import CheckpointCadence
from agents.runs.checkpoint import CheckpointStore
from agents.runs.durable import write_durably
from agents.runs.environments import Environments
from agents.runs.loop import Training
from agents.runs.progress import Advance
from agents.runs.seeding import derive_seed
from agents.runs.session import Session
from agents.runs.threads import threads_for, work_on
from agents.runs.trained import TrainedRun

REDRAW_SECONDS = 0.1


class AgentStage:
    """Trains an agent, keeping the network that did best on the roads of the choosing split.

    Args:
        learner: the agent, and where it is judged.
        environments: where it learns.
        session: the run.
    """

    def __init__(self, learner: TrainedRun, environments: Environments, session: Session) -> None:
        self._learner = learner
        self._environments = environments
        self._session = session
        self._training = Training(learner.agent, environments)
        self._store = CheckpointStore(session.folder.agent_checkpoints, origin=session.folder.config_hash)
        self._seconds = 0.0
        self._started = time.monotonic()
        self._evaluations = 0
        self._best_score: list[float] | None = None
        self._best_policy: dict[str, Tensor] = {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint's state."""
        self._training.load_state_dict(state["training"])
        self._seconds = state["seconds"]
        self._evaluations = state["evaluations"]
        self._best_score = state["best_score"]
        self._best_policy = state["best_policy"]

    def save(self) -> None:
        """Write a checkpoint of the whole run."""
        state = {
            "training": self._training.state_dict(),
            "tracking": self._session.tracker.state_dict(),
            "seconds": self._elapsed,
            "evaluations": self._evaluations,
            "best_score": self._best_score,
            "best_policy": self._best_policy,
        }
        self._store.save(state, self._environments.env_steps)

    def run(self) -> None:
        """Train to the end of the budget, then hand the agent its best network.

        Raises:
            InterruptedRunError: the user asked to stop; a checkpoint is written.
            RunError: the loss is no longer finite.
        """
        config = self._learner.config
        threads_for(work_on(self._environments.observation_space))
        self._started = time.monotonic()
        cadence = CheckpointCadence(self.save, self._session.checkpoint_seconds)
        steps = self._environments.env_steps
        with self._session.progress("agent", config.train.env_steps, "steps", steps) as advance:
            try:
                self._train(cadence, advance)
            except NonFiniteLossError as fault:
                raise self._session.diverged(str(fault), self._store) from fault
        self._learner.agent.load_policy_state_dict(self._best_policy)
        self._write_policy()

    def _train(self, cadence: CheckpointCadence, advance: Advance) -> None:
        """Alternate between learning and choosing; a limit of time or success ends it after a choice."""
        if self._environments.env_steps == 0:
            cadence.save()
        budget, interval = self._learner.config.train.env_steps, self._learner.config.evaluate.interval
        while self._evaluations < math.ceil(budget / interval) and not self._succeeds():
            target = min((self._evaluations + 1) * interval, budget)
            for metrics in self._training.train(target, self._stop(advance)):
                self._log(metrics)
                cadence.save_if_due()
            self._leave_if_asked(cadence)
            self._choose(cadence)
            if self._time_is_up():
                break
        cadence.save()
        advance(budget, "")

    def _stop(self, advance: Advance) -> Callable[[], bool]:
        """What the loop asks once a step; it moves the bar as well."""
        redraw = 0.0

        def stop() -> bool:
            nonlocal redraw
            if time.monotonic() >= redraw:
                redraw = time.monotonic() + REDRAW_SECONDS
                advance(self._environments.env_steps, "")
            return self._session.interrupt.requested or self._time_is_up()

        return stop

    @property
    def _elapsed(self) -> float:
        """Seconds that the stage has taken, before a resume as well."""
        return self._seconds + time.monotonic() - self._started

    def _time_is_up(self) -> bool:
        limit = self._learner.config.train.seconds
        return limit is not None and self._elapsed >= limit

    def _succeeds(self) -> bool:
        """Whether the best network so far succeeds often enough to stop."""
        wanted = self._learner.config.train.until_success
        return wanted is not None and self._best_score is not None and self._best_score[0] >= wanted

    def _leave_if_asked(self, cadence: CheckpointCadence) -> None:
        if self._session.interrupt.requested:
            cadence.save()
            raise self._session.interrupted()

    def _log(self, metrics: Mapping[str, float]) -> None:
        others = {name: value for name, value in metrics.items() if name != "env_steps"}
        self._session.tracker.log(int(metrics["env_steps"]), others)

    def _choose(self, cadence: CheckpointCadence) -> None:
        """Judge the present network on the choosing split and keep it if it is the best so far."""
        config, started = self._learner.config, time.monotonic()
        scores = self._learner.evaluate(
            config.evaluate.choose_split,
            config.evaluate.choose_episodes,
            derive_seed(config.seed, "choose"),
            lambda _: self._leave_if_asked(cadence),
        )
        self._evaluations += 1
        spent = {"time/choose": time.monotonic() - started}
        self._session.tracker.log(self._environments.env_steps, numbers(scores, "choose/") | spent)
        score = [scores["success_rate"] or 0.0, scores["mean_return"]]
        if self._best_score is None or score > self._best_score:
            self._best_score = score
            policy = self._learner.agent.policy_state_dict()
            self._best_policy = {name: tensor.detach().clone() for name, tensor in policy.items()}
            self._write_policy()

    def _write_policy(self) -> None:
        policy = self._session.folder.policy
        write_durably(policy.parent, policy.name, to_safetensors(self._best_policy))


def numbers(scores: Mapping[str, Any], prefix: str) -> dict[str, float]:
    """The plain numbers among an evaluation's results, named for the metrics."""
    return {f"{prefix}{name}": value for name, value in scores.items() if isinstance(value, int | float)}
