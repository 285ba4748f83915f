"""A submitted job, and a server that lost the end of its log while the job was being read."""

from collections import Counter
from contextlib import suppress
from functools import partial

import anyio
import pytest
import tasks
from helpers import wait_until
from own_server import KEEPING, OwnServer, own_server
from road import working

from lionherd_dist import Cluster, JobLostError, JobNotFoundError, JobTakenError, Settings
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys

pytestmark = pytest.mark.anyio

CALLS = 120
TORN_AT = 40  # outcomes that were given by then
QUICK = Settings(namespace="torn", session_s=1)
KEYS = Keys("torn")
LOST = (JobLostError, JobNotFoundError)


class Reading:
    """What a consumer was given, in the lives of the server before and after the loss.

    Attributes:
        given: how often each index was given.
        acknowledged: those that it was done with, as far as it was told.
        again: those given although they had been acknowledged since the loss.
    """

    def __init__(self) -> None:
        self.given: Counter[int] = Counter()
        self.acknowledged: set[int] = set()
        self.again: list[int] = []
        self._last: int | None = None

    def take(self, index: int, result: object) -> None:
        """The next outcome was given, and with it the one before acknowledged."""
        assert result == 2 * index
        if self._last is not None:
            self.acknowledged.add(self._last)
        if index in self.acknowledged:
            self.again.append(index)
        self.given[index] += 1
        self._last = index

    def forget(self) -> None:
        """The server lost its end: what was acknowledged may come again, once."""
        self.acknowledged = set()


async def read(cluster: Cluster, job: str, reading: Reading, upto: int) -> bool:
    """Read on until *upto* were given in all; True at the end of the job.

    A stream that was held dead is entered again, as a program would.
    """
    while True:
        reading._last = None
        try:
            async with cluster.attach(job) as stream:
                async for index, result in stream:
                    reading.take(index, result)
                    if reading.given.total() >= upto:
                        return False
                return True
        except JobTakenError:
            await anyio.sleep(0.05)


async def tear(server: OwnServer, lost_bytes: int) -> None:
    await server.kill()
    server.tear_log(lost_bytes)
    await server.start()


@pytest.mark.parametrize("lost_bytes", [1, 60, 300, 1_000, 3_000, 10_000, 30_000, 100_000])
@pytest.mark.parametrize("attached", [True, False])
async def test_a_reader_goes_on_after_a_torn_log(lost_bytes: int, *, attached: bool) -> None:
    """Every outcome is given, none again but what the loss itself made forgotten; or it is lost.

    Whether the reader was at it all the while, or comes anew.
    """
    reading = Reading()
    async with (
        own_server(*KEEPING) as server,
        working(server.url, QUICK, slots=5),
        Cluster(server.url, settings=QUICK) as cluster,
    ):
        job = await cluster.submit(map(tasks.double.call, range(CALLS)), limit=10)
        ended = False
        with anyio.fail_after(40):
            try:
                if attached:
                    ended = await read_through(cluster, job, reading, server, lost_bytes)
                else:
                    await read(cluster, job, reading, TORN_AT)
                    reading.forget()
                    await tear(server, lost_bytes)
                if not ended:
                    await read(cluster, job, reading, 10 * CALLS)
            except LOST:
                pass
            else:
                assert set(reading.given) == set(range(CALLS))
        assert reading.again == []
        await cluster.cancel(job)
        with anyio.fail_after(20):
            with suppress(JobLostError):  # the server may have forgotten the session, too
                await cluster.run(tasks.double.call(1))
            assert await cluster.run(tasks.double.call(2)) == 4
        await wait_until(partial(no_key_of_a_job, server.url), description="no key is left")


@pytest.mark.parametrize("lost_bytes", [1, 300, 1_200])
async def test_a_row_of_calls_goes_on_after_a_torn_log(lost_bytes: int) -> None:
    """The server no longer knows how far its worker is: what was forgotten runs again."""
    reading, stage = Reading(), tasks.new_stage()
    async with (
        own_server(*KEEPING) as server,
        working(server.url, QUICK, slots=5),
        Cluster(server.url, settings=QUICK) as cluster,
    ):
        calls = [tasks.double.call(n) for n in range(CALLS)]
        calls[TORN_AT] = tasks.double_when_open.call(TORN_AT)
        job = await cluster.submit(calls, limit=1)
        await wait_until(lambda: TORN_AT in stage.started, description="one of the row waits")
        await tear(server, lost_bytes)
        stage.gate.set()
        with anyio.fail_after(40):
            with suppress(*LOST):
                await read(cluster, job, reading, 10 * CALLS)
                assert set(reading.given) == set(range(CALLS))
        assert reading.again == []


async def read_through(
    cluster: Cluster, job: str, reading: Reading, server: OwnServer, lost_bytes: int
) -> bool:
    """The stream stays open over the loss; True when it came to its end."""
    try:
        async with cluster.attach(job) as stream:
            async for index, result in stream:
                reading.take(index, result)
                if reading.given.total() == TORN_AT:
                    reading.forget()
                    await tear(server, lost_bytes)
            return True
    except JobTakenError:
        return False


async def no_key_of_a_job(url: str) -> bool:
    connection = Connection(url, name="test")
    try:
        names = await connection.call("KEYS", f"{KEYS.prefix}*")
    finally:
        await connection.close()
    assert isinstance(names, list)
    found = b" ".join(one for one in names if isinstance(one, bytes))
    return not any(kind in found for kind in (b":job:", b":owned:", b":kept"))
