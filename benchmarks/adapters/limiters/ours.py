"""This project, as its users write it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harness.contender import REDIS, UVLOOP, Place
from limiting.contender import Entering

from lionherd_dist import Cluster, Settings

REQUIREMENTS = (*REDIS, "msgpack==1.2.4", "anyio==4.16.0", UVLOOP)
SETTING = "one limiter for all coroutines of a process"
MOST = None


@asynccontextmanager
async def open_limiter(place: Place, total: int) -> AsyncIterator[Entering]:
    # The server is new: no tokens of an earlier life have to be waited for.
    async with Cluster(place.url, settings=Settings(fresh_server=True)) as cluster:
        limiter = cluster.capacity_limiter("bench", total)
        yield lambda: limiter
