"""How often a run is saved: often enough to lose little, seldom enough to cost little."""

import time
from collections.abc import Callable


class CheckpointCadence:
    """Saves when enough time has passed that saving stays below a share of the run.

    When a checkpoint is taken changes nothing else: no generator is drawn from and nothing is logged.

    Args:
        save: writes a checkpoint.
        least_seconds: least time between two checkpoints.
        share: most that saving may cost of all time.
        clock: seconds, for tests.
    """

    def __init__(
        self,
        save: Callable[[], None],
        least_seconds: float,
        share: float = 0.05,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._save = save
        self._least_seconds = least_seconds
        self._share = share
        self._clock = clock
        self._last = clock()
        self._cost = 0.0

    def save(self) -> None:
        """Write a checkpoint now."""
        start = self._clock()
        self._save()
        self._last = self._clock()
        self._cost = self._last - start

    @property
    def is_due(self) -> bool:
        """Whether the last checkpoint is old enough for another one."""
        return self._clock() - self._last >= max(self._least_seconds, self._cost / self._share)

    def save_if_due(self) -> None:
        """Write a checkpoint if the last one is old enough."""
        if self.is_due:
            self.save()
