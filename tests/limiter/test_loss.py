"""Holders and waiters that die, are paused, are cut off; a server that loses everything."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from fault_proxy import Fault, FaultProxy, fault_proxy
from helpers import wait_until
from own_server import own_server

from limiter.conftest import Open, Server
from lionherd_dist import Cluster, LeaseLost, LimiterWarning, Settings
from lionherd_dist.embedded.child import Child
from lionherd_dist.limiter.shared import SharedLimiter
from lionherd_dist.session.trust import uptime_s
from lionherd_dist.store.reading import server_ms

pytestmark = pytest.mark.anyio

TESTS = Path(__file__).parent.parent

HOLDER = """
import anyio, sys
from lionherd_dist import Cluster, LeaseLost, Settings
from lionherd_dist.local import sleep

async def main():
    settings = Settings(namespace=sys.argv[2], session_s=1, fresh_server=True)
    async with Cluster(sys.argv[1], settings=settings) as cluster:
        print("OPEN", flush=True)
        try:
            async with cluster.capacity_limiter("api", 1) as lease:
                print("HELD", lease.fence, flush=True)
                await sleep(float(sys.argv[3]))
                print("ENDED", flush=True)
        except LeaseLost as error:
            print("LOST", error, flush=True)
            await sleep(600)

anyio.run(main)
"""


@pytest.fixture
async def holders(redis_url: str, settings: Settings) -> AsyncIterator["Holders"]:
    async with AsyncExitStack() as stack:
        yield Holders(redis_url, settings, stack)


class Holders:
    """Processes that hold the one token of ``api``, or wait for it; all gone afterwards."""

    def __init__(self, url: str, settings: Settings, stack: AsyncExitStack) -> None:
        self._args, self._stack = [url, settings.namespace], stack

    async def start(self, hold_s: float = 600) -> Child:
        env = {**os.environ, "PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}"}
        child = await Child.start([sys.executable, "-c", HOLDER, *self._args, str(hold_s)], env=env)
        self._stack.push_async_callback(child.stop)
        return child


async def says(child: Child, word: str) -> None:
    await wait_until(lambda: word in child.output, description=f"it says {word}: {child.output}")


def fence_of(child: Child) -> int:
    found = re.search(r"HELD (\d+)", child.output)
    assert found, child.output
    return int(found[1])


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[FaultProxy]:
    async with fault_proxy(redis_url) as proxy:
        yield proxy


async def until_gone(api: Open, server: Server) -> None:
    """Let those who died without a word be noticed, which somebody has to do."""
    async with api(session_s=1) as cluster:
        limiter = cluster.capacity_limiter("api", 1)

        async def alone() -> bool:
            seen = await limiter.refresh()
            return not seen.borrowed_tokens and not seen.tasks_waiting

        await wait_until(alone, description="the dead are noticed")


async def test_a_killed_holder_gives_its_place_to_who_waits(
    api: Open, server: Server, holders: Holders
) -> None:
    """SIGKILL, and no worker anywhere: the waiter has the token when the session is over."""
    holder = await holders.start()
    await says(holder, "HELD")
    async with api(session_s=1) as cluster, anyio.create_task_group() as group:
        fences: list[int] = []

        async def take() -> None:
            async with cluster.capacity_limiter("api", 1) as lease:
                fences.append(lease.fence)

        group.start_soon(take)
        await server.until(held=1, waiting=1)
        holder.kill()
        await wait_until(lambda: fences != [], description="the waiter has it")
    assert fences[0] > fence_of(holder)
    await forget(server)


async def die(holder: Child, session: str, server: Server) -> None:
    """Kill *holder*, and wait until its session is over by the server's clock."""
    holder.kill()
    await holder.wait()

    async def is_over() -> bool:
        at_ms = await server.connection.call("ZSCORE", server.keys.sessions, session)
        assert isinstance(at_ms, bytes)
        return float(at_ms) < await server_ms(server.connection)

    await wait_until(is_over, description="the session of the dead is over")


