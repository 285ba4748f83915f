"""Large calls and outcomes: many requests of a bounded size, and not one that holds the server."""

from collections.abc import AsyncIterator

import anyio
import pytest
import tasks
from road import working

from lionherd_dist import Cluster, Settings
from lionherd_dist.embedded.server import private_server
from lionherd_dist.store.connection import Connection

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
