"""The second stage of a run whose agent trains itself: followed, judged, its best policy kept."""

from collections.abc import Mapping

from gymnasium.vector import VectorEnv

from agents.agent import NonFiniteLossError
from agents.peers.training import TrainsItself
from agents.runs.checkpoint import CheckpointStore
from agents.runs.chooser import Chooser
from agents.runs.errors import InterruptedRunError, RunError
from agents.runs.folder import RunFolder
from agents.runs.progress import Advance
from agents.runs.seeding import derive_seed
from agents.runs.session import Session
from agents.runs.threads import threads_for, work_on
from agents.runs.trained import TrainedRun
from agents.runs.watch import Watch


class PeerStage:
    """Lets an agent train itself, keeping the policy that did best on the roads of the choosing split.

    A policy is judged between two of the agent's own rounds of learning, as soon as `evaluate.interval` steps
    have passed, and at the end. It is no checkpoint: the stage cannot be resumed.

    Args:
        learner: the agent, and where it is judged.
        agent: the same agent, as one that trains itself.
        env: where it learns.
        session: the run.

    Attributes:
        env_steps: environment steps taken.
    """

    def __init__(self, learner: TrainedRun, agent: TrainsItself, env: VectorEnv, session: Session) -> None:
        self.env_steps = 0
        self._config = learner.config
        self._agent = agent
        self._env = env
        self._session = session
        self._watch = Watch(session, learner.config.train.seconds)
        self._chooser = Chooser(learner, session)
        self._chosen_at = 0
        self._advance: Advance = lambda *_: None

    def run(self) -> None:
        """Let the agent train to the end of the budget, then hand it its best policy.

        Raises:
            InterruptedRunError: the user asked to stop; the best policy so far is written.
            RunError: the loss is no longer finite, or the agent's options do not suit.
        """
        budget = self._config.train.env_steps
        threads_for(work_on(self._env.single_observation_space))
        self._watch.begin()
        with self._session.progress("agent", budget, "steps") as self._advance:
            self._train(budget)
            self._leave_if_asked()
            if not self._chooser.succeeds:
                self._choose()
            self._advance(budget, "")
        self._chooser.finish()

    def on_step(self, env_steps: int) -> bool:
        """Note how far the training has come; says whether it goes on."""
        self.env_steps = env_steps
        return not (self._watch.stop(env_steps, self._advance) or self._chooser.succeeds)

    def on_policy(self, env_steps: int) -> None:
        """Judge the policy if it is time."""
        if env_steps // self._config.evaluate.interval > self._chosen_at // self._config.evaluate.interval:
            self._choose()

    def on_metrics(self, env_steps: int, metrics: Mapping[str, float]) -> None:
        """Write the agent's numbers down."""
        self._session.tracker.log(env_steps, metrics)

    def _train(self, budget: int) -> None:
        seed = derive_seed(derive_seed(self._config.seed, "environments"), "environments")
        try:
            self._agent.train(self._env, budget, seed, self)
        except NonFiniteLossError as fault:
            store = CheckpointStore(self._session.folder.agent_checkpoints)
            raise self._session.diverged(str(fault), store) from fault
        except ValueError as fault:
            raise RunError(str(fault)) from fault

    def _choose(self) -> None:
        self._chooser.choose(self.env_steps, lambda _: self._leave_if_asked())
        self._chosen_at = self.env_steps

    def _leave_if_asked(self) -> None:
        if self._session.interrupt.requested:
            self._chooser.keep_unjudged()
            raise InterruptedRunError(
                f"stopped; {self._config.agent.name} has no exact resume, "
                f"but its best policy so far is {self._session.folder.policy}"
            )


def require_new(name: str, folder: RunFolder) -> None:
    """Refuse to go on with a run whose agent trains itself.

    Raises:
        RunError: says what is left of the run.
    """
    if folder.config.is_file():
        left = f"; its best policy so far is {folder.policy}" if folder.policy.is_file() else ""
        raise RunError(f"{name} has no exact resume: start {folder.path} anew, under another run_dir{left}")
