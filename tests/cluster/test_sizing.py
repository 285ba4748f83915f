"""What docs/operations.md says of connections and of the server's memory."""

from collections import deque

import pytest
import redis
import tasks
from helpers import wait_until
from own_server import own_server
from road import working

from lionherd_dist import Cluster, Settings
from lionherd_dist.call import Success
from lionherd_dist.store.keys import Keys
from lionherd_dist.wire.messages import encode_call, encode_outcome

pytestmark = pytest.mark.anyio

SETTINGS = Settings(namespace="sizing", session_s=3, fresh_server=True)
WORKER = {"take", "tell", "hear", "side", "wake", "beat"}
CLIENT = {"read", "write", "side", "lend", "beat"}
CALLS = 10_000
TEXT = "x" * 100


def uses(server: redis.Redis) -> list[str]:
    """What each connection is for, as it names itself."""
    names = [one["name"] for one in server.client_list()]
    return sorted(name.split("-")[1] for name in names if name.startswith("lionherd-"))


async def test_a_process_has_few_connections_whatever_it_does() -> None:
    """Six of a worker, five of a client, and one for each reader of a submitted job."""
    async with own_server() as place, working(place.url, SETTINGS):
        with redis.Redis.from_url(place.url) as server:
            assert set(uses(server)) <= WORKER
            async with Cluster(place.url, settings=SETTINGS) as cluster:
                limiter = cluster.capacity_limiter("api", 2)
                await cluster.bounded_map(tasks.double, range(500), limit=limiter)
                async with limiter:
                    await wait_until(
                        lambda: uses(server).count("beat") == 2, description="both have beaten"
                    )
                    found = uses(server)
                assert set(found) <= WORKER | CLIENT
                assert len(found) <= len(WORKER) + len(CLIENT)
                job = await cluster.submit([tasks.double.call(1)])
                async with cluster.attach(job) as stream:
                    assert [pair async for pair in stream] == [(0, 2)]
                    assert len(uses(server)) <= len(found) + 1


async def test_what_waits_costs_little_more_than_its_bytes() -> None:
    """A call that waits, and an outcome that is kept: by the server's own count."""
    call = len(encode_call(tasks.double.call(TEXT)))
    outcome = len(encode_outcome(Success(TEXT * 2), worker="w", attempt=1))
    async with own_server() as place, Cluster(place.url, settings=SETTINGS) as cluster:
        with redis.Redis.from_url(place.url) as server:

            def used() -> int:
                return server.info("memory")["used_memory"]

            async with working(place.url, SETTINGS):
                await cluster.run(tasks.double.call(""))
            await cluster.submit([tasks.double.call("")])  # all scripts and keys are there
            readings = deque[int](maxlen=60)

            def still() -> bool:  # what the worker's connections took is freed later than they end
                readings.append(used())
                return len(readings) == readings.maxlen and len(set(readings)) == 1

            await wait_until(still, description="the server's memory stands still")
            before = used()
            job = await cluster.submit(tasks.double.call(TEXT) for _ in range(CALLS))
            assert call <= (used() - before) / CALLS < call + 15
            key = Keys(SETTINGS.namespace).job(job)
            async with working(place.url, SETTINGS):
                await wait_until(
                    lambda: int(server.hget(key, "done") or 0) == CALLS, description="it is done"
                )
            assert outcome <= (used() - before) / CALLS < outcome + 90
