"""Dask's Semaphore. Its scheduler is in the first process; no Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from harness.contender import UVLOOP, Place
from limiting.contender import Entering

REQUIREMENTS = ("distributed==2026.8.0", "dask==2026.8.0", "msgpack==1.2.4", UVLOOP)
SETTING = "tcp, scheduler in the first process, one Semaphore per process"
MOST = None


@asynccontextmanager
async def open_limiter(place: Place, total: int) -> AsyncIterator[Entering]:
    from distributed import Client, Scheduler, Semaphore

    path = Path(place.directory) / "scheduler.json"
    async with AsyncExitStack() as stack:
        if place.number == 0:
            scheduler = Scheduler(
                host="127.0.0.1", port=0, dashboard=False, scheduler_file=str(path)
            )
            await stack.enter_async_context(scheduler)
        while not path.exists():
            await asyncio.sleep(0.01)
        client = await stack.enter_async_context(
            Client(scheduler_file=str(path), asynchronous=True)
        )
        semaphore = await Semaphore(
            max_leases=total, name="bench", scheduler_rpc=client.scheduler, loop=client.loop
        )
        yield lambda: semaphore
