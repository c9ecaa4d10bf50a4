"""How a perception network is trained."""

from dataclasses import dataclass, field
from typing import Literal

from vision.augmentation import Augmentation


@dataclass(frozen=True)
class TrainingConfig:
    """How a perception network is trained. It ends at `updates` or at `seconds`, whichever comes first."""

    updates: int = 3000
    """Batches to learn from."""
    seconds: float | None = None
    """Wall-clock budget [s]; a run that is to be resumed bit for bit has none."""
    learning_rate: float = 5e-3
    """Largest learning rate of the first layer, the heads and the biases (AdamW): reached after the warm-up,
    then lowered to zero along a cosine."""
    hidden_learning_rate: float = 0.03
    """Largest learning rate of the kernels in between (Muon)."""
    warmup: float = 0.05
    """Fraction of the budget over which the learning rate rises from zero."""
    weight_decay: float = 1e-2
    """AdamW's decay of the first layer and the heads (biases have none)."""
    clip: float | None = None
    """Gradients longer than this many times their usual length are shortened to it; null leaves them."""
    average: float = 0.99
    """Decay of the running average of the weights, which is what is evaluated and saved."""
    variance_exponent: float = 0.0
    """β in [0, 1] of `variance_weight`, which the pose's loss is multiplied by: 0 leaves it as it is."""
    segmentation_weight: float = 0.1
    """Weight of the segmentation's cross-entropy beside the pose's negative log-likelihood."""
    scene_weight: float = 1.0
    """Weight of all that a network of whole scenes tells, beside the pose's negative log-likelihood."""
    segmentation_share: float = 0.125
    """Fraction of each batch that the segmentation learns from: it costs more than the pose."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """What convolutions compute in; auto is bfloat16 on a GPU that has it, and float32 on a CPU, where it is
    quicker."""
    compiled: bool = False
    """Whether torch compiles the encoder and the head of scenes first: for large networks on a GPU."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    """How frames are changed before they are learnt from."""
    parts: int = 2
    """Parts that a batch is cut into, each computed by a thread of its own (on a CPU): as many as there are
    cores to use. It is part of the recipe: another number gives other bits."""
    log_interval: int = 50
    """Updates between two records of metrics."""

    def __post_init__(self) -> None:
        for name in ("updates", "learning_rate", "hidden_learning_rate", "parts", "log_interval"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be positive")
        for name in ("warmup", "average", "segmentation_share", "variance_exponent"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must lie between 0 and 1")
        for name in ("weight_decay", "segmentation_weight", "scene_weight"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must not be negative")
        if self.clip is not None and not self.clip >= 1:
            raise ValueError(f"clip is {self.clip}; it must be at least 1, or null for no limit")
        if self.seconds is not None and self.seconds <= 0:
            raise ValueError(f"seconds is {self.seconds}; it must be positive, or null for no limit")
