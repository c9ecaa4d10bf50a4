"""Training a classifier on a small set of samples, and judging it by cross-validation."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from vision.classifiers import fitting
from vision.formulas.losses import binary_cross_entropy_of_logits, cross_entropy
from vision.formulas.metrics import confusion_matrix
from vision.formulas.regularisers import fold_of_groups
from vision.optimisation import WeightAverage
from vision.samples import Samples

_SCALING, _SHIFTING = 0.7, 0.6  # a radian of turning: in sides, and in half sides


@dataclass(frozen=True)
class ClassifierConfig:
    """How a classifier is trained: AdamW, a learning rate that falls along a cosine, pictures moved about."""

    epochs: int = 40
    """Times that every sample is learnt from."""
    batch_size: int = 64
    learning_rate: float = 3e-3
    """Its largest."""
    weight_decay: float = 1e-3
    dropout: float = 0.25
    """Share of the last hidden layer that is dropped."""
    turn: float = 0.15
    """± [rad] that pictures are turned by while learning; they are moved and scaled a little as well."""
    average: float = 0.98
    """Decay of the running average of the weights, which is what is judged."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be positive")
        for name in ("dropout", "average"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 0 and below 1")
        for name in ("weight_decay", "turn"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must not be negative")


def train_classifier(
    network: nn.Module, samples: Samples, config: ClassifierConfig, generator: torch.Generator
) -> nn.Module:
    """Train a network on all samples; gives the running average of its weights.

    Args:
        network: trained in place.
        samples: learnt from.
        config: the recipe.
        generator: of the order of samples and of how they are moved.
    """
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    batches = math.ceil(len(samples.label) / config.batch_size)
    total = config.epochs * batches
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.learning_rate, total, pct_start=0.2)
    average, count = WeightAverage(network, config.average), 0
    for _ in range(config.epochs):
        for chosen in torch.randperm(len(samples.label), generator=generator).split(config.batch_size):
            inputs = moved(samples.inputs[chosen], config.turn, generator)
            loss = loss_of(network(inputs), samples.label[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            average.update(count)
            count += 1
    return average.network


def loss_of(logits: Float[Tensor, "B K"], label: Int64[Tensor, " B"]) -> Float[Tensor, ""]:
    """Cross-entropy; of one logit, that of its sigmoid."""
    if logits.shape[1] == 1:
        return binary_cross_entropy_of_logits(logits.squeeze(1), label.to(logits.dtype))
    return cross_entropy(logits, label)


@torch.no_grad()
def predicted(network: nn.Module, inputs: Float[Tensor, " B *S"]) -> Int64[Tensor, " B"]:
    """The likeliest class of each sample."""
    logits = network(inputs)
    return (logits.squeeze(1) > 0).long() if logits.shape[1] == 1 else logits.argmax(1)


def cross_validation(
    name: str, samples: Samples, config: ClassifierConfig, folds: int, seed: int
) -> Iterator[Int64[Tensor, "K K"]]:
    """Confusion of each fold by a network that has learnt from the others.

    Raises:
        ValueError: the network does not take the samples, or there are fewer groups than folds.
    """
    generator = torch.Generator().manual_seed(seed)
    fold = fold_of_groups(samples.group, folds, generator)
    count = len(samples.classes)
    for number in range(folds):
        learnt, tested = fold != number, fold == number
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed * folds + number)  # initial weights and dropout
            network = fitting(name, samples.inputs.shape[1:], count, config.dropout)
            part = samples._replace(
                inputs=samples.inputs[learnt], label=samples.label[learnt], group=samples.group[learnt]
            )
            trained = train_classifier(network, part, config, generator)
        yield confusion_matrix(predicted(trained, samples.inputs[tested]), samples.label[tested], count)


def moved(inputs: Float[Tensor, " B *S"], turn: float, generator: torch.Generator) -> Float[Tensor, " B *S"]:
    """Pictures turned, moved and scaled a little, each by its own draw; anything else as it is."""
    if inputs.ndim != 4 or turn == 0:
        return inputs
    draws = 2 * torch.rand(4, len(inputs), generator=generator) - 1
    angle, scale = turn * draws[0], 1 + _SCALING * turn * draws[1]
    cos, sin = scale * angle.cos(), scale * angle.sin()
    shift = _SHIFTING * turn * draws[2:]
    rows = torch.stack([cos, -sin, shift[0], sin, cos, shift[1]], 1).view(-1, 2, 3)
    grid = F.affine_grid(rows, list(inputs.shape), align_corners=False)
    return F.grid_sample(inputs, grid, padding_mode="border", align_corners=False)
