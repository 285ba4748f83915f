"""Task groups: no task outlives the block that started it."""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, TypeVarTuple, cast

import anyio
import anyio.abc

from lionherd_dist.local.awaitables import check_function
from lionherd_dist.local.owner import Owner

Ts = TypeVarTuple("Ts")


class TaskGroup:
    """What ``create_task_group`` gives: tasks that end with its block.

    Attributes:
        cancel_scope: the scope around all of its tasks.
    """

    __slots__ = ("_tg",)

    def __init__(self, tg: anyio.abc.TaskGroup) -> None:
        self._tg = tg

    @property
    def cancel_scope(self) -> anyio.CancelScope:
        """The scope around the block and all of its tasks; cancel it to stop them."""
        return self._tg.cancel_scope

    def start_soon(
        self, func: Callable[[*Ts], Awaitable[object]], *args: *Ts, name: str | None = None
    ) -> None:
        """Start ``func(*args)`` as a task and go on at once."""
        check_function("func", func)
        # anyio takes coroutine functions only, and checks it itself.
        function = cast("Callable[[*Ts], Coroutine[Any, Any, object]]", func)
        self._tg.start_soon(function, *args, name=name)

    async def start(
        self, func: Callable[..., Awaitable[object]], *args: object, name: str | None = None
    ) -> object:
        """Start ``func(*args, task_status=…)`` and return what it gives to ``task_status.started``.

        An error before that is raised here.
        """
        check_function("func", func)
        function = cast("Callable[..., Coroutine[Any, Any, object]]", func)
        return await self._tg.start(function, *args, name=name)


def create_task_group() -> AbstractAsyncContextManager[TaskGroup]:
    """A block that waits for the tasks started in it, and cancels them if one of them fails.

    Failures, the block's own included, are raised together as an ExceptionGroup. The task that
    entered the block is the one to leave it. Left in another task, it cancels the tasks started in
    it and raises a RuntimeError that says so.
    """
    return _Block()


class _Block(AbstractAsyncContextManager[TaskGroup]):
    def __init__(self) -> None:
        self._tg = anyio.create_task_group()

    async def __aenter__(self) -> TaskGroup:
        self._owner = Owner()
        await self._tg.__aenter__()
        return TaskGroup(self._tg)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        if not self._owner.is_current:
            self._tg.cancel_scope.cancel()
            raise self._owner.refusal("this task group")
        return await self._tg.__aexit__(exc_type, exc, traceback)
