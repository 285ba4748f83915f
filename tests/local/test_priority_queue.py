"""``PriorityQueue``."""

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lionherd_dist.local import PriorityQueue, QueueEmpty, QueueFull


@given(st.lists(st.integers()))
def test_items_come_out_in_order(items):
    """Whatever the order they went in."""

    async def through(items):
        queue = PriorityQueue()
        for item in items:
            await queue.put(item)
        return [await queue.get_nowait() for _ in items]

    assert anyio.run(through, items) == sorted(items)


@pytest.mark.anyio
async def test_full_and_empty_say_so():
    """By method, and by error where there is no waiting."""
    queue = PriorityQueue(maxsize=1)
    assert queue.maxsize == 1
    assert queue.empty()
    with pytest.raises(QueueEmpty):
        await queue.get_nowait()
    await queue.put_nowait((1, "a"))
    assert queue.full()
    assert queue.qsize() == 1
    with pytest.raises(QueueFull, match="1 items"):
        await queue.put_nowait((2, "b"))


@pytest.mark.anyio
async def test_get_waits_for_an_item_and_put_for_room(settled):
    """Each is woken by the other."""
    queue = PriorityQueue(maxsize=1)
    got = []

    async def get():
        got.append(await queue.get())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(get)
        await settled()
        await queue.put(3)
        await settled()
        assert got == [3]
        await queue.put(2)
        tasks.start_soon(queue.put, 1)
        await settled()
        assert queue.qsize() == 1
        assert await queue.get() == 2
        assert await queue.get() == 1


@pytest.mark.anyio
async def test_many_putters_and_getters_of_a_small_queue_all_finish():
    """No signal reaches one that cannot use it while another one waits."""
    queue = PriorityQueue(maxsize=1)
    got = []

    async def get():
        got.append(await queue.get())

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for item in range(50):
                tasks.start_soon(queue.put, item)
                tasks.start_soon(get)
    assert sorted(got) == list(range(50))


@pytest.mark.anyio
async def test_getter_cancelled_with_its_signal_in_hand_passes_it_on(settled):
    """The item goes to the next one waiting."""
    queue = PriorityQueue()
    got = []
    scopes = []

    async def get(name):
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            got.append((name, await queue.get()))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(get, "a")
            await settled()
            tasks.start_soon(get, "b")
            await settled()
            scopes[0].cancel()
            await queue.put_nowait(1)
    assert [item for _, item in got] == [1]


@pytest.mark.anyio
async def test_cancelled_waiter_leaves_no_trace(settled):
    """The next signal goes to one that still waits."""
    queue = PriorityQueue()
    got = []

    async def get():
        got.append(await queue.get())

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            with anyio.move_on_after(0):
                await queue.get()
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as doomed:
                    doomed.start_soon(get)
                    await settled()
                    scope.cancel()
            tasks.start_soon(get)
            await settled()
            await queue.put(1)
    assert got == [1]
