"""The whole road to a server that stalls, restarts, forgets or refuses: an end, never a hang."""

import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial

import anyio
import pytest
import tasks
from fault_proxy import fault_proxy
from helpers import wait_until
from own_server import KEEPING, OwnServer, own_server
from road import collect, working

from lionherd_dist import (
    BackpressureError,
    Call,
    Cluster,
    JobLostError,
    Settings,
    StoreRefusedError,
    StoreUnavailableError,
    Worker,
)
from lionherd_dist.embedded.server import private_server
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys

pytestmark = pytest.mark.anyio

QUICK = Settings(namespace="faults", session_s=1)
CALM = Settings(namespace="faults", session_s=5)
KEYS = Keys("faults")


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A server of the test's own, to do with as it likes."""
    async with private_server() as url:
        yield url


@pytest.fixture
async def server(url: str) -> AsyncIterator[Connection]:
    connection = Connection(url, name="test")
    yield connection
    await connection.close()


def once(at: int, do: Callable[[], Awaitable[object]]) -> Callable[[int], Awaitable[None]]:
    """Do it when there are *at* outcomes."""

    async def when(count: int) -> None:
        if count == at:
            await do()

    return when


async def expiries(server: Connection) -> dict[bytes, float]:
    """When each session ends unless it is renewed, in the server's ms."""
    reply = await server.call("ZRANGE", KEYS.sessions, 0, -1, "WITHSCORES")
    assert isinstance(reply, list)
    flat = [one for one in reply if isinstance(one, bytes)]
    return {session: float(end) for session, end in zip(flat[::2], flat[1::2], strict=True)}


# --- slow


async def test_a_server_that_stalls_for_less_than_a_session_costs_nobody_his(
    url: str, server: Connection
) -> None:
    """Nor does a call run twice."""
    async with working(url, QUICK), Cluster(url, settings=QUICK) as cluster:
        before = await expiries(server)

        async def stall(count: int) -> None:
            if count % 60 == 0:
                ends = await expiries(server)
                await server.call("CLIENT", "PAUSE", 400, "ALL")

                async def all_have_beaten() -> bool:  # so that two stalls do not make a long one
                    now = await expiries(server)
                    return all(now[one] > ends[one] for one in ends)

                await wait_until(all_have_beaten, description="each session was renewed")

        assert await collect(cluster, at=stall) == 0
        assert len(tasks.stage.started) == 200
        assert (await expiries(server)).keys() == before.keys()


@pytest.mark.parametrize("resubmit", [False, True])
async def test_a_server_that_stalls_for_longer_is_outlived(
    url: str, server: Connection, resubmit: bool
) -> None:
    """The job is lost, or sent again where that was asked for; then all goes on."""
    async with working(url, QUICK), Cluster(url, settings=QUICK, resubmit=resubmit) as cluster:
        stall = once(20, lambda: server.call("CLIENT", "PAUSE", 2_000, "ALL"))
        try:
            await collect(cluster, at=stall, calls=3_000)
        except JobLostError:
            assert not resubmit
        await wait_until(lambda: no_job_is_left(server), description="the lost job is given up")
        await collect(cluster)


async def no_job_is_left(server: Connection) -> bool:
    return await server.call("KEYS", f"{Keys(QUICK.namespace).prefix}job:*") == []


# --- killed and started again


@pytest.fixture
async def keeping() -> AsyncIterator[OwnServer]:
    """A server that keeps an append-only file, written to the kernel before it answers."""
    async with own_server(*KEEPING) as server:
        yield server


async def test_a_killed_server_that_kept_its_log_costs_only_time(keeping: OwnServer) -> None:
    """Three times in mid-job: nothing is lost, and nothing recorded twice."""

    async def restart(count: int) -> None:
        if count in {20, 90, 150}:
            await keeping.kill()
            await keeping.start()

    async with working(keeping.url, CALM), Cluster(keeping.url, settings=CALM) as cluster:
        assert await collect(cluster, at=restart) == 0


