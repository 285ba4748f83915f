"""Jobs whose calls need a token each: of a limiter that they share with others, and with code."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
import tasks
from helpers import wait_until
from road import working
from runtime.test_processes import TESTS, Workers, lines

from limiter.conftest import Open, Server
from lionherd_dist import Cluster, Settings
from lionherd_dist.embedded.child import Child

pytestmark = pytest.mark.anyio


@pytest.fixture
def stage() -> tasks.Stage:
    return tasks.new_stage()


async def test_two_jobs_and_direct_holders_share_one_limit(
    api: Open, server: Server, redis_url: str, settings: Settings, stage: tasks.Stage
) -> None:
    """Never more than three at once, of all together; all is done, and all comes back."""
    inside = most = turns = 0

    async def look() -> None:
        nonlocal most
        while True:
            most = max(most, await server.count("held"))
            assert stage.running + inside <= 3
            await anyio.lowlevel.checkpoint()

    async def hold(cluster: Cluster) -> None:
        nonlocal inside, turns
        for _ in range(20):
            async with cluster.capacity_limiter("api", 3):
                inside += 1
                assert stage.running + inside <= 3
                await anyio.sleep(0.001)
                inside -= 1
                turns += 1

    async def work(cluster: Cluster) -> None:
        limiter = cluster.capacity_limiter("api", 3)
        assert await cluster.bounded_map(tasks.brief, range(100), limit=limiter) == [*range(100)]

    async with (
        working(redis_url, settings),
        api() as one,
        api() as two,
        anyio.create_task_group() as looking,
    ):
        looking.start_soon(look)
        async with anyio.create_task_group() as group:
            for cluster in (one, two):
                group.start_soon(work, cluster)
                group.start_soon(hold, cluster)
        looking.cancel_scope.cancel()
        await server.until(held=0)
    assert most == 3
    assert turns == 40
    assert stage.most <= 3


async def test_a_long_job_does_not_starve_who_waits_beside_it(
    api: Open, redis_url: str, settings: Settings, stage: tasks.Stage
) -> None:
    """A job is one of those who wait, however many calls it has."""
    async with working(redis_url, settings), api() as one, api() as two:
        api_here, api_there = (each.capacity_limiter("api", 2) for each in (one, two))
        async with one.completion_stream(
            map(tasks.brief.call, range(2_000)), limit=api_here
        ) as stream:
            seen = 0
            async for _ in stream:
                seen += 1
                if seen in {100, 500, 900}:
                    with anyio.fail_after(20):
                        async with api_there:
                            assert len(stage.started) < 2_000
        assert seen == 2_000


async def test_a_job_that_ends_early_gives_its_tokens_back(
    api: Open, server: Server, redis_url: str, settings: Settings, stage: tasks.Stage
) -> None:
    """Left, failed, or cancelled by its id: as soon as what runs has stopped."""
    async with working(redis_url, settings), api() as cluster:
        limiter = cluster.capacity_limiter("api", 2)
        calls = [*map(tasks.hold.call, range(50))]
        async with cluster.completion_stream(calls, limit=limiter):
            await wait_until(lambda: stage.running == 2, description="two run")
        await server.until(held=0)
        with pytest.raises(ExceptionGroup):
            await cluster.bounded_map(tasks.fail, ["x"] * 50, limit=limiter)
        await server.until(held=0)
        job = await cluster.submit(calls, limit=limiter)
        await wait_until(lambda: stage.running == 2, description="two run")
        await cluster.cancel(job)
        await server.until(held=0)
        async with limiter:
            pass
    assert stage.most == 2


async def test_a_call_keeps_its_token_between_its_attempts(
    api: Open, server: Server, redis_url: str, settings: Settings, stage: tasks.Stage
) -> None:
    """So nobody overtakes it, and it never needs a second one."""
    async with working(redis_url, settings), api() as cluster:
        limiter = cluster.capacity_limiter("api", 1)
        calls = [tasks.flaky.call(str(n), 2) for n in range(5)]
        async with cluster.completion_stream(calls, limit=limiter) as stream:
            got = [outcome async for outcome in stream]
        await server.until(held=0)
    assert got == [(n, 3) for n in range(5)]


# --- workers and clients that die


@pytest.fixture
async def workers(redis_url: str, settings: Settings) -> AsyncIterator[Workers]:
    quick = Settings(namespace=settings.namespace, session_s=1, cancel_wait_s=1, fresh_server=True)
    async with AsyncExitStack() as stack:
        yield Workers(redis_url, quick, stack)


async def test_a_token_belongs_to_the_call_and_outlives_its_worker(
    workers: Workers, server: Server, tmp_path: Path
) -> None:
    """SIGKILL: never more than two held; each runs again with the token it had."""
    diary = tmp_path / "diary"
    diary.touch()
    first = await workers.start()
    most = 0
    async with Cluster(workers.url, settings=workers.settings) as cluster:
        limiter = cluster.capacity_limiter("api", 2)

        async def look() -> None:
            nonlocal most
            while True:
                most = max(most, await server.count("held"))
                await anyio.sleep(0.001)

        async with anyio.create_task_group() as looking:
            looking.start_soon(look)
            calls = [tasks.log.call(str(diary), f"c{n}", 0.3) for n in range(6)]
            async with cluster.completion_stream(calls, limit=limiter) as stream:
                await wait_until(lambda: len(lines(diary, "start")) == 2, description="two run")
                first.kill()
                await first.wait()
                assert await server.count("held") == 2
                with pytest.raises(anyio.WouldBlock):
                    await limiter.acquire_nowait()
                await workers.start()
                with anyio.fail_after(30):
                    got = [outcome async for outcome in stream]
            looking.cancel_scope.cancel()
        await server.until(held=0)
    assert sorted(got) == [(n, f"c{n}") for n in range(6)]
    assert len(lines(diary, "start")) == 8
    assert most == 2


async def test_a_killed_clients_job_gives_its_tokens_back(
    workers: Workers, server: Server, tmp_path: Path
) -> None:
    """When its session is over and what ran has stopped."""
    diary = tmp_path / "diary"
    diary.touch()
    await workers.start()
    program = f"""
