"""What a worker says of itself."""

import pytest
import tasks
from helpers import wait_until
from own_server import own_server
from road import working

from lionherd_dist import Cluster, Settings, Worker

pytestmark = pytest.mark.anyio

QUICK = Settings(session_s=1, patience_s=30)


async def test_a_worker_is_alive_while_the_server_knows_it() -> None:
    """Not before, not when the server is gone for a session, again when it is back, not after."""
    async with own_server() as server:
        assert not Worker(tasks, redis=server.url).is_alive
        async with working(server.url, QUICK) as worker:
            assert worker.is_alive
            await server.kill()
            await wait_until(lambda: not worker.is_alive, description="it is not held alive")
            await server.start()
            await wait_until(lambda: worker.is_alive, description="it is alive again")
            async with Cluster(server.url, settings=QUICK) as cluster:
                assert await cluster.run(tasks.double.call(2)) == 4
        assert not worker.is_alive
