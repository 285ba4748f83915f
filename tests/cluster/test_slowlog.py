"""What the server itself counts of the time that our requests take."""

from collections.abc import AsyncIterator
from typing import cast

import pytest
import tasks
from helpers import wait_until
from road import working
from store_bench import Bench, chunk

from lionherd_dist import Cluster, Settings
from lionherd_dist.embedded.server import private_server
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys

pytestmark = pytest.mark.anyio

CALLS = 100_000
NOTED_US = 1_000
MOST_US = 10_000
SETTINGS = Settings(namespace="slow", session_s=30)
KEYS = Keys(SETTINGS.namespace)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A server of the test's own, whose log of slow requests is of this test only."""
    async with private_server() as url:
        yield url


@pytest.fixture
async def server(url: str) -> AsyncIterator[Connection]:
    connection = Connection(url, name="test")
    await connection.call("CONFIG", "SET", "slowlog-log-slower-than", NOTED_US)
    await connection.call("CONFIG", "SET", "slowlog-max-len", 10_000)
    yield connection
    await connection.close()


async def longest(server: Connection) -> tuple[int, str]:
    """Microseconds and beginning of the longest request that the server noted."""
    rows = cast("list[list[object]]", await server.call("SLOWLOG", "GET", -1))
    took = [
        (cast("int", row[2]), b" ".join(cast("list[bytes]", row[3])[:2]).decode()) for row in rows
    ]
    return max(took, default=(0, ""))


async def test_cancelling_a_hundred_thousand_calls_never_holds_the_server(
    url: str, server: Connection
) -> None:
    """Nor does sending them: no request above ten milliseconds, and nothing is left of them."""
    stage = tasks.new_stage()
    async with working(url, SETTINGS), Cluster(url, settings=SETTINGS) as cluster:
        job = await cluster.submit(map(tasks.hold.call, range(CALLS)))
        assert await server.call("HGET", KEYS.job(job), "next") == b"%d" % CALLS
        await wait_until(lambda: stage.running == 20, description="the worker is full")
        await cluster.cancel(job)
        await wait_until(lambda: stage.running == 0, description="what ran was stopped")

        async def gone() -> bool:
            names = cast("list[bytes]", await server.call("KEYS", f"{KEYS.job(job)}*"))
            return not names

        await wait_until(gone, description="its keys are gone")
        assert len(stage.started) == 20
    took_us, what = await longest(server)
    assert took_us < MOST_US, f"{what} took {took_us} us"


async def test_cancelling_what_a_fleet_has_in_hand_does_not_hold_the_server(
    url: str, server: Connection
) -> None:
    """Of a thousand slots: a thousand calls run, and a thousand wait for them to end."""
    bench = Bench(server, Keys("slow"))
    await bench.hello("C")
    await bench.hello("W", slots=1_000)
    for first in range(0, CALLS, 2_000):
        await bench.submit("C", chunk(first=first, count=2_000, cap=CALLS))
    assert len(await bench.take("W", 1_000)) == 1_000
    await server.call("SLOWLOG", "RESET")
    assert await bench.cancel("C-1") == [1_000]
    took_us, what = await longest(server)
    assert took_us < MOST_US, f"{what} took {took_us} us"
