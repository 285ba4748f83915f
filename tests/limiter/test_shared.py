"""The limiter as its users see it, over several clusters and one real server."""

import asyncio
import warnings

import anyio
import pytest

from limiter.conftest import Open, Server
from lionherd_dist import Cluster, LimiterWarning, StoreUnavailableError
from lionherd_dist.limiter.shared import SharedLimiter

pytestmark = pytest.mark.anyio


async def hold(limiter: SharedLimiter, until: anyio.Event) -> None:
    async with limiter:
        await until.wait()


async def test_never_more_than_the_total_over_all_processes(api: Open, server: Server) -> None:
    """Two clusters, forty tasks, three tokens; all get their turn and nothing is left."""
    inside = most = turns = 0

    async def take(limiter: SharedLimiter) -> None:
        nonlocal inside, most, turns
        for _ in range(5):
            async with limiter as lease:
                lease.check()
                inside += 1
                most = max(most, inside, await server.count("held"))
                inside -= 1
                turns += 1

    async with api() as one, api() as two, anyio.create_task_group() as group:
        for n in range(40):
            group.start_soon(take, (one, two)[n % 2].capacity_limiter("api", 3))
    assert (most, turns) == (3, 200)


async def test_tokens_are_given_in_the_order_of_asking_over_all_processes(
    api: Open, server: Server
) -> None:
    """First come, first served: whichever process one is in; fences grow."""
    order: list[int] = []
    fences: list[int] = []

    async def take(limiter: SharedLimiter, n: int) -> None:
        async with limiter as lease:
            order.append(n)
            fences.append(lease.fence)

    async with api() as one, api() as two, anyio.create_task_group() as group:
        limiters = [cluster.capacity_limiter("api", 1) for cluster in (one, two)]
        holder = object()  # not this task, which would be warned of children that wait for long
        await limiters[0].acquire_on_behalf_of(holder)
        for n in range(30):
            group.start_soon(take, limiters[n * 7 % 3 % 2], n)
            await server.until(held=1, waiting=n + 1)
        limiters[0].release_on_behalf_of(holder)
    assert order == list(range(30))
    assert fences == sorted(set(fences))


async def test_a_task_holds_one_token_of_a_limiter(api: Open, server: Server) -> None:
    """A second acquire, through whichever object, is an error, and so is a second release."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 3)
        await limiter.acquire()
        for again in (limiter, cluster.capacity_limiter("api", 3)):
            with pytest.raises(RuntimeError, match="holds a token"):
                await again.acquire()
            with pytest.raises(RuntimeError, match="holds a token"):
                await again.acquire_nowait()
        await server.until(held=1)
        limiter.release()
        with pytest.raises(RuntimeError, match="holds no token"):
            limiter.release()
        await server.until(held=0)


async def test_tokens_are_held_in_the_name_of_whatever_is_told(api: Open, server: Server) -> None:
    """One task may borrow for many; each of them holds one."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 3)
        for name in "abc":
            await limiter.acquire_on_behalf_of(name)
        with pytest.raises(RuntimeError, match="'a' holds"):
            await limiter.acquire_on_behalf_of("a")
        await server.until(held=3)
        assert set(limiter.statistics().borrowers) == set("abc")
        for name in "abc":
            limiter.release_on_behalf_of(name)
        with pytest.raises(RuntimeError, match="'a' holds no"):
            limiter.release_on_behalf_of("a")
        await server.until(held=0)


async def test_statistics_tell_of_all_processes(api: Open, server: Server) -> None:
    """As last heard, and as it is after a refresh: with what each session holds."""
    done = anyio.Event()
    async with api() as one, api() as two, anyio.create_task_group() as group:
        here, there = one.capacity_limiter("api", 3), two.capacity_limiter("api", 3)
        for n in range(4):
            group.start_soon(hold, here if n < 2 else there, done)
            await server.until(held=min(n + 1, 3), waiting=max(0, n - 2))
        seen = await here.refresh()
        assert (seen.total_tokens, seen.borrowed_tokens, seen.tasks_waiting) == (3, 3, 1)
        assert sorted(seen.holders.values()) == [1, 2]
        assert seen.holders[one._link.session_id] == 2
        assert (here.total_tokens, here.borrowed_tokens, here.available_tokens) == (3, 3, 0)
        assert len(seen.borrowers) == 2
        done.set()


async def test_the_total_can_change_while_it_is_used(api: Open, server: Server) -> None:
    """For everybody; 0 is a pause, and fewer than are held takes nothing from anybody."""
    done = anyio.Event()
    async with api() as one, api() as two, anyio.create_task_group() as group:
        here, there = one.capacity_limiter("api", 2), two.capacity_limiter("api", 2)
        for n in range(5):
            group.start_soon(hold, here if n < 2 else there, done)
            await server.until(held=min(n + 1, 2), waiting=max(0, n - 1))
        await there.set_total_tokens(0)
        assert (await here.refresh()).total_tokens == 0
        assert here.borrowed_tokens == 2
        assert here.available_tokens == 0
        await here.set_total_tokens(4)
        await server.until(held=4, waiting=1)
        assert (await there.refresh()).total_tokens == 4
        with pytest.raises(anyio.WouldBlock):
            await there.acquire_nowait()
        done.set()
    await server.connection.call("DEL", f"{server.keys.prefix}limit:api")  # a set total is kept
    await server.connection.call("DEL", f"{server.keys.prefix}limits")