async def test_a_killed_holder_is_noticed_where_nobody_waits(
    api: Open, server: Server, holders: Holders
) -> None:
    """By who only asks whether a token is free: it is, soon after it was not."""
    holder = await holders.start()
    await says(holder, "HELD")
    async with api(session_s=1) as cluster:
        limiter = cluster.capacity_limiter("api", 1)
        (session,) = (await limiter.refresh()).holders
        await die(holder, session, server)
        with pytest.raises(anyio.WouldBlock):
            await limiter.acquire_nowait()
        await server.until(held=0)
    await forget(server)


async def test_who_comes_after_a_holders_death_is_not_refused(
    api: Open, server: Server, holders: Holders
) -> None:
    """Though it asks once only, as a script does that leaves the rest to the next one."""
    holder = await holders.start()
    await says(holder, "HELD")
    async with api() as cluster:
        (session,) = (await cluster.capacity_limiter("api", 1).refresh()).holders
    await die(holder, session, server)
    async with api(session_s=1) as cluster:
        await cluster.capacity_limiter("api", 1).acquire_nowait()
    await forget(server)


async def test_a_killed_waiter_is_passed_over(api: Open, server: Server, holders: Holders) -> None:
    """Who waits behind it is next, and its place in the queue is gone."""
    async with api(session_s=1) as cluster, anyio.create_task_group() as group:
        limiter = cluster.capacity_limiter("api", 1)
        got = anyio.Event()

        async def take() -> None:
            async with limiter:
                got.set()

        async with limiter:
            waiter = await holders.start()
            await says(waiter, "OPEN")
            await server.until(held=1, waiting=1)
            group.start_soon(take)
            await server.until(held=1, waiting=2)
            waiter.kill()
            await waiter.wait()
        with anyio.fail_after(20):
            await got.wait()
        await server.until(held=0)
    assert "HELD" not in waiter.output
    await forget(server)


async def forget(server: Server) -> None:
    """Remove what a killed process left: where no worker lives, nobody looks for it."""
    names = await server.all_keys()
    if names:
        await server.connection.call("DEL", *names)


async def test_a_holder_paused_past_its_session_is_told_before_it_ends(
    api: Open, server: Server, holders: Holders
) -> None:
    """SIGSTOP, SIGCONT: even where its block would have ended at once, it raises LeaseLost."""
    for hold_s in (600, 0.3):
        holder = await holders.start(hold_s)
        await says(holder, "HELD")
        os.kill(holder.pid, signal.SIGSTOP)
        async with api(session_s=1) as cluster:
            with anyio.fail_after(20):
                async with cluster.capacity_limiter("api", 1) as lease:
                    os.kill(holder.pid, signal.SIGCONT)
                    await says(holder, "LOST")
                    lease.check()
                    assert lease.fence > fence_of(holder)
        holder.kill()
        await holder.wait()
        await forget(server)


async def test_a_cut_off_holder_stops_before_the_token_is_lent_to_others(
    api: Open, server: Server, proxy: FaultProxy
) -> None:
    """The server is silent: the block is cancelled, raises LeaseLost, and the token moves on."""
    events: list[str] = []
    async with api(proxy.url, session_s=1, patience_s=0) as cut, api(session_s=1) as other:
        async with anyio.create_task_group() as group:
            held = anyio.Event()
            leases = []

            async def hold() -> None:
                with pytest.raises(LeaseLost, match="no beat was answered"):
                    async with cut.capacity_limiter("api", 1) as lease:
                        leases.append(lease)
                        held.set()
                        try:
                            await anyio.sleep_forever()
                        finally:
                            events.append("stopped")

            async def wait() -> None:
                async with other.capacity_limiter("api", 1):
                    events.append("lent")

            group.start_soon(hold)
            with anyio.fail_after(20):
                await held.wait()
            group.start_soon(wait)
            await server.until(held=1, waiting=1)
            leases[0].check()
            proxy.freeze()
            with anyio.fail_after(20):
                await leases[0].lost.wait()
            with pytest.raises(LeaseLost) as caught:
                leases[0].check()
            assert (caught.value.limiter, caught.value.fence) == ("api", leases[0].fence)
            await wait_until(lambda: len(events) == 2, description="it is lent to the other")
            proxy.thaw()
        assert events == ["stopped", "lent"]
        with anyio.fail_after(20):
            await wait_until(lambda: cut._link.session_id != "", description="a new session")
            async with cut.capacity_limiter("api", 1) as lease:
                assert lease.fence > leases[0].fence
        await until_gone(api, server)
    await forget(server)


