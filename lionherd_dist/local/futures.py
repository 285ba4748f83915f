"""Tasks and futures of asyncio that were handed over: each is cancelled once, and awaited.

A scope of anyio cancels what waits in it again and again, until it ends. A task that awaits another
passes each of these cancellations on, so that the clean-up of the other could not await anything.
"""

import asyncio
from collections.abc import Awaitable, Iterable
from types import CoroutineType
from typing import Any, TypeGuard, TypeVar
from weakref import WeakSet

import anyio

T = TypeVar("T")


class Futures:
    """The tasks and futures that were handed over to a pattern."""

    __slots__ = ("_cancelled",)

    def __init__(self) -> None:
        self._cancelled: WeakSet[asyncio.Future[Any]] | None = None

    def guarded(self, aw: Awaitable[T]) -> Awaitable[T]:
        """*aw*, or what to await in its place if it is a future of the running loop."""
        if isinstance(aw, CoroutineType) or not is_future(aw):
            return aw
        if anyio.get_cancelled_exc_class() is not asyncio.CancelledError:
            return aw  # trio says that it cannot await it
        if not _is_ours(aw):
            return _of_another_loop(aw)
        return self._result_of(aw)

    async def give_up(self, futures: Iterable["asyncio.Future[Any]"]) -> None:
        """Cancel *futures* and wait until they have ended; what they raise is dropped."""
        running = {future for future in futures if not future.done() and _is_ours(future)}
        for future in running:
            self._cancel(future)
        await _all_ended(running)
        for future in running:
            if not future.cancelled():
                future.exception()  # retrieved: asyncio does not warn that it was not

    async def _result_of(self, future: "asyncio.Future[T]") -> T:
        """The result; a cancellation of the caller is passed on once, and the end waited for."""
        cancellation: asyncio.CancelledError | None = None
        try:
            if not future.done():
                await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancellation = error
        try:
            if cancellation is not None:
                self._cancel(future)
                await _all_ended([future])
                if future.cancelled() or future.exception() is None:
                    raise cancellation
            return future.result()
        finally:  # or an error would hold itself: error, traceback, this frame, future
            del future, cancellation

    def _cancel(self, future: "asyncio.Future[Any]") -> None:
        if self._cancelled is None:
            self._cancelled = WeakSet()
        if future not in self._cancelled:
            self._cancelled.add(future)
            future.cancel()


def is_future(aw: object) -> TypeGuard["asyncio.Future[Any]"]:
    """True if *aw* is a task or another future of asyncio."""
    return asyncio.isfuture(aw)


def _is_ours(future: "asyncio.Future[Any]") -> bool:
    """True if its end is told in the running loop."""
    return future.get_loop() is asyncio.get_running_loop()


async def _of_another_loop(future: "asyncio.Future[T]") -> T:
    """A wait for it would never end, nor could it be cancelled."""
    raise RuntimeError(f"{future!r} belongs to another event loop: await it in that one")


async def _all_ended(futures: Iterable["asyncio.Future[Any]"]) -> None:
    """Wait for all of *futures*; a cancellation that comes meanwhile is raised afterwards."""
    interrupted: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while running := [future for future in futures if not future.done()]:
            try:
                await asyncio.wait(running)
            except asyncio.CancelledError as error:
                interrupted = error
    try:
        if interrupted is not None:
            raise interrupted
    finally:
        del interrupted
