"""What was taken in one task is given back in another, by each way of taking it."""

import asyncio
import gc
import unittest
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import anyio
import anyio.to_thread
import pytest
from helpers import wait_until

from limiter.conftest import Open, Server
from lionherd_dist import Cluster, LeaseLost, Settings, acquire_all
from lionherd_dist.limiter.lease import Lease
from lionherd_dist.limiter.shared import SharedLimiter

pytestmark = pytest.mark.anyio

GiveBack = Callable[[], Awaitable[object]]
Taken = tuple[list[Lease], GiveBack]
Take = Callable[[SharedLimiter, SharedLimiter], Awaitable[Taken]]


async def by_hand(api: SharedLimiter, _: SharedLimiter) -> Taken:
    return [await api.__aenter__()], lambda: api.__aexit__(None, None, None)


async def stacked(api: SharedLimiter, _: SharedLimiter) -> Taken:
    stack = AsyncExitStack()
    return [await stack.enter_async_context(api)], stack.aclose


async def generated(api: SharedLimiter, _: SharedLimiter) -> Taken:
    async def generator() -> AsyncGenerator[Lease, None]:
        async with api as lease:
            yield lease

    made = generator()
    return [await anext(made)], made.aclose


async def acquired(api: SharedLimiter, _: SharedLimiter) -> Taken:
    lease = await api.acquire()

    async def give_back() -> None:
        lease.release()

    return [lease], give_back


async def on_behalf(api: SharedLimiter, _: SharedLimiter) -> Taken:
    lease = await api.acquire_on_behalf_of("somebody")

    async def give_back() -> None:
        api.release_on_behalf_of("somebody")

    return [lease], give_back


async def together(api: SharedLimiter, other: SharedLimiter) -> Taken:
    block = acquire_all(other, api)
    leases = await block.__aenter__()
    return list(leases), lambda: block.__aexit__(None, None, None)


async def crosswise(api: SharedLimiter, other: SharedLimiter) -> Taken:
    """The block that was entered first is left first."""
    first, second = AsyncExitStack(), AsyncExitStack()
    leases = [await first.enter_async_context(api), await second.enter_async_context(other)]

    async def give_back() -> None:
        await first.aclose()
        await second.aclose()

    return leases, give_back


async def in_a_task_that_ends(take: Callable[[], Awaitable[Taken]]) -> Taken:
    async def taking() -> Taken:
        return await take()

    return await asyncio.create_task(taking())


async def under_wait_for(take: Callable[[], Awaitable[Taken]]) -> Taken:
    return await asyncio.wait_for(take(), 20)


async def under_a_deadline(take: Callable[[], Awaitable[Taken]]) -> Taken:
    """Whose scope is left before the block is."""
    with anyio.fail_after(20):
        return await take()


async def under_asyncio_timeout(take: Callable[[], Awaitable[Taken]]) -> Taken:
    async with asyncio.timeout(20):
        return await take()


async def here(give_back: GiveBack) -> None:
    await give_back()


async def in_another_task(give_back: GiveBack) -> None:
    async def giving() -> None:
        await give_back()

    await asyncio.create_task(giving())


async def inside_a_scope(give_back: GiveBack) -> None:
    with anyio.move_on_after(20) as scope:
        await give_back()
    assert not scope.cancel_called


TAKES: tuple[Take, ...] = (
    by_hand,
    stacked,
    generated,
    acquired,
    on_behalf,
    together,
    crosswise,
)
by_each_way = pytest.mark.parametrize("take", TAKES, ids=lambda take: take.__name__)


@by_each_way
@pytest.mark.parametrize(
    "start",
    [in_a_task_that_ends, under_wait_for, under_a_deadline, under_asyncio_timeout],
    ids=lambda start: start.__name__,
)
@pytest.mark.parametrize(
    "end", [here, in_another_task, inside_a_scope], ids=lambda end: end.__name__
)
async def test_what_one_task_takes_another_gives_back(
    api: Open,
    server: Server,
    take: Take,
    start: Callable[[Callable[[], Awaitable[Taken]]], Awaitable[Taken]],
    end: Callable[[GiveBack], Awaitable[None]],
) -> None:
    """Whatever became of the task that took it; and the token can be taken again."""
    async with api() as cluster:
        limiter, other = cluster.capacity_limiter("api", 1), cluster.capacity_limiter("b", 1)
        leases, give_back = await start(lambda: take(limiter, other))
        await server.until(held=1)
        for lease in leases:
            lease.check()
        await end(give_back)
        await server.until(held=0)
        for lease in leases:
            with pytest.raises(LeaseLost, match="given back"):
                lease.check()
        async with limiter, other:
            pass
        assert limiter.statistics().borrowers == ()


