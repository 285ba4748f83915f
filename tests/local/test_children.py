"""The task group beneath every pattern."""

import anyio
import anyio.lowlevel
import pytest

from lionherd_dist.local.children import Children

pytestmark = pytest.mark.anyio


async def test_failures_come_out_as_they_were_taken():
    """Each once, in the order in which they happened."""
    errors = [ValueError("a"), ExceptionGroup("b", [KeyError("b")])]
    children = Children()
    with pytest.raises(ExceptionGroup) as caught:
        async with children:
            assert all(children.took(error) for error in errors)
    assert caught.value.exceptions == tuple(errors)
    assert caught.value.__suppress_context__


async def test_a_cancellation_is_no_failure():
    """The task is to end, and the block raises the cancellation of the scope that asked for it."""
    answers = []
    with anyio.CancelScope() as scope:
        async with Children() as children:
            scope.cancel()
            try:
                await anyio.lowlevel.checkpoint()
            except anyio.get_cancelled_exc_class() as error:
                answers.append(children.took(error))
    assert scope.cancelled_caught
    assert answers == [True]


async def test_failure_in_a_group_with_cancellations_is_taken_alone():
    """A child with a task group of its own may raise both at once."""

    async def fail_beside_a_sibling():
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class() as error:
            mixed = BaseExceptionGroup("mixed", [error, ValueError("real")])
            assert children.took(mixed)

    children = Children()
    with pytest.raises(ExceptionGroup) as caught:
        async with children:
            children.start(fail_beside_a_sibling)
            await anyio.wait_all_tasks_blocked()
            children.stop()
    (group,) = caught.value.exceptions
    assert [repr(error) for error in group.exceptions] == ["ValueError('real')"]


async def test_stop_ends_the_block_without_an_error(work):
    """And all tasks in it."""
    async with Children() as children:
        children.start(work, 0)
        await anyio.wait_all_tasks_blocked()
        children.stop()
        assert children.stopping
        await anyio.sleep_forever()
    assert work.cancelled == [0]


async def test_request_to_exit_is_not_kept_from_the_caller():
    """What is no Exception comes out in a group, as of any task group."""

    class Exit(BaseException):
        pass

    with pytest.raises(BaseExceptionGroup) as caught:
        async with Children():
            raise Exit
    assert isinstance(caught.value.exceptions[0], Exit)
