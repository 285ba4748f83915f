"""``bounded_map``: every way in which it can end early."""

import anyio
import anyio.lowlevel
import pytest

from lionherd_dist.local import bounded_map

pytestmark = pytest.mark.anyio


async def double(item):
    return item * 2


async def counted(n, pulled):
    for item in range(n):
        pulled.append(item)
        await anyio.lowlevel.checkpoint()
        yield item


@pytest.mark.parametrize("source", ["sync", "async"])
async def test_failure_cancels_and_awaits_the_others(work, until, source):
    """The group holds the failure alone; what was not pulled stays unpulled."""
    pulled = []
    items = iter(range(10)) if source == "sync" else counted(10, pulled)

    async def fail_on_one(item):
        if item == 1:
            await until(lambda: work.running == 2)
            raise ValueError("boom")
        await work(item)

    with pytest.raises(ExceptionGroup) as caught:
        await bounded_map(fail_on_one, items, limit=3)
    assert [repr(error) for error in caught.value.exceptions] == ["ValueError('boom')"]
    assert sorted(work.cancelled) == [0, 2]
    assert work.running == 0
    assert work.started == [0, 2]
    assert len(pulled) in {0, 3}


async def test_instant_failure_starts_nothing_more(work):
    """A first call that fails at once is the only one."""

    async def fail(item):
        work.started.append(item)
        raise ValueError(item)

    with pytest.raises(ExceptionGroup):
        await bounded_map(fail, range(10), limit=5)
    assert work.started == [0]


async def test_group_raised_by_a_call_is_nested_as_it_is():
    """Its members are not pulled up into the outer group."""
    inner = ExceptionGroup("inner", [ValueError("a")])

    async def fail(item):
        raise inner

    with pytest.raises(ExceptionGroup) as caught:
        await bounded_map(fail, [1], limit=1)
    assert caught.value.exceptions == (inner,)


@pytest.mark.parametrize("return_exceptions", [False, True])
@pytest.mark.parametrize("source", ["sync", "async"])
async def test_error_of_the_items_is_raised_as_itself(work, source, return_exceptions):
    """A generator that fails stops everything, and its error is in no group."""

    def broken():
        yield 0
        raise KeyError("broken input")

    async def abroken():
        yield 0
        raise KeyError("broken input")

    with pytest.raises(KeyError, match="broken input"):
        await bounded_map(
            work,
            broken() if source == "sync" else abroken(),
            limit=2,
            return_exceptions=return_exceptions,
        )
    assert work.cancelled == [0]


async def test_error_of_the_items_beside_a_failing_call_stands_in_the_group():
    """Neither of two errors is lost."""

    def broken():
        yield 0
        raise KeyError("broken input")

    async def fail_when_stopped(item):
        try:
            await anyio.sleep_forever()
        finally:
            raise ValueError("clean-up")

    with pytest.raises(ExceptionGroup) as caught:
        await bounded_map(fail_when_stopped, broken(), limit=2)
    assert {type(error) for error in caught.value.exceptions} == {KeyError, ValueError}


@pytest.mark.parametrize("source", ["sync", "async"])
async def test_outer_cancellation_leaves_nothing_running_and_closes_the_items(work, until, source):
    """Generators given as items run their finally blocks before bounded_map ends."""
    closed = []

    def lazy():
        try:
            yield from range(10)
        finally:
            closed.append(True)

    async def alazy():
        try:
            for item in range(10):
                yield item
        finally:
            closed.append(True)

    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:

            async def stop():
                await until(lambda: work.running == 2)
                scope.cancel()

            tasks.start_soon(stop)
            await bounded_map(work, lazy() if source == "sync" else alazy(), limit=2)
    assert scope.cancelled_caught
    assert sorted(work.cancelled) == [0, 1]
    assert closed == [True]


async def test_async_generator_may_await_in_its_clean_up_after_a_failure():
    """It is closed outside of what the failure cancelled."""
    cleaned = []

    async def lazy():
        try:
            for item in range(10):
                yield item
        finally:
            await anyio.lowlevel.checkpoint()
            cleaned.append(True)

    async def fail(item):
        raise ValueError(item)

    with pytest.raises(ExceptionGroup):
        await bounded_map(fail, lazy(), limit=1)
    assert cleaned == [True]


async def test_async_generator_may_hold_a_task_group():
    """It is pulled and closed by one task, so scopes inside of it stay where they belong."""

    async def lazy():
        async with anyio.create_task_group():
            for item in range(5):
                yield item

    assert await bounded_map(double, lazy(), limit=2) == [0, 2, 4, 6, 8]


@pytest.mark.parametrize("limit", [0, -1])
async def test_limit_below_one_is_refused_and_warns_of_nothing(work, never_awaited, limit):
    """The message names the value, and coroutines among the items are closed."""
    with pytest.raises(ValueError, match=f"limit is {limit}"):
        await bounded_map(double, [work(0), work(1)], limit=limit)
    assert never_awaited() == []


async def test_items_that_are_coroutines_are_closed_when_a_call_fails(work, never_awaited):
    """What was never handed to the function warns of nothing."""

    async def fail(aw):
        aw.close()
        raise ValueError

    with pytest.raises(ExceptionGroup):
        await bounded_map(fail, [work(i) for i in range(5)], limit=1)
    assert never_awaited() == []


async def test_call_that_ends_beside_a_failure_is_followed_by_none(settled):
    """A worker that was free in the moment of the failure pulls nothing more."""
    started = []
    gate = anyio.Event()

    async def fail_and_free_the_other(item):
        started.append(item)
        if item == 0:
            await settled()
            gate.set()
            raise ValueError
        await gate.wait()

    with pytest.raises(ExceptionGroup):
        await bounded_map(fail_and_free_the_other, range(10), limit=2)
    assert started == [0, 1]


@pytest.mark.parametrize("source", ["sync", "async"])
async def test_cancellation_wins_over_an_error_of_the_items(source):
    """A caller that was cancelled sees a cancellation, whatever its input raises."""

    def broken():
        scope.cancel()
        yield from ()
        raise KeyError("lost")

    async def abroken():
        for item in broken():
            yield item

    with anyio.CancelScope() as scope:
        await bounded_map(anyio.sleep, broken() if source == "sync" else abroken(), limit=1)
    assert scope.cancelled_caught
