"""Where a worker's calls run, session after session, so many at once.

A call that waits for calls of its own lends its slot meanwhile: otherwise the calls that wait could
hold every slot, and none be left for those that they wait for.
"""

import asyncio
import contextvars
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import anyio

from lionherd_dist.runtime.lanes import Body, Lanes

# Its number, and not its task: a context that holds its own task waits for the garbage collector.
_call: contextvars.ContextVar[int] = contextvars.ContextVar("lionherd_call", default=0)


def this_call() -> int:
    """The number of the call whose code this is; 0 elsewhere."""
    return _call.get()


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

    total: int
    begun: int
    threads: anyio.CapacityLimiter

    def __init__(self, total: int) -> None:
        self.total, self.begun = total, 0
        self.threads = anyio.CapacityLimiter(total)
        self._lanes = Lanes()
        self._numbers = itertools.count(1)
        self._running: set[int] = set()
        self._lent: Counter[int] = Counter()
        self._changed = asyncio.Event()

    def run(self, call: Body, context: contextvars.Context) -> None:
        """Run *call*, which says ``ended`` as its last word."""
        self.begun += 1
        number = next(self._numbers)
        context.run(_call.set, number)
        self._running.add(number)
        self._lanes.run(call, context)

    def ended(self) -> None:
        """A call has ended: its slot is free."""
        self.begun -= 1
        number = this_call()
        self._running.discard(number)
        if self._lent:
            self._lent.pop(number, None)
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
        call = this_call()
        if call not in self._running:  # it ended, and has left something running
            return _nothing
        self._lent[call] += 1
        self.wake()
        return partial(self._take_back, call)

    def _take_back(self, call: int) -> None:
        if self._lent[call] > 1:
            self._lent[call] -= 1
        else:
            self._lent.pop(call, None)

    def lend_no_more(self) -> None:
        """The session is over: what still runs of it waits for nothing, and keeps its slot."""
        self._lent.clear()

    def lends(self, call: int) -> bool:
        """True while the call of that number waits for calls of its own."""
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
        self._lanes.abandon()

    async def empty(self) -> None:
        """Wait for all calls that run."""
        await self._lanes.empty()


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
