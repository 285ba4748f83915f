"""Waits end in time, and only those that take too long."""

import asyncio

import pytest
import uvloop

from lionherd_dist.store.watchdog import Watchdog

pytestmark = pytest.mark.anyio


async def waits(watchdog: Watchdog, wait_s: float, takes_s: float) -> None:
    with watchdog.over(wait_s):
        await asyncio.sleep(takes_s)


async def test_a_wait_that_takes_too_long_ends_in_an_error() -> None:
    with pytest.raises(TimeoutError):
        await waits(Watchdog(), 0.01, 60)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_each_wait_has_its_own_time() -> None:
    """Though the timer of the first is still there, for a later moment or an earlier one."""
    watchdog = Watchdog()
    await waits(watchdog, 60, 0)
    with pytest.raises(TimeoutError):
        await waits(watchdog, 0.01, 60)
    await waits(watchdog, 0.01, 0)
    await waits(watchdog, 60, 0.05)
    with pytest.raises(TimeoutError):
        await waits(watchdog, 0.01, 60)


async def test_time_between_waits_does_not_count() -> None:
    watchdog = Watchdog()
    for _ in range(5):
        await waits(watchdog, 0.02, 0)
        await asyncio.sleep(0.01)


def test_a_timer_that_has_no_time_left_is_one_like_others() -> None:
    """Of uvloop it is a handle that does not know its moment."""

    async def main() -> None:
        watchdog = Watchdog()
        await waits(watchdog, 0.0003, 0)
        await waits(watchdog, 60, 0)
        watchdog.close()

    uvloop.run(main())


async def test_one_timer_serves_many_waits() -> None:
    """That is what it is for."""
    watchdog, loop = Watchdog(), asyncio.get_running_loop()
    set_, at = [], loop.call_at

    def counted(*args: object, **options: object) -> asyncio.TimerHandle:
        set_.append(args)
        return at(*args, **options)  # type: ignore[arg-type]

    loop.call_at = counted  # type: ignore[method-assign]
    try:
        for _ in range(100):
            with watchdog.over(60):
                pass
    finally:
        del loop.call_at  # type: ignore[attr-defined]
    assert len(set_) == 1


async def test_a_cancellation_from_outside_stays_one() -> None:
    """Also where the time is over at the same moment."""
    watchdog = Watchdog()
    task = asyncio.create_task(waits(watchdog, 0.01, 60))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async def late() -> None:
        with watchdog.over(0.01):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                task.cancel()
                raise

    task = asyncio.create_task(late())
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_of_the_block_stays_what_it_is() -> None:
    watchdog = Watchdog()
    with pytest.raises(ValueError, match="mine"), watchdog.over(60):
        raise ValueError("mine")

    async def late() -> None:
        with watchdog.over(0.01):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                raise ValueError("mine") from None

    with pytest.raises(ValueError, match="mine"):
        await late()


async def test_closed_it_leaves_no_timer() -> None:
    watchdog = Watchdog()
    await waits(watchdog, 0.02, 0)
    watchdog.close()
    await waits(watchdog, 60, 0.05)
