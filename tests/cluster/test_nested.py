"""Calls that wait for calls, where there is one worker only, and one slot: nothing hangs."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
import tasks

from lionherd_dist import Cluster, JobTakenError, LocalCluster, PoisonTaskError, Settings

pytestmark = pytest.mark.anyio

TESTS = Path(__file__).parent.parent
SOON_S = 60


@pytest.fixture
async def alone(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalCluster]:
    """One worker with one slot; another follows when it dies."""
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    settings = Settings(session_s=1)
    async with LocalCluster("tasks", workers=1, concurrency=1, settings=settings) as cluster:
        yield cluster


async def test_calls_that_wait_for_calls_leave_room_for_those(alone: LocalCluster) -> None:
    """However deep they go, on one slot."""
    with anyio.fail_after(SOON_S):
        assert await alone.gather(*(tasks.fibonacci.call(n) for n in range(8))) == [
            *(0, 1, 1, 2, 3, 5, 8, 13)
        ]


async def test_a_suspect_gets_its_own_calls_done(alone: LocalCluster, tmp_path: Path) -> None:
    """It runs alone on the only worker, which has others' calls before its own."""
    others = [tasks.double.call(n) for n in range(300)]
    with anyio.fail_after(SOON_S):
        results = await alone.gather(tasks.dies_and_asks.call(str(tmp_path), 2), *others)
    assert results == [90, *(2 * n for n in range(300))]


async def test_a_call_may_wait_for_a_suspect(alone: LocalCluster, tmp_path: Path) -> None:
    """Though it was itself in hand when the other ended their worker."""
    job = await alone.submit([tasks.dies.call(str(tmp_path), 2)])
    with anyio.fail_after(SOON_S):
        assert await alone.run(tasks.reads.call(job)) == [2]


async def test_a_reader_that_is_refused_does_not_end_the_wait_of_the_first(
    cluster: Cluster,
) -> None:
    """Both are in one process; only one of them has the job."""
    job = await cluster.submit([tasks.double.call(n) for n in range(2)])
    jobs = cluster._link.jobs
    async with cluster.attach(job) as stream:
        with pytest.raises(JobTakenError):
            await cluster.attach(job).__aenter__()
        assert jobs.awaits(job)
        assert [one async for one in stream] == [(0, 0), (1, 2)]
    assert not jobs.awaits(job)


async def test_a_call_whose_own_calls_end_every_worker_is_poison(
    alone: LocalCluster, tmp_path: Path
) -> None:
    """They are made anew each time, so it is the one that asks which is given up."""
    with anyio.fail_after(SOON_S), pytest.raises(PoisonTaskError, match="3 times it ran alone"):
        await alone.run(tasks.asks_one_that_dies.call(str(tmp_path), 1_000))
    assert await alone.run(tasks.double.call(3)) == 6
