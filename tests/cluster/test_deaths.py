"""A worker process that dies is noticed at once: sessions here last far longer than a test."""

import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import pytest
import tasks
from fault_proxy import Fault, fault_proxy
from helpers import wait_until

from lionherd_dist import Cluster, PoisonTaskError, Settings
from lionherd_dist.deaths import Deaths, ending
from lionherd_dist.fleet import Fleet
from lionherd_dist.runtime.process import Order
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.places import Ended
from lionherd_dist.store.sessions import Capacity, hello
from lionherd_dist.telemetry import SILENT

pytestmark = pytest.mark.anyio

LONG_S = 600.0  # a session: what waits for its end fails by the limit of the test


@pytest.fixture
def slow(settings: Settings) -> Settings:
    return Settings(namespace=settings.namespace, session_s=LONG_S, cancel_wait_s=1)


@asynccontextmanager
async def fleet(
    url: str, settings: Settings, said: list[bytes], size: int = 2
) -> AsyncIterator[Fleet]:
    order = Order(("tasks",), url, 10, 1.0, settings)
    async with Fleet(order, size=size, on_output=said.append) as started:
        yield started


def pids(diary: Path) -> list[int]:
    starts = (line.split() for line in diary.read_text().splitlines())
    return [int(words[2]) for words in starts if words[0] == "start"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
async def test_the_calls_of_a_killed_worker_go_on_elsewhere(
    redis_url: str, slow: Settings, tmp_path: Path, number: signal.Signals
) -> None:
    """Without waiting for its session, and with a word of the signal and of what it had."""
    diary, said = tmp_path / "diary", list[bytes]()
    diary.touch()
    async with (
        fleet(redis_url, slow, said),
        Cluster(redis_url, settings=slow) as cluster,
        anyio.create_task_group() as asking,
    ):
        asking.start_soon(cluster.run, tasks.log.call(str(diary), "x", LONG_S))
        await wait_until(lambda: len(pids(diary)) == 1, description="it runs")
        os.kill(pids(diary)[0], number)
        await wait_until(lambda: len(pids(diary)) == 2, description="it runs again")
        await wait_until(lambda: b" had in hand " in b"".join(said), description="it is told")
        text = b"".join(said).decode()
        assert re.search(rf"worker [12], which was ended by {number.name}.* call 0 of job", text)
        assert "(tasks:log)" in text
        asking.cancel_scope.cancel()


async def test_workers_that_die_together_are_all_noticed(
    redis_url: str, slow: Settings, tmp_path: Path
) -> None:
    """Every call they had runs again."""
    diary = tmp_path / "diary"
    diary.touch()
    async with (
        fleet(redis_url, slow, []) as workers,
        Cluster(redis_url, settings=slow) as cluster,
        anyio.create_task_group() as asking,
    ):
        for n in range(20):
            asking.start_soon(cluster.run, tasks.log.call(str(diary), f"c{n}", LONG_S))
        await wait_until(lambda: len(pids(diary)) == 20, description="they run")
        for child in workers.children.values():
            child.kill()
        await wait_until(lambda: len(pids(diary)) == 40, description="they run again")
        asking.cancel_scope.cancel()


async def test_what_kills_its_worker_is_a_dead_letter_before_any_session_ends(
    redis_url: str, slow: Settings, tmp_path: Path
) -> None:
    """Each death is told as it happens."""
    diary = tmp_path / "diary"
    async with fleet(redis_url, slow, []), Cluster(redis_url, settings=slow) as cluster:
        with pytest.raises(PoisonTaskError):
            await cluster.run(tasks.die.call(str(diary), "poison"))
    assert len(pids(diary)) == 5


async def test_a_paused_worker_keeps_its_session(
    redis_url: str, slow: Settings, connection: Connection
) -> None:
    """It is silent, and lives; a neighbour that dies is no reason to doubt it."""
    keys = Keys(slow.namespace)
    async with fleet(redis_url, slow, []) as workers, Cluster(redis_url, settings=slow):
        sessions = await connection.call("HKEYS", keys.slots)
        paused, killed = workers.children[0], workers.children[1]
        os.kill(paused.pid, signal.SIGSTOP)
        try:
            places = await connection.call("HGETALL", keys.places)
            assert isinstance(places, list)
            (its,) = [
                session
                for session, place in zip(places[::2], places[1::2], strict=True)
                if isinstance(place, bytes) and f":{paused.pid}/".encode() in place
            ]
            killed.kill()

            async def another() -> bool:
                now = await connection.call("HKEYS", keys.slots)
                return now != sessions and isinstance(now, list) and len(now) == 3

            await wait_until(another, description="the killed one is replaced")
            assert await connection.call("HEXISTS", keys.slots, its) == 1  # type: ignore[arg-type]
        finally:
            os.kill(paused.pid, signal.SIGCONT)


async def test_a_death_that_the_server_did_not_hear_of_is_told_again(
    redis_url: str, slow: Settings, connection: Connection
) -> None:
    """Whether the word or its answer was lost."""
    keys = Keys(slow.namespace)
    for fault in Fault:
        async with fault_proxy(redis_url) as proxy:
            for session, token in (("V", "dead"), ("X", "alive")):
                await hello(
                    *(connection, keys, session),
                    ttl_ms=60_000,
                    capacity=Capacity(1, ()),
                    place=f"host:7/{token}",
                )
            told: list[Ended] = []
            struck = proxy.strike(fault)
            await Deaths(proxy.url, slow, SILENT).see_to("dead", told.append)
            assert struck.is_set()
            assert len(told) == 1
            assert await connection.call("ZRANGE", keys.sessions, 0, -1) == [b"X"]


async def test_a_server_that_stays_away_is_given_up_after_a_session() -> None:
    """By then what it had has expired by itself."""
    heard: list[Ended] = []
    with anyio.fail_after(30):
        await Deaths("unix:///nobody-listens", Settings(session_s=1), SILENT).see_to(
            "t", heard.append
        )
    assert heard == []


async def test_a_worker_killed_as_its_supervisor_stops_leaves_no_session(
    redis_url: str, slow: Settings, tmp_path: Path, connection: Connection
) -> None:
    """Nobody would be there to notice it later."""
    keys, diary = Keys(slow.namespace), tmp_path / "diary"
    diary.touch()
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(Cluster(redis_url, settings=slow))
        async with (
            anyio.create_task_group() as asking,
            fleet(redis_url, slow, [], size=1) as workers,
        ):
            asking.start_soon(cluster.run, tasks.log.call(str(diary), "x", LONG_S))
            await wait_until(lambda: len(pids(diary)) == 1, description="it runs")
            os.kill(workers.children[0].pid, signal.SIGSTOP)
            workers.children[0].kill()
            asking.cancel_scope.cancel()
        assert await connection.call("HLEN", keys.slots) in (0, 1)  # at most the sum


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (3, "ended with 3"),
        (-signal.SIGSEGV, "was ended by SIGSEGV"),
        (-signal.SIGKILL, "was ended by SIGKILL (by the kernel, perhaps, as memory ran out)"),
        (-1000, "was ended by signal 1000"),
    ],
)
def test_how_a_process_ended_is_said_in_words(status: int, words: str) -> None:
    """The name of the signal, if it has one."""
    assert ending(status) == words
