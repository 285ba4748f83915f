"""A task that waits for a token where only the tasks around it hold tokens."""

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import pytest
import tasks
from helpers import wait_until

from limiter.conftest import Open, Server
from lionherd_dist import LimiterWarning, LockOrderError
from lionherd_dist.limiter.shared import SharedLimiter

pytestmark = pytest.mark.anyio


async def take(limiter: SharedLimiter) -> None:
    async with limiter:
        pass


async def in_a_task(limiter: SharedLimiter) -> None:
    await asyncio.create_task(take(limiter), name="child")


async def in_a_gather(limiter: SharedLimiter) -> None:
    await asyncio.gather(asyncio.create_task(take(limiter), name="child"))


async def in_a_group(limiter: SharedLimiter) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(take, limiter, name="child")


async def in_a_grandchild(limiter: SharedLimiter) -> None:
    await asyncio.create_task(in_a_task(limiter))


async def by_acquire(limiter: SharedLimiter) -> None:
    async def acquire() -> None:
        (await limiter.acquire()).release()

    await asyncio.create_task(acquire(), name="child")


WAYS = pytest.mark.parametrize(
    "way",
    [in_a_task, in_a_gather, in_a_group, in_a_grandchild, by_acquire],
    ids=lambda way: way.__name__,
)
Way = Callable[[SharedLimiter], Awaitable[None]]


@WAYS
async def test_a_child_that_waits_for_its_parents_last_token_is_warned_of(
    api: Open, server: Server, way: Way
) -> None:
    """The limiter and both tasks are named."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 1)
        own = asyncio.current_task()
        assert own is not None
        own.set_name("parent")
        text = r"^limiter 'api': task 'child' .* waits .*task 'parent'.*lease\.release\(\)"

        async def hold(caught: pytest.WarningsRecorder) -> None:
            async with limiter, anyio.create_task_group() as group:
                group.start_soon(way, limiter)
                await wait_until(lambda: bool(caught.list), description="there is a warning")
                limiter.release()

        with pytest.warns(LimiterWarning, match=text) as caught:
            await hold(caught)
        await server.until(held=0)


@WAYS
async def test_it_is_an_error_where_the_limiter_is_strict(
    api: Open, server: Server, way: Way
) -> None:
    """Instead of the hang."""
    async with api() as cluster:
        strict = cluster.capacity_limiter("api", 1, strict=True)
        with anyio.fail_after(20):
            async with strict as lease:
                with pytest.raises((LockOrderError, ExceptionGroup)) as caught:
                    await way(strict)
                lease.check()
        error: BaseException = caught.value
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        assert isinstance(error, LockOrderError)
        await server.until(held=0)


async def test_several_tokens_all_held_by_tasks_that_wait_for_children_are_warned_of(
    api: Open, server: Server
) -> None:
    """Each parent holds one of them, and waits for a child of its own."""
    async with api() as cluster:
        strict = cluster.capacity_limiter("api", 2, strict=True)
        both = asyncio.Barrier(2)

        async def parent() -> None:
            async with strict:
                await both.wait()
                await in_a_task(strict)

        with anyio.fail_after(20):
            results = await asyncio.gather(parent(), parent(), return_exceptions=True)
        assert LockOrderError in {type(result) for result in results}
        await server.until(held=0)


async def test_a_child_that_waits_for_others_than_its_ancestors_is_let_wait(
    api: Open, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They give back what they hold; nor is a parent that leaves its block a reason to warn."""
    monkeypatch.setattr("lionherd_dist.limiter.nested.GRACE_S", 0.02)
    async with api() as one, api() as two:
        limiter = one.capacity_limiter("api", 2, strict=True)
        unrelated = await two.capacity_limiter("api", 2).acquire()
        async with limiter:
            child = asyncio.create_task(take(limiter))
            await server.until(held=2, waiting=1)
            await anyio.sleep(0.1)  # several looks
            assert not child.done()
            unrelated.release()
            with anyio.fail_after(20):
                await child
        monkeypatch.undo()
        single = one.capacity_limiter("b", 1, strict=True)
        async with single:
            child = asyncio.create_task(take(single))
            await anyio.lowlevel.checkpoint()
        with anyio.fail_after(20):
            await child


async def test_a_token_given_back_elsewhere_is_around_no_task_any_more(
    api: Open, server: Server
) -> None:
    """Neither out of order nor waited for in vain, in a task that was started inside the block."""
    async with api() as cluster:
        a, b = (cluster.capacity_limiter(name, 1, strict=True) for name in ("api", "b"))
        go_on = anyio.Event()

        async def child() -> None:
            await go_on.wait()
            async with a, b:
                pass

        lease = await b.__aenter__()
        task = asyncio.create_task(child())
        await asyncio.create_task(b.__aexit__(None, None, None))
        with pytest.raises(Exception, match="given back"):
            lease.check()
        go_on.set()
        with anyio.fail_after(20):
            await task
        await server.until(held=0)


async def test_a_pattern_that_needs_the_last_token_of_its_block_is_refused(
    api: Open, server: Server
) -> None:
    """It would wait for the block; a submitted job may do so, and a pattern where more are left."""
    async with api() as cluster:
        strict = cluster.capacity_limiter("api", 1, strict=True)
        more = cluster.capacity_limiter("more", 2, strict=True)
        async with strict:
            with (
                anyio.fail_after(20),
                pytest.raises(LockOrderError, match=r"^limiter 'api': a job"),
            ):
                await cluster.bounded_map(tasks.double, [1], limit=strict)
            job = await cluster.submit([tasks.double.call(1)], limit=strict)
            await cluster.cancel(job)
        async with more, cluster.completion_stream([tasks.double.call(1)], limit=more):
            pass