async def test_a_lost_token_is_only_warned_of_where_that_was_asked_for(
    api: Open, server: Server, redis_url: str
) -> None:
    """The block goes on to its end, and the loss is told there."""
    async with api(session_s=1) as cluster:
        limiter = cluster.capacity_limiter("api", 1, on_lost="warn")

        async def outlive_it() -> None:
            async with limiter as lease:
                await server.connection.call("FLUSHALL")
                with anyio.fail_after(20):
                    await lease.lost.wait()
                await anyio.lowlevel.checkpoint()

        with pytest.warns(LimiterWarning, match=r"limiter 'api': its token \d+ is lost"):
            await outlive_it()


async def test_an_error_in_the_block_wins_over_the_loss(api: Open, server: Server) -> None:
    """Which is told in a note."""
    async with api(session_s=1) as cluster:
        with pytest.raises(ZeroDivisionError) as caught:
            async with cluster.capacity_limiter("api", 1) as lease:
                await server.connection.call("FLUSHALL")
                with anyio.CancelScope(shield=True), anyio.fail_after(20):
                    await lease.lost.wait()
                raise ZeroDivisionError
        assert "token" in caught.value.__notes__[0]


async def test_a_cancellation_from_outside_stays_one_when_the_token_is_lost_too(
    api: Open, server: Server
) -> None:
    """It does not become a LeaseLost."""
    async with api(session_s=1) as cluster:
        with anyio.CancelScope() as outer:
            async with cluster.capacity_limiter("api", 1) as lease:
                await server.connection.call("FLUSHALL")
                with anyio.CancelScope(shield=True), anyio.fail_after(20):
                    await lease.lost.wait()
                outer.cancel()
                await anyio.sleep_forever()
        assert outer.cancelled_caught


async def test_a_block_that_ends_untrusted_has_lost_its_token(api: Open, server: Server) -> None:
    """Its process has just woken from a pause, and its heartbeat has not looked yet."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 1)
        with pytest.raises(LeaseLost, match="not renewed in time"):
            async with limiter as lease:
                lease.token.trust.renewed(uptime_s() - 15)
        lease.token.trust.renewed(uptime_s())
        lease = await limiter.acquire()
        lease.token.trust.renewed(uptime_s() - 15)
        with pytest.warns(LimiterWarning, match="not renewed in time"):
            limiter.release()
        lease.token.trust.renewed(uptime_s())
        await server.until(held=0)


async def test_a_token_lost_before_its_block_begins_ends_the_block(
    api: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its coming and the next step of the task that waited for it."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 1)
        as_ever = limiter._book.granted

        def granted(tokens: Iterable[tuple[int, int]]) -> None:
            as_ever(tokens)
            for lease in limiter._book._held.values():
                lease.lose("at this moment")

        monkeypatch.setattr(limiter._book, "granted", granted)
        with anyio.fail_after(20), pytest.raises(LeaseLost, match="at this moment"):
            async with limiter:
                await anyio.sleep_forever()


async def test_a_fence_is_above_all_before_it_even_when_the_server_lost_everything(
    api: Open, server: Server
) -> None:
    """FLUSHALL: the limiter begins anew, its fences do not."""
    fences: list[int] = []
    for _ in range(3):
        async with api(session_s=1) as cluster:
            for _ in range(5):
                async with cluster.capacity_limiter("api", 3) as lease:
                    fences.append(lease.fence)
        await server.connection.call("FLUSHALL")
    assert fences == sorted(set(fences))


async def test_a_fence_is_above_those_that_the_server_forgot_having_lent(
    api: Open, server: Server
) -> None:
    """The end of its log was lost, or another took over that had not heard of the last ones."""
    async with api() as cluster:
        limiter, fences, key = cluster.capacity_limiter("api", 3), [], server.keys.limit("api")
        for forgets in (False, True):
            async with limiter:
                before = await server.connection.call("HGET", key, "fence")
                assert isinstance(before, bytes)
            for _ in range(5):
                async with limiter as lease:
                    fences.append(lease.fence)
            if forgets:
                await server.connection.call("HSET", key, "fence", before.decode())
        async with limiter as lease:
            fences.append(lease.fence)
    assert fences == sorted(set(fences))


async def test_after_a_loss_nothing_is_lent_until_all_have_heard_of_it(
    api: Open, server: Server
) -> None:
    """A session's length: others may still run on what they held."""
    async with api(session_s=1) as cluster:
        limiter = cluster.capacity_limiter("api", 1)
        with pytest.raises(LeaseLost):
            async with limiter:
                await server.connection.call("FLUSHALL")
                await anyio.sleep_forever()
        with pytest.raises(anyio.WouldBlock):
            await limiter.acquire_nowait()
        with anyio.fail_after(20):
            async with limiter:
                pass


