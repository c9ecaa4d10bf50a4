"""What can be chosen about learning action values: each ingredient is one option, and any set fits."""

from dataclasses import dataclass
from typing import Literal

from agents.checks import require_finite
from agents.networks import ImageKind

Perception = Literal["pixels", "features", "affordances", "segmentation", "privileged"]
Distribution = Literal["none", "categorical", "quantile", "implicit"]


@dataclass(frozen=True)
class QNetworkConfig:
    """The shape of a network of action values."""

    hidden_sizes: tuple[int, ...] = (256, 256)
    dueling: bool = False
    noisy: bool = False
    layer_norm: bool = False
    implicit: bool = False
    encoder: ImageKind = "patches"


@dataclass(frozen=True)
class ScoreConfig:
    """What every agent can be told that scores actions by a network and acts by the network's average."""

    perception: Perception = "pixels"
    """What it sees: the observation as it is; a trained encoder's features, its predictions, or its map of
    the classes; or the truth."""
    learning_rate: float = 1e-3
    """Step size of Adam."""
    learning_rate_steps: int = 0
    """Environment steps over which the step size falls to a tenth, in a straight line; 0 keeps it."""
    adam_epsilon: float = 1e-8
    """What Adam adds to the root of the second moment."""
    max_grad_norm: float = 10.0
    """Longest gradient that is followed as it is; a longer one is shortened to it."""
    polyak: float = 0.01
    """Share of the online network that is mixed into the averaged one, τ; 1 copies it."""
    average_every: int = 1
    """Updates between two such mixtures."""
    encoder: ImageKind = "patches"
    """How frames are seen: `patches`, quick on a processor, `nature`, the network of the paper, or `flat`, as
    one row of numbers, which suits small boards."""
    hidden_sizes: tuple[int, ...] = (256, 256)
    """Widths of the hidden layers."""
    layer_norm: bool = False
    """Whether every hidden layer is normalised."""
    epsilon_start: float = 1.0
    """Share of random actions at the beginning."""
    epsilon_end: float = 0.05
    """Share of random actions after `epsilon_steps`."""
    epsilon_steps: int = 20_000
    """Environment steps over which random actions give way."""
    autocast: bool = False
    """Compute in bfloat16 where that is safe: for CUDA, with images."""
    report_every: int = 1_000
    """Environment steps between two lines of metrics."""

    def __post_init__(self) -> None:
        require_finite(self)
        self._positive("learning_rate", "adam_epsilon", "max_grad_norm")
        self._shares("epsilon_start", "epsilon_end")
        self._counts("report_every", "average_every")
        self._counts("epsilon_steps", "learning_rate_steps", least=0)
        self._require(0 < self.polyak <= 1, "polyak", "greater than 0 and at most 1")
        self._require(all(size >= 1 for size in self.hidden_sizes), "hidden_sizes", "widths of at least 1")

    def _positive(self, *keys: str) -> None:
        for key in keys:
            self._require(getattr(self, key) > 0, key, "greater than 0")

    def _shares(self, *keys: str) -> None:
        for key in keys:
            self._require(0 <= getattr(self, key) <= 1, key, "between 0 and 1")

    def _counts(self, *keys: str, least: int = 1) -> None:
        for key in keys:
            self._require(getattr(self, key) >= least, key, f"at least {least}")

    def _require(self, condition: bool, key: str, expected: str) -> None:
        if not condition:
            raise ValueError(f"agent.{key} is {getattr(self, key)!r}; it must be {expected}")


@dataclass(frozen=True)
class QConfig(ScoreConfig):
    """What every agent that learns action values by gradient steps can be told."""

    discount: float = 0.99
    """Weight of a reward one step later, γ."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._shares("discount")


@dataclass(frozen=True)
class DQNConfig(QConfig):
    """Deep Q-learning: the values of a few actions, learnt from replayed experience."""

    name: Literal["dqn"] = "dqn"
    """The agent's name."""
    double: bool = True
    """Whether the online network chooses the action that the averaged one values."""
    dueling: bool = False
    """Whether a state's value and its actions' advantages have streams of their own."""
    n_step: int = 3
    """Rewards that are summed before the value of what follows is trusted."""
    prioritised: bool = False
    """Whether surprising transitions are replayed more often."""
    priority_exponent: float = 0.5
    """How much more often, from 0 (not at all) to 1 (in proportion to the surprise), α."""
    priority_correction: float = 0.4
    """Share of the bias that weights take back at the beginning, β; it grows to 1 over `priority_steps`."""
    priority_steps: int = 100_000
    """Environment steps over which the correction grows."""
    distribution: Distribution = "none"
    """What is learnt of returns: the mean, odds of atoms (C51), quantiles (QR), implicit quantiles (IQN)."""
    atoms: int = 51
    """Numbers that describe a distribution: atoms, or quantiles."""
    lowest_value: float = -10.0
    """Lowest return that categorical atoms can tell."""
    highest_value: float = 10.0
    """Highest return that categorical atoms can tell."""
    noisy: bool = False
    """Whether layers explore by noise of their own; ε is then best 0."""
    munchausen: bool = False
    """Whether an action is also rewarded for its own log-probability, and the policy is soft. Of n steps the
    first alone is so rewarded: with n_step 1, and double false, it is the paper's."""
    munchausen_scale: float = 0.9
    """Weight of that reward."""
    temperature: float = 0.03
    """Softness of the policy, τ."""
    munchausen_floor: float = -1.0
    """Least such reward, before its weight."""
    batch_size: int = 256
    """Transitions in an update."""
    replay_capacity: int = 100_000
    """Environment steps that are remembered."""
    frame_stack: int = 1
    """Newest observations that are seen together; each is remembered once."""
    samples_per_step: float = 8.0
    """Transitions learnt for each environment step, whatever the number of environments."""
    learning_starts: int = 1_000
    """Environment steps before the first update."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._positive("samples_per_step", "temperature")
        self._shares("priority_exponent", "priority_correction")
        self._counts("n_step", "batch_size", "replay_capacity", "frame_stack")
        self._counts("learning_starts", "priority_steps", least=0)
        self._counts("atoms", least=2)
        above = self.highest_value > self.lowest_value
        self._require(above, "highest_value", f"above lowest_value, {self.lowest_value}")
        self._require(self.munchausen_floor <= 0, "munchausen_floor", "at most 0")
        self._require(self.munchausen_scale >= 0, "munchausen_scale", "at least 0")

    @property
    def network(self) -> QNetworkConfig:
        """The shape of the network."""
        implicit = self.distribution == "implicit"
        return QNetworkConfig(
            self.hidden_sizes, self.dueling, self.noisy, self.layer_norm, implicit, self.encoder
        )


@dataclass(frozen=True)
class RainbowConfig(DQNConfig):
    """All of it together, as in arXiv:1710.02298: a preset of the options of dqn."""

    name: Literal["rainbow"] = "rainbow"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The agent's name."""
    dueling: bool = True
    """Whether a state's value and its actions' advantages have streams of their own."""
    prioritised: bool = True
    """Whether surprising transitions are replayed more often."""
    distribution: Distribution = "categorical"
    """What is learnt of returns: the mean, odds of atoms (C51), quantiles (QR), implicit quantiles (IQN)."""
    noisy: bool = True
    """Whether layers explore by noise of their own; ε is then best 0."""
    epsilon_start: float = 0.0
    """Share of random actions at the beginning."""
    epsilon_end: float = 0.0
    """Share of random actions after `epsilon_steps`."""
