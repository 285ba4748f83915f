"""The whole road over a network that loses things: every result arrives, once, and is right."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
import pytest
import tasks
from fault_proxy import Fault, FaultProxy, fault_proxy
from helpers import wait_until
from road import collect, working
from store_bench import Bench, chunk

from lionherd_dist import Cluster, JobLostError, Settings
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.scripts import ALONE
from lionherd_dist.store.sessions import reap
from lionherd_dist.wire.limits import Limits
from lionherd_dist.wire.messages import encode_call

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("nothing_left")]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(namespace=settings.namespace, session_s=2)


@pytest.fixture
async def nothing_left(
    settings: Settings, keys_of: Callable[[Settings], Awaitable[list[str]]]
) -> AsyncIterator[None]:
    """After the test the namespace has no key but dead letters, which are kept for their time."""
    yield
    assert [key for key in await keys_of(settings) if not key.endswith(":dead")] == []


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[FaultProxy]:
    async with fault_proxy(redis_url) as proxy:
        yield proxy


# --- one request or one reply is lost; a job and what surrounds it are 25 to 30 requests

cut_anywhere = pytest.mark.parametrize(
    ("fault", "nth"),
    [pytest.param(fault, nth, id=f"{fault.name}-{nth}") for nth in range(1, 29) for fault in Fault],
)


@cut_anywhere
async def test_a_cut_on_the_clients_side_loses_and_doubles_nothing(
    fault: Fault, nth: int, proxy: FaultProxy, redis_url: str, settings: Settings
) -> None:
    """Wherever in the life of a job it falls, from the first request to the last."""
    async with working(redis_url, settings):
        proxy.strike(fault, nth=nth)
        async with Cluster(proxy.url, settings=settings) as cluster:
            assert await collect(cluster) == 0


@cut_anywhere
async def test_a_cut_on_the_workers_side_loses_and_doubles_nothing(
    fault: Fault, nth: int, proxy: FaultProxy, redis_url: str, settings: Settings
) -> None:
    """Wherever in the life of a worker it falls."""
    proxy.strike(fault, nth=nth)
    async with working(proxy.url, settings), Cluster(redis_url, settings=settings) as cluster:
        assert await collect(cluster) == 0


# --- many are


@pytest.mark.parametrize("seed", range(6))
async def test_connections_that_break_after_any_number_of_bytes_lose_nothing(
    seed: int, proxy: FaultProxy, settings: Settings
) -> None:
    """In the middle of requests and replies, on both sides, again and again."""
    settings = Settings(namespace=settings.namespace, session_s=8)
    dice = random.Random(seed)
    async with working(proxy.url, settings), Cluster(proxy.url, settings=settings) as cluster:
        proxy.budgets = iter(lambda: int(dice.lognormvariate(9, 2)), -1)  # e**9: 8,000 bytes
        proxy.cut_all()
        assert await collect(cluster) == 0
        proxy.budgets = None


@pytest.mark.parametrize("seed", range(3))
async def test_everything_is_cut_at_once_again_and_again(
    seed: int, proxy: FaultProxy, settings: Settings
) -> None:
    """In mid-job; some of the times nobody is let in for a while."""
    dice = random.Random(seed)

    async def trouble(count: int) -> None:
        if dice.random() < 0.1:
            proxy.cut_all()
        elif dice.random() < 0.02:
            proxy.refuse()
            await anyio.sleep(0.1)
            await proxy.admit()

    async with working(proxy.url, settings), Cluster(proxy.url, settings=settings) as cluster:
        assert await collect(cluster, at=trouble) == 0


async def test_a_slow_network_only_costs_time(proxy: FaultProxy, settings: Settings) -> None:
    """Nobody loses a session, and no call runs twice."""
    async with working(proxy.url, settings), Cluster(proxy.url, settings=settings) as cluster:
        proxy.reply_delay_s = 0.05
        assert await collect(cluster) == 0
        assert len(tasks.stage.started) == 200
        proxy.reply_delay_s = 0


# --- one side is cut off for longer than a session


async def test_a_worker_that_is_cut_off_stops_and_others_do_its_calls(
    proxy: FaultProxy, redis_url: str, settings: Settings
) -> None:
    """It stops before they begin; afterwards it works again."""
    stage = tasks.new_stage()
    settings = Settings(namespace=settings.namespace, session_s=1)
    async with (
        working(proxy.url, settings, slots=3),
        Cluster(redis_url, settings=settings) as cluster,
        cluster.completion_stream(map(tasks.hold.call, range(3))) as stream,
    ):
        await wait_until(lambda: stage.running == 3, description="the first worker runs three")
        proxy.freeze()
        async with working(redis_url, settings, slots=3):
            await wait_until(lambda: len(stage.started) == 6, description="the other runs them")
            assert len(stage.cleaned) == 3
            stage.gate.set()
            assert sorted([pair async for pair in stream]) == [(n, n) for n in range(3)]
        proxy.thaw()
        assert await cluster.gather(*map(tasks.double.call, range(3))) == [0, 2, 4]


async def test_a_client_that_is_cut_off_loses_its_job_and_goes_on(
    proxy: FaultProxy, redis_url: str, settings: Settings
) -> None:
    """The workers stop its calls; it is told so when it is back, and may start again."""
    stage = tasks.new_stage()
    settings = Settings(namespace=settings.namespace, session_s=1)
    async with working(redis_url, settings), Cluster(proxy.url, settings=settings) as cluster:
        with pytest.raises(JobLostError):
            async with cluster.completion_stream(map(tasks.hold.call, range(3))) as stream:
                await wait_until(lambda: stage.running == 3, description="three run")
                proxy.freeze()
                await wait_until(lambda: stage.running == 0, description="they were stopped")
                proxy.thaw()
                async for _ in stream:
                    pass
        assert await cluster.run(tasks.double.call(4)) == 8


# --- in a special moment


async def test_a_suspect_survives_that_its_word_is_lost(
    proxy: FaultProxy, redis_url: str, connection: Connection, settings: Settings
) -> None:
    """A call that two processes died with: what is noted before it runs alone is sent again."""
    bench = Bench(connection, Keys(settings.namespace))
    await bench.hello("C")
    call = chunk(count=1, total=1)
    call.calls[0] = encode_call(tasks.double.call(21), Limits())  # type: ignore[index]
    await bench.submit("C", call)
    for worker in ("V", "W"):
        await bench.hello(worker, slots=1)
        assert len(await bench.take(worker)) == 1
        await connection.call("ZADD", bench.keys.sessions, 1, worker)
        await reap(connection, bench.keys)
    struck = proxy.strike(Fault.LOSE_REPLY, ALONE.sha.encode())
    async with working(proxy.url, settings):

        async def recorded() -> bool:
            return await connection.call("EXISTS", bench.keys.inbox("C")) == 1

        await wait_until(recorded, description="its outcome is there")
        assert struck.is_set()
        await connection.call("ZADD", bench.keys.sessions, 1, "C")
        await wait_until(
            lambda: not_in(connection, bench.keys.sessions, "C"), description="C is reaped"
        )


async def not_in(connection: Connection, zset: str, member: str) -> bool:
    return await connection.call("ZSCORE", zset, member) is None


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
async def test_a_worker_survives_that_it_cannot_ask_who_knows_a_task(
    fault: Fault, proxy: FaultProxy, redis_url: str, settings: Settings
) -> None:
    """The question is put again."""
    async with working(proxy.url, settings), Cluster(redis_url, settings=settings) as cluster:
        struck = proxy.strike(fault, b"HVALS")
        call = tasks.double.call(1)
        object.__setattr__(call, "task", "nobody:knows")
        with pytest.raises(Exception, match="no other does"), anyio.fail_after(20):
            await cluster.run(call)
        assert struck.is_set()
