"""``bounded_map``."""

from contextvars import ContextVar

import anyio
import anyio.lowlevel
import pytest

from lionherd_dist.local import bounded_map, move_on_after

pytestmark = pytest.mark.anyio


async def double(item):
    return item * 2


async def counted(n, pulled):
    for item in range(n):
        pulled.append(item)
        await anyio.lowlevel.checkpoint()
        yield item


async def test_results_are_in_the_order_of_the_items(work):
    """Not in the order of completion."""
    async with anyio.create_task_group() as tasks:

        async def open_backwards():
            for item in (2, 1, 0):
                await anyio.wait_all_tasks_blocked()
                work.open(item)

        tasks.start_soon(open_backwards)
        assert await bounded_map(work, range(3), limit=3) == [0, 10, 20]
    assert work.finished == [2, 1, 0]


@pytest.mark.parametrize("items", [[], (), range(0), iter([])])
async def test_no_items_give_an_empty_list(items):
    """Nothing is called."""
    assert await bounded_map(double, items, limit=3) == []


@pytest.mark.parametrize("source", ["sync", "async"])
@pytest.mark.parametrize("limit", [1, 3, 10])
async def test_limit_is_reached_and_never_passed(work, until, source, limit):
    """Exactly *limit* calls run while there are enough items, in the items' order."""
    pulled = []
    items = range(10) if source == "sync" else counted(10, pulled)

    async def open_one_by_one():
        for item in range(10):
            expected = min(limit + item, 10)
            await until(lambda expected=expected: len(work.started) == expected)
            await anyio.wait_all_tasks_blocked()
            assert work.running == min(limit, 10 - item)
            assert work.started == sorted(work.started)
            assert len(pulled) in {0, len(work.started)}  # not one item ahead
            work.open(item)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(open_one_by_one)
        assert await bounded_map(work, items, limit=limit) == [i * 10 for i in range(10)]
    assert work.most == limit


async def test_few_items_need_few_tasks(work, until, settled):
    """A limit of a million costs nothing when there are two items."""
    before = len(anyio.get_running_tasks())
    async with anyio.create_task_group() as tasks:

        async def look():
            await until(lambda: work.running == 2)
            await settled()
            assert len(anyio.get_running_tasks()) == before + 3  # this one and two workers
            work.open(0, 1)

        tasks.start_soon(look)
        await bounded_map(work, [0, 1], limit=1_000_000)


async def test_long_lazy_input_holds_limit_tasks_and_no_item_ahead():
    """100,000 items of a generator: never more than 10 tasks, never more than 10 items in hand."""
    before = len(anyio.get_running_tasks())
    pulled = finished = most_tasks = most_ahead = 0

    def lazy():
        nonlocal pulled
        for item in range(100_000):
            pulled += 1
            yield item

    async def step(item):
        nonlocal finished, most_tasks, most_ahead
        most_ahead = max(most_ahead, pulled - finished)
        if item % 10_000 == 0:
            await anyio.lowlevel.checkpoint()
            most_tasks = max(most_tasks, len(anyio.get_running_tasks()) - before)
        finished += 1
        return item

    assert await bounded_map(step, lazy(), limit=10) == list(range(100_000))
    assert most_tasks <= 10
    assert most_ahead <= 10


async def test_calls_that_never_wait_let_other_tasks_run():
    """A ticker beside 100,000 calls without an await of their own ticks on meanwhile."""
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await anyio.lowlevel.checkpoint()
            ticks += 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tick)
        await anyio.lowlevel.checkpoint()
        before = ticks
        await bounded_map(double, range(100_000), limit=100)
        assert ticks > before + 2
        tasks.cancel_scope.cancel()


async def test_calls_that_never_wait_can_be_cancelled():
    """An endless input of instant calls ends with its scope."""

    def endless():
        while True:
            yield 1

    with move_on_after(0.02) as scope:
        await bounded_map(double, endless(), limit=3)
    assert scope.cancelled_caught


async def test_one_call_does_not_see_another_ones_context_variables():
    """Each call begins with the context of the caller, as if it had a task of its own."""
    variable = ContextVar("variable", default="outer")
    seen = []

    async def leave_a_mark(item):
        seen.append(variable.get())
        variable.set(f"item {item}")

    await bounded_map(leave_a_mark, range(5), limit=1)
    assert seen == ["outer"] * 5
    assert variable.get() == "outer"


async def test_context_values_that_cannot_be_compared_do_no_harm():
    """An array in a context variable has no truth value; the next call starts afresh."""

    class Array:
        def __eq__(self, other):
            raise ValueError("the truth value is ambiguous")

        __hash__ = None

    variable = ContextVar("array")
    variable.set(Array())

    async def change(item):
        variable.set(Array())
        return item

    assert await bounded_map(change, range(3), limit=1) == [0, 1, 2]


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


async def test_return_exceptions_puts_errors_in_their_places():
    """All items are seen, and the order stays."""

    async def odd_fails(item):
        if item % 2:
            raise ValueError(item)
        return item

    results = await bounded_map(odd_fails, range(4), limit=2, return_exceptions=True)
    assert [repr(result) for result in results] == ["0", "ValueError(1)", "2", "ValueError(3)"]


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
