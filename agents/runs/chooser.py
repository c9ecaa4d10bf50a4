"""Which of the policies that a training goes through is kept."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from safetensors.torch import save as to_safetensors
from torch import Tensor

from agents.runs.durable import write_durably
from agents.runs.seeding import derive_seed
from agents.runs.session import Session
from agents.runs.trained import TrainedRun


class Chooser:
    """Judges the present policy on the roads of the choosing split, and keeps the one that did best.

    Args:
        learner: the agent, and where it is judged.
        session: the run.

    Attributes:
        evaluations: how often a policy was judged.
    """

    def __init__(self, learner: TrainedRun, session: Session) -> None:
        self._learner = learner
        self._session = session
        self.evaluations = 0
        self._best_score: list[float] | None = None
        self._best_success = 0.0
        self._best_policy: dict[str, Tensor] = {}

    @property
    def succeeds(self) -> bool:
        """Whether the best policy so far succeeds often enough to stop."""
        wanted = self._learner.config.train.until_success
        return wanted is not None and self._best_score is not None and self._best_success >= wanted

    def choose(self, env_steps: int, on_episodes: Callable[[int], None]) -> None:
        """Judge the present policy and keep it if it is the best so far.

        Args:
            env_steps: environment steps it has learnt from.
            on_episodes: called with the number of episodes done, now and then; may raise to stop.
        """
        config, started = self._learner.config, time.monotonic()
        scores = self._learner.evaluate(
            config.evaluate.choose_split,
            config.evaluate.choose_episodes,
            derive_seed(config.seed, "choose"),
            on_episodes,
        )
        self.evaluations += 1
        spent = {"time/choose": time.monotonic() - started}
        self._session.tracker.log(env_steps, numbers(scores, "choose/") | spent)
        score = rank(scores)
        if self._best_score is None or score > self._best_score:
            self._best_score, self._best_success = score, scores["success_rate"] or 0.0
            self._keep()

    def keep_unjudged(self) -> None:
        """Keep the present policy if none has been judged yet."""
        if not self._best_policy:
            self._keep()

    def finish(self) -> None:
        """Hand the agent its best policy, and see that it is on the disk."""
        self._learner.agent.load_policy_state_dict(self._best_policy)
        self._write()

    def state_dict(self) -> dict[str, Any]:
        """The best policy so far, and how it did."""
        return {
            "evaluations": self.evaluations,
            "best_score": self._best_score,
            "best_success": self._best_success,
            "best_policy": self._best_policy,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.evaluations = state["evaluations"]
        self._best_score = state["best_score"]
        self._best_success = state["best_success"]
        self._best_policy = state["best_policy"]

    def _keep(self) -> None:
        policy = self._learner.agent.policy_state_dict()
        self._best_policy = {name: tensor.detach().clone() for name, tensor in policy.items()}
        self._write()

    def _write(self) -> None:
        policy = self._session.folder.policy
        write_durably(policy.parent, policy.name, to_safetensors(self._best_policy))


def rank(scores: Mapping[str, Any]) -> list[float]:
    """What a policy is chosen by: its exact return where that is known, else success, then mean return."""
    if "exact_return" in scores:
        return [scores["exact_return"]]
    return [scores["success_rate"] or 0.0, scores["mean_return"]]


def numbers(scores: Mapping[str, Any], prefix: str) -> dict[str, float]:
    """The plain numbers among an evaluation's results, named for the metrics."""
    return {f"{prefix}{name}": value for name, value in scores.items() if isinstance(value, int | float)}
