"""Several processes' worth of one limiter, and a look at what the server holds of it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from helpers import wait_until

from lionherd_dist import Cluster, Settings
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys

Open = Callable[..., AbstractAsyncContextManager[Cluster]]


@dataclass
class Server:
    """What the server holds of the limiter ``api``."""

    connection: Connection
    keys: Keys

    async def count(self, part: str) -> int:
        found = await self.connection.call("ZCARD", f"{self.keys.prefix}limit:api:{part}")
        assert isinstance(found, int)
        return found

    async def until(self, *, held: int, waiting: int = 0) -> None:
        """Wait until so many tokens are held and so many requests wait."""

        async def so() -> bool:
            return (await self.count("held"), await self.count("queue")) == (held, waiting)

        await wait_until(so, description=f"{held} tokens are held and {waiting} waited for")

    async def waiting(self) -> list[str]:
        """Those that wait, sessions' requests and jobs, in order."""
        found = await self.connection.call("ZRANGE", f"{self.keys.prefix}limit:api:queue", 0, -1)
        assert isinstance(found, list)
        return [member.decode() for member in found if isinstance(member, bytes)]

    async def all_keys(self) -> list[str]:
        reply = await self.connection.call("KEYS", self.keys.prefix + "*")
        assert isinstance(reply, list)
        return sorted(key.decode() for key in reply if isinstance(key, bytes))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The server is younger than a session and has no earlier life."""
    return replace(settings, fresh_server=True)


@pytest.fixture
def server(connection: Connection, settings: Settings) -> Server:
    return Server(connection, Keys(settings.namespace))


@pytest.fixture
async def api(redis_url: str, settings: Settings, server: Server) -> AsyncIterator[Open]:
    """Opens clusters, each a process of its own to the server; afterwards no key is left."""

    @asynccontextmanager
    async def opened(url: str = redis_url, **changes: object) -> AsyncIterator[Cluster]:
        async with Cluster(url, settings=replace(settings, **changes)) as cluster:  # type: ignore[arg-type]
            yield cluster

    yield opened
    assert await server.all_keys() == []
