"""Lines on their way to standard output, whoever reads it and however slowly."""

import os
import select
from collections.abc import Callable, Iterable

import anyio

from lionherd_dist.cli.spare_thread import in_spare_thread

MOST_WAITING = 1_000  # lines; more are not taken until the reader has read
_STDOUT_FD = 1


class OutputClosedError(Exception):
    """Whoever reads standard output has read enough, as ``head`` does: end quietly."""


def write_to_stdout(data: bytes) -> None:
    """Write all of *data*, waiting for as long as the reader takes.

    Not through ``sys.stdout``, which keeps what it could not write and complains at the end.
    """
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(_STDOUT_FD, left) :]
        except BlockingIOError:  # a terminal or pipe that somebody else made non-blocking
            select.select([], [_STDOUT_FD], [])
        except BrokenPipeError as error:
            raise OutputClosedError from error


class LineWriter:
    """Writes lines in the order they come, from a thread, so that a slow reader blocks nobody.

    Lines that come while a write is under way go together into the next one. ``run`` does the
    writing and lasts until it is cancelled; it raises what *write* raised.
    """

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._waiting: list[bytes] = []
        self._news, self._room, self._idle = anyio.Event(), anyio.Event(), anyio.Event()
        self._idle.set()
        self._ended = False

    async def put(self, lines: Iterable[bytes]) -> None:
        """Have *lines* written, after waiting until not too many are waiting."""
        while len(self._waiting) >= MOST_WAITING:
            self._room = anyio.Event()
            await self._room.wait()
        self.add(lines)

    def add(self, lines: Iterable[bytes]) -> None:
        """Have *lines* written, however many are waiting."""
        self._waiting += lines
        if self._waiting and not self._ended:
            self._idle = anyio.Event() if self._idle.is_set() else self._idle
            self._news.set()

    async def run(self) -> None:
        """Write until cancelled."""
        try:
            while True:
                await self._news.wait()
                self._news = anyio.Event()
                batch, self._waiting = b"".join(self._waiting), []
                self._room.set()
                await in_spare_thread(lambda data=batch: self._write(data))  # type: ignore[misc]
                if not self._waiting:
                    self._idle.set()
        finally:
            self._ended = True  # nobody writes any more: nobody need wait for that
            self._idle.set()

    async def drained(self) -> None:
        """Return when everything that was put is written."""
        await self._idle.wait()
