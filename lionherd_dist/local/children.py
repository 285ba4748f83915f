"""The task group beneath every pattern: failing fast, and telling failures from cancellations."""

from asyncio import Future
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar, TypeVarTuple, cast

import anyio
import anyio.abc
import anyio.lowlevel

from lionherd_dist.local.errors import (
    failure_in,
    is_only_cancellation,
    is_stray,
    non_cancel_subgroup,
)
from lionherd_dist.local.futures import Futures

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

Note: TypeAlias = Callable[[BaseException], None]  # adds to an exception what is known of it


class Children:
    """Tasks that end with their block, which raises an ExceptionGroup of what ``took`` was told.

    The group holds failures just as they were raised, never cancellations. If the caller is being
    cancelled, that wins over any failure, and nothing starts any more.

    Attributes:
        stopping: True once something failed, or ``stop`` was called.
    """

    stopping: bool

    __slots__ = ("_cut_off", "_failures", "_futures", "_stray", "_tasks", "stopping")

    def __init__(self) -> None:
        self._failures: list[BaseException] = []
        self._futures = Futures()
        self._cut_off = False
        self._stray: BaseException | None = None
        self.stopping = False
        self._tasks: anyio.abc.TaskGroup | None = None

    def start(self, func: Callable[[*Ts], Awaitable[None]], *args: *Ts) -> None:
        """Start ``func(*args)`` as a task."""
        assert self._tasks is not None  # noqa: S101 (inside the block only)
        self._tasks.start_soon(cast("Callable[[*Ts], Coroutine[Any, Any, None]]", func), *args)

    def stop(self) -> None:
        """Cancel all tasks and the block; before the block is entered, as soon as it is."""
        self.stopping = True
        if self._tasks is not None:
            self._tasks.cancel_scope.cancel()

    def took(self, error: BaseException, note: Note | None = None) -> bool:
        """True if the task that ended in *error* is to end now; if not, it raises *error*.

        A failure, given to *note* first, is raised by the block, and cancels the other tasks. A
        cancellation is the whole block's, which raises its own: asyncio's task group would keep the
        frames of each task that ends in one, for as long as the garbage collector does not run.
        """
        failure = failure_in(error)
        if failure is not None:
            if note is not None:
                note(failure)
            self._failures.append(failure)
        elif is_stray(error):
            self._stray = error
        else:
            return self.is_cut_off(error)
        self.stop()
        return True

    def is_cut_off(self, error: BaseException) -> bool:
        """True if *error* is a cancellation: the block raises its own, if it was from outside."""
        if not is_only_cancellation(error):
            return False
        self._cut_off = True
        return True

    def guarded(self, aw: Awaitable[T]) -> Awaitable[T]:
        """What a task here is to await to get the result of *aw*: itself, unless it is a future."""
        return self._futures.guarded(aw)

    async def give_up(self, futures: Iterable["Future[Any]"]) -> None:
        """Cancel *futures*, each once, and wait until they have ended."""
        await self._futures.give_up(futures)

    async def __aenter__(self) -> Self:
        await anyio.lowlevel.checkpoint_if_cancelled()
        self._tasks = await anyio.create_task_group().__aenter__()
        if self.stopping:
            self.stop()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        try:
            return await self._leave(exc_type, exc, traceback)
        finally:
            # No ring of error, traceback and what the frames in it hold.
            self._failures, self._stray = [], None
            del exc, traceback

    async def _leave(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        assert self._tasks is not None  # noqa: S101 (the block was entered)
        swallowed: bool | None = False
        try:
            swallowed = await self._tasks.__aexit__(exc_type, exc, traceback)
        except BaseExceptionGroup as group:
            # What was not taken, such as a KeyboardInterrupt, or failed in the block itself.
            await anyio.lowlevel.checkpoint_if_cancelled()
            rest = non_cancel_subgroup(group)
            if rest is None:
                raise
            self._failures.extend(rest.exceptions)
            del rest
        finally:
            del exc, traceback
        if self._cut_off or self._failures or self._stray:
            await anyio.lowlevel.checkpoint_if_cancelled()
        if self._failures:
            raise BaseExceptionGroup("concurrent work failed", self._failures) from None
        if self._stray is not None:
            raise self._stray
        return swallowed
