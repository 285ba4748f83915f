"""A task that serves a block which may be entered in one task and left in another.

Cancel scopes and task groups hang on the task that entered them, and only that task can leave them.
So what a block keeps open until it is left lives in a task of its own, the background. The tasks
that enter and leave the block hold nothing of it:

    enter ── starts ──▶ the background: scopes, task groups, whatever serves the block
    body                     │ fails: cancels the task that entered, as asyncio.TaskGroup does
    leave ── cancels ─▶ it ends, and leaving raises its failure, whoever leaves
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from types import TracebackType
from typing import TypeVar

import anyio

from lionherd_dist.home import Home

T = TypeVar("T")


class Background:
    """Runs *work* from the beginning of a block until it is left, in whatever tasks that happens.

    Leaving cancels *work* and waits for its clean-up, which a cancellation of the caller does not
    cut short. If *work* fails before, the task that entered the block is cancelled, as long as it
    runs, *on_failure* is told, and leaving the block raises the failure. An error of the block
    itself comes out as it is, or in one group with the failure.
    """

    def __init__(
        self,
        work: Callable[[], Awaitable[None]],
        *,
        on_failure: Callable[[BaseException], None] | None = None,
    ) -> None:
        self._work, self._on_failure = work, on_failure
        self._home, self._scope = Home(), anyio.CancelScope()
        self._entered_by = asyncio.current_task()
        self._is_left = self._has_cancelled = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin; for blocks that have nothing to wait for."""
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(self._ended)

    def cancel(self) -> None:
        """Begin to stop *work*, without waiting for it; it cannot fail the block any more."""
        self._is_left = True
        self._scope.cancel()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        task = self._task
        if task is None or self.is_forked:  # in a forked process the task is the parent's
            return
        cancelled = None
        if not task.done():
            self._home.check()
            self.cancel()
            cancelled = await _wait_for(task)
        if self._has_cancelled and self._entered_by is not None:
            self._entered_by.uncancel()
        failure = None if task.cancelled() else task.exception()
        self._task = self._entered_by = None
        try:
            if failure is not None:
                raise _combined(error, failure)
            if cancelled is not None:
                raise cancelled()
        finally:
            del task, failure, error  # or they and their tracebacks would keep each other alive

    @property
    def is_forked(self) -> bool:
        """True in a process that was forked from the one in which it began."""
        return self._home.is_forked

    async def wait(self) -> None:
        """Wait until *work* has ended by itself."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        with self._scope:
            if not self._is_left:
                await self._work()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._is_left or task.cancelled():  # cancelled: the event loop ends
            return
        failure = task.exception()
        if failure is None:
            return
        if self._entered_by is not None and not self._entered_by.done():
            self._has_cancelled = self._entered_by.cancel()
        if self._on_failure is not None:
            self._on_failure(failure)


async def finish(work: Coroutine[object, object, T]) -> T:
    """The result of *work*, run to its end in a task of its own, whatever cancels the caller.

    The cancellation is raised after that. For clean-up: *work* has to be bounded.
    """
    task = asyncio.get_running_loop().create_task(work)
    cancelled = await _wait_for(task)
    if cancelled is not None:
        raise cancelled()
    return task.result()


async def _wait_for(task: asyncio.Task[T]) -> Callable[[], asyncio.CancelledError] | None:
    """Wait for the end of *task*; what makes the like of a cancellation that came meanwhile."""
    cancelled = None
    with anyio.CancelScope(shield=True):  # anyio's would come again and again until the end
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError as error:
                cancelled = partial(asyncio.CancelledError, *error.args)
    return cancelled


def _combined(error: BaseException | None, failure: BaseException) -> BaseException:
    """What a block ends in that was served by what failed."""
    if error is None or isinstance(error, asyncio.CancelledError | GeneratorExit):
        return failure
    return BaseExceptionGroup("the block failed, and so did what served it", [error, failure])
