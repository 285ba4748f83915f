"""``gather``."""

import asyncio

import anyio
import anyio.lowlevel
import pytest

from lionherd_dist.call import Call
from lionherd_dist.local import gather, move_on_after

pytestmark = pytest.mark.anyio


async def test_results_are_in_the_order_given(work):
    """Not in the order of completion."""
    async with anyio.create_task_group() as tasks:

        async def open_backwards():
            for item in (2, 1, 0):
                work.open(item)
                await anyio.wait_all_tasks_blocked()

        tasks.start_soon(open_backwards)
        assert await gather(work(0), work(1), work(2)) == [0, 10, 20]
    assert work.finished == [2, 1, 0]


async def test_nothing_gives_an_empty_list():
    """gather() returns at once."""
    assert await gather() == []


async def test_all_run_at_once_and_may_wait_for_one_another():
    """2,000 awaitables that each wait for the last one all finish."""
    last = anyio.Event()

    async def member(index):
        if index == 1999:
            last.set()
        await last.wait()
        return index

    assert await gather(*map(member, range(2000))) == list(range(2000))


async def test_any_awaitable_will_do():
    """A call, a coroutine and an object with __await__ are taken alike."""

    async def one():
        return 1

    class Two:
        def __await__(self):
            yield from anyio.lowlevel.checkpoint().__await__()
            return 2

    async def run(call):
        return call.args[0]

    assert await gather(one(), Two(), Call("three", (3,), {}, run)) == [1, 2, 3]


async def test_failure_cancels_and_awaits_the_others(work, until):
    """The group holds the failure alone, and comes when every clean-up is over."""

    async def fail():
        await until(lambda: work.running == 2)
        raise ValueError("boom")

    with pytest.raises(ExceptionGroup) as caught:
        await gather(work(0), fail(), work(1))
    assert [repr(error) for error in caught.value.exceptions] == ["ValueError('boom')"]
    assert sorted(work.cancelled) == [0, 1]
    assert work.running == 0


async def test_failures_of_one_moment_all_stand_in_the_group(work):
    """Two that fail before either can be cancelled are both told."""

    async def open_both():
        await anyio.wait_all_tasks_blocked()
        work.open(0, 1)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(open_both)
        with pytest.raises(ExceptionGroup) as caught:
            await gather(work(0, ValueError("a")), work(1, KeyError("b")))
    assert {type(error) for error in caught.value.exceptions} == {ValueError, KeyError}


async def test_group_raised_by_a_child_is_nested_as_it_is():
    """Its members are not pulled up into the outer group."""
    inner = ExceptionGroup("inner", [ValueError("a"), KeyError("b")])

    async def fail():
        raise inner

    with pytest.raises(ExceptionGroup) as caught:
        await gather(fail())
    assert caught.value.exceptions == (inner,)


async def test_failing_clean_up_is_told_too(work, until):
    """An error raised while being cancelled stands beside the one that caused it."""

    async def fail_late():
        try:
            await anyio.sleep_forever()
        finally:
            raise KeyError("clean-up")

    async def fail():
        raise ValueError("first")

    with pytest.raises(ExceptionGroup) as caught:
        await gather(fail_late(), fail())
    assert {type(error) for error in caught.value.exceptions} == {ValueError, KeyError}


async def test_return_exceptions_puts_errors_in_their_places(work):
    """Nothing is cancelled, and the order stays."""
    work.open(0, 1, 2)
    error = ValueError("1")
    results = await gather(work(0), work(1, error), work(2), return_exceptions=True)
    assert results == [0, error, 20]


@pytest.mark.parametrize("return_exceptions", [False, True])
async def test_outer_cancellation_leaves_nothing_running(work, until, return_exceptions):
    """It goes through, also with return_exceptions, after every clean-up."""
    before = len(anyio.get_running_tasks())
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:

            async def stop():
                await until(lambda: work.running == 2)
                scope.cancel()

            tasks.start_soon(stop)
            await gather(work(0), work(1), return_exceptions=return_exceptions)
            pytest.fail("a cancellation became a result")
    assert scope.cancelled_caught
    assert sorted(work.cancelled) == [0, 1]
    assert len(anyio.get_running_tasks()) == before


async def test_deadline_leaves_nothing_running(work):
    """A deadline is a cancellation like any other."""
    with move_on_after(0.01) as scope:
        await gather(work(0), work(1))
    assert scope.cancelled_caught
    assert sorted(work.cancelled) == [0, 1]


async def test_cancellation_wins_over_a_failure_of_the_same_moment(work, until):
    """A caller that was cancelled sees a cancellation, whatever its children raise."""
    with anyio.CancelScope() as scope:

        async def fail():
            scope.cancel()
            raise ValueError("lost")

        await gather(work(0), fail())
    assert scope.cancelled_caught
    assert work.running == 0


async def test_entered_cancelled_starts_nothing_and_warns_of_nothing(work, never_awaited):
    """The awaitables are closed unstarted."""
    with anyio.CancelScope() as scope:
        scope.cancel()
        await gather(work(0), work(1))
    assert scope.cancelled_caught
    assert work.started == []
    assert never_awaited() == []


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_cancelled_future_is_a_failure_of_its_own_kind(work, anyio_backend):
    """A future that somebody cancelled stops the others, and its error is raised as it is."""
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gather(work(0), future)
    assert work.cancelled == [0]
    work.open(1)
    results = await gather(work(1), future, return_exceptions=True)
    assert results[0] == 10
    assert isinstance(results[1], asyncio.CancelledError)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_native_cancellation_reaches_every_child(work, until, never_awaited, anyio_backend):
    """``task.cancel()`` of asyncio is an outer cancellation too, at any moment."""
    task = asyncio.create_task(gather(work(0), work(1)))
    await until(lambda: work.running == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(work.cancelled) == [0, 1]
    early = asyncio.create_task(gather(work(2), work(3)))
    await asyncio.sleep(0)
    early.cancel()
    with pytest.raises(asyncio.CancelledError):
        await early
    assert work.running == 0
    assert never_awaited() == []
