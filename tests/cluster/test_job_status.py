"""Where a submitted job stands, by its id."""

import pytest
import tasks
from helpers import wait_until

from lionherd_dist import Cluster, JobNotFoundError, JobStatus

pytestmark = pytest.mark.anyio


async def settled(cluster: Cluster, job: str, done: int) -> JobStatus:
    """The status of *job*, once *done* of its calls are."""
    statuses: list[JobStatus] = []

    async def is_there() -> bool:
        statuses.append(await cluster.status(job))
        return statuses[-1].done == done

    await wait_until(is_there, description=f"{done} calls are done")
    return statuses[-1]


async def test_a_status_tells_state_tasks_name_counts_and_rate(cluster: Cluster) -> None:
    """Of a job that runs, and when it is done."""
    stage = tasks.new_stage()
    calls = [tasks.fail.call("no"), tasks.echo.call(1), tasks.double_when_open.call(1)]
    job = await cluster.submit(calls, name="nightly", limit=3)
    status = await settled(cluster, job, 2)
    assert status.rate is not None
    assert status == JobStatus(
        id=job,
        state="running",
        tasks=("tasks:fail", "tasks:echo", "tasks:double_when_open"),
        label="nightly",
        done=2,
        failed=1,
        total=3,
        rate=status.rate,
    )
    stage.gate.set()
    status = await settled(cluster, job, 3)
    assert (status.state, status.failed, status.rate) == ("done", 1, None)
    await cluster.cancel(job)


async def test_a_job_that_was_read_or_never_was_is_not_found(cluster: Cluster) -> None:
    """By the id that was asked for."""
    job = await cluster.submit([tasks.echo.call(1)])
    async with cluster.attach(job) as stream:
        assert [pair async for pair in stream] == [(0, 1)]
    for gone in (job, "nothing-1"):
        with pytest.raises(JobNotFoundError, match=gone):
            await cluster.status(gone)


async def test_every_kind_of_failure_is_counted(cluster: Cluster) -> None:
    """Errors, results that cannot be sent, tasks that are unknown, and calls one at a time."""
    bad = [
        tasks.fail.call("no"),
        tasks.unsendable.call(),
        tasks.too_slow.call(),
        tasks.fail_for_good.call("retried"),
    ]
    tasks.new_stage()
    job = await cluster.submit([*bad, tasks.echo.call(1)], limit=1)
    assert (await settled(cluster, job, 5)).failed == 4
    await cluster.cancel(job)


@pytest.mark.parametrize("name", [5, None, "x" * 201])
async def test_a_name_is_text_of_some_length(cluster: Cluster, name: object) -> None:
    """Found at the call."""
    with pytest.raises((TypeError, ValueError), match=r"name (is|has) "):
        await cluster.submit([tasks.echo.call(1)], name=name)  # type: ignore[arg-type]  # refused


async def test_a_job_of_many_tasks_tells_of_the_first(cluster: Cluster) -> None:
    """What is kept of a job does not grow with it."""
    calls = [tasks.echo.call(1)] + [tasks.double.call(n) for n in range(600)]
    job = await cluster.submit(calls)
    assert (await settled(cluster, job, 601)).tasks == ("tasks:echo", "tasks:double")
    await cluster.cancel(job)
