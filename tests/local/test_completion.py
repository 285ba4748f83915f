"""``CompletionStream``."""

import itertools

import anyio
import anyio.lowlevel
import pytest

from lionherd_dist.local import CompletionStream, move_on_after, pace

pytestmark = pytest.mark.anyio


async def ready(value):
    return value


async def later(aws):
    await anyio.lowlevel.checkpoint()
    for aw in aws:
        yield aw
        await anyio.lowlevel.checkpoint()


def given(source, aws):
    """The same awaitables as a list, a lazy iterable or an async one."""
    return {"list": list, "lazy": iter, "async": later}[source](aws)


SOURCES = pytest.mark.parametrize("source", ["list", "lazy", "async"])
LIMITS = pytest.mark.parametrize("limit", [None, 2])


@SOURCES
async def test_outcomes_come_in_the_order_of_completion(work, source):
    """Each with the index of its awaitable."""
    seen = []
    async with CompletionStream(given(source, map(work, range(3)))) as stream:
        for item in (2, 0, 1):
            work.open(item)
            seen.append(await anext(stream))
    assert seen == [(2, 20), (0, 0), (1, 10)]


@SOURCES
@LIMITS
async def test_after_the_last_outcome_it_stays_ended(source, limit):
    """Any further call raises StopAsyncIteration, inside the block and after it."""
    async with CompletionStream(given(source, map(ready, range(5))), limit=limit) as stream:
        assert sorted([outcome async for outcome in stream]) == [(i, i) for i in range(5)]
        for _ in range(2):
            with pytest.raises(StopAsyncIteration):
                await anext(stream)
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


@SOURCES
async def test_empty_stream_ends_at_once(source):
    """No awaitables, no outcomes."""
    async with CompletionStream(given(source, [])) as stream:
        assert [outcome async for outcome in stream] == []


async def test_aws_and_limit_can_be_read():
    """The attributes hold what was given."""
    aws = []
    stream = CompletionStream(aws, limit=3)
    assert stream.aws is aws
    assert stream.limit == 3


async def test_without_a_limit_all_run_at_once_and_may_wait_for_one_another():
    """1,000 awaitables that each wait for the last one all finish."""
    last = anyio.Event()

    async def member(index):
        if index == 999:
            last.set()
        await last.wait()

    async with CompletionStream(map(member, range(1000))) as stream:
        assert len([outcome async for outcome in stream]) == 1000


@pytest.mark.parametrize("source", ["lazy", "async"])
@pytest.mark.parametrize("limit", [1, 3])
async def test_limit_is_reached_and_never_passed_and_no_item_pulled_ahead(
    work, until, settled, source, limit
):
    """Running and unread ones together are *limit*: a slow reader holds the source back."""
    pulled = []

    def lazy():
        for item in range(10):
            pulled.append(item)
            yield work(item)

    aws = lazy() if source == "lazy" else later(lazy())
    async with CompletionStream(aws, limit=limit) as stream:
        for item in range(10):
            await until(lambda item=item: len(work.started) == min(item + limit, 10))
            work.open(item)
            await settled()
            assert len(pulled) == min(item + limit, 10)
            assert await anext(stream) == (item, item * 10)
    assert work.started == list(range(10))
    assert work.most == limit


async def test_endless_source_can_be_left():
    """With a limit, an endless generator is pulled as far as it is read."""
    pulled = 0

    def endless():
        nonlocal pulled
        while True:
            pulled += 1
            yield ready(pulled)

    async with CompletionStream(endless(), limit=5) as stream:
        async for index, _ in stream:
            assert pulled <= index + 1 + 5
            if index == 1000:
                break


@LIMITS
async def test_return_exceptions_makes_failures_outcomes(work, limit):
    """(index, exception) is given, and nothing is cancelled."""
    work.open(0, 1, 2)
    error = ValueError("1")
    aws = [work(0), work(1, error), work(2)]
    async with CompletionStream(aws, limit=limit, return_exceptions=True) as stream:
        assert sorted([o async for o in stream], key=lambda o: o[0]) == [
            (0, 0),
            (1, error),
            (2, 20),
        ]


async def test_giving_up_on_one_outcome_loses_none(work):
    """A read that ran into its own deadline can be repeated."""
    async with CompletionStream([work(0)], limit=1) as stream:
        with move_on_after(0):
            await anext(stream)
        work.open(0)
        assert await anext(stream) == (0, 0)


async def test_two_readers_share_the_outcomes():
    """Each outcome is given once."""
    seen = []
    async with CompletionStream(map(ready, range(10)), limit=2) as stream:

        async def read():
            async for index, _ in stream:
                seen.append(index)

        async with anyio.create_task_group() as readers:
            readers.start_soon(read)
            readers.start_soon(read)
    assert sorted(seen) == list(range(10))


async def test_instant_awaitables_let_other_tasks_run():
    """A ticker beside a long unlimited stream that is read without a pause ticks on."""
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await anyio.lowlevel.checkpoint()
            ticks += 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tick)
        async with CompletionStream(map(ready, range(3000))) as stream:
            async for _ in stream:
                pass
        assert ticks > 3
        tasks.cancel_scope.cancel()


async def test_reading_before_entering_is_an_error_that_says_so():
    """Both ways of reading tell what to do."""
    stream = CompletionStream([])
    with pytest.raises(RuntimeError, match="async with"):
        await anext(stream)
    with pytest.raises(RuntimeError, match="async with"):
        aiter(stream)


async def test_reading_after_leaving_early_is_an_error_that_says_so(work):
    """What was cancelled can not be read any more, and nobody waits for it."""
    work.open(0)
    async with CompletionStream([work(0), work(1)]) as stream:
        await anext(stream)
    with pytest.raises(RuntimeError, match="left"):
        await anext(stream)


async def test_entering_twice_is_an_error_that_says_so():
    """A stream is used once."""
    stream = CompletionStream([])
    async with stream:
        pass
    with pytest.raises(RuntimeError, match="make a new one"):
        async with stream:
            pass


@pytest.mark.parametrize("limit", [0, -3])
async def test_limit_below_one_is_refused_and_warns_of_nothing(work, never_awaited, limit):
    """The message names the value; the awaitables are closed."""
    with pytest.raises(ValueError, match=f"limit is {limit}"):
        CompletionStream([work(0), work(1)], limit=limit)
    assert never_awaited() == []


async def test_reading_what_is_there_lets_other_tasks_run(settled, monkeypatch):
    """A reader that never has to wait rests when its slice of time is over."""
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await anyio.lowlevel.checkpoint()
            ticks += 1

    async with (
        CompletionStream(map(ready, range(10))) as stream,
        anyio.create_task_group() as tasks,
    ):
        await settled()
        tasks.start_soon(tick)
        monkeypatch.setattr(pace, "monotonic", itertools.count(1e9).__next__)
        for _ in range(10):
            await anext(stream)
        tasks.cancel_scope.cancel()
        assert ticks >= 5