async def test_another_total_than_the_one_that_is_there_is_warned_of_once(
    api: Open, server: Server
) -> None:
    """And says how to change it; what somebody sets later is no reason to warn."""
    async with api() as one, api() as two:
        first = one.capacity_limiter("api", 3)
        async with first:
            with pytest.warns(LimiterWarning, match=r"has 3 tokens.*set_total_tokens\(5\)"):
                await two.capacity_limiter("api", 5).refresh()
            async with two.capacity_limiter("api", 5):
                pass
            await two.capacity_limiter("api", 3).set_total_tokens(4)
        async with first:
            assert first.total_tokens == 4
    await server.connection.call("DEL", f"{server.keys.prefix}limit:api")
    await server.connection.call("DEL", f"{server.keys.prefix}limits")


async def test_a_warning_that_is_an_error_takes_no_token(api: Open, server: Server) -> None:
    """Where warnings are errors, the token goes back and the task holds none."""
    async with api() as one, api() as two, one.capacity_limiter("api", 3):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            limiter = two.capacity_limiter("api", 5)
            with pytest.raises(LimiterWarning):
                await limiter.acquire()
        await server.until(held=1)
        assert limiter.statistics().borrowers == ()


async def test_a_token_released_inside_its_block_is_not_released_again(
    api: Open, server: Server
) -> None:
    """The block ends as if nothing had been."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 1)
        async with limiter:
            limiter.release()
            await server.until(held=0)
        async with limiter:
            await server.until(held=1)


async def test_a_block_that_gave_its_token_back_may_hold_another(api: Open, server: Server) -> None:
    """And each ends as itself, however deep they are."""
    async with api() as cluster:
        limiter, same = cluster.capacity_limiter("api", 1), cluster.capacity_limiter("api", 1)
        async with limiter as first:
            limiter.release()
            async with limiter as second:
                same.release()
                async with same as third:
                    assert first.fence < second.fence < third.fence
                await server.until(held=0)
            await limiter.acquire()
        await server.until(held=1)
        same.release()
        await server.until(held=0)
        assert (first.token.interrupt, first.token.borrower) == (None, None)  # nothing is kept


async def test_another_thread_is_told_to_stay_away_before_anything_else(api: Open) -> None:
    """It hears nothing of who holds a token, and takes none away."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 1)
        lease = await limiter.acquire_on_behalf_of("somebody")
        with pytest.raises(RuntimeError, match="event loop in which this cluster was opened"):
            await anyio.to_thread.run_sync(asyncio.run, limiter.acquire_on_behalf_of("somebody"))
        lease.check()
        limiter.release_on_behalf_of("somebody")


async def test_a_deadline_ends_a_wait(api: Open, server: Server) -> None:
    """And leaves nothing in the queue."""
    async with api() as one, api() as two, one.capacity_limiter("api", 1):
        with pytest.raises(TimeoutError), anyio.fail_after(0.05):
            await two.capacity_limiter("api", 1).acquire()
        await server.until(held=1)


async def test_an_error_in_a_block_is_itself_and_the_token_goes_back(
    api: Open, server: Server
) -> None:
    """A cancellation from outside stays one."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 1)
        with pytest.raises(ZeroDivisionError):
            async with limiter:
                raise ZeroDivisionError
        with anyio.CancelScope() as scope:
            async with limiter:
                scope.cancel()
                await anyio.sleep_forever()
        assert scope.cancelled_caught

        async def held_for_ever() -> None:
            async with limiter:
                await asyncio.Event().wait()

        task = asyncio.create_task(held_for_ever())
        await server.until(held=1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.until(held=0)


async def test_leaving_the_cluster_ends_every_wait_in_an_error(api: Open, server: Server) -> None:
    """Whoever waits or holds is told so, and nobody hangs; the same goes for who comes later."""
    errors: list[Exception] = []

    async def take(limiter: SharedLimiter) -> None:
        try:
            async with limiter:
                await anyio.sleep_forever()
        except Exception as error:
            errors.append(error)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group, api() as cluster:
            limiter = cluster.capacity_limiter("api", 1)
            group.start_soon(take, limiter)
            await server.until(held=1)
            for n in range(5):
                group.start_soon(take, limiter)
                await server.until(held=1, waiting=n + 1)
    assert sorted(type(error).__name__ for error in errors) == [
        "LeaseLost",
        *["StoreUnavailableError"] * 5,
    ]
    assert all("the cluster was left" in str(error) for error in errors)
    for use in (limiter.acquire, limiter.acquire_nowait, limiter.refresh):
        with pytest.raises(StoreUnavailableError, match="the cluster was left"):
            await use()
    with pytest.raises(StoreUnavailableError, match="the cluster was left"):
        await limiter.set_total_tokens(3)


async def test_names_and_totals_are_checked(api: Open) -> None:
    """When the limiter is made, and when its total is set; the message names the value."""
    async with api() as cluster:
        for name in ("", "a b", "a/b", "x" * 201):
            with pytest.raises(ValueError, match="no name for a limiter"):
                cluster.capacity_limiter(name, 1)
        for total in (0, -1, 1_000_001):
            with pytest.raises(ValueError, match=f"total_tokens is {total}"):
                cluster.capacity_limiter("api", total)
        with pytest.raises(TypeError, match="whole number"):
            cluster.capacity_limiter("api", 1.5)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="on_lost is 'never'"):
            cluster.capacity_limiter("api", 1, on_lost="never")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="total_tokens is -1"):
            await cluster.capacity_limiter("api", 1).set_total_tokens(-1)


async def test_a_limiter_needs_an_open_cluster(redis_url: str) -> None:
    """The message says how to open one."""
    with pytest.raises(RuntimeError, match="not open"):
        Cluster(redis_url).capacity_limiter("api", 1)