@pytest.mark.parametrize("lost_bytes", [1, 60, 300, 1_000, 2_000, 8_000, 30_000])
async def test_a_log_that_lost_its_end_never_gives_a_wrong_result(
    keeping: OwnServer, lost_bytes: int
) -> None:
    """As after a power failure: the job completes, or it is lost and says so; then all goes on."""

    async def restart() -> None:
        await keeping.kill()
        keeping.tear_log(lost_bytes)
        await keeping.start()

    async with working(keeping.url, QUICK), Cluster(keeping.url, settings=QUICK) as cluster:
        with suppress(JobLostError):
            await collect(cluster, at=once(100, restart))
        await collect(cluster)


async def test_a_server_that_forgot_what_was_consumed_is_told_again(keeping: OwnServer) -> None:
    """Or it would hold the rest of the job back for ever, for want of room at the consumer."""
    stage = tasks.new_stage()
    settings = Settings(namespace="faults", session_s=2, unread_cap=8)
    calls = [*map(tasks.double.call, range(30)), *map(tasks.hold.call, range(30, 40))]
    got: list[int] = []
    async with (
        working(keeping.url, settings, slots=4),
        Cluster(keeping.url, settings=settings) as cluster,
    ):
        with anyio.fail_after(20):
            async with cluster.completion_stream(calls) as stream:
                async for index, _ in stream:
                    got.append(index)
                    if len(got) == 6:
                        kept_bytes = keeping.log_bytes()
                    if len(got) == 30:
                        await wait_until(lambda: stage.running == 4, description="the rest runs")
                        await wait_until(
                            partial(consumed_at_least, keeping.url, stream._job.id, 29),
                            description="all is told, and nothing to be sent again",
                        )
                        await keeping.kill()
                        keeping.tear_log(keeping.log_bytes() - kept_bytes)
                        await keeping.start()
                        stage.gate.set()
    assert sorted(got) == list(range(40))


async def test_a_server_that_forgot_calls_it_had_accepted_loses_the_job(
    keeping: OwnServer,
) -> None:
    """Nobody would ever answer for them, and the next ones would take their places."""
    stage, more = tasks.new_stage(), anyio.Event()

    async def calls() -> AsyncIterator[Call[object]]:
        for n in range(10):
            yield tasks.double.call(n)
        await more.wait()
        for n in range(10):
            yield tasks.hold.call(n)
        await anyio.sleep_forever()

    async with working(keeping.url, CALM), Cluster(keeping.url, settings=CALM) as cluster:
        got: list[int] = []
        with anyio.fail_after(20), pytest.raises(JobLostError, match="forgot calls"):
            async with cluster.completion_stream(calls()) as stream:
                async for index, _ in stream:
                    got.append(index)
                    if len(got) == 10:
                        kept_bytes = keeping.log_bytes()
                        more.set()
                        await wait_until(lambda: stage.running == 10, description="the rest runs")
                        await keeping.kill()
                        keeping.tear_log(keeping.log_bytes() - kept_bytes)
                        await keeping.start()
        assert sorted(got) == list(range(10))
        stage.gate.set()  # no server knows of them any more: they run to their end
        await wait_until(lambda: stage.running == 0, description="the lost calls have ended")
        await collect(cluster)


async def consumed_at_least(url: str, job: str, count: int) -> bool:
    connection = Connection(url, name="test")
    try:
        consumed = await connection.call("HGET", f"{KEYS.prefix}job:{job}", "consumed")
    finally:
        await connection.close()
    return isinstance(consumed, bytes) and int(consumed) >= count


@pytest.mark.parametrize("resubmit", [False, True])
async def test_a_server_that_comes_back_empty_is_noticed(resubmit: bool) -> None:
    """The job is lost, or sent again where that was asked for; then all goes on."""

    async def restart() -> None:
        await server.kill()
        await server.start()

    async with (
        own_server() as server,
        working(server.url, QUICK),
        Cluster(server.url, settings=QUICK, resubmit=resubmit) as cluster,
    ):
        if resubmit:
            await collect(cluster, at=once(100, restart))
        else:
            with pytest.raises(JobLostError):
                await collect(cluster, at=once(100, restart))
        await collect(cluster)


