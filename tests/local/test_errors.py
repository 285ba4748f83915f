"""Cancellations told apart from failures."""

import anyio
import anyio.lowlevel
import pytest

from lionherd_dist.local import get_cancelled_exc_class, is_cancelled, non_cancel_subgroup, shield
from lionherd_dist.local.errors import failure_in, split_cancellation

pytestmark = pytest.mark.anyio


async def a_cancellation() -> BaseException:
    with anyio.CancelScope() as scope:
        scope.cancel()
        try:
            await anyio.lowlevel.checkpoint()
        except BaseException as error:
            caught = error
            raise
    return caught


async def test_the_backends_cancellation_is_told_from_errors():
    """By its class, which differs between backends."""
    cancellation = await a_cancellation()
    assert isinstance(cancellation, get_cancelled_exc_class())
    assert is_cancelled(cancellation)
    assert not is_cancelled(ValueError())


async def test_groups_are_split_at_any_depth():
    """Cancellations on one side, the rest on the other, nested as before."""
    error, cancellation = ValueError("real"), await a_cancellation()
    group = BaseExceptionGroup("outer", [BaseExceptionGroup("inner", [cancellation, error])])
    cancellations, rest = split_cancellation(group)
    assert cancellations.exceptions[0].exceptions == (cancellation,)
    assert rest.exceptions[0].exceptions == (error,)
    assert non_cancel_subgroup(group).exceptions[0].exceptions == (error,)


async def test_group_of_failures_stays_itself():
    """Nothing to take out, nothing to copy."""
    group = ExceptionGroup("outer", [ExceptionGroup("inner", [ValueError()])])
    assert split_cancellation(group) == (None, group)
    assert non_cancel_subgroup(group) is group


async def test_group_of_cancellations_leaves_nothing():
    """None is what remains."""
    group = BaseExceptionGroup("outer", [await a_cancellation()])
    assert non_cancel_subgroup(group) is None


async def test_failure_in_finds_what_can_be_reported():
    """An error, a group without its cancellations; not a cancellation, not a request to exit."""
    error, cancellation = ValueError(), await a_cancellation()
    assert failure_in(error) is error
    assert failure_in(BaseExceptionGroup("g", [error, cancellation])).exceptions == (error,)
    assert failure_in(BaseExceptionGroup("g", [cancellation])) is None
    assert failure_in(cancellation) is None
    assert failure_in(KeyboardInterrupt()) is None


async def test_shield_lets_a_function_finish():
    """The cancellation outside arrives afterwards; arguments are handed on."""
    finished = []

    async def finish(value, *, twice):
        await anyio.lowlevel.checkpoint()
        finished.append(value * twice)
        return value

    with anyio.CancelScope() as scope:
        scope.cancel()
        assert await shield(finish, 3, twice=2) == 3
        await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert finished == [6]
