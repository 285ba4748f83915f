"""Many tasks that never wait, and still let others run."""

from time import monotonic

import anyio.lowlevel

SLICE_S = 0.005  # longer than a task switch by far, shorter than anyone notices


class Pace:
    """A slice of time that cooperating tasks share, so that together they hold the loop no longer.

    Use: ``if pace.over(): await pace.rest()`` after each piece of work.

    Attributes:
        end: when the slice is used up, by ``time.monotonic``.
    """

    end: float

    __slots__ = ("_resting", "end")

    def __init__(self) -> None:
        self.end = monotonic() + SLICE_S
        self._resting = False

    def over(self) -> bool:
        """True if the slice is used up."""
        return monotonic() >= self.end

    def restart(self) -> None:
        """Begin another slice: every other task has just had a turn."""
        self.end = monotonic() + SLICE_S

    async def rest(self) -> None:
        """Let every other task run once; the first one to rest opens the next slice."""
        if self._resting:
            await anyio.lowlevel.checkpoint()
            return
        self._resting = True
        try:
            await anyio.lowlevel.checkpoint()
        finally:
            self._resting = False
            self.restart()
