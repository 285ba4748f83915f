"""A real server for the whole run; a namespace of its own for every test; nothing left behind."""

import asyncio
import contextlib
import itertools
import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import anyio
import pytest
import redis
import tasks
from containers.server import container

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
def embedded_url() -> Iterator[str]:
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


@pytest.fixture(scope="session")
def container_url() -> Iterator[str]:
    """The public image of the server in a container, kept for the whole run."""
    with container() as url:
        yield url


@pytest.fixture
def redis_url(embedded_url: str) -> str:
    """The server of a test. Folders whose tests run on both servers have a fixture of their own."""
    return embedded_url


def _open_files() -> set[str]:
    """What this process has open, as far as the system tells."""
    directory = Path("/proc/self/fd")
    if not directory.exists():
        return set()
    found = set()
    for link in directory.iterdir():
        with contextlib.suppress(OSError):
            found.add(f"{link.name} {link.readlink()}")
    return {one for one in found if "/proc/" not in one}


def _heartbeats() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("lionherd")]


def _children() -> set[str]:
    path = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    return set(path.read_text().split()) if path.exists() else set()


def _orphans(url: str) -> list[str]:
    """Keys without a time to live in namespaces where no session is left to own them."""
    with redis.Redis.from_url(url) as server:
        keys = [key.decode() for key in server.scan_iter(count=1000)]
        owned = {key.rpartition(":")[0] for key in keys if key.endswith(":sessions")}
        spaces = {key: key.partition("}:")[0] + "}" for key in keys}
        return [key for key in keys if spaces[key] not in owned and server.ttl(key) == -1]


@pytest.fixture(autouse=True)
def nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test with a server: no heartbeat, open file or child, and no key without an owner."""
    if "redis_url" not in request.fixturenames:
        yield
        return
    request.getfixturevalue("redis_url")
    files, children = _open_files(), _children()
    yield
    until = time.monotonic() + 5
    while time.monotonic() < until and (_heartbeats() or _open_files() - files):
        time.sleep(0.01)
    assert _heartbeats() == []
    assert _open_files() - files == set()
    assert _children() - children == set()
    assert _orphans(request.getfixturevalue("redis_url")) == []


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


def _our_tasks() -> list[str]:
    """Tasks of this event loop that run code of the package."""
    coroutines = [task.get_coro() for task in asyncio.all_tasks() if not task.done()]
    return [str(one) for one in coroutines if "lionherd_dist/" in str(one)]


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
    assert _our_tasks() == []
    left = await keys_of(settings)  # dead letters are kept for their time; nothing else is
    assert [key for key in left if not key.endswith(":dead")] == []
