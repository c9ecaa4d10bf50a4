"""When a stage must stop, asked once a step."""

import time

from agents.runs.progress import Advance
from agents.runs.session import Session

REDRAW_SECONDS = 0.1


class Watch:
    """Keeps a stage's clock, looks out for the user, and moves the bar.

    Args:
        session: the run.
        limit: seconds that the stage may take; None for as many as it needs.

    Attributes:
        seconds: what the stage took before it was resumed.
    """

    def __init__(self, session: Session, limit: float | None) -> None:
        self.seconds = 0.0
        self._session = session
        self._limit = limit
        self._started = time.monotonic()
        self._redraw = 0.0

    def begin(self) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds that the stage has taken, before a resume as well."""
        return self.seconds + time.monotonic() - self._started

    @property
    def time_is_up(self) -> bool:
        """Whether the limit of time is reached."""
        return self._limit is not None and self.elapsed >= self._limit

    def stop(self, env_steps: int, advance: Advance) -> bool:
        """Whether the user or the clock ends the stage."""
        if time.monotonic() >= self._redraw:
            self._redraw = time.monotonic() + REDRAW_SECONDS
            advance(env_steps, "")
        return self._session.interrupt.requested or self.time_is_up
