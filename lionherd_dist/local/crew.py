"""A crew: up to *limit* workers that share one source of items and pull only when free.

    source ──▶ worker 1 ──▶ work(index, item)          a worker that has pulled an item
           ──▶ worker 2 ──▶ work(index, item)          hires the next one, up to the limit:
           ──▶ …                                       3 items never need 100 workers

A worker serves many items, so a task costs nothing per item. Two cases need a task per item:

- no limit: then the items may wait for one another, and all of them are started;
- an async source: one task alone pulls it, the one that runs the crew, because an async generator
  may hold scopes that belong to a task.
"""

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
)
from contextvars import Context, copy_context
from typing import Generic, TypeVar

import anyio
import anyio.abc

from lionherd_dist.local.children import children
from lionherd_dist.local.errors import being_cancelled, is_stray
from lionherd_dist.local.pace import Pace
from lionherd_dist.local.unstarted import close_rest

ItemT = TypeVar("ItemT")
SourceT = TypeVar("SourceT")


class Crew(Generic[ItemT]):
    """Runs ``await work(index, item)`` for every item, at most *limit* at once (None: all at once).

    Items are pulled in order, each when there is room for it, and its work starts at once.
    """

    def __init__(
        self,
        work: Callable[[int, ItemT], Awaitable[None]],
        items: Iterable[ItemT] | AsyncIterable[ItemT],
        limit: int | None,
    ) -> None:
        self._work = work
        self._items = items
        self._limit = limit
        self._hired = 0
        self._context = copy_context()
        self._pace = Pace()
        self._tasks: anyio.abc.TaskGroup | None = None
        self._stopped = False
        self._source_error: BaseException | None = None
        self._stray: BaseException | None = None

    def stop(self) -> None:
        """Cancel all work; ``run`` then ends without an error once its clean-up is done."""
        self._stopped = True
        if self._tasks is not None:
            self._tasks.cancel_scope.cancel()

    async def run(self) -> None:
        """Return when all work is done; if some fails, cancel the rest and wait for it first.

        Raises an ExceptionGroup of the failures, or the error of the source as itself if that is
        the only one. What is left in the source is closed, after all work has ended.
        """
        if isinstance(self._items, AsyncIterable):
            stream = aiter(self._items)
            try:
                await self._run(self._feed, stream)
            finally:
                if isinstance(stream, AsyncGenerator):
                    await stream.aclose()
        else:
            source = iter(self._items)
            try:
                await self._run(
                    self._start_all if self._limit is None else self._hire_first,
                    self._numbered(source),
                )
            finally:
                close_rest(source)

    async def _run(
        self, start: Callable[[anyio.abc.TaskGroup, SourceT], Awaitable[None]], source: SourceT
    ) -> None:
        error: BaseException | None = None
        try:
            async with children() as tasks:
                self._tasks = tasks
                if not self._stopped:
                    await start(tasks, source)
        except BaseExceptionGroup as group:
            if group.exceptions != (self._source_error,):
                raise
            error = self._source_error
        error = error or self._stray
        if error is not None:
            raise error

    async def _hire_first(
        self, tasks: anyio.abc.TaskGroup, numbered: Iterator[tuple[int, ItemT]]
    ) -> None:
        self._hired = 1
        tasks.start_soon(self._serve, tasks, numbered)

    async def _serve(
        self, tasks: anyio.abc.TaskGroup, numbered: Iterator[tuple[int, ItemT]]
    ) -> None:
        """The life of a worker: one item after the other, until there are no more."""
        assert self._limit is not None  # noqa: S101 (for the type checker)
        if self._stopped or being_cancelled():  # to pull an item now would be to start its work
            return
        before = copy_context()
        try:
            for index, item in numbered:
                if self._hired < self._limit:
                    self._hired += 1
                    tasks.start_soon(self._serve, tasks, numbered)
                await self._work(index, item)
                if self._stopped:
                    return
                if _changed(before):
                    # Another item must not see what this one set: a worker of fresh mind goes on.
                    self._context.run(tasks.start_soon, self._serve, tasks, numbered)
                    return
                if self._pace.over():
                    await self._pace.rest()
        except BaseException as error:
            self._give_up(error)
            raise

    async def _start_all(
        self, tasks: anyio.abc.TaskGroup, numbered: Iterator[tuple[int, ItemT]]
    ) -> None:
        for index, item in numbered:
            tasks.start_soon(self._serve_one, index, item)
            if self._pace.over():
                await self._pace.rest()

    async def _feed(self, tasks: anyio.abc.TaskGroup, stream: AsyncIterator[ItemT]) -> None:
        room = None if self._limit is None else anyio.Semaphore(self._limit, fast_acquire=True)
        index = 0
        while True:
            if room is not None:
                await room.acquire()
            try:
                item = await anext(stream)
            except StopAsyncIteration:
                return
            except BaseException as error:
                self._source_error = error
                raise
            tasks.start_soon(self._serve_one, index, item, room)
            index += 1
            if self._pace.over():
                await self._pace.rest()

    async def _serve_one(
        self, index: int, item: ItemT, room: anyio.Semaphore | None = None
    ) -> None:
        try:
            await self._work(index, item)
        except BaseException as error:
            self._give_up(error)
            raise
        if room is not None:  # after a failure, there is room for nothing more
            room.release()

    def _numbered(self, source: Iterator[ItemT]) -> Iterator[tuple[int, ItemT]]:
        try:
            yield from enumerate(source)
        except Exception as error:
            self._source_error = error
            raise

    def _give_up(self, error: BaseException) -> None:
        self._stopped = True  # at once; the task group learns of it a turn of the loop later
        if is_stray(error):
            self._stray = error


def _changed(before: Context) -> bool:
    try:
        return copy_context() != before
    except Exception:  # noqa: BLE001 (values that cannot be compared, such as arrays, are two values)
        return True
