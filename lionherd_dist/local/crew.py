"""A crew: up to *limit* workers that share one source of items and pull only when free.

    source ──▶ worker 1 ──▶ await call(item)           a worker that has pulled an item
           ──▶ worker 2 ──▶ await call(item)           hires the next one, up to the limit:
           ──▶ …                                       3 items never need 100 workers

A worker serves many items, so a task costs nothing per item. An item that has left something behind
on its task ends the worker, and a fresh one goes on. Two cases need a task per item:

- no limit: then the items may wait for one another, and all of them are started;
- an async source: one task alone pulls it, the one that runs the crew, because an async generator
  may hold scopes that belong to a task.
"""

from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
)
from contextvars import copy_context
from functools import partial
from time import monotonic
from types import CoroutineType
from typing import Any, Generic, Protocol, TypeVar, cast

import anyio
import anyio.lowlevel

from lionherd_dist.current_call import Place, begin_call, begin_run
from lionherd_dist.local.awaitables import UNCALLED, is_awaitable
from lionherd_dist.local.children import Children
from lionherd_dist.local.errors import being_cancelled, is_stray
from lionherd_dist.local.notes import note_item
from lionherd_dist.local.pace import Pace
from lionherd_dist.local.task_state import Watch, is_to_be_cancelled, take_cancellation
from lionherd_dist.local.unstarted import close_async, close_rest

ItemT = TypeVar("ItemT")
ItemT_contra = TypeVar("ItemT_contra", contravariant=True)


class Work(Protocol[ItemT_contra]):
    """What a crew does for each item, and with what comes of it.

    Attributes:
        pattern: its name for users.
        return_exceptions: True if an error is an outcome as a result is.
        takes_over: True if the items are awaitables, of which none is to run on afterwards.
    """

    pattern: str
    return_exceptions: bool
    takes_over: bool

    @property
    def call(self) -> Callable[[ItemT_contra], object]:
        """The function that gives what to await for an item."""
        ...

    def done(self, index: int, outcome: object) -> anyio.Event | None:
        """Take the outcome of an item; its place is free once the event is set, if there is one."""
        ...

    def mistake(self, index: int, called: object) -> TypeError:
        """The error for an item of which ``call`` returned something that cannot be awaited."""
        ...


