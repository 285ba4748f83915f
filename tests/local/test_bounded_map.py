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


async def test_return_exceptions_puts_errors_in_their_places():
    """All items are seen, and the order stays."""

    async def odd_fails(item):
        if item % 2:
            raise ValueError(item)
        return item

    results = await bounded_map(odd_fails, range(4), limit=2, return_exceptions=True)
    assert [repr(result) for result in results] == ["0", "ValueError(1)", "2", "ValueError(3)"]


async def test_limit_is_still_reached_after_context_variables_were_set(work, until):
    """A worker that makes room for a fresh one is not counted twice."""
    variable = ContextVar("variable")

    async def set_first(item):
        if item == 0:
            variable.set(item)
        else:
            await work(item)

    async with anyio.create_task_group() as tasks:

        async def open_all():
            await until(lambda: work.running == 3)
            work.open(1, 2, 3)

        tasks.start_soon(open_all)
        await bounded_map(set_first, range(4), limit=3)
    assert work.most == 3
