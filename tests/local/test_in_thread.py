"""A source that is pulled in a thread."""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from contextvars import ContextVar
from importlib import import_module

import anyio
import pytest

from lionherd_dist import CompletionStream, bounded_map, in_thread

pytestmark = pytest.mark.anyio
name: ContextVar[str] = ContextVar("name", default="nobody")


class Rows:
    """Numbers from a generator that tells what happens to it, and blocks at one if it is to."""

    def __init__(self, count: int, *, blocks_at: int | None = None) -> None:
        self.count, self.blocks_at = count, blocks_at
        self.go_on, self.is_blocked = threading.Event(), threading.Event()
        self.pulled = 0
        self.threads: set[int] = set()
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[int]:
        try:
            for row in range(self.count):
                self.threads.add(threading.get_ident())
                if row == self.blocks_at:
                    self.is_blocked.set()
                    assert self.go_on.wait(30)
                self.pulled += 1
                yield row
        finally:
            self.threads.add(threading.get_ident())
            self.closed.set()


async def same(item: int) -> int:
    return item


async def test_all_items_come_in_order():
    """However many more there are than are read ahead."""
    async with aclosing(in_thread(range(1000), read_ahead=3)) as items:
        assert [item async for item in items] == list(range(1000))


@pytest.mark.parametrize("items", [[], iter(()), (n for n in ())])
async def test_a_source_without_items_ends_at_once(items):
    """Nothing is waited for."""
    assert [item async for item in in_thread(items)] == []


async def test_patterns_take_it_and_the_loop_turns_while_it_blocks(until):
    """The work on the rows before goes on."""
    rows, done = Rows(3, blocks_at=2), []

    async def work(item: int) -> int:
        done.append(item)
        return item

    async def go_on():
        await until(lambda: rows.is_blocked.is_set() and sorted(done) == [0, 1])
        rows.go_on.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(go_on)
        assert await bounded_map(work, in_thread(rows), limit=2) == [0, 1, 2]


async def test_a_stream_takes_awaitables_from_it(never_awaited):
    """What was read ahead and not started is closed."""
    async with CompletionStream(in_thread(same(n) for n in range(50)), limit=1) as stream:
        async for index, result in stream:
            assert index == result
            if index == 3:
                break
    assert never_awaited() == []


async def test_one_thread_does_it_all_and_it_is_not_ours():
    """A connection of sqlite3, say, is good in one thread only."""
    rows = Rows(20)
    async with aclosing(in_thread(rows, read_ahead=2)) as items:
        async for item in items:
            if item == 5:
                break
    assert len(rows.threads) == 1
    assert threading.get_ident() not in rows.threads


async def test_no_more_is_pulled_than_is_read_ahead(until):
    """The source may be endless."""
    rows = Rows(10**9)
    async with aclosing(in_thread(rows, read_ahead=4)) as items:
        assert await anext(items) == 0
        await until(lambda: rows.pulled == 6)  # one taken, four here, and one in the thread's hand
        assert await anext(items) == 1
        await until(lambda: rows.pulled == 7)
    assert rows.closed.is_set()
    assert rows.pulled == 7


async def test_leaving_early_closes_the_source_before_it_returns():
    """As the end of a block does."""
    rows = Rows(10**9)
    async with aclosing(in_thread(rows)) as items:
        await anext(items)
    assert rows.closed.is_set()


async def test_an_error_of_the_source_comes_after_the_items_before_it():
    """As itself."""

    def rows():
        yield 1
        yield 2
        raise LookupError("no third")

    got = []
    with pytest.raises(LookupError, match="no third"):
        async for item in in_thread(rows()):
            got += [item]  # those before the error stay
    assert got == [1, 2]


async def test_an_error_as_iteration_begins_is_raised_too():
    """A cursor may be closed."""

    class Broken:
        def __iter__(self):
            raise OSError("closed")

    with pytest.raises(OSError, match="closed"):
        await bounded_map(same, in_thread(Broken()), limit=2)


async def test_an_error_of_closing_is_raised():
    """It is no less an error than in a plain loop."""

    def rows():
        try:
            yield from range(10**9)
        finally:
            raise RuntimeError("the file is gone")

    with pytest.raises(RuntimeError, match="the file is gone"):
        async with aclosing(in_thread(rows())) as items:
            await anext(items)


async def test_an_error_that_nothing_asked_for_is_dropped(until):
    """The reader had left before the item that failed."""
    failed = threading.Event()

    def rows():
        yield 1
        try:
            raise LookupError("no second")
        finally:
            failed.set()

    async with aclosing(in_thread(rows())) as items:
        assert await anext(items) == 1
        await until(failed.is_set)


async def test_a_blocked_source_is_abandoned_and_closed_later(monkeypatch, until):
    """A cancellation does not wait for it for ever."""
    module = import_module("lionherd_dist.local.in_thread")  # its function has the same name
    monkeypatch.setattr(module, "CLOSE_WAIT_S", 0.01)
    rows = Rows(3, blocks_at=1)
    try:
        with anyio.fail_after(10):
            with anyio.CancelScope() as scope:
                async with aclosing(in_thread(rows)) as items:
                    async for _ in items:
                        await until(rows.is_blocked.is_set)
                        scope.cancel()
            assert scope.cancelled_caught
        assert not rows.closed.is_set()
    finally:
        rows.go_on.set()
    await until(rows.closed.is_set)
    assert rows.pulled == 2


async def test_a_thread_that_is_abandoned_does_not_keep_the_program(until):
    """The interpreter waits for no daemon."""
    rows = Rows(2, blocks_at=1)
    before = set(threading.enumerate())
    async with aclosing(in_thread(rows)) as items:
        await anext(items)
        await until(rows.is_blocked.is_set)
        new = set(threading.enumerate()) - before
        own = {one for one in new if one.name == "lionherd-source"}
        rows.go_on.set()
    assert [one.daemon for one in own] == [True]


async def test_the_source_sees_the_callers_context():
    """As it was where ``in_thread`` was called."""

    def rows():
        yield name.get()

    name.set("caller")
    items = in_thread(rows())
    name.set("later")
    assert [item async for item in items] == ["caller"]


async def test_what_is_no_plain_iterable_is_refused_at_the_call():
    """By what was given."""

    async def rows() -> AsyncIterator[int]:
        yield 1

    with pytest.raises(TypeError, match="async_generator, which is async"):
        in_thread(rows())  # type: ignore[arg-type]  # refused
    with pytest.raises(TypeError, match="5: give an iterable"):
        in_thread(5)  # type: ignore[arg-type]  # refused


@pytest.mark.parametrize("read_ahead", [0, -1, True, 2.5, "3", None])
async def test_read_ahead_must_be_a_count(read_ahead):
    """Found at the call."""
    with pytest.raises(ValueError, match="give a whole number"):
        in_thread([1], read_ahead=read_ahead)
