"""A job that outlives its client, and is picked up where the last reader stopped."""

from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
import pytest
import tasks
from fault_proxy import Fault, fault_proxy
from helpers import wait_until

from lionherd_dist import (
    Call,
    Cluster,
    EncodeError,
    JobLostError,
    JobNotFoundError,
    JobTakenError,
    Settings,
    StoreUnavailableError,
)
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.scripts import ATTACH, CANCEL, SUBMIT

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage() -> tasks.Stage:
    return tasks.new_stage()


@pytest.fixture
async def other(redis_url: str, settings: Settings, cluster: Cluster) -> AsyncIterator[Cluster]:
    """Another client of the same namespace."""
    async with Cluster(redis_url, settings=settings) as other:
        yield other


async def test_another_process_reads_what_one_submitted(
    redis_url: str,
    settings: Settings,
    cluster: Cluster,
    keys_of: Callable[[Settings], Awaitable[list[str]]],
) -> None:
    """The submitting client is gone by then; read to its end, the job leaves nothing."""
    async with Cluster(redis_url, settings=settings) as submitter:
        job = await submitter.submit(map(tasks.double.call, range(300)), limit=7)
    async with cluster.attach(job) as stream:
        assert sorted([pair async for pair in stream]) == [(n, 2 * n) for n in range(300)]
    assert not [key for key in await keys_of(settings) if "job" in key or "kept" in key]
    with pytest.raises(JobNotFoundError, match=job):
        async with cluster.attach(job):
            pass


async def test_the_next_reader_goes_on_where_the_last_one_stopped(
    cluster: Cluster, other: Cluster
) -> None:
    """Nothing is skipped, and nothing given again that a reader was done with."""
    job = await cluster.submit(map(tasks.double.call, range(20)))
    seen: list[int] = []
    async with cluster.attach(job) as stream:
        async for index, _ in stream:
            seen.append(index)
            if len(seen) == 8:
                break
    async with other.attach(job) as stream:
        rest = [index async for index, _ in stream]
    assert rest[0] == seen[-1]  # it was given, but the reader never said that it was done with it
    assert sorted(seen + rest[1:]) == list(range(20))


async def test_one_reader_at_a_time(cluster: Cluster, other: Cluster) -> None:
    """The second one is told who reads; when the first has left, it may."""
    job = await cluster.submit([tasks.double.call(1)])
    async with cluster.attach(job) as stream:
        assert await anext(stream) == (0, 2)
        with pytest.raises(JobTakenError, match="is being read"):
            async with other.attach(job):
                pass
    async with other.attach(job) as stream:
        assert [pair async for pair in stream] == [(0, 2)]


async def test_a_reader_waits_for_the_end_of_one_that_was_killed(
    cluster: Cluster, other: Cluster, connection: Connection, settings: Settings, caplog
) -> None:
    """It asks when the other's session can be over; nothing renews it."""
    job = await cluster.submit([tasks.double.call(1)])
    keys = Keys(settings.namespace)
    await connection.call("HSET", keys.job(job), "reader", "killed/1")
    now_s, micros = await connection.call("TIME")  # type: ignore[misc]
    ends_at = int(now_s) * 1000 + int(micros) // 1000 + 300
    await connection.call("ZADD", keys.sessions, ends_at, "killed")
    with pytest.raises(JobTakenError, match="is being read by killed/1"):
        async with other.attach(job):
            pass
    async with other.attach(job, wait_s=30) as stream:
        assert [pair async for pair in stream] == [(0, 2)]
    (record,) = [one for one in caplog.records if "waits for another reader" in one.getMessage()]
    assert record.facts["reader"] == "killed/1"  # type: ignore[attr-defined]
    await connection.call("ZREM", keys.sessions, "killed")


async def test_a_wait_ends_when_the_other_reader_goes_on(cluster: Cluster, other: Cluster) -> None:
    """After as long as was asked for, and not before."""
    job = await cluster.submit([tasks.double.call(1)])
    async with cluster.attach(job) as stream:
        begun = anyio.current_time()
        with pytest.raises(JobTakenError, match="is being read"):
            async with other.attach(job, wait_s=0.3):
                pass
        assert anyio.current_time() - begun >= 0.3
        assert [pair async for pair in stream] == [(0, 2)]
    for wrong in (-1, "5", float("nan")):  # before anything is asked
        with pytest.raises((TypeError, ValueError), match="wait_s is"):
            cluster.attach(job, wait_s=wrong)  # type: ignore[arg-type]


async def test_a_second_reader_in_the_same_process_is_refused_too(cluster: Cluster) -> None:
    """Each would count what the other was done with, and the last outcomes would be lost."""
    job = await cluster.submit(map(tasks.double.call, range(10)))
    async with cluster.attach(job) as first:
        with pytest.raises(JobTakenError, match="is being read"):
            async with cluster.attach(job):
                pass
        assert len([pair async for pair in first]) == 10


