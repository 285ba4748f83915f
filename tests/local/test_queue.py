"""``Queue``."""

import anyio
import pytest

from lionherd_dist.local import Queue

pytestmark = pytest.mark.anyio


async def test_items_come_out_in_the_order_they_went_in():
    """Waiting or not."""
    async with Queue.with_maxsize(3) as queue:
        await queue.put(1)
        queue.put_nowait(2)
        await queue.sender.send(3)
        assert [await queue.get(), queue.get_nowait(), await queue.receiver.receive()] == [1, 2, 3]


async def test_full_and_empty_say_so_without_waiting():
    """With anyio's WouldBlock."""
    async with Queue.with_maxsize(1) as queue:
        with pytest.raises(anyio.WouldBlock):
            queue.get_nowait()
        queue.put_nowait(1)
        with pytest.raises(anyio.WouldBlock):
            queue.put_nowait(2)


async def test_putting_into_a_full_queue_waits(settled):
    """Until there is room."""
    async with Queue.with_maxsize(1) as queue, anyio.create_task_group() as tasks:
        await queue.put(1)
        tasks.start_soon(queue.put, 2)
        await settled()
        assert await queue.get() == 1
        assert await queue.get() == 2


async def test_closed_queue_refuses_everything():
    """Closing it twice is fine."""
    queue = Queue.with_maxsize(1)
    await queue.close()
    await queue.close()
    with pytest.raises(anyio.ClosedResourceError):
        await queue.put(1)
    with pytest.raises(anyio.ClosedResourceError):
        await queue.get()


@pytest.mark.anyio
async def test_a_queue_that_is_closed_while_its_user_is_cancelled_is_closed_at_both_ends():
    """The end to take from does not stay open because putting was closed first."""
    queue = Queue.with_maxsize(1)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await queue.close()
    assert scope.cancelled_caught
    with pytest.raises(anyio.ClosedResourceError):
        queue.get_nowait()
