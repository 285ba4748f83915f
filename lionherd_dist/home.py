"""Where a thing lives: in the process and the event loop that it was made in, and nowhere else.

Forks are counted, as every request asks: the kernel would take 0.2 µs to tell our pid. (Forks that
Python makes, or is told of; C code that forks inside a running event loop has to do that.)
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from threading import get_ident
from typing import TypeVarTuple

from lionherd_dist.errors import ForkedClientError

Ts = TypeVarTuple("Ts")
_forks = [0]  # between the first process and this one: state of the module, like a pid


def _forked() -> None:
    _forks[0] += 1


if hasattr(os, "register_at_fork"):  # where there is none, nothing forks
    os.register_at_fork(after_in_child=_forked)


class Birth:
    """The process that it is made in."""

    pid: int

    __slots__ = ("_forks", "pid")

    def __init__(self) -> None:
        self._forks, self.pid = _forks[0], os.getpid()

    def check_process(self) -> None:
        """Refuse to be used in a process that was forked from that one.

        Raises:
            ForkedClientError: this is one.
        """
        if self.is_forked:
            raise ForkedClientError(
                f"this cluster was opened in process {self.pid}, and this is {os.getpid()}: open "
                "one in each process, and start processes by spawn or forkserver"
            )

    @property
    def is_forked(self) -> bool:
        """True in a process that was forked from that one."""
        return self._forks != _forks[0]


class Home(Birth):
    """The process and the running event loop that it is made in."""

    __slots__ = ("_loop", "_thread")

    def __init__(self) -> None:
        super().__init__()
        self._loop, self._thread = asyncio.get_running_loop(), get_ident()

    def check(self) -> None:
        """Refuse to be used anywhere else, where nothing would ever answer.

        Raises:
            ForkedClientError: this is another process.
            RuntimeError: this is another event loop, or none.
        """
        if self._forks == _forks[0] and self._thread == get_ident() and self._loop.is_running():
            return
        self.check_process()
        if asyncio.get_running_loop() is not self._loop:
            state = "is closed" if self._loop.is_closed() else "is another"
            raise RuntimeError(
                f"the event loop in which this cluster was opened {state}: open one in each loop, "
                "and leave it there; from a thread, use asyncio.run_coroutine_threadsafe"
            )

    @property
    def is_here(self) -> bool:
        """True in its process and in the thread of its event loop."""
        return self._forks == _forks[0] and self._thread == get_ident()

    def call_soon(self, function: Callable[[*Ts], object], *args: *Ts) -> None:
        """Have its event loop call *function*, from any thread; nothing where that has ended."""
        if not self.is_forked:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(function, *args)
