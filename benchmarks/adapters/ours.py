"""This project, as its users write it."""

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager

from harness import noop
from harness.contender import CONCURRENCY, REDIS, UVLOOP, Place

from lionherd_dist import Cluster, Worker, task
from lionherd_dist.store.connection import Connection

REQUIREMENTS = (*REDIS, "msgpack==1.2.4", "anyio==4.16.0", UVLOOP)
SETTING = f"concurrency {CONCURRENCY}, uvloop"
LOOP = "uvloop"
BARE = "return ARGV[1] * 2"  # costs the server next to nothing

double = task(noop.double)


async def work(place: Place) -> None:
    worker = Worker(sys.modules[__name__], redis=place.url, concurrency=CONCURRENCY)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    await worker.run(on_ready=place.ready)


class OurClient:
    """The operations that are measured, over a cluster."""

    def __init__(self, cluster: Cluster, connection: Connection, script: str) -> None:
        self._cluster, self._connection, self._script = cluster, connection, script

    async def run(self, number: int) -> int:
        return await self._cluster.run(double.call(number))

    async def stream(
        self, numbers: Iterable[int], *, limit: int | None = None
    ) -> AsyncGenerator[tuple[int, int], None]:
        calls = map(double.call, numbers)
        async with self._cluster.completion_stream(calls, limit=limit) as outcomes:
            async for outcome in outcomes:
                yield outcome

    def chain(self, numbers: Iterable[int]) -> AsyncIterator[tuple[int, int]]:
        return self.stream(numbers, limit=1)

    async def script(self, number: int) -> int:
        reply = await self._connection.call("EVALSHA", self._script, 0, number)
        assert isinstance(reply, int)
        return reply


@asynccontextmanager
async def open_client(place: Place) -> AsyncIterator[OurClient]:
    connection = Connection(place.url, name="bare")
    script = await connection.call("SCRIPT", "LOAD", BARE)
    assert isinstance(script, bytes)
    try:
        async with Cluster(place.url) as cluster:
            yield OurClient(cluster, connection, script.decode())
    finally:
        await connection.close()
