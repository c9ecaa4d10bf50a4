"""What can be chosen about learning from an expert."""

from dataclasses import dataclass
from typing import Literal

from agents.q_config import QNetworkConfig, ScoreConfig


@dataclass(frozen=True)
class DAggerConfig(ScoreConfig):
    """Imitation of an expert who tells, wherever the learner gets itself, what he would do there."""

    name: Literal["dagger"] = "dagger"
    """The agent's name."""
    epsilon_start: float = 0.02
    """Share of random actions at the beginning."""
    epsilon_end: float = 0.02
    """Share of random actions after `epsilon_steps`."""
    batch_size: int = 256
    """Situations in an update."""
    replay_capacity: int = 1_000_000
    """Environment steps that are remembered."""
    frame_stack: int = 1
    """Newest observations that are seen together; each is remembered once."""
    samples_per_step: float = 8.0
    """Situations learnt for each environment step, whatever the number of environments."""
    balance: float = 0.0
    """κ in [0, 1]: situations count f^−κ, f being how often a batch has the expert's action. 0: all alike.
    Who cannot see well enough to be sure then rather does what is rare, such as to brake."""
    learning_starts: int = 1_000
    """Environment steps before the first update."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._positive("samples_per_step")
        self._counts("batch_size", "replay_capacity", "frame_stack")
        self._counts("learning_starts", least=0)
        self._require(0.0 <= self.balance <= 1.0, "balance", "a number from 0 to 1")

    @property
    def network(self) -> QNetworkConfig:
        """The shape of the network."""
        return QNetworkConfig(self.hidden_sizes, layer_norm=self.layer_norm, encoder=self.encoder)
