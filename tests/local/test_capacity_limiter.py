"""The in-process limiter holds its limit, whatever happens between a release and the next holder.

Each of these once failed in a release of anyio; the lowest release that is allowed passes them all.
"""

import asyncio

import anyio
import pytest

from lionherd_dist import CapacityLimiter, create_task_group

pytestmark = pytest.mark.anyio


async def test_a_token_on_its_way_to_a_waiter_is_given_to_it_alone() -> None:
    """Between the release and the waiter's turn, the token is not free for others."""
    limiter = CapacityLimiter(1)
    await limiter.acquire_on_behalf_of("first")

    async def wait() -> None:
        await limiter.acquire_on_behalf_of("second")

    async with create_task_group() as group:
        group.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        limiter.release_on_behalf_of("first")
        with pytest.raises(anyio.WouldBlock):
            await limiter.acquire_nowait()
        assert limiter.borrowed_tokens == 1
    assert limiter.statistics().borrowers == ("second",)


@pytest.mark.parametrize("order", ["released first", "cancelled first"])
async def test_a_waiter_cancelled_as_its_token_comes_passes_it_on(order: str) -> None:
    """The next in line is served, whichever of the two came first."""
    limiter = CapacityLimiter(1)
    await limiter.acquire_on_behalf_of("holder")
    cancelled, served = anyio.CancelScope(), []

    async def hold(borrower: str, scope: anyio.CancelScope) -> None:
        with scope:
            await limiter.acquire_on_behalf_of(borrower)
            limiter.release_on_behalf_of(borrower)
            served.append(borrower)

    with anyio.fail_after(5):
        async with create_task_group() as group:
            group.start_soon(hold, "cancelled", cancelled)
            await anyio.wait_all_tasks_blocked()
            group.start_soon(hold, "next", anyio.CancelScope())
            await anyio.wait_all_tasks_blocked()
            if order == "cancelled first":
                cancelled.cancel()
            limiter.release_on_behalf_of("holder")
            cancelled.cancel()
    assert "next" in served
    assert limiter.borrowed_tokens == 0


async def test_a_larger_total_serves_as_many_waiters_as_there_are_tokens_free() -> None:
    """Counted from what is held, not from the total before: it may have been below that."""
    limiter = CapacityLimiter(3)
    for holder in "abc":
        await limiter.acquire_on_behalf_of(holder)
    async with create_task_group() as group:
        for waiter in "xyz":
            group.start_soon(limiter.acquire_on_behalf_of, waiter)
        await anyio.wait_all_tasks_blocked()
        await limiter.set_total_tokens(1)
        await limiter.set_total_tokens(3)
        await anyio.wait_all_tasks_blocked()
        assert limiter.borrowed_tokens == 3
        await limiter.set_total_tokens(1)
        limiter.release_on_behalf_of("a")
        await anyio.wait_all_tasks_blocked()
        assert limiter.borrowed_tokens == 2
        await limiter.set_total_tokens(4)
        await anyio.wait_all_tasks_blocked()
        assert limiter.borrowed_tokens == 4
        await limiter.set_total_tokens(5)


async def test_a_refusal_is_the_same_error_on_each_backend() -> None:
    """``anyio.WouldBlock``, on trio too."""
    limiter = CapacityLimiter(1)
    await limiter.acquire_on_behalf_of("holder")
    with pytest.raises(anyio.WouldBlock):
        await limiter.acquire_nowait()


def test_a_borrower_whose_task_is_cancelled_as_it_takes_a_free_token_holds_none() -> None:
    """A plain ``task.cancel()``, as ``asyncio.wait_for`` does it, loses no token."""

    async def main() -> None:
        limiter = CapacityLimiter(1)
        task = asyncio.create_task(limiter.acquire_on_behalf_of("somebody"))
        await asyncio.sleep(0)  # the task has the token, and is at the checkpoint behind it
        assert limiter.borrowed_tokens == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert limiter.borrowed_tokens == 0

    asyncio.run(main())
