"""When the server loses data, or holds us dead: an error or a re-send, never a hang."""

from collections.abc import AsyncIterator

import anyio
import pytest
import tasks
from helpers import wait_until

from lionherd_dist import Cluster, JobLostError, Settings, StoreUnavailableError, Worker
from lionherd_dist.embedded.server import private_server
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.outcomes import Inbox, News

pytestmark = pytest.mark.anyio

QUICK = Settings(namespace="lost", session_s=1)


@pytest.fixture
async def stage() -> tasks.Stage:
    return tasks.new_stage()


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A server of the test's own, to do with as it likes."""
    async with private_server() as url:
        yield url


@pytest.fixture
async def server(url: str) -> AsyncIterator[Connection]:
    connection = Connection(url, name="test")
    yield connection
    await connection.close()


@pytest.fixture
async def worker(url: str) -> AsyncIterator[Worker]:
    worker = Worker(tasks, redis=url, concurrency=4, settings=QUICK)
    async with anyio.create_task_group() as working:
        working.start_soon(worker.run)
        yield worker
        worker.stop()


async def test_lost_data_ends_a_job_in_an_error_and_everything_heals(
    url: str, server: Connection, worker: Worker, stage: tasks.Stage
) -> None:
    """FLUSHALL: the job is lost; the same cluster and the same worker do the next one."""
    async with Cluster(url, settings=QUICK) as cluster:
        with pytest.raises(JobLostError) as caught:
            async with cluster.completion_stream(
                [tasks.double.call(4), *map(tasks.hold.call, range(4))]
            ) as stream:
                async for index, result in stream:
                    assert (index, result) == (0, 8)
                    await wait_until(lambda: stage.running == 4, description="four run")
                    await server.call("FLUSHALL")
        assert caught.value.completed == 1
        with anyio.fail_after(20):
            assert await cluster.gather(*map(tasks.double.call, range(9))) == [
                2 * n for n in range(9)
            ]
        await wait_until(lambda: stage.running == 0, description="the lost calls were stopped")


async def test_lost_data_is_sent_again_where_that_was_asked_for(
    url: str, server: Connection, worker: Worker, stage: tasks.Stage
) -> None:
    """Under the same indexes, and only what had no outcome."""
    async with Cluster(url, resubmit=True, settings=QUICK) as cluster:
        results: list[object] = []
        async with anyio.create_task_group() as group:

            async def ask() -> None:
                results.extend(
                    await cluster.bounded_map(tasks.hold, [str(n) for n in range(40)], limit=3)
                )

            group.start_soon(ask)
            await wait_until(lambda: stage.running == 3, description="three run")
            await server.call("FLUSHALL")
            await wait_until(lambda: stage.started[3:6] != [], description="they run again")
            stage.gate.set()
    assert results == [str(n) for n in range(40)]


async def test_a_single_lost_job_is_noticed(
    url: str, server: Connection, worker: Worker, stage: tasks.Stage
) -> None:
    """Its keys are gone and nobody would ever answer; the other jobs go on."""
    keys = Keys(QUICK.namespace)
    async with Cluster(url, settings=QUICK) as cluster, anyio.create_task_group() as group:
        errors: list[Exception] = []

        async def ask() -> None:
            try:
                await cluster.run(tasks.hold.call("x"))
            except JobLostError as error:
                errors.append(error)

        group.start_soon(ask)
        await wait_until(lambda: stage.running == 1, description="it runs")
        jobs = await server.call("KEYS", f"{keys.prefix}job:*")
        assert isinstance(jobs, list)
        await server.call("DEL", *jobs)  # type: ignore[arg-type]
        await wait_until(lambda: bool(errors), description="the job is lost")
        stage.gate.set()
        assert await cluster.run(tasks.double.call(2)) == 4


async def test_a_job_is_not_lost_while_its_outcomes_are_on_their_way(
    url: str, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is done with it, and only the one connection that reads outcomes is slow."""
    read = Inbox.read

    async def slow(inbox: Inbox) -> list[News]:
        await anyio.sleep(1.5 * QUICK.session_s)
        return await read(inbox)

    monkeypatch.setattr(Inbox, "read", slow)
    async with Cluster(url, settings=QUICK) as cluster:
        assert await cluster.run(tasks.double.call(2)) == 4


async def test_a_client_held_dead_is_told_and_goes_on(
    url: str, server: Connection, worker: Worker, stage: tasks.Stage
) -> None:
    """Its jobs were given up; the next one finds a new session."""
    async with Cluster(url, settings=QUICK) as cluster:
        with pytest.raises(JobLostError):
            async with cluster.completion_stream([tasks.hold.call(1)]) as stream:
                await wait_until(lambda: stage.running == 1, description="it runs")
                sessions = await server.call("ZRANGE", Keys(QUICK.namespace).sessions, 0, -1)
                assert isinstance(sessions, list)
                for session in sessions:
                    await server.call("ZADD", Keys(QUICK.namespace).sessions, 1, session)  # type: ignore[arg-type]
                async for _ in stream:
                    pass
        await wait_until(lambda: stage.running == 0, description="the worker stopped the call")
        with anyio.fail_after(20):
            assert await cluster.run(tasks.double.call(2)) == 4


async def test_a_silent_server_ends_in_an_error_after_the_patience() -> None:
    """Not in a hang."""
    impatient = Settings(namespace="lost", session_s=1, patience_s=0.3)
    with pytest.raises(StoreUnavailableError, match="does not answer"):
        async with Cluster("unix:///tmp/nobody-listens-here", settings=impatient):
            pass
    with pytest.raises(StoreUnavailableError):
        await Worker(tasks, redis="unix:///tmp/nobody-listens-here", settings=impatient).run()