async def test_a_server_younger_than_a_session_lends_nothing_at_first() -> None:
    """Who held a token of its earlier life may not have heard; a fresh one lends at once."""
    async with own_server() as server:
        young, fresh = Settings(session_s=3), Settings(session_s=3, fresh_server=True)
        async with Cluster(server.url, settings=young) as cluster:
            limiter = cluster.capacity_limiter("old", 1)
            with pytest.raises(anyio.WouldBlock):
                await limiter.acquire_nowait()
            await cluster.capacity_limiter("x", 1).refresh()
            with anyio.fail_after(20):
                async with limiter:
                    pass
        async with Cluster(server.url, settings=fresh) as cluster:
            await cluster.capacity_limiter("new", 1).acquire_nowait()


async def test_a_cancelled_acquire_leaves_nothing_behind(
    api: Open, server: Server, proxy: FaultProxy
) -> None:
    """Whenever the cancellation comes: before the request, on its way there, on its way back."""
    proxy.reply_delay_s = 0.02
    async with api(proxy.url) as cluster:
        limiter = cluster.capacity_limiter("api", 2)

        async def take(wait_s: float, *, patient: bool) -> None:
            with anyio.move_on_after(wait_s):
                try:
                    lease = await (limiter.acquire() if patient else limiter.acquire_nowait())
                except anyio.WouldBlock:
                    return
                lease.check()
                limiter.release()

        async with anyio.create_task_group() as group:
            for ms in range(81):
                group.start_soon(lambda s=ms / 2000: take(s, patient=True))
                group.start_soon(lambda s=ms / 2000: take(s, patient=False))
                await anyio.sleep(0.001)
        await server.until(held=0)
        assert limiter.statistics().borrowers == ()
        async with limiter:
            await server.until(held=1)


async def test_a_task_that_is_cancelled_as_its_token_comes_gives_it_back(
    api: Open, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the answer by then, and has not run since."""
    async with api() as cluster:
        limiter = cluster.capacity_limiter("api", 1)
        tasks: list[asyncio.Task[object]] = []
        grant = limiter._book.granted

        def granted(tokens: Iterable[tuple[int, int]]) -> None:
            grant(tokens)
            tasks[-1].cancel()

        monkeypatch.setattr(limiter._book, "granted", granted)
        for take in (limiter.acquire, limiter.acquire_nowait, limiter.__aenter__):
            tasks.append(asyncio.create_task(take()))
            with pytest.raises(asyncio.CancelledError), anyio.fail_after(20):
                await tasks[-1]
            await server.until(held=0)
            assert limiter.statistics().borrowers == ()


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
async def test_a_message_that_is_lost_is_made_up_for(
    fault: Fault, api: Open, server: Server, proxy: FaultProxy
) -> None:
    """Of each of many requests in turn: each gets its token, once, and all come back."""

    async def use(limiter: SharedLimiter, n: int) -> None:
        if n % 3 == 0:
            await limiter.acquire_nowait()
            limiter.release()
        else:
            async with limiter as lease:
                lease.check()

    async with api(proxy.url) as cluster:
        limiter = cluster.capacity_limiter("api", 10)
        for nth in (1, 2, 3, 4):
            struck = proxy.strike(fault, b"api", nth=nth)
            with anyio.fail_after(20):
                while not struck.is_set():
                    async with anyio.create_task_group() as group:
                        for n in range(10):
                            group.start_soon(use, limiter, n)
            await server.until(held=0)
