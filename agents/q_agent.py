"""What all agents that act by scores of actions do alike: explore, store, report, and be saved."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from gymnasium import Space, spaces

from agents.agent import AgentState, Observation, Transition
from agents.devices import find_device
from agents.formulas.exploration import epsilon_greedy, linear_epsilon
from agents.q_config import ScoreConfig
from agents.twins import Twins


@runtime_checkable
class Saves(Protocol):
    """Something with a state of its own."""

    def state_dict(self) -> dict[str, Any]:
        """The state; `num_envs` is in it."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take it back."""
        ...


Config = TypeVar("Config", bound=ScoreConfig)
Memory = TypeVar("Memory", bound=Saves)


class QAgent(ABC, Generic[Config, Memory]):
    """Acts ε-greedily by an online network, and is evaluated by its Polyak average.

    A kind says what it builds (`_build_twins`, `_build_memory`), how it chooses, remembers and learns.

    Attributes:
        told: what is reported of an update beside its loss.
        memory: what it learns from; built at the first step, which tells the number of environments.
        acting, drawing: generators of exploration, and of what is learnt from.

    Raises:
        ValueError: the spaces do not suit it, or the device is not there.
    """

    told = "target"

    def __init__(
        self,
        config: Config,
        observation_space: Space,
        action_space: Space,
        seed: int,
        device: str = "auto",
    ):
        if not isinstance(action_space, spaces.Discrete):
            name = getattr(config, "name", "this agent")
            raise ValueError(
                f"{name} needs a Discrete action space, as CartPole-v1 has; this one is {action_space}"
            )
        torch.set_flush_denormal(True)  # moments of dead units go subnormal, and cost up to eight times
        self.config, self.device = config, find_device(device)
        self.spaces = observation_space, action_space
        self.first_action, self.num_actions = int(action_space.start), int(action_space.n)
        weights, acting, drawing = np.random.SeedSequence(seed).spawn(3)
        self.acting, self.drawing = np.random.default_rng(acting), np.random.default_rng(drawing)
        self.memory: Memory | None = None
        self.twins = self._build_twins(weights)

    @abstractmethod
    def _build_twins(self, seed: np.random.SeedSequence) -> Twins:
        """The two networks, of the same first weights."""

    @abstractmethod
    def _build_memory(self, num_envs: int) -> Memory:
        """An empty memory."""

    @abstractmethod
    def _choose(self, obs: Observation, state: AgentState, explores: bool) -> tuple[np.ndarray, AgentState]:
        """The best actions, counted from 0: of the online network where it explores, else of the average."""

    @abstractmethod
    def _remember(self, memory: Memory, transition: Transition) -> None:
        """Store one step of all environments."""

    @abstractmethod
    def _learn_what_is_due(self, memory: Memory) -> None:
        """Do the updates that the steps taken ask for."""

    def initial_state(self, num_envs: int) -> AgentState:
        """Nothing, unless a kind says otherwise: what to do depends on the current observation alone."""
        return None

    def act(self, obs: Observation, state: AgentState) -> tuple[np.ndarray, AgentState]:
        """Explore ε-greedily with the online network."""
        greedy, state = self._choose(obs, state, explores=True)
        action = epsilon_greedy(greedy, self.num_actions, self.epsilon, self.acting)
        return action + self.first_action, state

    def act_greedily(self, obs: Observation, state: AgentState) -> tuple[np.ndarray, AgentState]:
        """Choose the best action by the averaged network."""
        action, state = self._choose(obs, state, explores=False)
        return action + self.first_action, state

    def require_room(self, num_envs: int) -> None:
        """Refuse a memory that is too small for so many environments.

        Raises:
            ValueError: how large it must be at least.
        """
        self._build_memory(num_envs)

    def observe(self, transition: Transition) -> None:
        """Store one step of all environments."""
        if self.memory is None:
            self.memory = self._build_memory(len(transition.reward))
        self._remember(self.memory, transition)

    def learn(self, env_steps: int) -> Iterator[dict[str, float]]:
        """Do the updates that are due, and report every `report_every` steps.

        Raises:
            NonFiniteLossError: at a report, when a loss since the last one was not finite.
        """
        reported = self.twins.env_steps // self.config.report_every
        self.twins.env_steps = env_steps
        if self.memory is not None:
            self._learn_what_is_due(self.memory)
        if env_steps // self.config.report_every > reported:
            yield self.twins.report(self.told) | {"epsilon": self.epsilon}

    @property
    def epsilon(self) -> float:
        """The share of random actions now."""
        config, steps = self.config, self.twins.env_steps
        return linear_epsilon(steps, config.epsilon_start, config.epsilon_end, config.epsilon_steps)

    def state_dict(self) -> dict[str, Any]:
        """Networks, optimiser, memory, generators and counters, as they are now: copy what must not change.

        Raises:
            NonFiniteLossError: the networks are spoilt.
        """
        return {
            "twins": self.twins.state_dict(),
            "memory": self.memory.state_dict() if self.memory else None,
            "acting": self.acting.bit_generator.state,
            "drawing": self.drawing.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.twins.load_state_dict(state["twins"])
        if state["memory"]:
            self.memory = self._build_memory(state["memory"]["num_envs"])
            self.memory.load_state_dict(state["memory"])
        self.acting.bit_generator.state = state["acting"]
        self.drawing.bit_generator.state = state["drawing"]

    def policy_state_dict(self) -> dict[str, Any]:
        """The averaged network."""
        return self.twins.averaged.state_dict()

    def load_policy_state_dict(self, state: dict[str, Any]) -> None:
        """Take back the averaged network."""
        self.twins.averaged.load_state_dict(state)
