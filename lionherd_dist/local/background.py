"""Tasks that serve a block: gone when it is left, and invisible in what is raised from it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup


@asynccontextmanager
async def background() -> AsyncIterator[TaskGroup]:
    """A task group that is cancelled on leaving; the block's own error comes out as itself.

    An ordinary task group would wrap it in a group. A task of it that fails cancels the block, and
    comes out as an ExceptionGroup, as always.
    """
    group = anyio.create_task_group()
    await group.__aenter__()
    try:
        yield group
    except anyio.get_cancelled_exc_class() as error:
        group.cancel_scope.cancel()
        await group.__aexit__(type(error), error, error.__traceback__)
        raise
    except BaseException:
        group.cancel_scope.cancel()
        await group.__aexit__(None, None, None)
        raise
    else:
        group.cancel_scope.cancel()
        await group.__aexit__(None, None, None)
