"""Where a cluster lives: in the process and the event loop that opened it, and nowhere else."""

import asyncio
import os

from lionherd_dist.errors import ForkedClientError


class Home:
    """The process and the running event loop that it is made in."""

    __slots__ = ("_loop", "_pid")

    def __init__(self) -> None:
        self._pid, self._loop = os.getpid(), asyncio.get_running_loop()

    @property
    def is_forked(self) -> bool:
        """True in a process that was forked from that one."""
        return os.getpid() != self._pid

    def check(self) -> None:
        """Refuse to be used anywhere else, where nothing would ever answer.

        Raises:
            ForkedClientError: this is another process.
            RuntimeError: this is another event loop, or none.
        """
        if self.is_forked:
            raise ForkedClientError(
                f"this cluster was opened in process {self._pid}, and this is {os.getpid()}: open "
                "one in each process, and start processes by spawn or forkserver"
            )
        if asyncio.get_running_loop() is not self._loop:
            state = "is closed" if self._loop.is_closed() else "is another"
            raise RuntimeError(
                f"the event loop in which this cluster was opened {state}: open one in each loop, "
                "and leave it there; from a thread, use asyncio.run_coroutine_threadsafe"
            )
