"""What is promised here is promised on both servers: the private one and the public image."""

from collections.abc import Iterator

import pytest
from containers.server import BOTH_SERVERS
from spans import Told


@pytest.fixture(params=BOTH_SERVERS)
def redis_url(request: pytest.FixtureRequest) -> str:
    """The server of a test."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture
def told() -> Iterator[Told]:
    """Spans in memory, which tell nothing that is not documented."""
    told = Told()
    yield told
    told.close()
