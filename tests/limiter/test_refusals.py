"""Who asks for a token now or never: what it is given, told, and left with."""

import gc
import warnings
import weakref

import anyio
import anyio.lowlevel
import pytest

from limiter.conftest import Open, Server
from lionherd_dist import LimiterWarning
from lionherd_dist.limiter.shared import SharedLimiter

pytestmark = pytest.mark.anyio


async def test_acquire_nowait_takes_what_is_free_and_never_waits(api: Open, server: Server) -> None:
    """WouldBlock leaves nothing in the queue."""
    async with api() as one, api() as two:
        here, there = one.capacity_limiter("api", 1), two.capacity_limiter("api", 1)
        lease = await here.acquire_nowait()
        assert lease.fence > 0
        with pytest.raises(anyio.WouldBlock):
            await there.acquire_nowait()
        await server.until(held=1)
        here.release()
        await server.until(held=0)
        await there.acquire_nowait()
        there.release()


async def test_a_refusal_tells_of_another_total_too(api: Open) -> None:
    """Who is only ever refused is told why there are fewer than it says."""
    async with api() as one, api() as two:
        held = one.capacity_limiter("api", 1)
        await held.acquire()
        refused = two.capacity_limiter("api", 2)
        with pytest.warns(LimiterWarning, match="has 1 tokens"), pytest.raises(anyio.WouldBlock):
            await refused.acquire_nowait()
        held.release()


async def test_what_ends_a_refused_acquire_is_not_hidden_by_the_warning(api: Open) -> None:
    """Where warnings are errors, a cancellation stays one."""
    async with api() as cluster:
        await cluster.capacity_limiter("api", 1).acquire_on_behalf_of("somebody")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with anyio.CancelScope() as scope:
                scope.cancel()
                await cluster.capacity_limiter("api", 2).acquire_nowait()
        assert scope.cancelled_caught
        cluster.capacity_limiter("api", 1).release_on_behalf_of("somebody")


async def test_a_refusal_keeps_nothing_alive(api: Open) -> None:
    """What a program that asks again and again holds in its frames is freed each time."""

    class Large:
        """Something of the caller's."""

    async def refused(limiter: SharedLimiter) -> "weakref.ref[Large]":
        large = Large()
        try:
            await limiter.acquire_nowait()
        except anyio.WouldBlock:
            return weakref.ref(large)
        raise AssertionError("there was a token")

    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 1)
        await limiter.acquire_on_behalf_of("somebody")
        gc.disable()
        try:
            left = await refused(limiter)
            await anyio.lowlevel.checkpoint()  # the loop's own step, which brought the refusal
            assert left() is None
        finally:
            gc.enable()
        limiter.release_on_behalf_of("somebody")
