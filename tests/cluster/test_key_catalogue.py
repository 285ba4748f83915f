"""Each key of a namespace gone, of a wrong type, or with members that are none, while it is in use.

No process ends, nobody waits for ever, neighbours finish, and ``doctor`` says what was found.
"""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
import tasks

from lionherd_dist import Cluster, JobLostError, Settings, Worker
from lionherd_dist.cli.space_diagnosis import space_findings
from lionherd_dist.errors import LionherdError, StoreUnavailableError
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import PART_TYPES, SHARED_TYPES, Keys, type_of
from lionherd_dist.store.space_facts import space_facts

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

SESSION_S = 1.0
COMES_BACK_S = 30.0
NAMES = [
    *SHARED_TYPES,
    *(f"{kind}:*{part and ':'}{part}" for kind, parts in PART_TYPES.items() for part in parts),
]
GARBAGE = ("garbage", "", "C-1 x", "a/b/c", "-1", "9" * 400, "\x00\xff\u202e")


@asynccontextmanager
async def at_work(redis_url: str, settings: Settings) -> AsyncIterator[tuple[Cluster, Worker]]:
    """A worker and a client; their jobs run, wait, are parked, and are kept."""
    tasks.new_stage()
    async with (
        Worker(tasks, redis=redis_url, concurrency=8, settings=settings) as worker,
        Cluster(redis_url, settings=settings) as cluster,
    ):
        yield cluster, worker


async def busy(cluster: Cluster, enough: anyio.Event, losses: list[Exception]) -> None:
    """Jobs of all kinds, one after the other; one may be lost, and nothing else may be."""
    limiter = cluster.capacity_limiter("api", 2)
    while not enough.is_set():
        try:
            async with anyio.create_task_group() as jobs:
                jobs.start_soon(one_stream, cluster, 4)
                jobs.start_soon(one_stream, cluster, limiter)
                jobs.start_soon(one_kept, cluster)
        except* (JobLostError, StoreUnavailableError) as group:
            losses.extend(group.exceptions)


async def one_stream(cluster: Cluster, limit: object) -> None:
    calls = [tasks.after.call(1, 0.02) for _ in range(20)] + [tasks.flaky.call(f"{limit}", 2)]
    async with cluster.completion_stream(calls, limit=limit, return_exceptions=True) as stream:
        async for _ in stream:
            pass


async def one_kept(cluster: Cluster) -> None:
    job = await cluster.submit([tasks.after.call(1, 0.02) for _ in range(10)], limit=2)
    async with cluster.attach(job) as stream:
        async for _ in stream:
            pass


@pytest.fixture
def redis_url(embedded_url: str) -> str:
    """One server is enough: tests/store tries the scripts on both."""
    return embedded_url


async def the_key(connection: Connection, keys: Keys, name: str) -> bytes:
    """A key of that *name*: one that there is, if there is one in a moment."""
    for _ in range(50):
        if "*" not in name:
            found = [(keys.prefix + name).encode()]
        else:
            reply = await connection.call("KEYS", keys.prefix.replace("[", "\\[") + name)
            depth = name.count(":")
            found = [one for one in reply if one.count(b":") == depth + keys.prefix.count(":")]
        if found and await connection.call("EXISTS", found[0]):
            return found[0]
        await anyio.sleep(0.01)
    jobs = await connection.call("ZRANGE", keys.owned(""), 0, 0) or [b"C-1"]
    owner = jobs[0].decode() if name.startswith("job:") else "C-1"
    return (keys.prefix + name.replace("*", owner)).encode()


async def spoil(connection: Connection, key: bytes, kind: str, how: str) -> None:
    if how == "gone":
        await connection.call("DEL", key)
    elif how == "of a wrong type":
        await connection.pipeline([("DEL", key), ("SET", key, "x"), ("EXPIRE", key, 60)])
    else:
        commands = []
        for text, number in zip(GARBAGE, itertools.count()):
            value = text.encode("utf-8", "surrogatepass")
            commands += {
                "hash": [("HSET", key, value, value)],
                "zset": [("ZADD", key, number % 2, value)],
                "set": [("SADD", key, value)],
                "list": [("LPUSH", key, value)],
                "stream": [
                    ("XADD", key, "*", value or "x", value),
                    ("XADD", key, "*", "l", "api", "abc", "def"),
                ],
            }[kind]
        if kind == "hash":
            for field in await connection.call("HKEYS", key):
                commands.append(("HSET", key, field, GARBAGE[len(commands) % len(GARBAGE)]))
        await connection.try_each(commands)


@pytest.mark.parametrize("how", ["gone", "of a wrong type", "with members that are none"])
@pytest.mark.parametrize("name", NAMES)
async def test_a_key_that_is_spoilt_ends_no_process(
    redis_url: str, connection: Connection, name: str, how: str, settings: Settings
) -> None:
    """Whatever is lost by it is told, and everything after it comes to its end."""
    settings = Settings(namespace=settings.namespace, session_s=SESSION_S, patience_s=20)
    keys, losses = Keys(settings.namespace), list[Exception]()
    async with at_work(redis_url, settings) as (cluster, worker):
        enough = anyio.Event()
        with anyio.fail_after(COMES_BACK_S):
            async with anyio.create_task_group() as working:
                working.start_soon(busy, cluster, enough, losses)
                await anyio.sleep(0.1)
                key = await the_key(connection, keys, name)
                kind = type_of(name)
                assert kind is not None
                await spoil(connection, key, kind, how)
                await anyio.sleep(2 * SESSION_S)
                enough.set()
            while True:
                try:
                    assert await cluster.bounded_map(tasks.double, range(20), limit=4) == [
                        2 * number for number in range(20)
                    ]
                    limiter = cluster.capacity_limiter("api", 2)
                    async with limiter:
                        pass
                    break
                except LionherdError as error:
                    losses.append(error)
        assert worker.is_alive
        facts = await space_facts(connection, keys)
        about = [one.text for one in space_findings(facts) if one.verdict == "act"]
    if how == "of a wrong type" and name != "job:*:solo":  # which dies with its job
        assert any(key.decode() in text for text in about), about
    for left in await connection.call("KEYS", keys.prefix + "*"):
        await connection.call("DEL", left)
