"""What the workers run."""

import asyncio

from harness import noop

from lionherd_dist import task

double = task(noop.double)


@task
async def echo(payload: bytes) -> bytes:
    return payload


@task
async def hold() -> None:
    """Never ends by itself."""
    await asyncio.Event().wait()
