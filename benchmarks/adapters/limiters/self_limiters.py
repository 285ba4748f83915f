"""self-limiters: a list of tokens and BLPOP, in Rust with a pool of connections."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harness.contender import UVLOOP, Place
from limiting.contender import Entering

REQUIREMENTS = ("self-limiters==0.4.0", UVLOOP)
SETTING = "one semaphore per process, as a token is a matter of the server's list only"
MOST = None


@asynccontextmanager
async def open_limiter(place: Place, total: int) -> AsyncIterator[Entering]:
    from self_limiters import Semaphore

    semaphore = Semaphore(name="bench", capacity=total, redis_url=f"redis+{place.url}")
    yield lambda: semaphore
