"""Where a worker's calls run, session after session: one asyncio task each, so many at once."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import cast

import anyio


class Slots:
    """Room for *total* calls; made by ``open_slots``.

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
        self._start = asyncio.get_running_loop().create_task
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

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

    def abandon(self) -> None:
        """End all calls, those that wait for a thread, too; the thread itself runs on."""
        for one in self._tasks:
            one.cancel()

    async def empty(self) -> None:
        """Wait for all calls that run."""
        while running := [one for one in self._tasks if not one.done()]:
            await asyncio.wait(running)


@asynccontextmanager
async def open_slots(total: int) -> AsyncIterator[Slots]:
    """*total* slots; all that runs in them is waited for at the end, and was told to stop by then.

    An error of the block, or a cancellation, does not wait for threads. No task group: the error is
    to stay what it is, and no call ends another.
    """
    slots = Slots(total)
    try:
        yield slots
    except BaseException:
        slots.abandon()
        raise
    finally:
        with anyio.CancelScope(shield=True):
            await slots.empty()
