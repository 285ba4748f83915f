"""Failures of calls in the log: a line for each, and a count where there are too many of them."""

import asyncio
import logging
from time import monotonic

from lionherd_dist.errors import sole
from lionherd_dist.logs import is_logged, note

MOST_LINES = 10  # in a second


class FailureLog:
    """That of one worker: it looks at the clock for each failure, and for nothing else."""

    def __init__(self) -> None:
        self._begun, self._lines, self._left_out = 0.0, 0, 0
        self._timer: asyncio.TimerHandle | None = None

    def has_room(self, level: int) -> bool:
        """True if a failure of *level* gets a line of its own; it is counted if not."""
        if not is_logged(level):
            return False
        now = monotonic()
        if now >= self._begun + 1:
            self.tell_rest()
            self._begun, self._lines = now, 0
        if self._lines < MOST_LINES:
            self._lines += 1
            return True
        self._left_out += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(
                self._begun + 1 - now, self.tell_rest
            )
        return False

    def tell_rest(self) -> None:
        """Log how many failures had no line of their own, if there are any."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._left_out:
            note(logging.WARNING, "more calls failed", count=self._left_out)
            self._left_out = 0


def tell(level: int, event: str, error: Exception, **facts: str | int) -> None:
    """Log *event* with class and message of *error*, or of the only error in it."""
    found = sole(error)
    note(level, event, **facts, error=type(found).__name__, message=_message(found))


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 (whatever a class of the user's does, the worker lives)
        return "(its message cannot be read)"
