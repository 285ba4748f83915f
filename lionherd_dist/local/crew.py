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

from lionherd_dist.local.children import Children
from lionherd_dist.local.errors import being_cancelled
from lionherd_dist.local.pace import Pace
from lionherd_dist.local.unstarted import close_rest

ItemT = TypeVar("ItemT")


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
        self._workers = Children()
        self._context = copy_context()
        self._pace = Pace()
        self._source_error: Exception | None = None

    def stop(self) -> None:
        """Cancel all work; ``run`` then ends without an error once its clean-up is done."""
        self._workers.stop()

    def refuse(self, error: Exception) -> Exception:
        """*error*, to be raised by the work; ``run`` then raises it as itself, if it is alone."""
        self._source_error = error
        return error

    async def run(self) -> None:
        """Return when all work is done; if some fails, cancel the rest and wait for it first.

        Raises an ExceptionGroup of the failures, or as itself the only one that is an error of the
        source or was refused. What is left in the source is closed, after all work has ended.
        """
        try:
            if isinstance(self._items, AsyncIterable):
                await self._run_async(aiter(self._items))
            else:
                await self._run_sync(iter(self._items))
        except BaseExceptionGroup as group:
            if self._source_error is None or group.exceptions != (self._source_error,):
                raise
            error = self._source_error
        else:
            return
        raise error  # outside of the handler: the group is no context of it

    async def _run_sync(self, source: Iterator[ItemT]) -> None:
        numbered = self._numbered(source)
        try:
            async with self._workers:
                if self._limit is None:
                    await self._start_all(numbered)
                else:
                    self._hire(numbered, self._limit)
        finally:
            close_rest(source)

    async def _run_async(self, stream: AsyncIterator[ItemT]) -> None:
        try:
            async with self._workers:
                await self._feed(stream)
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()

    def _hire(self, numbered: Iterator[tuple[int, ItemT]], limit: int) -> None:
        self._hired += 1
        self._workers.start(self._serve, numbered, limit)

    async def _serve(self, numbered: Iterator[tuple[int, ItemT]], limit: int) -> None:
        """The life of a worker: one item after the other, until there are no more."""
        while self._pace.over():  # and not if: several may want an item of a slow source at once
            await self._pace.rest()
        if self._workers.stopping() or being_cancelled():
            return  # to pull an item now would be to start its work
        before = copy_context()
        try:
            for index, item in numbered:
                if self._hired < limit:
                    self._hire(numbered, limit)
                await self._work(index, item)
                if self._workers.stopping():
                    return
                if _changed(before):
                    # Another item must not see what this one set: a fresh worker goes on.
                    self._hired -= 1
                    self._context.run(self._hire, numbered, limit)
                    return
                while self._pace.over():
                    await self._pace.rest()
        except BaseException as error:
            if not self._workers.took(error):
                raise

    async def _start_all(self, numbered: Iterator[tuple[int, ItemT]]) -> None:
        try:
            for index, item in numbered:
                self._workers.start(self._serve_one, index, item)
                if self._pace.over():
                    await self._pace.rest()
        except Exception as error:  # noqa: BLE001 (taken as a failure, and raised by run)
            self._workers.took(error)

    async def _feed(self, stream: AsyncIterator[ItemT]) -> None:
        room = None if self._limit is None else anyio.Semaphore(self._limit, fast_acquire=True)
        index = 0
        while not self._workers.stopping():
            if room is not None:
                await room.acquire()
            try:
                item = await anext(stream)
            except StopAsyncIteration:
                return
            except Exception as error:  # noqa: BLE001 (taken as a failure, and raised by run)
                self._source_error = error
                self._workers.took(error)
                return
            self._workers.start(self._serve_one, index, item, room)
            index += 1
            if self._pace.over():
                await self._pace.rest()

    async def _serve_one(
        self, index: int, item: ItemT, room: anyio.Semaphore | None = None
    ) -> None:
        try:
            await self._work(index, item)
        except BaseException as error:
            if not self._workers.took(error):
                raise
        else:
            if room is not None:  # after a failure, there is room for nothing more
                room.release()

    def _numbered(self, source: Iterator[ItemT]) -> Iterator[tuple[int, ItemT]]:
        try:
            yield from enumerate(source)
        except Exception as error:
            self._source_error = error
            raise


def _changed(before: Context) -> bool:
    try:
        return copy_context() != before
    except Exception:  # noqa: BLE001 (values that cannot be compared, such as arrays, are two values)
        return True
