"""A server that drops keys to make room is named as the cause of a loss."""

import anyio
import pytest
import tasks
from helpers import wait_until

from lionherd_dist import Cluster, JobLostError, Settings
from lionherd_dist.embedded.server import private_server
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.evictions import eviction

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("policy", "count", "is_named"),
    [
        ("noeviction", "5", False),
        ("allkeys-lru", "0", False),
        ("allkeys-lru", "1234", True),
        ("volatile-ttl", "1", True),
        ("allkeys-lru", "many", False),
    ],
)
def test_an_eviction_is_named_where_there_was_one(policy: str, count: str, is_named: bool) -> None:
    """With its policy and how many keys."""
    found = eviction({"maxmemory_policy": policy, "evicted_keys": count})
    assert bool(found) is is_named
    if is_named:
        assert policy in found
        assert f"{int(count):,} keys" in found


def test_a_server_that_says_nothing_is_not_blamed() -> None:
    """INFO may be refused."""
    assert eviction({}) == ""


async def evict_all(server: Connection) -> None:
    """Have *server* drop every key that it may."""
    await server.call("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
    await server.call("CONFIG", "SET", "maxmemory", "1")
    await server.call("PING")
    await server.call("CONFIG", "SET", "maxmemory", "0")


async def test_a_job_that_was_evicted_says_so() -> None:
    """In its JobLostError, with what checks it."""
    settings = Settings(session_s=2)
    async with private_server() as url, Cluster(url, settings=settings) as cluster:
        server = Connection(url, name="operator")
        try:
            with anyio.fail_after(30):
                async with cluster.completion_stream([tasks.echo.call(1)]) as stream:
                    await wait_until(
                        lambda: stream._job.waiting, description="the server has the call"
                    )
                    await evict_all(server)
                    with pytest.raises(JobLostError, match=r"evicted .* keys .*random.*doctor"):
                        await anext(aiter(stream))
        finally:
            await server.close()