async def test_a_reader_that_is_cancelled_as_it_attaches_keeps_nobody_out(
    redis_url: str, settings: Settings, cluster: Cluster
) -> None:
    """The server may have made it the reader, with nobody left to hear of that."""
    job = await cluster.submit([tasks.double.call(1)])
    async with fault_proxy(redis_url) as proxy, Cluster(proxy.url, settings=settings) as slow:
        carried_out = proxy.strike(Fault.LOSE_REPLY, ATTACH.sha.encode())
        async with anyio.create_task_group() as attaching:
            attaching.start_soon(slow.attach(job).__aenter__)
            await carried_out.wait()
            attaching.cancel_scope.cancel()
        async with cluster.attach(job) as other:
            assert [pair async for pair in other] == [(0, 2)]


async def test_hostile_entries_among_kept_outcomes_are_passed_over(
    cluster: Cluster, connection: Connection, settings: Settings
) -> None:
    """Whatever they hold, the reader gets the rest."""
    job = await cluster.submit(map(tasks.double.call, range(3)))
    outcomes = f"{Keys(settings.namespace).job(job)}:outcomes"
    await connection.call("XADD", outcomes, "*", "x", "y")
    await connection.call("XADD", outcomes, "*", "j", job, "\xff", "y")
    async with cluster.attach(job) as stream:
        assert sorted([index async for index, _ in stream]) == [0, 1, 2]


async def test_a_dead_readers_place_is_free(
    cluster: Cluster, other: Cluster, connection: Connection, settings: Settings
) -> None:
    """And whoever was held dead is told when it asks for more."""
    job = await cluster.submit(map(tasks.double.call, range(3)))
    keys = Keys(settings.namespace)
    async with cluster.attach(job) as first:
        await anext(first)
        reader = await connection.call("HGET", keys.job(job), "reader")
        assert isinstance(reader, bytes)
        await connection.call("ZADD", keys.sessions, 1, reader.partition(b"/")[0])
        async with other.attach(job) as second:
            await anext(second)
            with pytest.raises(JobTakenError, match="held dead"):
                await anext(first)
            assert len([pair async for pair in second]) == 2


async def test_failures_are_outcomes_in_place(cluster: Cluster) -> None:
    """One failure ends nothing."""
    calls: list[Call[object]] = [tasks.fail.call("no"), tasks.double.call(2)]
    job = await cluster.submit(calls)
    async with cluster.attach(job) as stream:
        seen = {index: repr(outcome) async for index, outcome in stream}
    assert seen == {0: "ValueError('no')", 1: "4"}


async def test_the_submitters_deadline_does_not_travel(
    cluster: Cluster, stage: tasks.Stage
) -> None:
    """The job is to outlive the block that sent it."""
    with anyio.fail_after(30):
        job = await cluster.submit([tasks.seconds_left.call()])
    async with cluster.attach(job) as stream:
        assert [pair async for pair in stream] == [(0, None)]


async def test_a_submission_that_fails_half_way_leaves_nothing(
    cluster: Cluster,
    settings: Settings,
    keys_of: Callable[[Settings], Awaitable[list[str]]],
) -> None:
    """A bad call is refused as itself, and what was sent before it is taken back."""
    bad: list[Call[object]] = [tasks.echo.call(object())]
    with pytest.raises(EncodeError):
        await cluster.submit([*map(tasks.double.call, range(2_000)), *bad])
    assert not [key for key in await keys_of(settings) if ":job:" in key or "kept" in key]


async def test_nothing_to_submit_is_refused(cluster: Cluster) -> None:
    """So is a time to live that is none."""
    with pytest.raises(ValueError, match="nothing to submit"):
        await cluster.submit([])
    with pytest.raises(ValueError, match="result_ttl is 0"):
        await cluster.submit([tasks.double.call(1)], result_ttl=0)


async def test_a_submitted_job_can_be_cancelled_by_anybody(
    cluster: Cluster,
    other: Cluster,
    stage: tasks.Stage,
    settings: Settings,
    keys_of: Callable[[Settings], Awaitable[list[str]]],
) -> None:
    """What runs is stopped, what waits is dropped, and nothing stays."""
    job = await cluster.submit(map(tasks.hold.call, range(200)), limit=5)
    await wait_until(lambda: stage.running == 5, description="five run")
    await other.cancel(job)
    await wait_until(lambda: stage.running == 0, description="they were stopped")

    async def clean() -> bool:
        return not [key for key in await keys_of(settings) if ":job:" in key or "kept" in key]

    await wait_until(clean, description="its keys are gone")
    with pytest.raises(JobNotFoundError):
        async with other.attach(job):
            pass


