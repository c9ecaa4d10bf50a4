"""What an expert must know of the environment that it drives."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from gymnasium import Space

from envs.driving.config import DrivingConfig
from envs.driving.simulator import Simulator


@runtime_checkable
class Driven(Protocol):
    """A batch of cars on a simulator's roads, as `vector_env.DrivingVectorEnv` is one."""

    num_envs: int
    config: DrivingConfig
    simulator: Simulator

    @property
    def single_action_space(self) -> Space[Any]:
        """Of one car."""
        ...

    def nearest_actions(self, wanted: np.ndarray) -> np.ndarray:
        """The actions of its space that come nearest to steering and pedal (N, 2)."""
        ...
