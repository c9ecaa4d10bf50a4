"""What every agent is, and what passes between it and its environments."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from gymnasium import Space, spaces
from jaxtyping import Bool, Float, Shaped

Observation = np.ndarray | dict[str, np.ndarray]
"""A batch of observations: shape (N, …), or one such array for each key of a Dict space."""
AgentState = dict[str, Any] | None
"""What an agent remembers of each row's episode: arrays or tensors (N, …) by name; None: nothing."""


class Transition(NamedTuple):
    """One step of N environments.

    `next_obs` is what the step led to: at an end the final observation, never the next episode's first.
    `ignored` marks the rows that were only being reset: the action had no effect, there is nothing to learn.
    `expert_action` is what an expert would have done, where the environment tells it (in its info).
    """

    obs: Observation
    action: Shaped[np.ndarray, "N ..."]
    reward: Float[np.ndarray, " N"]
    terminated: Bool[np.ndarray, " N"]
    truncated: Bool[np.ndarray, " N"]
    next_obs: Observation
    ignored: Bool[np.ndarray, " N"]
    expert_action: Shaped[np.ndarray, "N ..."] | None = None


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

    def initial_state(self, num_envs: int) -> AgentState:
        """What the agent remembers before the first observation of each row (None: nothing)."""
        ...

    def act(self, obs: Observation, state: AgentState) -> tuple[np.ndarray, AgentState]:
        """Choose an action for each row, exploring; returns the actions and the new memory.

        Who calls it gives the rows that begin an episode their initial state again.
        """
        ...

    def act_greedily(self, obs: Observation, state: AgentState) -> tuple[np.ndarray, AgentState]:
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


class Practice(NamedTuple):
    """What some steps in a model came to: how many, and how the last of their `episodes` ended, in order."""

    env_steps: int
    episodes: int
    returns: Float[np.ndarray, " E"]
    lengths: Float[np.ndarray, " E"]


@runtime_checkable
class Remembers(Protocol):
    """An agent whose memory must be large enough for the environments beside one another."""

    def require_room(self, num_envs: int) -> None:
        """Refuse a memory that could never be learnt from.

        Raises:
            ValueError: how large it must be at least.
        """
        ...


@runtime_checkable
class LearnsFromExpert(Protocol):
    """An agent that needs `Transition.expert_action`."""

    def require_expert(self, expert_action: np.ndarray | None) -> np.ndarray:
        """What the environment tells of its expert.

        Raises:
            ValueError: it tells nothing.
        """
        ...


@runtime_checkable
class LearnsFromModel(Protocol):
    """An agent that can take its steps in an environment's finite model itself, compiled.

    A model has S states, A actions and K successors of each pair: arrays `next_state`, `probability`,
    `reward` and `terminated` (S, A, K), `start` (S,), the chances of the first state, and `max_steps`, 0 for
    no limit.
    """

    def practise(self, model: Any, env_steps: int, num_envs: int) -> Practice | None:
        """Act and learn in `num_envs` rows for up to about so many steps, at least one of each row.

        Where it stops depends on the steps taken so far alone, so that cutting a run in two changes nothing.
        None if it would rather step the environments.
        """
        ...


@runtime_checkable
class ScoresActions(Protocol):
    """An agent that chooses the best of a few actions by a number for each."""

    def scores(self, obs: Observation, state: AgentState) -> Float[np.ndarray, "N A"]:
        """The numbers that `act_greedily` chooses by."""
        ...


@runtime_checkable
class TellsValues(Protocol):
    """An agent that can say at once what it thinks of every action in every state."""

    def q_values(self) -> Float[np.ndarray, "S A"]:
        """What they are thought to be worth."""
        ...


def observation_parts(obs: Observation) -> dict[str, np.ndarray]:
    """The arrays of an observation by name; one that is a single array is named `obs`."""
    return obs if isinstance(obs, dict) else {"obs": obs}


def space_parts(space: Space) -> dict[str, Space]:
    """The spaces of an observation's parts, by the names that `observation_parts` gives them."""
    return dict(space.items()) if isinstance(space, spaces.Dict) else {"obs": space}
