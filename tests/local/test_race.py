"""``race``."""

import anyio
import pytest

from lionherd_dist.local import race

pytestmark = pytest.mark.anyio


async def test_first_completion_wins_and_the_others_are_stopped(work):
    """The result is the winner's; every loser is cancelled and awaited."""
    work.open(1)
    assert await race(work(0), work(1), work(2)) == 10
    assert sorted(work.cancelled) == [0, 2]
    assert work.running == 0


async def test_failure_is_a_completion_and_raised_as_itself(work):
    """No group is wrapped around it."""
    work.open(1)
    error = ValueError("first")
    with pytest.raises(ValueError, match="first") as caught:
        await race(work(0), work(1, error))
    assert caught.value is error
    assert work.cancelled == [0]


async def test_success_passes_over_failures(work):
    """With first="success", a failure cancels nobody."""
    work.open(0)

    async def open_later():
        await anyio.wait_all_tasks_blocked()
        work.open(1)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(open_later)
        assert await race(work(0, ValueError()), work(1), first="success") == 10


async def test_success_without_any_raises_all_failures_in_order(work):
    """The group holds one failure per awaitable, nested groups as they are."""
    inner = ExceptionGroup("inner", [KeyError("b")])
    failures = [ValueError("a"), inner, ValueError("c")]

    async def open_backwards():
        for item in (2, 1, 0):
            work.open(item)
            await anyio.wait_all_tasks_blocked()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(open_backwards)
        with pytest.raises(ExceptionGroup, match="all 3 awaitables") as caught:
            await race(*(work(i, failures[i]) for i in range(3)), first="success")
    assert list(caught.value.exceptions) == failures


async def test_losers_errors_are_dropped(work):
    """The race is decided: what a loser raises while being stopped changes nothing."""

    async def sore_loser():
        try:
            await anyio.sleep_forever()
        finally:
            raise ValueError("sore")

    work.open(1)
    assert await race(sore_loser(), work(1)) == 10
    with pytest.raises(KeyError, match="winner"):
        await race(sore_loser(), work(1, KeyError("winner")))


async def test_second_completion_of_the_same_moment_is_dropped(work):
    """Two that are ready at once make one winner, the first of them."""

    async def ready(value):
        return value

    assert await race(ready("a"), ready("b")) in {"a", "b"}


async def test_outer_cancellation_leaves_nothing_running(work, until):
    """It goes through after every clean-up."""
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:

            async def stop():
                await until(lambda: work.running == 2)
                scope.cancel()

            tasks.start_soon(stop)
            await race(work(0), work(1))
    assert scope.cancelled_caught
    assert sorted(work.cancelled) == [0, 1]


async def test_entered_cancelled_starts_nothing_and_warns_of_nothing(work, never_awaited):
    """The awaitables are closed unstarted."""
    with anyio.CancelScope() as scope:
        scope.cancel()
        await race(work(0), work(1))
    assert scope.cancelled_caught
    assert work.started == []
    assert never_awaited() == []


async def test_without_awaitables_is_refused():
    """Nobody can win."""
    with pytest.raises(ValueError, match="at least one"):
        await race()


async def test_unknown_rule_is_refused_and_warns_of_nothing(work, never_awaited):
    """The message names the value; the awaitables are closed."""
    with pytest.raises(ValueError, match="'fastest'"):
        await race(work(0), first="fastest")
    assert never_awaited() == []
