"""This project, as its users write it."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager

from cluster_parts.noop import noop
from lionherd_dist import Cluster, Worker


class OurClient:
    """The three operations that are measured, over a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def run(self, number: int) -> int:
        return await self._cluster.run(noop.call(number))

    async def stream(
        self, numbers: Iterable[int], *, limit: int | None = None
    ) -> AsyncGenerator[tuple[int, int], None]:
        calls = map(noop.call, numbers)
        async with self._cluster.completion_stream(calls, limit=limit) as outcomes:
            async for outcome in outcomes:
                yield outcome

    async def bounded_map(self, count: int, *, limit: int) -> list[int]:
        return await self._cluster.bounded_map(noop, range(count), limit=limit)


@asynccontextmanager
async def open_client(url: str) -> AsyncIterator[OurClient]:
    async with Cluster(url) as cluster:
        yield OurClient(cluster)


def new_worker(url: str, concurrency: int) -> Worker:
    return Worker("cluster_parts.noop", redis=url, concurrency=concurrency)
