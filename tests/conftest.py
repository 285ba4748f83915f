"""A real server for the whole run; a namespace of its own for every test; nothing left behind."""

import asyncio
import gc
import importlib
import itertools
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import anyio
import pytest
import task_shapes
import tasks
import uvloop
from containers.server import container
from leftovers import here, ownerless_keys, unended_tasks

from lionherd_dist import Cluster, Settings, Worker
from lionherd_dist.embedded.server import private_server
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys

LOCAL = Path(__file__).parent / "local"
CONTAINERS = Path(__file__).parent / "containers"  # whose tests start containers of their own

_numbers = itertools.count(1)


def pytest_collection_finish() -> None:
    """The tests themselves are garbage for nobody: a collection looks at what is made from here on.

    Several tests ask for a collection each, and with 6,000 tests in memory one takes half a second.
    Hypothesis is imported before: it looks for the referrers of what it is given, which are hidden
    afterwards.
    """
    importlib.import_module("hypothesis")
    gc.collect()
    gc.freeze()


@pytest.fixture
def anyio_backend() -> str:
    """The cluster half is asyncio only; tests of the in-process half name all their backends."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def opened_once() -> None:
    """What uvloop opens with its first loop and keeps until the process ends."""
    uvloop.new_event_loop().close()


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_is_heard() -> None:
    """By what tests start, too: a shell that runs us in its background has us ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def embedded_url() -> Iterator[str]:
    """A private server, kept for the whole run in a thread of its own."""
    started = threading.Event()
    urls: list[str] = []
    stops: list[Callable[[], object]] = []

    async def serve() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        stops.append(lambda: loop.call_soon_threadsafe(stop.set))
        async with private_server() as url:
            urls.append(url)
            started.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert started.wait(20), "the private server did not start"
    yield urls[0]
    stops[0]()
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


@pytest.fixture(autouse=True)
def nothing_is_left(opened_once: None, request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test: no thread, open file or child of its own; no key that nobody removes.

    Those of ``tests/local`` look after themselves.
    """
    del opened_once
    if LOCAL in request.path.parents:
        yield
        return
    for server in servers_of(request):  # before we look: they are kept for the whole run
        request.getfixturevalue(server)
    url = request.getfixturevalue("redis_url") if "redis_url" in request.fixturenames else None
    before = here()
    yield
    until = time.monotonic() + 5
    while (left := here() - before) and time.monotonic() < until:
        time.sleep(0.01)
    assert not left, f"the test left {sorted(left)}"
    if url is not None:
        assert ownerless_keys(url) == []


def servers_of(request: pytest.FixtureRequest) -> list[str]:
    """The fixtures of the servers that a test may use, however late it asks for them."""
    in_a_container = request.node.get_closest_marker("docker") is not None
    own = CONTAINERS in request.path.parents
    return ["embedded_url", *(["container_url"] if in_a_container and not own else [])]


@pytest.fixture(autouse=True)
def no_task_is_left(nothing_is_left: None, request: pytest.FixtureRequest) -> None:
    """After every test on an event loop: no task but the loop's own."""
    del nothing_is_left  # that one looks when the loop is closed
    if "anyio_backend" in request.fixturenames and LOCAL not in request.path.parents:
        request.getfixturevalue("_loop_without_tasks")


@pytest.fixture
async def _loop_without_tasks(anyio_backend_name: str) -> AsyncIterator[None]:
    if anyio_backend_name != "asyncio":
        yield
        return
    yield
    with anyio.move_on_after(5):
        while unended_tasks():  # noqa: ASYNC110 (nothing tells when they have ended)
            await anyio.sleep(0.01)
    assert unended_tasks() == []


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
    worker = Worker(tasks, task_shapes, redis=redis_url, concurrency=20, settings=settings)
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
