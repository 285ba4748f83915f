"""Large calls and outcomes: many requests of a bounded size, and not one that holds the server."""

from collections.abc import AsyncIterator
from dataclasses import replace

import anyio
import pytest
import tasks
from helpers import wait_until
from road import working

from lionherd_dist import Cluster, Settings
from lionherd_dist.embedded.server import private_server
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys

pytestmark = pytest.mark.anyio

CALLS = 100
ONE = 1_000_000
SETTINGS = Settings(namespace="portions", session_s=1)
MOST = 8_000_000  # what a request or a reply may have: a portion, and what goes over it


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A server that hangs up on who sends more at once, or makes it send more at once."""
    async with private_server() as url:
        connection = Connection(url, name="test")
        await connection.call("CONFIG", "SET", "client-query-buffer-limit", MOST)
        limit = f"normal {MOST} 0 0"
        await connection.call("CONFIG", "SET", "client-output-buffer-limit", limit)
        yield url
        info = await connection.call("INFO", "stats")
        assert isinstance(info, bytes)
        counts = dict(line.split(":") for line in info.decode().split() if ":" in line)
        await connection.close()
    assert counts["client_query_buffer_limit_disconnections"] == "0"
    assert counts["client_output_buffer_limit_disconnections"] == "0"


async def test_no_request_and_no_reply_grows_with_the_size_of_calls_and_outcomes(url: str) -> None:
    """Nor does a session of a second end under a hundred megabytes in either direction."""
    blobs = [bytes([n]) * ONE for n in range(CALLS)]
    async with working(url, SETTINGS), Cluster(url, settings=SETTINGS) as cluster:
        with anyio.fail_after(60):
            echoed = await cluster.gather(*map(tasks.echo.call, blobs))
    assert echoed == blobs


async def test_many_jobs_of_one_large_call_share_requests_of_a_bounded_size(url: str) -> None:
    """What does not fit into this request comes with the next, whichever job it is of."""
    async with working(url, SETTINGS), Cluster(url, settings=SETTINGS) as cluster:
        echoed: list[int] = []

        async def one(n: int) -> None:
            result = await cluster.run(tasks.echo.call(bytes([n]) * ONE))
            assert result == bytes([n]) * ONE
            echoed.append(n)

        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                for n in range(40):
                    group.start_soon(one, n)
    assert sorted(echoed) == list(range(40))


async def test_a_limit_that_opens_wide_starts_all_large_calls(url: str) -> None:
    """In several steps, the next of which waits neither for a call to end nor for a timer."""
    stage, connection = tasks.new_stage(), Connection(url, name="test")
    patient = replace(SETTINGS, session_s=300, fresh_server=True)
    async with working(url, patient), Cluster(url, settings=patient) as cluster:
        limiter = cluster.capacity_limiter("door", 1)
        calls = [tasks.hold.call(bytes([n]) * ONE) for n in range(12)]
        async with cluster.completion_stream(calls, limit=limiter) as stream:

            async def all_sent() -> bool:
                job = Keys(SETTINGS.namespace).job(stream._job.id)
                return await connection.call("HGET", job, "next") == b"12"

            await wait_until(all_sent, description="the server has all calls")
            await wait_until(lambda: stage.running == 1, description="one call runs")
            await limiter.set_total_tokens(12)
            await wait_until(lambda: stage.running == 12, description="all of them run")
            stage.gate.set()
            assert len([index async for index, _ in stream]) == 12
    await connection.close()


async def test_kept_outcomes_are_read_in_replies_of_a_bounded_size(url: str) -> None:
    """However many there are when a reader comes."""
    async with working(url, SETTINGS), Cluster(url, settings=SETTINGS) as cluster:
        calls = [tasks.echo.call(bytes([n]) * ONE) for n in range(30)]
        job = await cluster.submit(calls)
        connection = Connection(url, name="test")
        kept = f"{Keys(SETTINGS.namespace).job(job)}:outcomes"

        async def all_there() -> bool:
            return await connection.call("XLEN", kept) == len(calls)

        await wait_until(all_there, description="all outcomes are kept")
        await connection.close()
        async with cluster.attach(job) as stream:
            read = [(index, value) async for index, value in stream]
    assert sorted(read) == [(n, bytes([n]) * ONE) for n in range(30)]
