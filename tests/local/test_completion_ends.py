"""``CompletionStream``: every way in which its block can end early."""

import anyio
import anyio.lowlevel
import pytest

from lionherd_dist.local import CompletionStream, move_on_after

pytestmark = pytest.mark.anyio


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
@LIMITS
async def test_break_cancels_the_rest_awaits_it_and_closes_what_never_ran(
    work, never_awaited, source, limit
):
    """After the block nothing runs, and no coroutine warns."""
    before = len(anyio.get_running_tasks())
    work.open(0)
    aws = given(source, [work(i) for i in range(5)] if source == "list" else map(work, range(5)))
    async with CompletionStream(aws, limit=limit) as stream:
        async for outcome in stream:
            assert outcome == (0, 0)
            break
    assert work.finished == [0]
    assert work.running == 0
    assert sorted([*work.finished, *work.cancelled]) == sorted(work.started)
    assert len(anyio.get_running_tasks()) == before
    assert never_awaited() == []


@SOURCES
@LIMITS
async def test_leaving_at_once_runs_nothing_to_its_end(work, never_awaited, source, limit):
    """A block that reads nothing leaves nothing behind either."""
    aws = given(source, [work(i) for i in range(5)] if source == "list" else map(work, range(5)))
    async with CompletionStream(aws, limit=limit):
        pass
    assert work.running == 0
    assert work.finished == []
    assert never_awaited() == []


@SOURCES
@LIMITS
async def test_failure_ends_the_block_and_cancels_the_others_at_once(
    work, never_awaited, source, limit
):
    """Also a block that waits for something else; the group holds the failure alone."""
    work.open(0)
    aws = [work(0, ValueError("boom")), work(1), work(2), work(3)]
    with pytest.raises(ExceptionGroup) as caught:
        async with CompletionStream(given(source, aws), limit=limit):
            await anyio.sleep_forever()
    assert [repr(error) for error in caught.value.exceptions] == ["ValueError('boom')"]
    assert work.running == 0
    assert work.finished == [0]
    if source == "async":
        for aw in aws:  # an async source makes what it gives: what it did not give is ours to close
            aw.close()
    assert never_awaited() == []


async def test_failure_reaches_a_reader_that_waits_for_the_next_outcome(work):
    """The block ends; the loop does not hang."""
    work.open(0)
    with pytest.raises(ExceptionGroup):
        async with CompletionStream([work(0, ValueError()), work(1)]) as stream:
            async for _ in stream:
                pass


@SOURCES
@LIMITS
async def test_outer_cancellation_leaves_nothing_running(work, until, never_awaited, source, limit):
    """It goes through the block, after every clean-up."""
    aws = given(source, [work(i) for i in range(5)] if source == "list" else map(work, range(5)))
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:

            async def stop():
                await until(lambda: work.running >= 2)
                scope.cancel()

            tasks.start_soon(stop)
            async with CompletionStream(aws, limit=limit, return_exceptions=True) as stream:
                await anext(stream)
    assert scope.cancelled_caught
    assert work.running == 0
    assert sorted(work.cancelled) == sorted(work.started)
    assert never_awaited() == []


async def test_deadline_leaves_nothing_running(work):
    """A deadline is a cancellation like any other."""
    with move_on_after(0.01) as scope:
        async with CompletionStream([work(0), work(1)]) as stream:
            await anext(stream)
    assert scope.cancelled_caught
    assert sorted(work.cancelled) == [0, 1]


async def test_cancellation_wins_over_a_failure_of_the_same_moment(work):
    """A caller that was cancelled sees a cancellation, whatever the work raises."""
    with anyio.CancelScope() as scope:

        async def fail():
            scope.cancel()
            raise ValueError("lost")

        async with CompletionStream([work(0), fail()]) as stream:
            await anext(stream)
    assert scope.cancelled_caught
    assert work.running == 0


async def test_entered_cancelled_starts_nothing_and_warns_of_nothing(work, never_awaited):
    """The awaitables are closed unstarted."""
    with anyio.CancelScope() as scope:
        scope.cancel()
        async with CompletionStream([work(0), work(1)]) as stream:
            await anext(stream)
    assert scope.cancelled_caught
    assert work.started == []
    assert never_awaited() == []


async def test_async_generator_is_closed_and_may_await_in_its_clean_up(work):
    """Leaving early is no cancellation for the source: its finally block runs as written."""
    cleaned = []

    async def source():
        try:
            for item in range(5):
                yield work(item)
        finally:
            await anyio.lowlevel.checkpoint()
            cleaned.append(True)

    work.open(0)
    async with CompletionStream(source(), limit=2) as stream:
        assert await anext(stream) == (0, 0)
    assert cleaned == [True]
    assert work.running == 0


async def test_sync_generator_is_closed_before_the_block_ends(work):
    """Its finally block has run when the next line does."""
    closed = []

    def source():
        try:
            for item in range(5):
                yield work(item)
        finally:
            closed.append(True)

    work.open(0)
    async with CompletionStream(source(), limit=2) as stream:
        assert await anext(stream) == (0, 0)
    assert closed == [True]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_leaving_by_aclose_of_an_async_generator_cancels_the_rest(work, anyio_backend):
    """A generator around the stream may be closed while it is suspended."""

    async def outcomes():
        async with CompletionStream([work(0), work(1)]) as stream:
            async for outcome in stream:
                yield outcome

    work.open(0)
    generator = outcomes()
    assert await anext(generator) == (0, 0)
    await generator.aclose()
    assert work.cancelled == [1]
