"""Which call the code of a pattern's child belongs to, in this process."""

import asyncio
from collections.abc import AsyncIterator

import anyio
import anyio.to_thread
import pytest

from lionherd_dist import (
    CompletionStream,
    Retry,
    bounded_map,
    current_call,
    gather,
    race,
    retry,
    task,
)

pytestmark = pytest.mark.anyio


async def where(wait_s: float = 0) -> tuple[str, int, int]:
    """Asked before and after a wait, and after it in a thread, it is the same."""
    before = current_call()
    await anyio.sleep(wait_s)
    assert current_call() == before
    assert await anyio.to_thread.run_sync(lambda: current_call().id) == before.id
    return before.job, before.index, before.attempt


async def source(count: int) -> AsyncIterator[float]:
    for number in range(count):
        yield (count - number) / 1000


@pytest.mark.parametrize("limit", [1, 3, 20])
async def test_items_that_share_a_worker_are_told_apart(limit: int) -> None:
    """Each has its index, while it runs beside others of other lengths."""
    for items in ([n % 4 / 500 for n in range(20)], source(20)):
        seen = await bounded_map(where, items, limit=limit)
        assert [index for _, index, _ in seen] == list(range(20))
        assert len({job for job, *_ in seen}) == 1


@pytest.mark.parametrize("limit", [None, 2])
async def test_a_streams_awaitables_know_their_index(limit: int | None) -> None:
    """With and without a limit."""
    async with CompletionStream([where(0.002), where(), where()], limit=limit) as stream:
        assert {index: call[1] async for index, call in stream} == {0: 0, 1: 1, 2: 2}


async def test_every_run_of_a_pattern_is_a_job_of_its_own() -> None:
    """So no two calls have one id."""
    first, second = await gather(where(), where()), await gather(where(), where())
    assert first[0][0] == first[1][0] != second[0][0]
    assert await race(where()) != await race(where())


async def test_a_pattern_inside_of_a_call_is_part_of_it() -> None:
    """As on a worker: the id of a call does not change with how its code is written."""

    async def outer(_: int) -> tuple[str, set[str]]:
        own = current_call().id
        inner = await gather(where(), where(0.001))
        mapped = await bounded_map(where, [0, 0.001], limit=2)
        return own, {f"{job}/{index}" for job, index, _ in (*inner, *mapped, await race(where()))}

    for own, seen in await bounded_map(outer, range(3), limit=2):
        assert seen == {own}


async def test_retry_counts_the_attempts_at_the_call_it_is_in() -> None:
    """One that stands alone is a call as well, and afterwards there is none."""
    seen: list[tuple[str, int]] = []

    async def flaky() -> None:
        call = current_call()
        seen.append((call.id, call.attempt))
        if call.attempt < 3:
            raise OSError("not yet")

    await retry(flaky, base_delay=0)
    assert [attempt for _, attempt in seen] == [1, 2, 3]
    with pytest.raises(LookupError):
        current_call()

    seen.clear()
    await bounded_map(lambda _: retry(flaky, base_delay=0), range(4), limit=2)
    assert sorted(attempt for _, attempt in seen) == [1] * 4 + [2] * 4 + [3] * 4
    assert len({id_ for id_, _ in seen}) == 4


async def test_after_its_attempts_a_call_is_what_it_was() -> None:
    """A second retry in it starts at 1 again."""

    async def fails() -> None:
        raise OSError

    async def twice() -> tuple[int, int]:
        with pytest.raises(OSError):  # noqa: PT011 (any will do)
            await retry(fails, attempts=2, base_delay=0)
        return current_call().attempt, await retry(attempt_now)

    async def attempt_now() -> int:
        return current_call().attempt

    assert await gather(twice(), twice()) == [(1, 1), (1, 1)]


async def test_a_call_that_is_awaited_alone_is_one() -> None:
    """As with ``cluster.run``: with its attempts, in a thread, and until its timeout."""

    @task(name="current_call:in_a_thread", timeout=50)
    def in_a_thread() -> float | None:
        return current_call().deadline

    @task(name="current_call:third", retry=Retry(attempts=3, base_delay=0))
    async def third() -> int:
        if current_call().attempt < 3:
            raise OSError("not yet")
        return current_call().attempt

    assert await third.call() == 3
    deadline = await in_a_thread.call()
    assert deadline is not None
    assert 0 < deadline - anyio.current_time() <= 50
    with pytest.raises(LookupError):
        current_call()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_caller_belongs_to_no_call() -> None:
    """Neither before a pattern nor after, nor a task beside it."""

    async def ask() -> bool:
        try:
            current_call()
        except LookupError:
            return False
        return True

    beside = asyncio.create_task(ask())
    async with CompletionStream([where()]) as stream:
        assert not await ask()
        assert [index async for index, _ in stream] == [0]
    assert not await beside
    assert not await ask()
