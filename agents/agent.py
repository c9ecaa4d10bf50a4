"""What every agent is, and what passes between it and its environments."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Shaped

Observation = np.ndarray | dict[str, np.ndarray]
"""A batch of observations: shape (N, …), or one such array for each key of a Dict space."""


class Transition(NamedTuple):
    """One step of N environments.

    `next_obs` is what the step led to: at an end the final observation, never the next episode's first.
    `ignored` marks the rows that were only being reset: the action had no effect, there is nothing to learn.
    """

    obs: Observation
    action: Shaped[np.ndarray, "N ..."]
    reward: Float[np.ndarray, " N"]
    terminated: Bool[np.ndarray, " N"]
    truncated: Bool[np.ndarray, " N"]
    next_obs: Observation
    ignored: Bool[np.ndarray, " N"]


class NonFiniteLossError(RuntimeError):
    """The loss became infinite or not a number.

    Attributes:
        env_steps: environment steps taken when it was noticed.
        update: number of the first update that it happened in, counted from 1.
    """

    def __init__(self, env_steps: int, update: int):
        super().__init__(
            f"the loss is not finite since update {update} (seen at environment step {env_steps})"
        )
        self.env_steps = env_steps
        self.update = update


@runtime_checkable
class Agent(Protocol):
    """Acts on batches of observations and learns from what comes of it."""

    def initial_state(self, num_envs: int) -> Any:
        """What the agent remembers before the first observation of each row (None: nothing)."""
        ...

    def act(self, obs: Observation, state: Any) -> tuple[np.ndarray, Any]:
        """Choose an action for each row, exploring; returns the actions and the new memory."""
        ...

    def act_greedily(self, obs: Observation, state: Any) -> tuple[np.ndarray, Any]:
        """Choose the best known action for each row; draws from no generator."""
        ...

    def observe(self, transition: Transition) -> None:
        """Take in one step of all environments."""
        ...

    def learn(self, env_steps: int) -> Iterator[dict[str, float]]:
        """Do the learning that is due after `env_steps` steps.

        Yields metrics, and only once its own state is complete: a checkpoint may be taken at any yield.

        Raises:
            NonFiniteLossError: learning has diverged.
        """
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything that is needed to go on in the same bits: arrays, tensors, row logs and JSON leaves."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        ...

    def policy_state_dict(self) -> dict[str, Any]:
        """The tensors that `act_greedily` needs, by name."""
        ...

    def load_policy_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `policy_state_dict` gave."""
        ...


def observation_parts(obs: Observation) -> dict[str, np.ndarray]:
    """The arrays of an observation by name; one that is a single array is named `obs`."""
    return obs if isinstance(obs, dict) else {"obs": obs}