async def test_kept_outcomes_expire(
    cluster: Cluster, connection: Connection, settings: Settings
) -> None:
    """Each key of a job that is done has a time to live, and the list of kept jobs knows it."""
    job = await cluster.submit([tasks.double.call(1)], result_ttl=100)
    keys = Keys(settings.namespace)

    async def done() -> bool:
        return await connection.call("HGET", keys.job(job), "done") == b"1"

    await wait_until(done, description="the job is done")
    for name in (keys.job(job), f"{keys.job(job)}:outcomes"):
        ttl_ms = await connection.call("PTTL", name)
        assert isinstance(ttl_ms, int)
        assert 90_000 < ttl_ms <= 100_000
    assert not await connection.call("EXISTS", f"{keys.job(job)}:backlog")
    await cluster.cancel(job)


async def test_a_reader_that_was_cancelled_while_asking_misses_nothing(
    cluster: Cluster, connection: Connection
) -> None:
    """Its place moves once per outcome, whatever becomes of the question."""
    job = await cluster.submit(map(tasks.double.call, range(30)))
    seen: list[int] = []
    async with cluster.attach(job) as stream:
        while True:
            await connection.call("CLIENT", "PAUSE", 40)
            try:
                with anyio.fail_after(0.02):
                    index, _ = await anext(stream)
            except TimeoutError:
                try:
                    index, _ = await anext(stream)
                except StopAsyncIteration:
                    break
            except StopAsyncIteration:
                break
            seen.append(index)
    assert sorted(seen) == list(range(30))


async def test_a_cancellation_that_the_server_never_heard_of_is_an_error(
    redis_url: str, settings: Settings, cluster: Cluster, stage: tasks.Stage
) -> None:
    """The job goes on, and whoever asked must know."""
    hasty = Settings(namespace=settings.namespace, patience_s=0.3)
    async with fault_proxy(redis_url) as proxy, Cluster(proxy.url, settings=hasty) as far:
        job = await cluster.submit([tasks.hold.call(1)])
        for nth in range(1, 50):
            proxy.strike(Fault.LOSE_REQUEST, CANCEL.sha.encode(), nth=nth)
        with pytest.raises(StoreUnavailableError):
            await far.cancel(job)
    await cluster.cancel(job)
    await wait_until(lambda: stage.running == 0, description="the call has stopped")


async def test_a_job_cancelled_under_its_reader_is_no_complete_one(cluster: Cluster) -> None:
    """The reader is told that the rest will not come."""
    job = await cluster.submit(map(tasks.double.call, range(10)))
    async with cluster.attach(job) as stream:
        for _ in range(3):
            await anext(stream)
        await cluster.cancel(job)
        with pytest.raises(JobLostError, match="cancelled"):
            async for _ in stream:
                pass


async def test_a_submission_that_fails_as_its_session_is_lost_leaves_no_job(
    redis_url: str,
    settings: Settings,
    cluster: Cluster,
    connection: Connection,
    keys_of: Callable[[Settings], Awaitable[list[str]]],
) -> None:
    """The server may have all of it, and only the word of that be lost: nobody knows its id."""
    stage = tasks.new_stage()
    async with fault_proxy(redis_url) as proxy, Cluster(proxy.url, settings=settings) as far:
        (session,) = await clients(connection, Keys(settings.namespace), without=cluster)
        await far.cancel(await far.submit([tasks.hold.call(0)]))  # the server knows the script now
        for nth in range(1, 50):
            proxy.strike(Fault.LOSE_REPLY, SUBMIT.sha.encode(), nth=nth)

        async def complete() -> bool:
            return any(":job:" in key for key in await keys_of(settings))

        async with anyio.create_task_group() as group:

            async def lose() -> None:
                await wait_until(complete, description="the server has all of it")
                await connection.call("ZREM", Keys(settings.namespace).sessions, session)

            group.start_soon(lose)
            with pytest.raises(JobLostError):
                await far.submit(map(tasks.hold.call, range(3)))

        async def gone() -> bool:
            return not [key for key in await keys_of(settings) if ":job:" in key]

        await wait_until(gone, description="the job was cancelled")
    await wait_until(lambda: stage.running == 0, description="what ran was stopped")


async def clients(connection: Connection, keys: Keys, *, without: Cluster) -> list[bytes]:
    """The sessions that are no worker's and not that of *without*."""
    sessions = await connection.call("ZRANGE", keys.sessions, 0, -1)
    workers = await connection.call("HKEYS", keys.slots)
    assert isinstance(sessions, list)
    assert isinstance(workers, list)
    own = without._link.session_id.encode()
    return [one for one in sessions if isinstance(one, bytes) and one not in [*workers, own]]
