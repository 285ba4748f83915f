"""What a worker says of itself."""

import asyncio
from dataclasses import replace

import anyio
import pytest
import tasks
from helpers import wait_until
from own_server import own_server
from road import working

from lionherd_dist import Cluster, Settings, Worker
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys

pytestmark = pytest.mark.anyio

QUICK = Settings(session_s=1, patience_s=30)


async def test_a_worker_is_alive_while_the_server_knows_it() -> None:
    """Not before, not when the server is gone for a session, again when it is back, not after."""
    async with own_server() as server:
        assert not Worker(tasks, redis=server.url).is_alive
        async with working(server.url, QUICK) as worker:
            assert worker.is_alive
            await server.kill()
            await wait_until(lambda: not worker.is_alive, description="it is not held alive")
            await server.start()
            await wait_until(lambda: worker.is_alive, description="it is alive again")
            async with Cluster(server.url, settings=QUICK) as cluster:
                assert await cluster.run(tasks.double.call(2)) == 4
        assert not worker.is_alive


async def test_a_worker_that_lost_its_session_goes_on_beside_a_thread_that_it_cannot_stop(
    redis_url: str, connection: Connection, settings: Settings
) -> None:
    """Such a thread keeps its slot, and nothing else; when it ends, nobody hears of it."""
    stage = tasks.new_stage()
    quick = replace(settings, session_s=1)
    async with working(redis_url, quick, slots=2), Cluster(redis_url, settings=quick) as cluster:
        async with cluster.completion_stream([tasks.hold_a_thread.call("thread")]) as stream:
            await wait_until(lambda: len(stage.started) == 1, description="it runs")
            await lose_workers_session(connection, Keys(quick.namespace))
            await wait_until(lambda: len(stage.started) == 2, description="it runs again beside it")
            stage.thread_gate.set()
            with anyio.fail_after(20):
                assert [pair async for pair in stream] == [(0, "thread")]
        with anyio.fail_after(20):
            assert await cluster.gather(*(tasks.double.call(n) for n in range(4))) == [0, 2, 4, 6]


async def lose_workers_session(connection: Connection, keys: Keys) -> None:
    """As if it had not been renewed for too long."""
    fields = await connection.call("HKEYS", keys.slots)
    assert isinstance(fields, list)
    (worker,) = [one for one in fields if isinstance(one, bytes) and one != b"*"]
    await connection.call("ZADD", keys.sessions, 1, worker)


async def test_a_stopped_worker_says_that_a_thread_of_an_earlier_session_is_all_that_is_left(
    redis_url: str, connection: Connection, settings: Settings
) -> None:
    """Or its process would wait for that thread for ever."""
    stage = tasks.new_stage()
    quick = replace(settings, session_s=1)
    worker = Worker(tasks, redis=redis_url, concurrency=1, settings=quick)
    begun: list[None] = []
    stuck = anyio.Event()

    async def work() -> None:
        await worker.run(on_ready=lambda: begun.append(None), on_stuck=stuck.set)

    async with Cluster(redis_url, settings=quick) as cluster, anyio.create_task_group() as group:
        group.start_soon(work)
        group.start_soon(cluster.run, tasks.hold_a_thread.call("thread"))
        await wait_until(lambda: bool(stage.started), description="it runs")
        await lose_workers_session(connection, Keys(quick.namespace))
        await wait_until(lambda: len(begun) == 2, description="the next session has begun")
        worker.stop()
        with anyio.fail_after(20):
            await stuck.wait()
        stage.thread_gate.set()
        group.cancel_scope.cancel()


def test_a_retry_is_made_in_time_in_a_program_of_asyncios(
    redis_url: str, settings: Settings
) -> None:
    """Whoever started the event loop: the word of it comes outside of any task."""

    async def main() -> int:
        tasks.new_stage()
        patient = replace(settings, session_s=600)  # it looks by itself as seldom
        worker = Worker(tasks, redis=redis_url, settings=patient)
        running = asyncio.create_task(worker.run())
        async with asyncio.timeout(20), Cluster(redis_url, settings=patient) as cluster:
            attempt = await cluster.run(tasks.flaky.call("who", 2))
        worker.stop()
        await running
        return attempt

    assert asyncio.run(main()) == 3
