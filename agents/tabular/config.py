"""What the tabular agents can be told; each has its own record, all share the first one's fields."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TabularConfig:
    """What every agent with a table has."""

    name: str = "tabular"
    """The agent's name."""
    perception: Literal["pixels"] = "pixels"
    """What it sees: the observation as it is."""
    discount: float = 0.99
    """Weight of a reward one step later, γ."""
    learning_rate: float = 1.0
    """Step size α of the first visit to a state and action."""
    learning_rate_power: float = 0.6
    """Its fall, ω: the n-th visit learns by α / n^ω; 0 keeps it."""
    initial_value: float = 0.0
    """What every action is thought to be worth at first; a high value has all tried; count_bonus needs it."""
    exploration: Literal["epsilon_greedy", "softmax", "ucb", "count_bonus"] = "epsilon_greedy"
    """How actions are tried: at random now and then, by their values' odds, or by how seldom they were."""
    epsilon_start: float = 1.0
    """Share of random actions at the beginning."""
    epsilon_end: float = 0.1
    """Share of random actions after `exploration_steps`."""
    temperature_start: float = 1.0
    """Temperature of softmax at the beginning."""
    temperature_end: float = 0.01
    """Temperature of softmax after `exploration_steps`."""
    exploration_steps: int = 100_000
    """Environment steps over which exploration goes from its start to its end."""
    bonus: float = 1.0
    """Weight of what is seldom tried: c √(ln N / n) in ucb's choice, β / √n in count_bonus's reward."""
    bins: tuple[int, ...] = (10,)
    """Intervals that each number of a Box observation is divided into: one for all, or one each."""
    low: tuple[float, ...] = ()
    """Lower ends of those intervals; left out: the Box's own."""
    high: tuple[float, ...] = ()
    """Upper ends of those intervals; left out: the Box's own."""
    unbounded: float = 3.0
    """Where a Box has no end of its own, the intervals end this far from 0."""
    use_model: bool = True
    """Learn in the model that the environment tells, a hundred times faster than by stepping it."""
    report_every: int = 100_000
    """Environment steps between two lines of metrics."""

    def __post_init__(self) -> None:
        for key in ("discount", "epsilon_start", "epsilon_end"):
            self._require(0 <= getattr(self, key) <= 1, key, "between 0 and 1")
        self._require(0 < self.learning_rate <= 1, "learning_rate", "above 0 and at most 1")
        self._require(0 <= self.learning_rate_power <= 1, "learning_rate_power", "between 0 and 1")
        for key in ("temperature_start", "temperature_end", "unbounded"):
            self._require(0 < getattr(self, key) < float("inf"), key, "above 0")
        self._require(abs(self.initial_value) < float("inf"), "initial_value", "a finite number")
        self._require(0 <= self.bonus < float("inf"), "bonus", "0 or more")
        self._require(self.exploration_steps >= 0, "exploration_steps", "0 or more")
        self._require(self.report_every >= 1, "report_every", "at least 1")
        self._require(all(count >= 1 for count in self.bins), "bins", "whole numbers of at least 1")

    def _require(self, condition: bool, key: str, expected: str) -> None:
        if not condition:
            raise ValueError(f"agent.{key} is {getattr(self, key)!r}; it must be {expected}")


@dataclass(frozen=True)
class QLearningConfig(TabularConfig):
    """Q-learning: learns from the best next action, whatever is done."""

    name: Literal["q-learning"] = "q-learning"
    """The agent's name."""


@dataclass(frozen=True)
class DoubleQConfig(TabularConfig):
    """Double Q-learning: two tables, each judged by the other, so that luck is not taken for worth."""

    name: Literal["double-q"] = "double-q"
    """The agent's name."""


@dataclass(frozen=True)
class SarsaConfig(TabularConfig):
    """SARSA: learns from the next action that is really taken, exploring included."""

    name: Literal["sarsa"] = "sarsa"
    """The agent's name."""


@dataclass(frozen=True)
class ExpectedSarsaConfig(TabularConfig):
    """Expected SARSA: learns from the mean over the next actions that might be taken."""

    name: Literal["expected-sarsa"] = "expected-sarsa"
    """The agent's name."""


@dataclass(frozen=True)
class NStepSarsaConfig(TabularConfig):
    """n-step SARSA: sums the rewards of several steps before it trusts a value."""

    name: Literal["n-step-sarsa"] = "n-step-sarsa"
    """The agent's name."""
    n_step: int = 4
    """Rewards that are summed."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(self.n_step >= 1, "n_step", "at least 1")


@dataclass(frozen=True)
class QLambdaConfig(TabularConfig):
    """Watkins's Q(λ): what a step teaches is handed back along the greedy steps before it."""

    name: Literal["q-lambda"] = "q-lambda"
    """The agent's name."""
    trace_decay: float = 0.8
    """Share of the lesson that each step further back gets, λ."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(0 <= self.trace_decay <= 1, "trace_decay", "between 0 and 1")


@dataclass(frozen=True)
class DynaQConfig(TabularConfig):
    """Dyna-Q: learns a model of the environment, and from steps imagined in it."""

    name: Literal["dyna-q"] = "dyna-q"
    """The agent's name."""
    planning_steps: int = 5
    """Imagined steps for each real one."""
    model_successors: int = 8
    """Different successors that are remembered of each state and action; further ones are ignored."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("planning_steps", "model_successors"):
            self._require(getattr(self, key) >= 1, key, "at least 1")


@dataclass(frozen=True)
class PrioritizedSweepingConfig(TabularConfig):
    """Prioritised sweeping: learns a model, and backs up first what it changes most."""

    name: Literal["prioritized-sweeping"] = "prioritized-sweeping"
    """The agent's name."""
    learning_rate_power: float = 0.0
    """Fall of the step size with visits; a backup by the model is no sample, so that 0 is right."""
    planning_steps: int = 5
    """Most backups for each real step."""
    priority_threshold: float = 1e-4
    """Least change of a value that is worth a backup."""
    model_successors: int = 8
    """Different successors that are remembered of each state and action; further ones are ignored."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(self.priority_threshold >= 0, "priority_threshold", "0 or more")
        for key in ("planning_steps", "model_successors"):
            self._require(getattr(self, key) >= 1, key, "at least 1")
