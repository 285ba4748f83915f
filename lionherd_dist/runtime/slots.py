"""Where a worker's calls run, session after session: one asyncio task each, so many at once."""

import asyncio
import contextvars
from collections.abc import Coroutine
from types import TracebackType
from typing import Self, cast

import anyio


class Slots:
    """Room for *total* calls; an async context manager that waits for all that runs in it.

    A call that nothing can stop keeps its slot when the session under which it began is over: the
    next session has that many fewer, and gets it when the call ends.

    Attributes:
        total: how many there are.
        used: how many have a call.
        threads: one for each slot, for functions that are no coroutines.
    """

    def __init__(self, total: int) -> None:
        self.total, self.used = total, 0
        self.threads = anyio.CapacityLimiter(total)
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._start = asyncio.get_running_loop().create_task  # a TaskGroup's takes 2 µs longer
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with anyio.CancelScope(shield=True):  # they were all told to stop
            while running := [one for one in self._tasks if not one.done()]:
                await asyncio.wait(running)

    def run(self, call: Coroutine[object, object, None], context: contextvars.Context) -> None:
        """Start *call*, which says ``ended`` as its last word."""
        self.used += 1
        self._tasks.add(self._start(call, context=context))

    def ended(self) -> None:
        """A call has ended: its slot is free."""
        self.used -= 1
        self._tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))
        self.wake()

    def wake(self) -> None:
        """Whoever waits for a change is to look again."""
        self._changed.set()

    async def change(self) -> None:
        """Wait until a call ends, or somebody says ``wake``."""
        self._changed.clear()
        await self._changed.wait()
