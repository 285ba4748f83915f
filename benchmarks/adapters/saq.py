"""saq; results by its own ``map``, which reads those of many jobs at once, polled at 20 ms.

``Job.refresh`` would wait instead of polling, but may miss the end of a job that is over fast.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from harness import noop
from harness.contender import CONCURRENCY, REDIS, UVLOOP, Place

LOOK = 100  # jobs read at once: the oldest, as the others cannot be done yet
POLL_S = 0.02
SINGLE_POLL_S = 0.001
REQUIREMENTS = ("saq==0.26.4", *REDIS, UVLOOP, "typing_extensions==4.16.0")
SETTING = f"concurrency {CONCURRENCY}, 400 connections, poll_interval 20 ms (1 ms alone), uvloop"
LOOP = "uvloop"


async def double(ctx: dict[str, object], *, number: int) -> int:
    return await noop.double(number)


def _queue(place: Place):
    from redis.asyncio import Redis
    from saq.queue.redis import RedisQueue

    return RedisQueue(Redis.from_url(place.url, max_connections=400), max_concurrent_ops=100)


async def work(place: Place) -> None:
    from saq import Worker

    async def startup(ctx: dict[str, object]) -> None:
        place.ready()

    queue = _queue(place)
    worker = Worker(queue, [("double", double)], concurrency=CONCURRENCY, startup=startup)
    await worker.start()


class SaqClient:
    def __init__(self, queue) -> None:
        self._queue = queue

    async def run(self, number: int) -> int:
        return await self._queue.apply("double", number=number, poll_interval=SINGLE_POLL_S)

    async def stream(self, numbers: Iterable[int]) -> AsyncIterator[tuple[int, int]]:
        """Jobs in hand by key; all that ended since the last look are given."""
        waiting = iter(numbers)
        jobs: dict[str, int] = {}

        async def submit() -> None:
            for number in waiting:
                job = await self._queue.enqueue("double", number=number)
                jobs[job.key] = number

        submitting = [asyncio.ensure_future(submit()) for _ in range(100)]
        try:
            while jobs or not all(one.done() for one in submitting):
                keys = list(jobs)[:LOOK]
                found = await self._queue.jobs(keys) if keys else []
                done = [job for job in found if job.completed]
                for job in done:
                    yield jobs.pop(job.key), job.result
                if len(done) < LOOK:
                    await asyncio.sleep(POLL_S)
        finally:
            for one in submitting:
                one.cancel()


@asynccontextmanager
async def open_client(place: Place) -> AsyncIterator[SaqClient]:
    queue = _queue(place)
    await queue.connect()
    try:
        yield SaqClient(queue)
    finally:
        await queue.disconnect()
