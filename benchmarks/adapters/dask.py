"""dask.distributed; the scheduler in the client's process, as a LocalCluster has it. No Redis."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from harness.contender import UVLOOP, Place
from harness.noop import double_now

THREADS = 16
REQUIREMENTS = ("distributed==2026.8.0", "dask==2026.8.0", "msgpack==1.2.4", UVLOOP)
SETTING = f"{THREADS} threads, worker-saturation inf, tcp, scheduler in the client"
LOOP = "uvloop"


def _file(place: Place) -> str:
    return str(Path(place.directory) / "scheduler.json")


async def work(place: Place) -> None:
    from distributed import Worker

    place.ready()  # it takes calls once the client has brought the scheduler
    while not Path(_file(place)).exists():
        await asyncio.sleep(0.01)
    async with Worker(
        scheduler_file=_file(place),
        nthreads=THREADS,
        host="127.0.0.1",
        dashboard=False,
        local_directory=place.directory,
    ) as worker:
        await worker.finished()


class DaskClient:
    def __init__(self, client) -> None:
        self._client = client

    async def run(self, number: int) -> int:
        return await self._client.submit(double_now, number, pure=False)

    async def stream(self, numbers: Iterable[int]) -> AsyncIterator[tuple[int, int]]:
        from distributed import as_completed

        numbers = list(numbers)
        futures = self._client.map(double_now, numbers, pure=False)
        number_of = dict(zip(futures, numbers, strict=True))
        async for future, value in as_completed(futures, with_results=True):
            yield number_of[future], value


@asynccontextmanager
async def open_client(place: Place) -> AsyncIterator[DaskClient]:
    import dask
    from distributed import Client, Scheduler

    dask.config.set({"distributed.scheduler.worker-saturation": "inf"})
    async with (
        Scheduler(host="127.0.0.1", port=0, dashboard=False, scheduler_file=_file(place)) as there,
        Client(there.address, asynchronous=True) as client,
    ):
        await client.wait_for_workers(place.workers)
        yield DaskClient(client)
