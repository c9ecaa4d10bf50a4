"""The viewer of a car whose camera drops out: what the agent sees is dark while it does."""

from typing import Any

import numpy as np

from envs.driving.observations import CHANNELS, Observation
from envs.driving.simulator import Simulator
from envs.memory.dropout import DropoutObserver
from envs.viewer import Viewer


class DropoutViewer(Viewer):
    """Pictures of a simulator's rows as `Viewer` draws them, the agent's frame as its observer gives it."""

    def __init__(self, simulator: Simulator, observer: DropoutObserver, window: bool) -> None:
        super().__init__(simulator, window)
        self._observer = observer

    def picture(
        self, row: int, seen: Observation | None = None, *arguments: Any, **keywords: Any
    ) -> np.ndarray:
        """Draw a row as it is now; arguments as those of `Viewer.picture`."""
        channels = CHANNELS.get(self.simulator.config.obs)
        if seen is None and channels is not None and self._observer.dark[row]:
            black = np.zeros((*self.simulator.config.frame_shape, channels), np.uint8)
            seen = {"camera": black} if self.simulator.config.obs == "dict" else black
        return super().picture(row, seen, *arguments, **keywords)
