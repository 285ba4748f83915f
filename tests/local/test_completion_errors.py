"""``CompletionStream``: errors of the work, of its source and of the block, and of several."""

import asyncio

import anyio
import anyio.lowlevel
import pytest

from lionherd_dist.local import CompletionStream

pytestmark = pytest.mark.anyio


async def fail_when_stopped(error):
    try:
        await anyio.sleep_forever()
    finally:
        raise error


async def test_error_of_the_block_is_raised_as_itself(work, never_awaited):
    """The rest is cancelled and awaited first; no group is wrapped around the error."""
    work.open(0)
    with pytest.raises(KeyError, match="mine"):
        async with CompletionStream([work(i) for i in range(5)], limit=2) as stream:
            async for _ in stream:
                raise KeyError("mine")
    assert work.running == 0
    assert never_awaited() == []


async def test_failure_beside_an_error_of_the_block_loses_neither(work):
    """Both stand in one group."""
    with pytest.raises(ExceptionGroup) as caught:
        async with CompletionStream([fail_when_stopped(ValueError("clean-up")), work(0)]) as stream:
            work.open(0)
            await anext(stream)
            raise KeyError("mine")
    assert caught.value.subgroup(KeyError)
    assert caught.value.subgroup(ValueError)


async def test_failing_clean_up_after_break_is_raised(work):
    """An error that appears while the rest is being stopped is not swallowed."""
    with pytest.raises(ExceptionGroup) as caught:
        async with CompletionStream([fail_when_stopped(ValueError("clean-up")), work(0)]) as stream:
            work.open(0)
            await anext(stream)
    assert [repr(error) for error in caught.value.exceptions] == ["ValueError('clean-up')"]


async def test_group_raised_by_an_awaitable_is_nested_as_it_is():
    """Its members are not pulled up into the outer group."""
    inner = ExceptionGroup("inner", [ValueError("a")])

    async def fail():
        raise inner

    with pytest.raises(ExceptionGroup) as caught:
        async with CompletionStream([fail()]) as stream:
            await anext(stream)
    assert caught.value.exceptions == (inner,)


async def test_error_of_the_source_is_raised_as_itself(work):
    """A generator that fails stops everything, and its error is in no group."""

    def broken():
        yield work(0)
        raise KeyError("broken input")

    with pytest.raises(KeyError, match="broken input"):
        async with CompletionStream(broken(), limit=3, return_exceptions=True) as stream:
            await anext(stream)
    assert work.cancelled == [0]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_cancelled_future_is_a_failure_of_its_own_kind(work, anyio_backend):
    """A future that somebody cancelled ends the block, and its error is raised as it is."""
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with CompletionStream([work(0), future]) as stream:
            await anext(stream)
    assert work.cancelled == [0]


async def test_task_group_in_the_block_loses_no_error(work):
    """Its failures stand beside those of the stream, without cancellations."""
    work.open(0)
    with pytest.raises(ExceptionGroup) as caught:
        async with (
            CompletionStream([work(0, ValueError("work"))]),
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(fail_when_stopped, KeyError("block"))
            await anyio.sleep_forever()
    assert caught.value.subgroup(ValueError)
    assert caught.value.subgroup(KeyError)
    assert not caught.value.subgroup(anyio.get_cancelled_exc_class())


async def test_cancellation_wins_over_failures_on_both_sides(work):
    """A caller that was cancelled sees a cancellation, whatever its block and the work raise."""
    work.open(0)
    with anyio.CancelScope() as scope:
        async with CompletionStream([work(0, ValueError())]):
            try:
                await anyio.sleep_forever()
            finally:
                scope.cancel()
                raise KeyError
    assert scope.cancelled_caught


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_failing_clean_up_after_aclose_is_raised_alone(work, anyio_backend):
    """The GeneratorExit that ended the block is nobody's failure."""

    async def outcomes():
        async with CompletionStream([work(0), fail_when_stopped(ValueError())]) as stream:
            async for outcome in stream:
                yield outcome

    work.open(0)
    generator = outcomes()
    await anext(generator)
    with pytest.raises(ExceptionGroup) as caught:
        await generator.aclose()
    assert [type(error) for error in caught.value.exceptions] == [ValueError]