# --- forgetting its scripts


async def test_scripts_forgotten_at_any_moment_are_told_again(url: str, server: Connection) -> None:
    """SCRIPT FLUSH all the while."""

    async def forget() -> None:
        while True:
            await server.call("SCRIPT", "FLUSH")

    async with (
        working(url, QUICK),
        Cluster(url, settings=QUICK) as cluster,
        anyio.create_task_group() as group,
    ):
        group.start_soon(forget)
        assert await collect(cluster, calls=1_000) == 0
        group.cancel_scope.cancel()


# --- answering with an error that passes


@pytest.mark.parametrize(
    "answer",
    [
        "LOADING Redis is loading the dataset in memory",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "CLUSTERDOWN The cluster is down",
        "NOREPLICAS Not enough good replicas to write.",
        "MISCONF Errors writing to the AOF file: No space left on device",
        "BUSY Redis is busy running a script.",
        "ERR max number of clients reached",
        "NOSCRIPT No matching script.",
    ],
    ids=lambda answer: answer.split()[0],
)
async def test_an_error_that_passes_only_costs_time(url: str, answer: str) -> None:
    """Everybody gets it for a while, in mid-job."""
    async with (
        fault_proxy(url) as proxy,
        working(proxy.url, CALM),
        Cluster(proxy.url, settings=CALM) as cluster,
    ):

        async def refuse() -> None:
            proxy.answer = f"-{answer}\r\n".encode()
            proxy.cut_all()
            heard = proxy.requests
            await wait_until(lambda: proxy.requests > heard + 8, description="all were told")
            proxy.answer = None

        assert await collect(cluster, at=once(50, refuse)) == 0


async def test_a_server_that_turns_into_a_replica_only_costs_time(
    url: str, server: Connection
) -> None:
    """READONLY for its writes, UNBLOCKED for its readers, until it is a master again."""

    async def demote() -> None:
        await server.call("REPLICAOF", "127.0.0.1", 1)
        before = await errors(server, "READONLY")

        async def told() -> bool:
            return await errors(server, "READONLY") > before + 3

        await wait_until(told, description="writes were refused")
        await server.call("REPLICAOF", "NO", "ONE")

    async with working(url, CALM), Cluster(url, settings=CALM) as cluster:
        assert await collect(cluster, at=once(50, demote)) == 0


async def errors(server: Connection, code: str) -> int:
    """How many errors of that code it has answered with."""
    reply = await server.call("INFO", "errorstats")
    assert isinstance(reply, bytes)
    counts = dict(line.split(":count=") for line in reply.decode().split() if ":count=" in line)
    return int(counts.get(f"errorstat_{code}", 0))


async def test_a_worker_outlasts_a_server_that_is_away_for_long() -> None:
    """Longer than its patience at the start: nobody has to start the workers again."""
    hasty = Settings(namespace="away", session_s=1, patience_s=0.2)
    async with own_server() as server, working(server.url, hasty):
        await server.kill()
        await anyio.sleep(2 * hasty.session_s)  # until the session is over and more than that
        await server.start()
        async with Cluster(server.url, settings=hasty) as cluster:
            with anyio.fail_after(30):
                assert await cluster.run(tasks.double.call(2)) == 4


async def test_a_server_without_free_places_is_waited_for(url: str, server: Connection) -> None:
    """Clients beyond maxclients come in when there is room."""
    results: list[int] = []

    async def ask() -> None:
        async with Cluster(url, settings=CALM) as cluster:
            results.append(await cluster.run(tasks.double.call(4)))

    async def refused() -> bool:
        reply = await server.call("INFO", "stats")
        assert isinstance(reply, bytes)
        return b"rejected_connections:0" not in reply

    async with working(url, CALM), anyio.create_task_group() as group:
        await server.call("CONFIG", "SET", "maxclients", 1)
        group.start_soon(ask)
        await wait_until(refused, description="it was turned away")
        await server.call("CONFIG", "SET", "maxclients", 100)
    assert results == [8]


