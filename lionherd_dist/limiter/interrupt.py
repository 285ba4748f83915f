"""Cancels the task of a block whose token is lost, until the block is left.

A cancel scope of anyio does not serve here: a task has to leave its scopes itself, the last one
first. A block of a limiter may be left in another task than the one that entered it, and after
scopes that were entered before it (``with anyio.fail_after(5): await stack.enter_async_context(
limiter)``). So nothing is noted in the task; what an interrupt does is what a scope would do:

- It cancels at every await, not once. (Every ``AGAIN_S``: a task that waits for something that
  cannot be cancelled is not cancelled 100,000 times in a second.)
- Scopes with ``shield=True`` inside the block are waited for.
- A result that has arrived at the task is not thrown away.
- The cancellations are taken back when the block is left (``Task.uncancel``).
"""

import asyncio
import math
from collections.abc import Iterator

import anyio
from anyio._backends import _asyncio

AGAIN_S = 0.01
# anyio tells nobody in which scopes another task is. Where a later anyio has no such table, shields
# do not hold an interrupt up.
_STATES = getattr(_asyncio, "_task_states", {})


def _scopes(task: "asyncio.Task[object]") -> Iterator[anyio.CancelScope]:
    """The scopes in which *task* is, the innermost first."""
    yield from _and_around(getattr(_STATES.get(task), "cancel_scope", None))


def _and_around(scope: anyio.CancelScope | None) -> Iterator[anyio.CancelScope]:
    while scope is not None:
        yield scope
        scope = getattr(scope, "_parent_scope", None)


class Interrupt:
    """Made by *task*, as it enters the block; nothing happens until ``start``."""

    __slots__ = ("_before", "_count", "_handle", "_outside", "_task")

    def __init__(self, task: "asyncio.Task[object]") -> None:
        self._task, self._before = task, task.cancelling()
        state = _STATES.get(task)
        self._outside = None if state is None else state.cancel_scope
        self._count = 0
        self._handle: asyncio.Handle | None = None

    def start(self) -> None:
        """Cancel the task as soon as it can be, and again until ``end``."""
        task = self._task
        if task.done():
            return
        loop = task.get_loop()
        if self._can_be_cancelled(asyncio.current_task(loop)):
            task.cancel("a token of a limiter is lost")
            self._count += 1
        self._handle = loop.call_later(AGAIN_S, self.start)

    def _can_be_cancelled(self, current: "asyncio.Task[object] | None") -> bool:
        if self._task is current:
            return False
        waiter = getattr(self._task, "_fut_waiter", None)
        if isinstance(waiter, asyncio.Future) and waiter.done():
            return False  # it goes on in a moment, with what it waited for
        outside = set(_and_around(self._outside))
        return not any(scope.shield for scope in _scopes(self._task) if scope not in outside)

    def end(self, error: BaseException | None) -> bool:
        """Cancel no more; True if *error* ends the block for no other reason than this."""
        if self._handle is not None:
            self._handle.cancel()
        task, count, self._count = self._task, self._count, 0
        for _ in range(count):
            task.uncancel()
        return (
            count > 0
            and isinstance(error, asyncio.CancelledError)
            and asyncio.current_task() is task
            and task.cancelling() <= self._before
            and anyio.current_effective_deadline() != -math.inf
        )
