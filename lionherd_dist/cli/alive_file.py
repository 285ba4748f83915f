"""A file that is young while a worker lives: what a health check looks at, at no cost to anyone."""

from pathlib import Path

import anyio

from lionherd_dist.runtime.worker import Worker

TOUCH_EVERY_S = 1.0


async def show_life(worker: Worker, path: Path) -> None:
    """Touch *path* each second while *worker* is alive; in the event loop, which so shows itself.

    Raises:
        OSError: it cannot be written.
    """
    while True:
        if worker.is_alive:
            path.touch()  # noqa: ASYNC240 (short, and no thread for it may be free)
        await anyio.sleep(TOUCH_EVERY_S)
