"""Tokens that come back through their leases; and those that nothing can give back any more."""

import asyncio
import warnings
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import anyio.to_thread
import pytest

from limiter.conftest import Open, Server
from lionherd_dist import LimiterWarning
from lionherd_dist.limiter.lease import Lease
from lionherd_dist.limiter.shared import SharedLimiter

pytestmark = pytest.mark.anyio


async def takes(limiter: SharedLimiter) -> None:
    await limiter.acquire()


async def takes_at_once(limiter: SharedLimiter) -> None:
    await limiter.acquire_nowait()


async def fails(limiter: SharedLimiter) -> None:
    await limiter.acquire()
    raise ZeroDivisionError


async def drops_a_stack(limiter: SharedLimiter) -> None:
    await AsyncExitStack().enter_async_context(limiter)


CARELESS = pytest.mark.parametrize(
    "careless", [takes, takes_at_once, fails, drops_a_stack], ids=lambda one: one.__name__
)


@CARELESS
async def test_a_token_that_nothing_can_give_back_comes_back_with_a_warning(
    api: Open, server: Server, careless: Callable[[SharedLimiter], Awaitable[None]]
) -> None:
    """It names the limiter first, then the task, and says what to do."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 1)

        async def use() -> None:
            await careless(limiter)

        async def use_up() -> None:
            task = asyncio.create_task(use(), name="the careless")
            await asyncio.gather(task, return_exceptions=True)
            del task
            await server.until(held=0)

        text = r"^limiter 'api': task 'the careless' .*lease\.release\(\)"
        with pytest.warns(LimiterWarning, match=text):
            await use_up()
        async with limiter:
            pass


async def test_where_warnings_are_errors_the_token_comes_back_all_the_same(
    api: Open, server: Server
) -> None:
    """The event loop is told of the error."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 1)
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: told.append(context["exception"])
        )
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            await asyncio.create_task(takes(limiter))
            await server.until(held=0)
        assert [type(error) for error in told] == [LimiterWarning]


async def test_a_lease_that_is_kept_keeps_the_token_when_its_task_has_ended(
    api: Open, server: Server
) -> None:
    """Also the result of a task that is kept."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 2)
        task = asyncio.create_task(limiter.acquire())
        lease = await asyncio.create_task(limiter.acquire())
        await asyncio.wait([task])
        await limiter.refresh()
        await server.until(held=2)
        for one in (lease, task.result()):
            one.check()
            one.release()
        await server.until(held=0)


async def test_a_token_in_the_name_of_an_object_is_held_until_it_is_released(
    api: Open, server: Server
) -> None:
    """Though its lease is dropped, and the task that took it has ended."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 1)

        async def take() -> None:
            await limiter.acquire_on_behalf_of("somebody")

        await asyncio.create_task(take())
        await limiter.refresh()
        assert limiter.statistics().borrowers == ("somebody",)
        await server.until(held=1)
        limiter.release_on_behalf_of("somebody")
        await server.until(held=0)


async def test_a_task_that_drops_its_lease_gives_its_token_back_by_the_limiter(
    api: Open, server: Server
) -> None:
    """As long as the task runs."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 1)
        for _ in range(3):
            await limiter.acquire()
            await limiter.refresh()
            await server.until(held=1)
            limiter.release()
        await server.until(held=0)


async def test_a_lease_is_released_from_any_task_and_thread_and_once_is_enough(
    api: Open, server: Server
) -> None:
    """The second time it does nothing, also to the borrower's next token."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 1)

        async def release(lease: Lease) -> None:
            lease.release()

        first = await limiter.acquire()
        await asyncio.create_task(release(first))
        second = await limiter.acquire()
        first.release()
        second.check()
        await anyio.to_thread.run_sync(second.release)
        await server.until(held=0)
        third = await limiter.acquire()
        await anyio.to_thread.run_sync(asyncio.run, release(third))
        await server.until(held=0)


async def test_a_block_goes_on_without_the_token_that_its_lease_gave_back(
    api: Open, server: Server
) -> None:
    """And ends as if nothing had been."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 1)
        async with limiter as lease:
            lease.release()
            await server.until(held=0)
            async with limiter:
                await server.until(held=1)


async def test_every_error_names_the_limiter_first_and_says_what_to_do(api: Open) -> None:
    """Releasing what is not held, and taking twice."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 1)
        with pytest.raises(RuntimeError, match=r"^limiter 'api': task .*lease\.release\(\)"):
            limiter.release()
        with pytest.raises(RuntimeError, match=r"^limiter 'api': 'me' holds no .*on_behalf_of"):
            limiter.release_on_behalf_of("me")
        async with limiter:
            with pytest.raises(RuntimeError, match=r"^limiter 'api': task .* holds a token .*one"):
                await limiter.acquire()
            with pytest.raises(anyio.WouldBlock, match=r"^limiter 'api' has no free token"):
                await asyncio.create_task(limiter.acquire_nowait())
