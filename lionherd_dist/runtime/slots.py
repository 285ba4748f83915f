"""Where a worker's calls run, session after session: one asyncio task each, so many at once.

A call that waits for calls of its own lends its slot meanwhile: otherwise the calls that wait could
hold every slot, and none be left for those that they wait for.
"""

import asyncio
import contextvars
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import cast

import anyio

_call: contextvars.ContextVar["asyncio.Task[None] | None"] = contextvars.ContextVar(
    "lionherd_call", default=None
)


def _nothing() -> None:
    """There was nothing to end."""


class Slots:
    """Room for *total* calls that work; made by ``open_slots``.

    A call that nothing can stop keeps its slot when the session under which it began is over: the
    next session has that many fewer, and gets it when the call ends.

    Attributes:
        total: how many there are.
        begun: calls that have not ended, those that lend their slot included.
        threads: one for each slot, for functions that are no coroutines.
    """

    def __init__(self, total: int) -> None:
        self.total, self.begun = total, 0
        self.threads = anyio.CapacityLimiter(total)
        self._start = asyncio.get_running_loop().create_task
        self._tasks: set[asyncio.Task[None]] = set()
        self._lent: Counter[asyncio.Task[None] | None] = Counter()
        self._changed = asyncio.Event()

    def run(self, call: Coroutine[object, object, None], context: contextvars.Context) -> None:
        """Start *call*, which says ``ended`` as its last word."""
        self.begun += 1
        task = self._start(call, context=context)
        self._tasks.add(task)
        context.run(_call.set, task)

    def ended(self) -> None:
        """A call has ended: its slot is free."""
        self.begun -= 1
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._tasks.discard(task)
        if self._lent:
            self._lent.pop(task, None)
        self.wake()

    @property
    def free(self) -> int:
        """Slots of which no call has the use."""
        return self.total - self.begun + len(self._lent)

    @property
    def lending(self) -> int:
        """Calls that lend their slot."""
        return len(self._lent)

    def lend(self) -> Callable[[], None]:
        """The call that says so waits for calls of its own; what is returned takes its slot back.

        It goes on at once then, and so for a time more calls than *total* may work.
        """
        call = _call.get()
        if call not in self._tasks:  # it ended, and has left something running
            return _nothing
        self._lent[call] += 1
        self.wake()
        return partial(self._take_back, call)

    def _take_back(self, call: "asyncio.Task[None] | None") -> None:
        if self._lent[call] > 1:
            self._lent[call] -= 1
        else:
            self._lent.pop(call, None)

    def lends(self, call: "asyncio.Task[None] | None") -> bool:
        """True while *call* waits for calls of its own."""
        return call in self._lent

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
