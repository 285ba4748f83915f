"""What is promised here is promised on both servers: the private one and the public image."""

import pytest
from containers.server import BOTH_SERVERS


@pytest.fixture(params=BOTH_SERVERS)
def redis_url(request: pytest.FixtureRequest) -> str:
    """The server of a test."""
    url: str = request.getfixturevalue(request.param)
    return url
