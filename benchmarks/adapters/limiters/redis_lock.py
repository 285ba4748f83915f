"""redis-py's Lock: one holder, and a waiter asks again and again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harness.contender import REDIS, UVLOOP, Place
from limiting.contender import Entering

POLL_S = 0.005  # its default of 0.1 s is slower where several wait
REQUIREMENTS = (*REDIS, UVLOOP)
SETTING = f"limit 1 is all it has; asks every {POLL_S * 1000:g} ms, lock times out after 30 s"
MOST = 1


@asynccontextmanager
async def open_limiter(place: Place, total: int) -> AsyncIterator[Entering]:
    from redis.asyncio import Redis

    assert total == 1
    async with Redis.from_url(place.url, max_connections=400) as redis:
        yield lambda: redis.lock("bench", timeout=30, sleep=POLL_S)
