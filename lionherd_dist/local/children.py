"""The task group beneath every pattern: failing fast, and telling failures from cancellations."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.abc
import anyio.lowlevel

from lionherd_dist.local.errors import non_cancel_subgroup


@asynccontextmanager
async def children() -> AsyncIterator[anyio.abc.TaskGroup]:
    """A task group that raises the real failures of its tasks, never cancellations among them.

    If the caller is being cancelled, that wins over any failure, and nothing starts any more.
    """
    await anyio.lowlevel.checkpoint_if_cancelled()
    try:
        async with anyio.create_task_group() as tasks:
            yield tasks
    except BaseExceptionGroup as group:
        await anyio.lowlevel.checkpoint_if_cancelled()
        failures = non_cancel_subgroup(group)
        if failures is None or failures is group:
            raise
        raise failures from None
