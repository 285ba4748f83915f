"""Warnings about a limiter stand where the user took it."""

import linecache
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import anyio
import pytest

from limiter.conftest import Open, Server
from lionherd_dist import LimiterWarning, acquire_all
from lionherd_dist.limiter.shared import SharedLimiter

pytestmark = pytest.mark.anyio


async def block(limiter: SharedLimiter) -> None:
    async with limiter:  # the user's line
        pass


async def plain(limiter: SharedLimiter) -> None:
    await anyio.lowlevel.checkpoint()
    await limiter.acquire()  # the user's line
    limiter.release()


async def together(limiter: SharedLimiter) -> None:
    async with acquire_all(limiter):  # the user's line
        pass


async def stacked(limiter: SharedLimiter) -> None:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(limiter)  # the user's line


async def refresh(limiter: SharedLimiter) -> None:
    await limiter.refresh()  # the user's line


async def in_a_task(limiter: SharedLimiter) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(plain, limiter)


Use = Callable[[SharedLimiter], Awaitable[None]]
TAKING: tuple[Use, ...] = (block, plain, together, stacked, in_a_task)


def the_line(caught: pytest.WarningsRecorder) -> str:
    """The one warning's line, which is in this file."""
    (warning,) = caught
    assert warning.filename == __file__
    return linecache.getline(warning.filename, warning.lineno)


@pytest.mark.parametrize("use", [*TAKING, refresh])
async def test_another_total_is_warned_of_where_the_limiter_is_used(
    api: Open, server: Server, use: Use
) -> None:
    """However many of the library's coroutines wait in between."""
    async with api() as one, api() as two, one.capacity_limiter("api", 3):
        with pytest.warns(LimiterWarning, match="has 3 tokens") as caught:
            await use(two.capacity_limiter("api", 5))
    assert "# the user's line" in the_line(caught)


@pytest.mark.parametrize("use", TAKING)
async def test_taking_limiters_out_of_turn_is_warned_of_where_it_is_done(
    api: Open, server: Server, use: Use
) -> None:
    """At the second one, which is taken too late."""
    async with api() as cluster, cluster.capacity_limiter("b", 1):
        with pytest.warns(LimiterWarning, match="is taken while 'b' is held") as caught:
            await use(cluster.capacity_limiter("api", 1))
    assert "# the user's line" in the_line(caught)


async def test_a_lost_token_is_warned_of_where_its_block_stands(api: Open, server: Server) -> None:
    """Which ends there."""
    async with api(session_s=1) as cluster:
        limiter = cluster.capacity_limiter("api", 1, on_lost="warn")

        async def outlive_it() -> None:
            async with limiter as lease:  # the user's line
                await server.connection.call("FLUSHALL")
                with anyio.fail_after(20):
                    await lease.lost.wait()

        with pytest.warns(LimiterWarning, match="is lost") as caught:
            await outlive_it()
    assert "# the user's line" in the_line(caught)
