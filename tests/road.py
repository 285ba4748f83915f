"""A worker in the test's own process and a job whose every outcome is checked."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import tasks

from lionherd_dist import Cluster, Settings, Worker

CALLS = 200


@asynccontextmanager
async def working(url: str, settings: Settings, *, slots: int = 20) -> AsyncIterator[Worker]:
    """A worker that takes calls, until the block is left; it must then end by itself."""
    worker = Worker(tasks, redis=url, concurrency=slots, settings=settings)
    ready = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: worker.run(on_ready=ready.set))
        with anyio.fail_after(20):
            await ready.wait()
        yield worker
        worker.stop()


async def nothing(_: int) -> None:
    """What happens to a job when nothing does."""


async def collect(
    cluster: Cluster,
    *,
    at: Callable[[int], Awaitable[None]] = nothing,
    calls: int = CALLS,
    within_s: float = 30,
) -> int:
    """Run a job of *calls* and check every outcome; how many of them came more than once.

    *at* is called with the number of outcomes so far, each time that there is one more.
    """
    stage = tasks.new_stage()
    got: list[int] = []
    with anyio.fail_after(within_s):
        async with cluster.completion_stream(
            map(tasks.brief.call, range(calls)), limit=50
        ) as stream:
            async for index, result in stream:
                assert index == result
                got.append(index)
                await at(len(got))
            duplicates = stream._job.duplicates
    assert sorted(got) == list(range(calls))
    assert set(Counter(stage.started)) == set(range(calls))
    return duplicates
