"""Task groups."""

import anyio
import pytest

from lionherd_dist.local import TaskGroup, create_task_group

pytestmark = pytest.mark.anyio


async def test_block_waits_for_its_tasks(work):
    """start_soon hands arguments on and takes a name."""
    work.open(1)
    async with create_task_group() as tasks:
        assert isinstance(tasks, TaskGroup)
        tasks.start_soon(work, 1, name="named")
    assert work.finished == [1]


async def test_start_waits_for_the_task_to_be_ready(work):
    """Its value is what the task reports."""

    async def serve(port, *, task_status):
        task_status.started(port + 1)
        await work(0)

    async with create_task_group() as tasks:
        assert await tasks.start(serve, 80) == 81
        tasks.cancel_scope.cancel()
    assert work.cancelled == [0]


async def test_failure_cancels_the_others(work):
    """And comes out in a group."""

    async def fail():
        raise ValueError("boom")

    with pytest.raises(ExceptionGroup) as caught:
        async with create_task_group() as tasks:
            tasks.start_soon(work, 0)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(fail)
    assert [repr(error) for error in caught.value.exceptions] == ["ValueError('boom')"]
    assert work.cancelled == [0]