@by_each_way
async def test_a_task_goes_on_in_its_scopes_when_another_gives_back_what_it_took(
    api: Open, server: Server, take: Take
) -> None:
    """In scopes that it entered before, and in those that it entered since."""
    async with api() as cluster, anyio.create_task_group() as group:
        limiter, other = cluster.capacity_limiter("api", 1), cluster.capacity_limiter("b", 1)
        taken: list[Taken] = []
        given = anyio.Event()
        ended = anyio.Event()

        async def take_and_go_on() -> None:
            with anyio.CancelScope() as outer:
                with anyio.fail_after(20):
                    taken.append(await take(limiter, other))
                with anyio.move_on_after(20) as inner:
                    await given.wait()
                assert not inner.cancel_called
                outer.cancel()
                await anyio.sleep_forever()
            assert outer.cancelled_caught
            ended.set()

        group.start_soon(take_and_go_on)
        await wait_until(lambda: bool(taken), description="it has taken what it takes")
        await in_another_task(taken[0][1])
        await server.until(held=0)
        given.set()
        with anyio.fail_after(20):
            await ended.wait()


@pytest.mark.parametrize("take", [stacked, generated], ids=lambda take: take.__name__)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
async def test_a_block_gives_its_own_lease_back_among_many_of_one_limiter(
    api: Open, server: Server, take: Take, order: tuple[int, ...]
) -> None:
    """In whatever order they are left, by a task that is in a block of its own."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 4)
        taken = [await in_a_task_that_ends(lambda: take(limiter, limiter)) for _ in range(3)]
        async with limiter as own:
            for n, place in enumerate(order):
                await taken[place][1]()
                await server.until(held=3 - n)
                for other in order[n + 1 :]:
                    taken[other][0][0].check()
                own.check()
                with pytest.raises(LeaseLost, match="given back"):
                    taken[place][0][0].check()
        await server.until(held=0)


async def test_blocks_that_were_entered_by_hand_are_told_apart_by_their_tasks(
    api: Open, server: Server
) -> None:
    """A task leaves its own; the others are left last one first."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 3)
        own = await limiter.__aenter__()
        others = [await asyncio.create_task(limiter.__aenter__()) for _ in range(2)]
        for lease in (own, *reversed(others)):
            lease.check()
            await limiter.__aexit__(None, None, None)
            with pytest.raises(LeaseLost, match="given back"):
                lease.check()
        await server.until(held=0)
        with pytest.raises(RuntimeError, match=r"^limiter 'api': __aexit__ was called, and no"):
            await limiter.__aexit__(None, None, None)