import anyio, tasks
from lionherd_dist import Cluster, Settings
from lionherd_dist.embedded.child import Child
async def main():
    settings = Settings(namespace={workers.settings.namespace!r}, session_s=1, fresh_server=True)
    async with Cluster({workers.url!r}, settings=settings) as cluster:
        calls = [tasks.log.call({str(diary)!r}, str(n), 600) for n in range(50)]
        async with cluster.completion_stream(calls, limit=cluster.capacity_limiter("api", 2)) as s:
            async for _ in s:
                pass
anyio.run(main)
"""
    client = await Child.start(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(TESTS)}
    )
    await wait_until(lambda: len(lines(diary, "start")) == 2, description="two of its calls run")
    async with Cluster(workers.url, settings=workers.settings) as other:
        client.kill()
        await client.wait()
        with anyio.fail_after(30):
            async with other.capacity_limiter("api", 2):
                await server.until(held=1)
    assert len(lines(diary, "start")) == 2


async def test_a_killed_holder_makes_way_for_a_job_that_waits(
    workers: Workers, server: Server
) -> None:
    """Nobody but the job waits: it is a worker that sees to it."""
    await workers.start()
    program = f"""
import anyio
from lionherd_dist import Cluster, Settings
async def main():
    settings = Settings(namespace={workers.settings.namespace!r}, session_s=1, fresh_server=True)
    async with Cluster({workers.url!r}, settings=settings) as cluster:
        async with cluster.capacity_limiter("api", 1):
            print("HELD", flush=True)
            await anyio.sleep(600)
anyio.run(main)
"""
    holder = await Child.start(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(TESTS)}
    )
    await wait_until(lambda: "HELD" in holder.output, description="it holds the token")
    async with Cluster(workers.url, settings=workers.settings) as cluster:
        job = await cluster.submit(
            map(tasks.double.call, range(9)), limit=cluster.capacity_limiter("api", 1)
        )
    await server.until(held=1, waiting=1)
    holder.kill()
    await holder.wait()
    async with Cluster(workers.url, settings=workers.settings) as cluster:
        with anyio.fail_after(30):
            async with cluster.attach(job) as stream:
                assert sorted([outcome async for outcome in stream]) == [
                    (n, 2 * n) for n in range(9)
                ]
    await server.until(held=0)
