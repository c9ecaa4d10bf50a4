"""What every agent can be told that learns a policy from its own latest steps."""

from dataclasses import dataclass
from typing import Literal

from agents.checks import require_finite


@dataclass(frozen=True)
class ActorCriticConfig:
    """A policy and a critic, learnt from rollouts."""

    name: str = ""
    """The agent's name."""
    perception: Literal["pixels", "features", "affordances", "segmentation", "privileged"] = "pixels"
    """What it sees: the observation as it is; a trained encoder's features, its predictions, or its map of
    the classes; or the truth."""
    learning_rate: float = 3e-4
    """Step size of Adam."""
    learning_rate_steps: int = 0
    """Environment steps over which the step size falls to a tenth, in a straight line; 0 keeps it."""
    discount: float = 0.99
    """Weight of a reward one step later, γ."""
    decay: float = 0.95
    """Weight of what one more step tells about an advantage, λ: 0 trusts the values, 1 the rewards alone."""
    rollout_steps: int = 2_048
    """Steps that are learnt from together, over all environments."""
    entropy_weight: float = 0.0
    """What a policy is paid for being undecided."""
    value_weight: float = 0.5
    """Share of the value's loss in the loss."""
    normalise_advantages: bool = True
    """Whether the advantages of a rollout are brought to mean 0 and deviation 1."""
    normalise_observations: bool = False
    """Whether observations of floats come in deviations from their running mean; the first rollout is then
    there to be measured, and not learnt from."""
    scale_rewards: bool = True
    """Whether rewards are divided by the deviation of their running discounted sum."""
    hidden_sizes: tuple[int, ...] = (64, 64)
    """Widths of the hidden layers, of the policy and of the value."""
    max_grad_norm: float = 0.5
    """Longest gradient that is followed as it is; a longer one is shortened to it."""
    autocast: bool = False
    """Compute in bfloat16 where that is safe: for CUDA, with images."""
    report_every: int = 2_000
    """Environment steps between two lines of metrics."""

    def __post_init__(self) -> None:
        require_finite(self)
        for key in ("learning_rate", "max_grad_norm"):
            self._require(getattr(self, key) > 0, key, "greater than 0")
        for key in ("discount", "decay"):
            self._require(0 <= getattr(self, key) <= 1, key, "between 0 and 1")
        for key in ("rollout_steps", "report_every"):
            self._require(getattr(self, key) >= 1, key, "at least 1")
        for key in ("learning_rate_steps", "entropy_weight", "value_weight"):
            self._require(getattr(self, key) >= 0, key, "at least 0")
        self._require(all(size >= 1 for size in self.hidden_sizes), "hidden_sizes", "widths of at least 1")

    def _require(self, condition: bool, key: str, expected: str) -> None:
        if not condition:
            raise ValueError(f"agent.{key} is {getattr(self, key)!r}; it must be {expected}")
