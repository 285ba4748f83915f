"""The task group beneath every pattern: failing fast, and telling failures from cancellations."""

from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVarTuple, cast

import anyio
import anyio.abc
import anyio.lowlevel

from lionherd_dist.local.errors import failure_in, is_stray, non_cancel_subgroup

Ts = TypeVarTuple("Ts")


class Children:
    """Tasks that end with their block, which raises an ExceptionGroup of what ``took`` was told.

    The group holds failures just as they were raised, never cancellations. If the caller is being
    cancelled, that wins over any failure, and nothing starts any more.
    """

    __slots__ = ("_failures", "_stopped", "_stray", "_tasks")

    def __init__(self) -> None:
        self._failures: list[BaseException] = []
        self._stray: BaseException | None = None
        self._stopped = False
        self._tasks: anyio.abc.TaskGroup | None = None

    def start(self, func: Callable[[*Ts], Awaitable[None]], *args: *Ts) -> None:
        """Start ``func(*args)`` as a task."""
        assert self._tasks is not None  # noqa: S101 (inside the block only)
        self._tasks.start_soon(cast("Callable[[*Ts], Coroutine[Any, Any, None]]", func), *args)

    def stop(self) -> None:
        """Cancel all tasks and the block; before the block is entered, as soon as it is."""
        self._stopped = True
        if self._tasks is not None:
            self._tasks.cancel_scope.cancel()

    def stopping(self) -> bool:
        """True once something failed, or ``stop`` was called."""
        return self._stopped

    def took(self, error: BaseException) -> bool:
        """True if *error* is noted as a failure, and the others are cancelled; if not, raise it."""
        failure = failure_in(error)
        if failure is not None:
            self._failures.append(failure)
        elif is_stray(error):
            self._stray = error
        else:
            return False
        self.stop()
        return True

    async def __aenter__(self) -> Self:
        await anyio.lowlevel.checkpoint_if_cancelled()
        self._tasks = await anyio.create_task_group().__aenter__()
        if self._stopped:
            self.stop()
        return self

    async def __aexit__(
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
        if self._failures or self._stray:
            await anyio.lowlevel.checkpoint_if_cancelled()
        try:
            if self._failures:
                raise BaseExceptionGroup("concurrent work failed", self._failures) from None
            if self._stray is not None:
                raise self._stray
        finally:
            self._failures, self._stray = [], None  # no ring of error, traceback and self
        return swallowed
