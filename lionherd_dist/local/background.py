"""Tasks that serve a block: gone when it is left, and invisible in what is raised from it."""

from types import TracebackType

import anyio
from anyio.abc import TaskGroup


class Background:
    """A task group that is cancelled on leaving; the block's own error comes out as itself.

    An ordinary task group would wrap it in a group. A task of it that fails cancels the block, and
    comes out as an ExceptionGroup, as always.

    No generator: those that nobody leaves are closed by the event loop as it ends, each with words
    of its own. Where a block is left by another task, as in a generator that was dropped, nothing
    can be waited for: what it began then ends with the event loop.
    """

    def __init__(self) -> None:
        self._group, self._owner = anyio.create_task_group(), anyio.get_current_task()

    async def __aenter__(self) -> TaskGroup:
        return await self._group.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if anyio.get_current_task() != self._owner:
            return
        self._group.cancel_scope.cancel()
        if isinstance(error, anyio.get_cancelled_exc_class()):
            await self._group.__aexit__(kind, error, trace)
        else:
            await self._group.__aexit__(None, None, None)
