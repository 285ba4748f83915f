"""Ends waits that take too long, with one timer for many of them.

``asyncio.timeout`` sets a timer for every wait and takes it back, which costs more than packing a
request. Nearly every wait is over long before its time; so the timer is left to run, and looks when
it goes off whether anybody still waits.
"""

import asyncio
import math


class Watchdog:
    """For one wait after the other; use it as a context.

    Raises:
        TimeoutError: from the block, in place of the cancellation that ended its wait.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = None
        self._until = math.inf
        self._cancelling = 0
        self._bit = False
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = math.inf  # uvloop's handles do not always know

    def over(self, wait_s: float) -> "Watchdog":
        """The block that is entered next, in this task, may take *wait_s*."""
        loop = asyncio.get_running_loop()
        self._until = loop.time() + wait_s
        if self._timer is None or self._rings_at > self._until:
            self._set(loop)
        return self

    def __enter__(self) -> None:
        self._task = task = asyncio.current_task()
        self._cancelling = 0 if task is None else task.cancelling()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        task, self._task = self._task, None
        if self._bit:
            self._bit = False
            called_off = task is not None and task.uncancel() <= self._cancelling
            if called_off and kind is not None and issubclass(kind, asyncio.CancelledError):
                raise TimeoutError from None

    def _set(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = self._until
        self._timer = loop.call_at(self._until, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._task is None:
            return
        if loop.time() < self._until:
            self._set(loop)
        elif not self._bit:
            self._bit = True
            self._task.cancel()

    def close(self) -> None:
        """Leave no timer behind."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
