"""Locks, semaphores, limiters, events and conditions."""

import math

import anyio
import pytest

from lionherd_dist.local import (
    CapacityLimiter,
    ConcurrencyEvent,
    Condition,
    Event,
    Lock,
    Semaphore,
)
from lionherd_dist.local.limits import LimiterStatistics

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "make", [Lock, lambda: Semaphore(1), lambda: CapacityLimiter(1), Condition]
)
async def test_async_with_gives_the_thing_itself_and_admits_one_at_a_time(make, settled):
    """Waiters enter in the order in which they came."""
    thing = make()
    entered = []
    leave = anyio.Event()

    async def enter(number):
        async with thing as same:
            assert same is thing
            entered.append(number)
            await leave.wait()

    async with anyio.create_task_group() as tasks:
        for number in range(3):
            tasks.start_soon(enter, number)
            await settled()
        assert entered == [0]
        leave.set()
    assert entered == [0, 1, 2]


@pytest.mark.parametrize(
    "make", [Lock, lambda: Semaphore(1), lambda: CapacityLimiter(1), Condition]
)
async def test_acquire_and_release_by_hand(make):
    """What was released can be acquired again."""
    thing = make()
    for _ in range(2):
        await thing.acquire()
        thing.release()


def test_things_can_be_made_before_the_loop_runs():
    """At import time, for example."""
    for make in (Lock, Event, Condition, lambda: Semaphore(1), lambda: CapacityLimiter(1)):
        make()


async def test_negative_semaphore_is_refused():
    """The message names the value; 0 is allowed."""
    with pytest.raises(ValueError, match="initial_value is -1"):
        Semaphore(-1)
    Semaphore(0).release()


async def test_limiter_counts_its_tokens():
    """And can be resized while in use."""
    limiter = CapacityLimiter(2)
    await limiter.acquire_on_behalf_of("a")
    assert (limiter.total_tokens, limiter.borrowed_tokens) == (2, 1)
    assert limiter.available_tokens == limiter.remaining_tokens == 1
    limiter.total_tokens = math.inf
    assert limiter.total_tokens == math.inf
    limiter.release_on_behalf_of("a")
    assert limiter.borrowed_tokens == 0


async def test_limiter_takes_what_is_free_and_never_waits():
    """With none free it is WouldBlock; with one held, a second is an error."""
    limiter = CapacityLimiter(1)
    await limiter.acquire_nowait()
    with pytest.raises(RuntimeError):
        await limiter.acquire_nowait()
    async with anyio.create_task_group() as tasks:

        async def another():
            with pytest.raises(anyio.WouldBlock):
                await limiter.acquire_nowait()

        tasks.start_soon(another)
    limiter.release()
    assert limiter.borrowed_tokens == 0


async def test_limiter_tells_who_holds_and_how_many_wait(settled):
    """And what more tokens change, which those who wait get at once."""
    limiter = CapacityLimiter(1)
    await limiter.acquire_on_behalf_of("a")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(limiter.acquire_on_behalf_of, "b")
        await settled()
        assert limiter.statistics() == LimiterStatistics(1, 1, 1, ("a",), {})
        await limiter.set_total_tokens(3)
    now = limiter.statistics()
    assert (now.total_tokens, now.borrowed_tokens, now.tasks_waiting) == (3, 2, 0)
    assert set(now.borrowers) == {"a", "b"}
    with pytest.raises(ValueError, match="total_tokens is 0"):
        await limiter.set_total_tokens(0)


@pytest.mark.parametrize("tokens", [0, -1])
async def test_limiter_without_tokens_is_refused(tokens):
    """When made and when resized; the message names the value."""
    with pytest.raises(ValueError, match=f"total_tokens is {tokens}"):
        CapacityLimiter(tokens)
    limiter = CapacityLimiter(1)
    with pytest.raises(ValueError, match=f"total_tokens is {tokens}"):
        limiter.total_tokens = tokens


async def test_event_wakes_all_that_wait(settled):
    """Once set, nobody waits any more."""
    event = Event()
    assert ConcurrencyEvent is Event
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(event.wait)
        tasks.start_soon(event.wait)
        await settled()
        assert event.statistics().tasks_waiting == 2
        assert not event.is_set()
        event.set()
    assert event.is_set()
    await event.wait()


async def test_condition_wakes_as_many_as_it_is_told(settled):
    """Under the lock that it was given."""
    condition = Condition(Lock())
    woken = []

    async def wait(number):
        async with condition:
            await condition.wait()
            woken.append(number)

    async with anyio.create_task_group() as tasks:
        for number in range(4):
            tasks.start_soon(wait, number)
            await settled()
        assert condition.statistics().tasks_waiting == 4
        async with condition:
            condition.notify()
        await settled()
        assert woken == [0]
        async with condition:
            condition.notify(2)
        await settled()
        assert sorted(woken) == [0, 1, 2]
        async with condition:
            condition.notify_all()
    assert sorted(woken) == [0, 1, 2, 3]
