"""What a run asks of an agent that brings a training loop of its own, and what it tells the run."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from gymnasium.vector import VectorEnv


@runtime_checkable
class TrainingListener(Protocol):
    """Who follows a training from outside."""

    def on_step(self, env_steps: int) -> bool:
        """All rows have taken a step; says whether to go on."""
        ...

    def on_policy(self, env_steps: int) -> None:
        """The updates that were due are done: the policy may be judged."""
        ...

    def on_metrics(self, env_steps: int, metrics: Mapping[str, float]) -> None:
        """There are numbers to write down."""
        ...


@runtime_checkable
class TrainsItself(Protocol):
    """An agent that cannot be led through the one loop, nor be resumed where it was."""

    def train(self, env: VectorEnv, env_steps: int, seed: int, listener: TrainingListener) -> None:
        """Learn in all rows of `env` until they have taken `env_steps` steps in all or the listener ends it.

        Raises:
            NonFiniteLossError: learning has diverged.
            ValueError: the agent's options do not suit the environment.
        """
        ...