# --- out of memory


async def test_without_memory_running_calls_complete_and_new_ones_wait(
    url: str, server: Connection
) -> None:
    """Until there is room."""
    stage = tasks.new_stage()
    results: list[object] = []

    async with (
        working(url, CALM),
        Cluster(url, settings=CALM) as cluster,
        anyio.create_task_group() as group,
    ):

        async def ask() -> None:
            results.append(await cluster.run(tasks.double.call(4)))

        async with cluster.completion_stream(map(tasks.hold.call, range(30))) as stream:
            await wait_until(lambda: stage.running == 20, description="twenty run")
            await server.call("CONFIG", "SET", "maxmemory", 1)
            group.start_soon(ask)
            stage.gate.set()
            assert sorted([pair async for pair in stream]) == [(n, n) for n in range(30)]
        assert results == []
        await server.call("CONFIG", "SET", "maxmemory", 0)
    assert results == [8]


async def test_without_memory_for_too_long_a_submission_says_so(
    url: str, server: Connection
) -> None:
    """The one error for a server that has no room, at the end of the patience; then all goes on."""
    impatient = Settings(namespace="faults", session_s=1, patience_s=0.3)
    async with working(url, QUICK), Cluster(url, settings=impatient) as cluster:
        await server.call("CONFIG", "SET", "maxmemory", 1)
        with pytest.raises(BackpressureError, match="maxmemory"), anyio.fail_after(10):
            await cluster.run(tasks.double.call(4))
        await server.call("CONFIG", "SET", "maxmemory", 0)
        await wait_until(lambda: cluster._link._writer is not None, description="it is healed")
        assert await cluster.run(tasks.double.call(4)) == 8


async def test_a_worker_that_lost_its_session_comes_back_without_memory(
    url: str, server: Connection
) -> None:
    """Or nobody would ever make room."""
    stage = tasks.new_stage()
    async with (
        working(url, QUICK),
        Cluster(url, settings=QUICK) as cluster,
        cluster.completion_stream(map(tasks.hold.call, range(3))) as stream,
    ):
        await wait_until(lambda: stage.running == 3, description="three run")
        (worker,) = [one for one in await slots(server) if one != b"*"]
        await server.call("ZADD", KEYS.sessions, 1, worker)
        await server.call("CONFIG", "SET", "maxmemory", 1)
        await wait_until(lambda: len(stage.started) == 6, description="they run again")
        stage.gate.set()
        assert sorted([pair async for pair in stream]) == [(n, n) for n in range(3)]
        await server.call("CONFIG", "SET", "maxmemory", 0)


async def slots(server: Connection) -> list[bytes]:
    reply = await server.call("HKEYS", KEYS.slots)
    assert isinstance(reply, list)
    return [one for one in reply if isinstance(one, bytes)]


# --- refusing us

CANARY = "canary-3141"


@pytest.mark.parametrize(
    "rights",
    [("+@all", ">another"), ("+@all", "-evalsha", f">{CANARY}"), ("on", "nopass", "-@all")],
)
async def test_who_is_not_admitted_is_told_at_once_and_the_password_to_nobody(
    url: str, server: Connection, rights: tuple[str, ...]
) -> None:
    """A wrong password, or rights that do not suffice: asking again would change nothing."""
    await server.call("ACL", "SETUSER", "lion", "on", "~*", "&*", *rights)
    with_password = url.replace("unix://", f"unix://lion:{CANARY}@")
    cluster = Cluster(with_password, settings=CALM)
    worker = Worker(tasks, redis=with_password, settings=CALM)
    caught: list[BaseException] = []
    with anyio.fail_after(5):
        for attempt in (cluster.__aenter__, worker.run):
            with pytest.raises(StoreRefusedError) as info:
                await attempt()
            caught.append(info.value)
    for error in caught:
        assert not isinstance(error, StoreUnavailableError)
        assert CANARY not in "".join(traceback.format_exception(error))
    await cluster.__aexit__(None, None, None)
