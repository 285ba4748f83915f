"""A namespace with a client and a worker, both driven by hand."""

import pytest
from store_bench import Bench

from lionherd_dist import Settings
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys


@pytest.fixture
async def bench(connection: Connection, settings: Settings) -> Bench:
    """A client C and a worker W with four slots."""
    bench = Bench(connection, Keys(settings.namespace))
    assert await bench.hello("C")
    assert await bench.hello("W", slots=4)
    return bench
