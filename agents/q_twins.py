"""A network of action values and its Polyak average, ready to be evaluated."""

from typing import NamedTuple

import torch
from gymnasium import Space

from agents.q_config import QNetworkConfig, ScoreConfig
from agents.q_function import QFunction
from agents.q_network import QNetwork
from agents.twins import Twins


class QTwins(NamedTuple):
    """Two networks of the same first weights: the parameters of both, and each as a function."""

    twins: Twins
    online: QFunction
    averaged: QFunction


def build_q_twins(
    config: ScoreConfig,
    shape: QNetworkConfig,
    seen: Space,
    numbers: tuple[int, int],
    seed: int,
    device: torch.device,
) -> QTwins:
    """Two networks that see what is in `seen` and give `numbers`: of actions, and of each action.

    Args:
        config: how the online one learns.
        shape: of either network.
        seen: the observations.
        numbers: how many actions there are, and how many numbers describe one.
        seed: of the first weights.
        device: where both live.
    """

    def build() -> QNetwork:
        generator = torch.Generator().manual_seed(seed)
        return QNetwork(seen, *numbers, shape, generator).to(device)

    online, averaged = build(), build()
    twins = Twins(config, online, averaged)
    unused = twins.averaged_flat  # nothing is taken back through the average
    return QTwins(
        twins,
        QFunction(online, twins.flat, twins.gradient, shape, config.autocast),
        QFunction(averaged, twins.averaged_flat, unused, shape, config.autocast),
    )
