"""A real server for the whole run; a namespace of its own for every test; nothing left behind."""

import asyncio
import itertools
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import anyio
import pytest
import tasks

from lionherd_dist import Cluster, Settings, Worker
from lionherd_dist.embedded.server import private_server
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys

_numbers = itertools.count(1)


@pytest.fixture
def anyio_backend() -> str:
    """The cluster half is asyncio only; tests of the in-process half name all their backends."""
    return "asyncio"


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A private server, kept for the whole run in a thread of its own."""
    started, stop = threading.Event(), threading.Event()
    urls: list[str] = []

    async def serve() -> None:
        async with private_server() as url:
            urls.append(url)
            started.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert started.wait(20), "the private server did not start"
    yield urls[0]
    stop.set()
    thread.join(20)


@pytest.fixture
def settings() -> Settings:
    """A namespace that no other test uses."""
    return Settings(namespace=f"test-{os.getpid()}-{next(_numbers)}")


@pytest.fixture
async def connection(redis_url: str) -> AsyncIterator[Connection]:
    """A connection of the test's own."""
    connection = Connection(redis_url, name="test")
    yield connection
    await connection.close()


@pytest.fixture
def keys_of(connection: Connection) -> Callable[[Settings], Awaitable[list[str]]]:
    """The keys that a namespace still has."""

    async def keys(settings: Settings) -> list[str]:
        reply = await connection.call("KEYS", Keys(settings.namespace).prefix + "*")
        assert isinstance(reply, list)
        return sorted(key.decode() for key in reply if isinstance(key, bytes))

    return keys


@pytest.fixture
async def cluster(
    redis_url: str, settings: Settings, keys_of: Callable[[Settings], Awaitable[list[str]]]
) -> AsyncIterator[Cluster]:
    """A cluster with one worker of 20 slots in this very process; afterwards no key is left."""
    worker = Worker(tasks, redis=redis_url, concurrency=20, settings=settings)
    ready = anyio.Event()
    async with anyio.create_task_group() as working:
        working.start_soon(lambda: worker.run(on_ready=ready.set))
        with anyio.fail_after(20):
            await ready.wait()
        async with Cluster(redis_url, settings=settings) as cluster:
            yield cluster
        worker.stop()
    left = await keys_of(settings)  # dead letters are kept for their time; nothing else is
    assert [key for key in left if not key.endswith(":dead")] == []
