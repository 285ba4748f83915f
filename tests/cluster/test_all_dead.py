"""Where every process was killed, nobody is left to remove a key: each goes by itself."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from helpers import wait_until

from lionherd_dist import Settings
from lionherd_dist.embedded.child import Child
from lionherd_dist.runtime.process import ORDER_VARIABLE, Order
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys

pytestmark = pytest.mark.anyio

TESTS = Path(__file__).parent.parent
CLIENT = """
import anyio, sys, tasks
from lionherd_dist import Cluster, Settings

async def main(url, namespace, diary):
    def long(n):
        return tasks.log.call(diary, str(n), 600)
    async with Cluster(url, settings=Settings(namespace=namespace, session_s=1)) as cluster:
        print("done", await cluster.submit([tasks.double.call(1), tasks.double.call(2)]))
        print("open", await cluster.submit(map(long, range(300)), limit=1), flush=True)
        await cluster.gather(*(long(n) for n in range(300, 600)))

anyio.run(main, *sys.argv[1:])
"""


@asynccontextmanager
async def process(*args: str, **environment: str) -> AsyncIterator[Child]:
    """One of ours, with the tasks of the tests."""
    child = await Child.start(
        [sys.executable, *args], env={**os.environ, "PYTHONPATH": str(TESTS), **environment}
    )
    try:
        yield child
    finally:
        await child.stop()


async def test_a_namespace_whose_processes_were_all_killed_goes_by_itself(
    redis_url: str, connection: Connection, settings: Settings, tmp_path: Path
) -> None:
    """In the middle of everything, and none comes back: no key is without a time to live."""
    keys, diary = Keys(settings.namespace), tmp_path / "diary"
    quick = Settings(namespace=settings.namespace, session_s=1)
    order = Order(("tasks",), redis_url, 4, 5.0, quick, "READY").as_text()
    diary.touch()
    async with (
        process("-m", "lionherd_dist.runtime.process", **{ORDER_VARIABLE: order}) as worker,
        process("-c", CLIENT, redis_url, settings.namespace, str(diary)) as client,
    ):
        await wait_until(
            lambda: diary.read_text().count("start") == 4, description="the worker is full"
        )
        for child in (worker, client):
            child.kill()
    names = await connection.call("KEYS", keys.prefix + "*")
    assert isinstance(names, list)
    found = sorted(name.decode() for name in names if isinstance(name, bytes))
    left = await connection.pipeline([("PTTL", name) for name in found])
    kinds = ("sessions", "calls", "opened", "kept", ":backlog", ":hand", ":outcomes")
    assert all(any(name.endswith(kind) for name in found) for kind in kinds), found
    assert all(isinstance(ms, int) and ms > 0 for ms in left), dict(zip(found, left, strict=True))
    await connection.call("DEL", *found)
