"""A job of one call at a time: in order, alone, and with fewer messages than calls."""

import anyio
import pytest
import tasks
from helpers import wait_until
from road import working

from lionherd_dist import Cluster, Settings, Task, Worker
from lionherd_dist.store.connection import Connection

pytestmark = pytest.mark.anyio

CALLS = 400


@pytest.fixture
async def stage() -> tasks.Stage:
    return tasks.new_stage()


async def scripts_run(connection: Connection) -> int:
    """How many the server has run since it began."""
    reply = await connection.call("INFO", "commandstats")
    assert isinstance(reply, bytes)
    (line,) = (one for one in reply.decode().splitlines() if one.startswith("cmdstat_evalsha:"))
    return int(line.partition("calls=")[2].partition(",")[0])


async def test_calls_that_end_at_once_cost_less_than_a_script_each(
    redis_url: str, settings: Settings, connection: Connection
) -> None:
    """And come in their order."""
    async with (
        working(redis_url, settings),
        Cluster(redis_url, settings=settings) as cluster,
    ):
        await cluster.run(tasks.double.call(1))
        before = await scripts_run(connection)
        calls = (tasks.double.call(n) for n in range(CALLS))
        async with cluster.completion_stream(calls, limit=1) as stream:
            got = [one async for one in stream]
        assert await scripts_run(connection) - before < CALLS
    assert got == [(n, 2 * n) for n in range(CALLS)]


@pytest.mark.parametrize("task", [tasks.brief, tasks.passing], ids=["it waits", "it does not"])
async def test_one_at_a_time_is_one_over_several_workers(
    redis_url: str, settings: Settings, stage: tasks.Stage, task: Task[[object], object]
) -> None:
    """Each begins when the one before has ended, whoever had that."""
    workers = [Worker(tasks, redis=redis_url, settings=settings) for _ in range(2)]
    async with anyio.create_task_group() as group:
        for worker in workers:
            group.start_soon(worker.run)
        async with Cluster(redis_url, settings=settings) as cluster:
            await cluster.bounded_map(task, range(CALLS), limit=1)
        for worker in workers:
            worker.stop()
    assert stage.most == 1
    assert stage.started == stage.cleaned == list(range(CALLS))


async def test_a_cancelled_job_begins_no_more_of_its_calls(
    redis_url: str, settings: Settings, stage: tasks.Stage
) -> None:
    """Those that were on their way with the one that runs are dropped."""
    async with (
        working(redis_url, settings),
        Cluster(redis_url, settings=settings) as cluster,
    ):
        calls = [tasks.passing.call(n) for n in range(CALLS)] + [tasks.hold.call("last")] * 10
        async with cluster.completion_stream(calls, limit=1) as stream:
            for _ in range(CALLS):
                await anext(stream)
            await wait_until(lambda: "last" in stage.started, description="one holds")
        assert stage.started.count("last") == stage.cleaned.count("last") == 1
        assert await cluster.run(tasks.double.call(2)) == 4
