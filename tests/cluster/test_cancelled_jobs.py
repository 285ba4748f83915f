"""A job that an operator cancels: whoever waits for it is told, at once."""

import anyio
import pytest
import tasks
from helpers import wait_until

from lionherd_dist import Cluster, JobCancelledError, JobLostError, Settings, Worker, sleep
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.jobs import cancel_request
from lionherd_dist.store.keys import Keys

pytestmark = pytest.mark.anyio


async def cancel_as_an_operator(connection: Connection, settings: Settings, job: str) -> None:
    await connection.run(*cancel_request(Keys(settings.namespace), [job], by=""))


async def test_a_running_job_that_an_operator_cancels_ends_in_a_clear_error(
    cluster: Cluster, connection: Connection, settings: Settings
) -> None:
    """After what had arrived; what runs is stopped before the block is left."""
    stage = tasks.new_stage()
    with anyio.fail_after(10), pytest.raises(JobCancelledError) as caught:
        async with cluster.completion_stream(
            [tasks.double.call(4), *map(tasks.hold.call, range(4))], return_exceptions=True
        ) as stream:
            async for index, result in stream:
                assert (index, result) == (0, 8)
                await wait_until(lambda: stage.running == 4, description="four run")
                await cancel_as_an_operator(connection, settings, stream._job.id)
    assert (stage.running, len(stage.cleaned)) == (0, 4)
    assert caught.value.completed == 1
    assert caught.value.job in str(caught.value)
    assert await cluster.run(tasks.double.call(2)) == 4


async def test_a_job_that_nobody_runs_yet_ends_in_the_same_error(
    redis_url: str, connection: Connection, settings: Settings
) -> None:
    """There is no worker: the server drops it there and then, and says so."""
    async with Cluster(redis_url, settings=settings) as cluster:
        with anyio.fail_after(10), pytest.raises(JobCancelledError):
            async with cluster.completion_stream([tasks.double.call(1)]) as stream:
                await wait_until(lambda: stream._job.acknowledged == 1, description="it is sent")
                await cancel_as_an_operator(connection, settings, stream._job.id)
                async for _ in stream:
                    pytest.fail("nobody could have run it")


async def test_a_job_that_is_cancelled_while_it_is_submitted_is_not_waited_for(
    redis_url: str, connection: Connection, settings: Settings
) -> None:
    """Its sender hears of it although its outcomes would have gone elsewhere."""
    keys = Keys(settings.namespace)

    async def calls():
        yield tasks.double.call(1)
        await wait_until(cancelled.is_set, description="it is cancelled")
        await sleep(60)

    cancelled = anyio.Event()

    async def cancel(cluster: Cluster) -> None:
        job = f"{cluster._link.session_id}-1"
        exists = ("EXISTS", keys.job(job))

        async def there() -> bool:
            return await connection.call(*exists) == 1

        await wait_until(there, description="the first call is there")
        await cancel_as_an_operator(connection, settings, job)
        cancelled.set()

    async with Cluster(redis_url, settings=settings) as cluster, anyio.create_task_group() as group:
        group.start_soon(cancel, cluster)
        with anyio.fail_after(10), pytest.raises(JobCancelledError):
            await cluster.submit(calls())


async def test_a_job_that_its_owner_ends_is_told_to_nobody(
    cluster: Cluster, connection: Connection, settings: Settings
) -> None:
    """Leaving early costs no message."""
    tasks.new_stage()
    async with cluster.completion_stream(map(tasks.double.call, range(100)), limit=2) as stream:
        async for _ in stream:
            break
    inbox = Keys(settings.namespace).inbox(cluster._link.session_id)
    entries = await connection.call("XRANGE", inbox, "-", "+")
    assert b"cancelled" not in str(entries).encode()


async def test_a_reader_of_a_submitted_job_that_is_cancelled_does_not_hang(
    redis_url: str, connection: Connection, settings: Settings
) -> None:
    """It ends in JobLostError: nothing is left to read."""
    worker = Worker(tasks, redis=redis_url, concurrency=1, settings=settings)
    async with anyio.create_task_group() as working:
        working.start_soon(worker.run)
        async with Cluster(redis_url, settings=settings) as cluster:
            tasks.new_stage()
            job = await cluster.submit([tasks.double.call(1), tasks.hold.call(1)])
            with anyio.fail_after(20), pytest.raises(JobLostError):
                async with cluster.attach(job) as stream:
                    async for _ in stream:
                        await cancel_as_an_operator(connection, settings, job)
        worker.stop()
