"""steindamm, the successor of redis-rate-limiters: a list of tokens and BLPOP over redis-py."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harness.contender import REDIS, UVLOOP, Place
from limiting.contender import Entering

CONNECTIONS = 400  # each waiter blocks one
REQUIREMENTS = ("steindamm==0.11.1", *REDIS, UVLOOP)
SETTING = f"up to {CONNECTIONS} connections per process"
MOST = None


@asynccontextmanager
async def open_limiter(place: Place, total: int) -> AsyncIterator[Entering]:
    from redis.asyncio import Redis
    from steindamm import AsyncSemaphore

    async with Redis.from_url(place.url, max_connections=CONNECTIONS) as redis:
        semaphore = AsyncSemaphore.create(name="bench", capacity=total, connection=redis)
        yield lambda: semaphore
