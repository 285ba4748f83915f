"""pydocket; its default check interval of 250 ms would hold a worker to 400 tasks/s."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta

from harness import noop
from harness.contender import CONCURRENCY, REDIS, UVLOOP, Place
from harness.flow import submitted_and_collected

REQUIREMENTS = ("pydocket==0.27.0", *REDIS, UVLOOP)
SETTING = f"concurrency {CONCURRENCY}, minimum_check_interval 10 ms, 400 connections, uvloop"
LOOP = "uvloop"


def _docket(place: Place):
    from docket import Docket

    docket = Docket(name="bench", url=f"{place.url}?max_connections=400")
    docket.register(noop.double)
    return docket


async def work(place: Place) -> None:
    from docket import Worker

    async with (
        _docket(place) as docket,
        Worker(
            docket,
            concurrency=CONCURRENCY,
            minimum_check_interval=timedelta(milliseconds=10),
        ) as worker,
    ):
        place.ready()
        await worker.run_forever()


class DocketClient:
    def __init__(self, docket) -> None:
        self._docket = docket

    async def run(self, number: int) -> int:
        return await (await self._submit(number)).get_result()

    def stream(self, numbers: Iterable[int]) -> AsyncIterator[tuple[int, int]]:
        return submitted_and_collected(self._submit, self._result, numbers)

    async def _submit(self, number: int):
        return await self._docket.add(noop.double)(number)  # each add is a key of its own

    async def _result(self, execution) -> int:
        await execution.sync()  # if it is done already, that saves a subscription
        return await execution.get_result()


@asynccontextmanager
async def open_client(place: Place) -> AsyncIterator[DocketClient]:
    async with _docket(place) as docket:
        yield DocketClient(docket)
