"""A client that waits, and no worker is there."""

import logging
import re

import anyio
import pytest
import tasks
from helpers import wait_until

from lionherd_dist import Cluster, Settings
from lionherd_dist.cluster import no_worker
from lionherd_dist.cluster.no_worker import missing
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.places import died
from lionherd_dist.store.sessions import Capacity, hello, reap

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(no_worker, "PATIENCE_S", 0.1)
    monkeypatch.setattr(no_worker, "LOOK_S", 0.02)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if getattr(r, "event", "") == "no worker"]


@pytest.mark.parametrize(
    ("asked", "workers", "found"),
    [
        ({"m:a"}, [], "no worker runs"),
        (set(), [], "no worker runs"),
        ({"m:a"}, [frozenset({"m:a"})], ""),
        ({"m:a", "m:b"}, [frozenset({"m:b"})], ""),
        (set(), [frozenset({"m:b"})], ""),
        ({"m:b", "m:a"}, [frozenset({"m:c"}), frozenset()], "2 of .* none knows m:a, m:b"),
    ],
)
def test_it_is_told_why_nothing_comes(
    asked: set[str], workers: list[frozenset[str]], found: str
) -> None:
    """None at all, or none that knows any of the tasks."""
    reason = missing(asked, workers)
    assert re.search(found, reason)
    assert bool(reason) is bool(found)


@pytest.mark.parametrize("way", ["run", "bounded_map", "attach"])
async def test_a_client_without_a_worker_is_warned_once(
    redis_url: str, settings: Settings, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    """However it waits."""
    async with Cluster(redis_url, settings=settings) as alone:

        async def wait() -> None:
            match way:
                case "run":
                    await alone.run(tasks.echo.call(1))
                case "bounded_map":
                    await alone.bounded_map(tasks.echo, range(10), limit=2)
                case _:
                    async with alone.attach(job) as stream:
                        await anext(aiter(stream))

        job = await alone.submit([tasks.echo.call(1)])
        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await wait_until(lambda: bool(warnings(caplog)), description="there is a warning")
            await anyio.sleep(0.3)  # three times as long as it took
            group.cancel_scope.cancel()
        await alone.cancel(job)
    (told,) = warnings(caplog)
    assert "no worker runs in this namespace" in told
    assert all(r.levelno == logging.WARNING for r in caplog.records)


async def test_calls_that_take_long_are_no_reason_to_warn(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker has them."""
    stage = tasks.new_stage()
    async with anyio.create_task_group() as group:
        group.start_soon(cluster.run, tasks.hold.call(1))
        await wait_until(lambda: stage.running == 1, description="it runs")
        await anyio.sleep(0.5)  # five times as long as a client without a worker waits
        stage.gate.set()
    assert warnings(caplog) == []


async def test_workers_that_died_are_not_said_to_be_missing(
    redis_url: str, settings: Settings, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """They may be on their way back; who looks for a cause is told where it is."""
    keys = Keys(settings.namespace)
    async with Cluster(redis_url, settings=settings) as alone, anyio.create_task_group() as group:
        await connection.call("XGROUP", "CREATE", keys.calls, "workers", "0", "MKSTREAM")
        group.start_soon(alone.run, tasks.echo.call(1))

        async def taken() -> bool:
            group_of = ("GROUP", "workers", "V")
            return bool(await connection.call("XREADGROUP", *group_of, "STREAMS", keys.calls, ">"))

        await hello(
            *(connection, keys, "V"),
            ttl_ms=60_000,
            capacity=Capacity(1, ("tasks:echo",)),
            place="host:7/dead",
        )
        await wait_until(taken, description="a worker has it")
        await died(connection, keys, "dead")
        assert (await reap(connection, keys)).given_on == 1
        caplog.clear()
        await wait_until(lambda: bool(warnings(caplog)), description="there is a warning")
        group.cancel_scope.cancel()
    assert "calls that wait had workers that died" in warnings(caplog)[0]
