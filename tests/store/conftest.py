"""A namespace with a client and a worker, both driven by hand; on each of both servers."""

import pytest
from containers.server import BOTH_SERVERS
from store_bench import Bench

from lionherd_dist import Settings
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys


@pytest.fixture(params=BOTH_SERVERS)
def redis_url(request: pytest.FixtureRequest) -> str:
    """The server of a test."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture
async def bench(connection: Connection, settings: Settings) -> Bench:
    """A client C and a worker W with four slots."""
    bench = Bench(connection, Keys(settings.namespace))
    assert await bench.hello("C")
    assert await bench.hello("W", slots=4)
    return bench
