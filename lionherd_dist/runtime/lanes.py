"""Tasks that calls share: each call has one to itself from the moment at which it waits.

A task and a cancel scope for each call would cost more than all else that a worker does for one. A
call that ends without waiting needs neither; but nobody knows that before it has begun, and what it
begins with is what its own timeouts and task groups hold on to. So calls begin one after the other
in one task, a lane, within one scope:

    lane 1:  call, call, call, call that waits .......... ended
    lane 2:                    call, call, call that waits ....
    lane 3:                    call, call

The call that waits keeps its lane, which ends with it, and the next calls begin in new ones: in
two, so that many that wait are soon begun. So do those after a call that has left something behind
that knows of its task, a timer that cancels it, a table that it is a key of: whatever is done to
the task then, no other call is meant. One lane for which there is no call stays for the next.
"""

import asyncio
import contextvars
import sys
import weakref
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import TypeAlias, cast

import anyio

IN_A_ROW = 50  # calls between two breaths of the event loop, which tells of those that have ended

Body: TypeAlias = Callable[[anyio.CancelScope], Coroutine[object, object, None]]


class Lanes:
    """Begins calls in the order in which they come."""

    def __init__(self) -> None:
        self._new_scope = type(anyio.CancelScope())  # anyio looks asyncio's up each time: 1.5 µs
        self._loop = asyncio.get_running_loop()
        self._coming: deque[tuple[Body, contextvars.Context]] = deque()
        self._lanes: set[asyncio.Task[None]] = set()
        self._open: set[asyncio.Task[None]] = set()  # those in which calls may begin
        self._parked: asyncio.Future[None] | None = None  # what the one that has no call waits for
        self._is_ending = False

    def run(self, body: Body, context: contextvars.Context) -> None:
        """Run *body* in *context*, soon; it is given the scope that is around it.

        The scope is its own only once it waits: what it sets there it is to take back.
        """
        self._coming.append((body, context))
        if self._parked is not None:
            self._unpark()
        elif not self._open:
            self._open_some(1)

    def abandon(self) -> None:
        """End what runs, and begin no more."""
        self._coming.clear()
        for lane in self._lanes:
            lane.cancel()

    async def empty(self) -> None:
        """Wait until nothing runs."""
        self._is_ending = True
        self._unpark()
        while self._lanes:
            await asyncio.wait(self._lanes)
            await asyncio.sleep(0)  # until they have said that they are closed
        self._is_ending = False

    def _unpark(self) -> None:
        parked, self._parked = self._parked, None
        if parked is not None and not parked.done():  # or that lane is just being cancelled
            parked.set_result(None)

    def _open_some(self, most: int) -> None:
        for _ in range(min(most, len(self._coming) - len(self._open))):
            lane = asyncio.Task(self._drain(), loop=self._loop)  # not eager, whatever the factory
            self._lanes.add(lane)
            self._open.add(lane)
            lane.add_done_callback(self._closed)

    def _closed(self, lane: asyncio.Task[None]) -> None:
        """*lane* has ended; where a call ended it that did not wait, others do for a lane."""
        self._lanes.discard(lane)
        self._open.discard(lane)
        if not self._open:
            self._open_some(1)

    async def _drain(self) -> None:
        lane, coming = cast("asyncio.Task[None]", asyncio.current_task()), self._coming

        def waits() -> None:
            self._open.discard(lane)
            self._open_some(2)

        with self._new_scope() as scope:
            fresh, row = _traces_on(lane), 0
            while coming or await self._has_more():
                body, context = coming.popleft()
                await _Run(body(scope), context, waits)
                del body, context  # or they would stay as long as there is no other
                if lane not in self._open or scope.cancel_called or _traces_on(lane) != fresh:
                    break
                row += 1
                if row % IN_A_ROW == 0:
                    await asyncio.sleep(0)
        self._open.discard(lane)

    async def _has_more(self) -> bool:
        """Wait for a call; False: another lane does, or none is to come."""
        while not self._coming:  # or another lane took it
            if self._is_ending or self._parked is not None:
                return False
            self._parked = parked = self._loop.create_future()
            try:
                await parked
            finally:
                if self._parked is parked:
                    self._parked = None
        return True


def _traces_on(lane: asyncio.Task[None]) -> tuple[object, ...]:
    """What a call can leave on its task: references of both kinds, a cancellation, a name, a wish.

    Of those, asyncio tells no one a cancellation that was called off too late, nor a callback.
    """
    return (
        sys.getrefcount(lane),
        weakref.getweakrefcount(lane),
        lane.cancelling(),
        lane.get_name(),
        getattr(lane, "_must_cancel", None),
        getattr(lane, "_callbacks", None),
    )


class _Run:
    """Awaits *call* in *context*, and says ``on_wait`` when it waits for the first time."""

    __slots__ = ("_call", "_context", "_on_wait")

    def __init__(
        self,
        call: Coroutine[object, object, None],
        context: contextvars.Context,
        on_wait: Callable[[], None],
    ) -> None:
        self._call, self._context, self._on_wait = call, context, on_wait

    def __await__(self) -> Generator[object, object, None]:
        run, call = self._context.run, self._call
        try:
            awaited = run(call.send, None)
        except StopIteration:
            return
        self._on_wait()
        while True:
            answer, thrown = None, None
            try:
                answer = yield awaited
            except BaseException as error:  # noqa: BLE001 (all of them are for the call)
                thrown = error  # not from here: it would be the context of what the call raises
            try:
                awaited = run(call.send, answer) if thrown is None else run(call.throw, thrown)
            except StopIteration:
                return
            finally:
                thrown = None  # or its traceback would hold this frame, which holds it
