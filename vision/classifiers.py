"""The networks that the documents print, as they print them but for their mistakes."""

from collections.abc import Callable

import torch
from torch import nn


def two_three_one() -> nn.Sequential:
    """Two numbers, three hidden units, one logit; sigmoids in between.

    Source: document 003 §5.2.
    """
    return nn.Sequential(nn.Linear(2, 3), nn.Sigmoid(), nn.Linear(3, 1))


def ten_twenty(dropout: float = 0.0) -> nn.Sequential:
    """Images (B, 1, 28, 28) to ten logits: 5 × 5 convolutions to 10 and 20 channels, pooled, then 50 units.

    Source: document 002 §5.2.
    """
    return nn.Sequential(
        *(nn.Conv2d(1, 10, 5), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Conv2d(10, 20, 5), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(320, 50), nn.ReLU(), nn.Dropout(dropout), nn.Linear(50, 10)),
    )


def thirty_two_sixty_four(
    channels: int = 1, side: int = 28, classes: int = 10, dropout: float = 0.0
) -> nn.Sequential:
    """Square images to logits: 3 × 3 convolutions to 32 and 64 channels, each pooled, then 128 units.

    Source: document 001 §5.2.
    """
    left = ((side - 2) // 2 - 2) // 2  # pixels a side
    return nn.Sequential(
        *(nn.Conv2d(channels, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(64 * left * left, 128), nn.ReLU(), nn.Dropout(dropout)),
        nn.Linear(128, classes),
    )


CLASSIFIERS: dict[str, Callable[..., nn.Sequential]] = {
    "two_three_one": two_three_one,
    "ten_twenty": ten_twenty,
    "thirty_two_sixty_four": thirty_two_sixty_four,
}


def fitting(name: str, inputs: torch.Size, classes: int, dropout: float) -> nn.Sequential:
    """One of `CLASSIFIERS` for samples of a shape.

    Raises:
        ValueError: the network cannot take them.
    """
    shape = tuple(inputs)
    if name == "two_three_one" and shape == (2,) and classes == 2:
        return two_three_one()
    if name == "ten_twenty" and shape == (1, 28, 28) and classes == 10:
        return ten_twenty(dropout)
    if name == "thirty_two_sixty_four" and len(shape) == 3 and shape[1] == shape[2] >= 10:
        return thirty_two_sixty_four(shape[0], shape[1], classes, dropout)
    raise ValueError(f"{name} does not take samples of shape {shape} in {classes} classes")
