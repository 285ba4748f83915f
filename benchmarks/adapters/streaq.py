"""streaq; many tasks are submitted at once, and their results read by MGET.

``Task.result`` opens a subscription per task and comes to a third of this: it serves one call at a
time only.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import islice

from harness import noop
from harness.contender import CONCURRENCY, UVLOOP, Place

CHUNK = 200
POLL_S = 0.01
REQUIREMENTS = ("streaq==7.2.0", "coredis==6.9.0", UVLOOP)
SETTING = f"concurrency {CONCURRENCY}, enqueue_many, results by MGET every 10 ms, uvloop"
LOOP = "uvloop"


def _worker(place: Place):
    from streaq import Worker

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        place.ready()
        yield

    return Worker(redis_url=place.url, concurrency=CONCURRENCY, lifespan=lifespan)


async def work(place: Place) -> None:
    worker = _worker(place)
    worker.task(noop.double)
    await worker.run_async()


class StreaqClient:
    def __init__(self, worker) -> None:
        self._worker = worker
        self._task = worker.task(noop.double)

    async def run(self, number: int) -> int:
        task = self._task.enqueue(number)
        await self._worker.enqueue_many([task])
        while not (found := await self._results([task.id])):
            await asyncio.sleep(0.001)
        return found[0][1]

    async def stream(self, numbers: Iterable[int]) -> AsyncIterator[tuple[int, int]]:
        waiting = iter(numbers)
        tasks: dict[str, int] = {}
        more = True
        while tasks or more:
            chunk = [(number, self._task.enqueue(number)) for number in islice(waiting, CHUNK)]
            more = bool(chunk)
            if chunk:
                await self._worker.enqueue_many([task for _, task in chunk])
                tasks |= {task.id: number for number, task in chunk}
            else:
                await asyncio.sleep(POLL_S)
            for key, value in await self._results(list(tasks)[:CHUNK]):
                yield tasks.pop(key), value

    async def _results(self, keys: list[str]) -> list[tuple[str, int]]:
        """``(id, result)`` of those of *keys* that are done."""
        found = await self._worker.redis.mget([self._worker.results_key + key for key in keys])
        return [
            (key, (await self._worker.deserialize(raw))["r"])
            for key, raw in zip(keys, found, strict=True)
            if raw
        ]


@asynccontextmanager
async def open_client(place: Place) -> AsyncIterator[StreaqClient]:
    worker = _worker(place)
    async with worker:
        yield StreaqClient(worker)