class Crew(Generic[ItemT]):
    """Awaits ``work.call(item)`` for every item, at most *limit* at once (None: all at once).

    Items are pulled in order, each when there is room for it, and its call starts at once.
    """

    def __init__(
        self,
        work: Work[ItemT],
        items: Iterable[ItemT] | AsyncIterable[ItemT],
        limit: int | None,
    ) -> None:
        self._work = work
        self._items = items
        self._limit = limit
        self._hired = 0
        self._workers = Children()
        self._context = copy_context()
        self._calls = begin_run()
        self._pace = Pace()
        self._watch = Watch()
        self._lone_error: Exception | None = None

    def stop(self) -> None:
        """Cancel all work; ``run`` then ends without an error once its clean-up is done."""
        self._workers.stop()

    async def run(self) -> None:
        """Return when all work is done; if some fails, cancel the rest and wait for it first.

        Raises an ExceptionGroup of the failures, or as itself the only one that is an error of the
        source or of the caller. What is left in the source is closed, after all work has ended.
        """
        try:
            try:
                if isinstance(self._items, AsyncIterable):
                    await self._run_async(aiter(self._items))
                else:
                    await self._run_sync(iter(self._items))
            except BaseExceptionGroup as group:
                if self._lone_error is None or group.exceptions != (self._lone_error,):
                    raise
            else:
                return
            raise self._lone_error  # outside of the handler: the group is no context of it
        finally:
            # No ring of error, traceback, self and a task that was given and holds the error.
            self._lone_error = None
            del self._items, self._work

    async def _run_sync(self, source: Iterator[ItemT]) -> None:
        try:
            async with self._workers:
                if self._limit is None:
                    await self._start_all(source)
                else:
                    self._context.run(self._hire, enumerate(source), self._limit, None)
        finally:
            rest = close_rest(source)
            if self._work.takes_over:
                await self._workers.give_up(rest)

    async def _run_async(self, stream: AsyncIterator[ItemT]) -> None:
        try:
            async with self._workers:
                await self._feed(stream)
        finally:
            await close_async(stream)

    def _hire(
        self, numbered: Iterator[tuple[int, ItemT]], limit: int, place: anyio.Event | None
    ) -> None:
        self._hired += 1
        self._workers.start(self._serve, numbered, limit, place)

    async def _serve(  # noqa: PLR0912 (a call for each item less is worth it)
        self, numbered: Iterator[tuple[int, ItemT]], limit: int, place: anyio.Event | None
    ) -> None:
        """The life of a worker: one item after the other, from when its *place* is free."""
        if place is not None:
            await place.wait()
        while self._pace.over():  # and not if: several may want an item of a slow source at once
            await self._pace.rest()
        if self._is_over() or being_cancelled():
            return  # to pull an item now would be to start its work
        at = self._begin(0)
        workers, pace, has_changed = self._workers, self._pace, self._watch.begin()
        call, done = self._work.call, self._work.done
        item: ItemT | None = None
        called: Any = None
        outcome: object = None
        try:
            for index, item in numbered:
                if self._hired < limit:
                    self._context.run(self._hire, numbered, limit, None)
                called, at.index = UNCALLED, index
                try:
                    called = call(item)
                    if type(called) is not CoroutineType:
                        called = workers.guarded(called)
                    outcome = await called
                except BaseException as error:  # noqa: BLE001 (_failed raises it, or run does)
                    goes_on, place = self._failed(error, index, item, called)
                    if not goes_on:
                        return
                else:
                    place = done(index, outcome)
                if workers.stopping:
                    return
                if has_changed():
                    # Another item must not meet what this one left behind: a fresh worker goes on.
                    self._hired -= 1
                    self._context.run(self._hire, numbered, limit, place)
                    await take_cancellation()
                    return
                if place is not None:
                    await place.wait()
                while monotonic() >= pace.end:
                    await pace.rest()
                    if self._is_over():
                        return
        except Exception as error:  # noqa: BLE001 (taken as a failure, and raised by run)
            self._source_failed(error)
        finally:
            # The traceback of an error among the outcomes holds this frame, and what it holds.
            del item, called, outcome, has_changed, numbered, call, done

    def _begin(self, index: int) -> Place:
        """Where the running task is from now on; its code knows, unless it is part of a call."""
        if self._calls is None:
            return Place()
        place = Place.of(self._calls, index)
        begin_call(place)
        return place

    def _is_over(self) -> bool:
        return self._workers.stopping

    async def _start_all(self, source: Iterator[ItemT]) -> None:
        try:
            for index, item in enumerate(source):
                self._workers.start(self._serve_one, index, item)
                if self._pace.over():
                    await self._pace.rest()
        except Exception as error:  # noqa: BLE001 (taken as a failure, and raised by run)
            self._source_failed(error)

    async def _feed(self, stream: AsyncIterator[ItemT]) -> None:
        room = None if self._limit is None else anyio.Semaphore(self._limit, fast_acquire=True)
        index = 0
        while not self._workers.stopping:
            if room is not None:
                await room.acquire()
            try:
                item = await anext(stream)
            except StopAsyncIteration:
                return
            except Exception as error:  # noqa: BLE001 (taken as a failure, and raised by run)
                self._source_failed(error)
                return
            self._workers.start(self._serve_one, index, item, room)
            index += 1
            if self._pace.over():
                await self._pace.rest()

    async def _serve_one(
        self, index: int, item: ItemT, room: anyio.Semaphore | None = None
    ) -> None:
        workers, work = self._workers, self._work
        self._begin(index)
        # What a stream still waits for after the item is not to be hit by what the item left.
        has_changed = Watch().begin() if room is not None and work.takes_over else None
        called: object = UNCALLED
        try:
            called = work.call(item)
            place = work.done(index, await workers.guarded(cast("Awaitable[object]", called)))
        except BaseException as error:  # noqa: BLE001 (_failed raises it, or run does)
            goes_on, place = self._failed(error, index, item, called)
            if not goes_on:
                return
        finally:
            del item, called
        if is_to_be_cancelled():  # it would end all of the others, and nobody would be told
            await take_cancellation()
        if room is None or workers.stopping:  # after a failure, there is room for nothing more
            return
        if place is not None and has_changed is not None and has_changed():
            workers.start(self._free, place, room)
            await take_cancellation()
        else:
            await self._free(place, room)

    async def _free(self, place: anyio.Event | None, room: anyio.Semaphore) -> None:
        if place is not None:
            await place.wait()
        room.release()

    def _failed(
        self, error: BaseException, index: int, item: ItemT, called: object
    ) -> tuple[bool, anyio.Event | None]:
        """Whether the work goes on after *item* ended in *error*, and when its place is free."""
        if not is_awaitable(called):
            self._source_failed(self._work.mistake(index, called))
            return False, None
        if self._work.return_exceptions and (isinstance(error, Exception) or is_stray(error)):
            return True, self._work.done(index, error)
        if not self._workers.took(error, partial(note_item, self._work.pattern, index, item)):
            try:
                raise error
            finally:
                del error
        return False, None

    def _source_failed(self, error: Exception) -> None:
        self._lone_error = error
        self._workers.took(error)