async def test_an_exit_that_was_put_on_a_stack_leaves_a_block_entered_by_hand(
    api: Open, server: Server
) -> None:
    """And takes no block that is entered later for its own."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 2)
        async with AsyncExitStack() as stack:
            first = await limiter.__aenter__()
            stack.push_async_exit(limiter)

            async def enter_and_leave() -> None:
                async with limiter:
                    first.check()

            await asyncio.create_task(enter_and_leave())
            first.check()
        await server.until(held=0)


async def test_a_wrapper_that_enters_and_leaves_by_hand_is_as_good_as_a_block(
    api: Open, server: Server
) -> None:
    """In many tasks at a time, which all share the limiter."""

    class Wrapper:
        def __init__(self, limiter: SharedLimiter) -> None:
            self._limiter = limiter

        async def __aenter__(self) -> Lease:
            return await self._limiter.__aenter__()

        async def __aexit__(self, *error: object) -> bool:
            return await self._limiter.__aexit__(*error)  # type: ignore[arg-type]  # as it comes

    async with api() as cluster:
        wrapper = Wrapper(cluster.capacity_limiter("api", 3))

        async def use() -> None:
            async with wrapper as lease:
                await anyio.lowlevel.checkpoint()
                lease.check()

        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(use)
        await server.until(held=0)


@pytest.mark.parametrize("many", [1, 3])
async def test_the_garbage_collector_ends_the_blocks_of_generators(
    api: Open, server: Server, many: int
) -> None:
    """Of those that nobody iterates or closes any more; also where acquire_all is in them."""

    @asynccontextmanager
    async def wrapped(limiter: SharedLimiter) -> AsyncIterator[Lease]:
        async with acquire_all(limiter) as (lease,):
            yield lease

    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 2 * many)
        kept: list[object] = []
        for _ in range(many):
            (_, close) = await in_a_task_that_ends(lambda: generated(limiter, limiter))
            block = wrapped(limiter)
            await asyncio.create_task(block.__aenter__())
            kept += [close, block]
            del close, block
        await server.until(held=2 * many)
        kept.clear()
        gc.collect()
        await server.until(held=0)
        async with limiter:
            pass


async def test_a_block_that_another_thread_lets_go_of_gives_its_token_back(
    api: Open, server: Server
) -> None:
    """The garbage collector closes a coroutine in whatever thread it runs."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 1)

        async def hold_for_ever() -> None:
            async with limiter:
                await asyncio.Event().wait()

        held = hold_for_ever()
        task = asyncio.create_task(held)
        await server.until(held=1)
        await anyio.to_thread.run_sync(lambda: close_in_this_thread(limiter))
        await server.until(held=1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.until(held=0)


def close_in_this_thread(limiter: SharedLimiter) -> None:
    """Look up both ends of a block here, which has nothing to do with blocks elsewhere."""
    assert callable(limiter.__aenter__)
    assert callable(limiter.__aexit__)


async def test_a_block_that_lost_its_token_says_so_to_the_task_that_leaves_it(
    api: Open, server: Server
) -> None:
    """Where the task that entered it has ended there is none to cancel: the lease tells."""
    async with api(session_s=1) as cluster:
        limiter = cluster.capacity_limiter("api", 1)
        (lease,), give_back = await in_a_task_that_ends(lambda: stacked(limiter, limiter))
        await server.connection.call("FLUSHALL")
        with anyio.fail_after(20):
            await lease.lost.wait()
        with pytest.raises(LeaseLost, match=r"^limiter 'api': its token"):
            lease.check()
        with pytest.raises(LeaseLost, match=r"^limiter 'api': its token"):
            await give_back()


async def test_the_task_that_entered_is_cancelled_though_its_scopes_have_changed(
    api: Open, server: Server
) -> None:
    """It entered the block in a scope that it has left; it goes on unharmed when it has left."""
    async with api(session_s=1) as cluster:
        limiter = cluster.capacity_limiter("api", 1)
        with anyio.CancelScope(shield=True):  # around the block: no hindrance
            async with AsyncExitStack() as stack:
                with anyio.fail_after(20):
                    lease = await stack.enter_async_context(limiter)
                await server.connection.call("FLUSHALL")
                with anyio.move_on_after(20) as inner, pytest.raises(asyncio.CancelledError):
                    await anyio.sleep_forever()
                assert not inner.cancel_called
                with pytest.raises(LeaseLost):
                    await stack.aclose()
            task = asyncio.current_task()
            assert task is not None
            assert (task.cancelling(), lease.lost.is_set()) == (0, True)
            with anyio.move_on_after(0.05) as after:
                await anyio.sleep_forever()
            assert after.cancelled_caught


async def test_a_block_that_lost_its_token_is_cancelled_at_each_await_but_the_shielded(
    api: Open, server: Server
) -> None:
    """As by any scope of anyio; children of the block are cancelled, too."""
    events: list[str] = []

    async def child() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            events.append("child")

    async with api(session_s=1) as cluster:
        with anyio.fail_after(20), pytest.raises(LeaseLost):
            async with cluster.capacity_limiter("api", 1) as lease:
                try:
                    async with anyio.create_task_group() as group:
                        group.start_soon(child)
                        await server.connection.call("FLUSHALL")
                finally:
                    with anyio.CancelScope(shield=True):
                        await lease.lost.wait()
                        await anyio.sleep(0.05)
                    events.append("shielded")
                    try:
                        await anyio.sleep_forever()
                    finally:
                        events.append("again")
    assert events == ["child", "shielded", "again"]


async def test_a_native_cancellation_stays_one_when_the_token_is_lost_too(
    api: Open, server: Server
) -> None:
    """It does not become a LeaseLost; neither does that of ``asyncio.timeout``."""
    async with api(session_s=1) as cluster:
        limiter = cluster.capacity_limiter("api", 1)
        held: list[Lease] = []

        async def outlive_it() -> None:
            async with limiter as lease:
                held.append(lease)
                with anyio.CancelScope(shield=True):
                    await lease.lost.wait()
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
                await anyio.sleep_forever()

        task = asyncio.create_task(outlive_it())
        await server.until(held=1)
        await server.connection.call("FLUSHALL")
        with pytest.raises(asyncio.CancelledError), anyio.fail_after(20):
            await task


def test_a_test_case_takes_in_one_method_and_gives_back_in_another(redis_url: str) -> None:
    """``IsolatedAsyncioTestCase`` runs each of them in a task of its own."""

    class Case(unittest.IsolatedAsyncioTestCase):
        async def asyncSetUp(self) -> None:
            settings = Settings(namespace="case", fresh_server=True)
            self.cluster = await self.enterAsyncContext(Cluster(redis_url, settings=settings))
            self.limiter = self.cluster.capacity_limiter("api", 4)
            self.leases = [
                await self.limiter.__aenter__(),
                await self.enterAsyncContext(self.cluster.capacity_limiter("api-too", 1)),
                *await self.enterAsyncContext(
                    acquire_all(self.cluster.capacity_limiter("b", 1, strict=True))
                ),
            ]

        async def test_it_holds(self) -> None:
            for lease in self.leases:
                lease.check()

        async def asyncTearDown(self) -> None:
            await self.limiter.__aexit__(None, None, None)

    result = unittest.TestResult()
    unittest.TestLoader().loadTestsFromTestCase(Case).run(result)
    assert (result.testsRun, result.errors, result.failures) == (1, [], [])


async def test_a_token_that_another_task_took_is_not_released_by_the_limiter(
    api: Open, server: Server
) -> None:
    """The error says what to do; it is the same under ``wait_for`` before Python 3.12."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 1)
        lease = await asyncio.create_task(limiter.acquire())
        with pytest.raises(RuntimeError, match=r"^limiter 'api': task .*lease\.release\(\)"):
            limiter.release()
        lease.check()
        lease.release()
        await server.until(held=0)
