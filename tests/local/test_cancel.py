"""Scopes with deadlines."""

import anyio
import anyio.lowlevel
import pytest

from lionherd_dist.local import (
    CancelScope,
    current_time,
    effective_deadline,
    fail_after,
    fail_at,
    move_on_after,
    move_on_at,
    sleep,
)

pytestmark = pytest.mark.anyio


async def test_fail_after_raises_when_its_time_is_over():
    """TimeoutError, and the scope says that it was cancelled."""
    with pytest.raises(TimeoutError), fail_after(seconds=0.001) as scope:
        await anyio.sleep_forever()
    assert scope.cancelled_caught


async def test_fail_at_raises_at_its_deadline():
    """A deadline in the past is over at the first checkpoint."""
    with pytest.raises(TimeoutError), fail_at(current_time() - 1):
        await anyio.sleep_forever()


async def test_move_on_after_leaves_quietly():
    """No error, but cancelled_caught tells."""
    with move_on_after(0.001) as scope:
        await anyio.sleep_forever()
    assert scope.cancelled_caught


async def test_move_on_at_leaves_quietly():
    """A deadline in the past is over at the first checkpoint."""
    with move_on_at(current_time() - 1) as scope:
        await anyio.sleep_forever()
    assert scope.cancelled_caught


@pytest.mark.parametrize("scope_of", [fail_after, fail_at, move_on_after, move_on_at])
async def test_none_is_no_deadline_and_can_still_be_cancelled(scope_of):
    """The scope is an ordinary one."""
    with scope_of(None) as scope:
        assert isinstance(scope, CancelScope)
        assert effective_deadline() is None
        scope.cancel()
        await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught


@pytest.mark.parametrize("scope_of", [fail_after, move_on_after])
async def test_time_counts_from_entering(scope_of, monkeypatch):
    """A scope that is made early has its whole time all the same."""
    made = scope_of(100)
    before = current_time()
    with made as scope:
        assert scope.deadline >= before + 100


async def test_fail_after_leaves_other_errors_alone():
    """A scope that is cancelled by hand before its time raises nothing."""
    with pytest.raises(KeyError), fail_after(100):
        raise KeyError
    with fail_after(100) as scope:
        scope.cancel()
        await anyio.lowlevel.checkpoint()


async def test_effective_deadline_is_the_nearest_one():
    """Of all scopes around, unless a shield stands between."""
    assert effective_deadline() is None
    with fail_at(current_time() + 50) as near, fail_after(100):
        assert effective_deadline() == near.deadline
        with CancelScope(shield=True):
            assert effective_deadline() is None


async def test_sleep_lets_others_run():
    """Also a sleep of 0."""
    ran = []

    async def run():
        ran.append(True)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await sleep(0)
        await sleep(0.001)
        assert ran == [True]


@pytest.mark.parametrize("scope_of", [fail_after, lambda s: fail_at(current_time() + s)])
async def test_block_that_finished_is_no_timeout(scope_of):
    """Even if it finished late: nothing in it was cancelled."""
    with scope_of(0.001) as scope:
        while current_time() <= scope.deadline:
            pass  # busy, so that the loop has no chance to cancel it
    assert not scope.cancelled_caught
