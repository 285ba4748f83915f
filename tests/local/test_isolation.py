"""What an item leaves behind touches nothing but itself, although items share tasks."""

import asyncio
from contextvars import ContextVar, copy_context

import anyio
import anyio.lowlevel
import pytest

from lionherd_dist.local import CapacityLimiter, CompletionStream, bounded_map

pytestmark = pytest.mark.anyio

ON_ASYNCIO = pytest.mark.parametrize("anyio_backend", ["asyncio"])


async def mapped(func, items, limit):
    return await bounded_map(func, items, limit=limit)


async def streamed(func, items, limit):
    results = []
    async with CompletionStream(map(func, items), limit=limit) as stream:
        async for _, result in stream:
            results.append(result)
            await anyio.sleep(0.002)  # what was left behind may strike what waits to be read
    return results


async def streamed_async(func, items, limit):
    async def source():
        for item in items:
            yield func(item)

    results = []
    async with CompletionStream(source(), limit=limit) as stream:
        async for _, result in stream:
            results.append(result)
            await anyio.sleep(0.002)
    return results


PATTERNS = pytest.mark.parametrize("pattern", [mapped, streamed, streamed_async])


@PATTERNS
@ON_ASYNCIO
async def test_a_timer_that_cancels_its_task_hits_no_other_item(pattern, anyio_backend):
    """Each item leaves one, and waits longer than the ones before have left to run."""

    async def leave_a_timer(item):
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        if item % 2:
            await asyncio.sleep(0.01)
        loop.call_later(0.001, task.cancel)
        return item

    assert await pattern(leave_a_timer, range(6), 1) == list(range(6))


@PATTERNS
@ON_ASYNCIO
async def test_a_cancellation_that_came_too_late_hits_no_other_item(pattern, anyio_backend):
    """Asked for in the last step, asked for and called off, or swallowed."""

    async def cancel_itself(item):
        task = asyncio.current_task()
        if item % 3 == 0:
            task.cancel()
        elif item % 3 == 1:
            task.cancel()
            task.uncancel()
        else:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.sleep(0)
        return item

    async def work(item):
        if item % 2:
            assert asyncio.current_task().cancelling() == 0
            await asyncio.sleep(0)
            return item
        return await cancel_itself(item // 2)

    assert len(await pattern(work, range(12), 1)) == 12


@PATTERNS
@ON_ASYNCIO
async def test_a_name_and_a_key_of_a_table_are_the_items_own(pattern, anyio_backend):
    """No item finds its task in a table of another, or with its name."""
    table = {}

    async def register(item):
        task = asyncio.current_task()
        assert task not in table
        assert task.get_name() != "mine"
        if item % 2:
            table[task] = item
        else:
            task.set_name("mine")

    await pattern(register, range(6), 1)


@PATTERNS
async def test_a_token_that_an_item_forgot_is_not_held_by_the_next(pattern):
    """The limiter takes the next item for another borrower."""
    limiter = CapacityLimiter(10)

    async def forget(item):
        await limiter.acquire()
        return item

    assert await pattern(forget, range(5), 1) == list(range(5))
    assert limiter.borrowed_tokens == 5


@PATTERNS
@pytest.mark.parametrize("others", [0, 3, 40])
async def test_an_equal_value_of_a_context_variable_is_another_value(pattern, others):
    """Identity counts, however many variables there are, and whatever else holds the context."""
    for number in range(others):
        ContextVar(f"other {number}").set(number)
    variable = ContextVar("variable")
    first = [1]
    variable.set(first)
    kept = []

    async def leave_an_equal_one(item):
        assert variable.get() is first
        kept.append(copy_context())
        variable.set([1])
        return item

    assert await pattern(leave_an_equal_one, range(5), 1) == list(range(5))
    assert variable.get() is first


async def test_items_that_leave_nothing_share_a_task():
    """Also where they set a context variable and reset it."""
    variable = ContextVar("variable", default=0)
    tasks = set()

    async def leave_nothing(item):
        tasks.add(anyio.get_current_task().id)
        variable.reset(variable.set(item))

    await bounded_map(leave_nothing, range(20), limit=2)
    assert len(tasks) <= 2
