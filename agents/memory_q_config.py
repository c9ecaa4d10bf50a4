"""What can be chosen about agents that remember."""

from dataclasses import dataclass
from typing import Literal

from agents.q_config import QConfig


@dataclass(frozen=True)
class MemoryQConfig(QConfig):
    """Learning action values from sequences."""

    double: bool = True
    """Whether the online network chooses the action that the averaged one values."""
    decay: float = 0.8
    """Weight of longer returns, λ: 0 trusts the next value, 1 the rewards of the whole sequence."""
    sequence_length: int = 64
    """Rows of a sequence that is replayed."""
    beginnings: float = 0.5
    """Share of the sequences that begin where their episode does, or as near to it as is remembered."""
    burn_in: int = 0
    """First rows of it that only recall: their error does not count."""
    batch_size: int = 32
    """Sequences in an update."""
    replay_capacity: int = 100_000
    """Environment steps that are remembered."""
    samples_per_step: float = 8.0
    """Rows learnt for each environment step, whatever the number of environments."""
    learning_starts: int = 1_000
    """Environment steps before the first update."""
    width: int = 64
    """Numbers that a position is described by."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("hidden_sizes", "layer_norm", "autocast"):
            default = getattr(QConfig, key)
            self._require(getattr(self, key) == default, key, f"{default}: these networks have width instead")
        self._positive("samples_per_step")
        self._shares("decay", "beginnings")
        self._counts("sequence_length", "batch_size", "replay_capacity", "width")
        self._counts("learning_starts", "burn_in", least=0)
        shorter = self.burn_in < self.sequence_length
        self._require(shorter, "burn_in", f"less than sequence_length, {self.sequence_length}")


@dataclass(frozen=True)
class LSTMQConfig(MemoryQConfig):
    """Action values by an LSTM; its memory is stored with every row."""

    name: Literal["lstm-q"] = "lstm-q"
    """The agent's name."""


@dataclass(frozen=True)
class TransformerQConfig(MemoryQConfig):
    """Action values by causal attention over the newest observations of the episode."""

    name: Literal["transformer-q"] = "transformer-q"
    """The agent's name."""
    window: int = 64
    """Newest observations that are attended to."""
    layers: int = 2
    """Blocks of attention."""
    heads: int = 4
    """Heads of each."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._counts("window", "layers", "heads")
        even = self.width % (2 * self.heads) == 0
        self._require(even, "width", f"a multiple of twice the heads, {2 * self.heads}")
