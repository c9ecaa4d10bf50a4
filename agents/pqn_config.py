"""What can be chosen about Q-learning on rollouts."""

from dataclasses import dataclass
from typing import Literal

from agents.q_config import QConfig, QNetworkConfig


@dataclass(frozen=True)
class PQNConfig(QConfig):
    """Q-learning on rollouts: no replay, no target network, normalised layers."""

    name: Literal["pqn"] = "pqn"
    """The agent's name."""
    layer_norm: bool = True
    """Whether every hidden layer is normalised."""
    decay: float = 0.65
    """Weight of longer returns, λ: 0 trusts the next value, 1 the rewards of the whole rollout."""
    rollout_steps: int = 1_024
    """Steps that are learnt from together, over all environments."""
    epochs: int = 2
    """Passes over a rollout."""
    minibatch_size: int = 128
    """Samples in an update, or as near to it as divides a rollout evenly."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._shares("decay")
        self._counts("rollout_steps", "epochs", "minibatch_size")

    @property
    def network(self) -> QNetworkConfig:
        """The shape of the network."""
        return QNetworkConfig(self.hidden_sizes, layer_norm=self.layer_norm, encoder=self.encoder)
