"""What an operator sees of a namespace, driven by hand."""

import re
from collections import Counter
from pathlib import Path

import pytest
from own_server import own_server
from store_bench import Bench, chunk

from lionherd_dist import Settings
from lionherd_dist.store.calls import Again, Dead
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.health import answers, live_workers_at
from lionherd_dist.store.job_rows import calls_in_hand, job_rows
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.letters import letter_count, letters
from lionherd_dist.store.reading import SessionRow, overview, owners_to_ask, server_ms
from lionherd_dist.store.scripts import ALL
from lionherd_dist.store.server_facts import server_facts
from lionherd_dist.store.sessions import NO_CAPACITY, Capacity, hello, quit_
from lionherd_dist.store.space_facts import space_facts

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.anyio


async def busy(bench: Bench) -> None:
    """Two jobs of C, one of nobody; calls in hand, parked, waiting and buried."""
    await bench.submit("C", chunk(count=20, total=20, limit=6), chunk(count=5, number=2))
    await bench.submit("C", chunk(count=3, total=3, number=3, keep_ms=60_000))
    taken = await bench.take("W", 6)
    hand = bench.hand("W")
    await hand.finish(bench.connection, [Again(taken[0], 2, 60_000), Dead(taken[1], b"why")])


async def end(bench: Bench) -> None:
    await bench.cancel("C-1", "C-2", "C-3")
    await bench.finish("W", await bench.hand("W").retake(bench.connection, 100, b"0-0"))


async def test_an_overview_counts_what_there_is(bench: Bench) -> None:
    """Sessions, jobs, and calls by where they are."""
    await busy(bench)
    seen = await overview(bench.connection, bench.keys)
    assert {one.id: (one.slots, one.jobs) for one in seen.sessions} == {"C": (0, 2), "W": (4, 0)}
    (worker,) = seen.workers
    assert (worker.tasks, worker.in_hand) == (("tasks:double",), 4)
    assert 0 < worker.left_ms <= 60_000
    assert (seen.session_count, seen.job_count, seen.parked, seen.dead) == (2, 3, 1, 1)
    assert seen.in_hand == 4
    jobs = {job.id: job for job in seen.jobs}
    assert set(jobs) == {"C-1", "C-2", "C-3"}
    first = jobs["C-1"]
    assert (first.done, first.total, first.limit, first.in_hand, first.backlog) == (1, 20, 6, 6, 13)
    assert (first.owner, first.state) == ("C", "running")
    assert (jobs["C-2"].state, jobs["C-2"].total) == ("sending", None)
    assert (jobs["C-3"].owner, jobs["C-3"].kept_ms) == ("", 60_000)
    handed_out = sum(job.in_hand for job in seen.jobs) - seen.parked
    assert seen.waiting + seen.in_hand == handed_out
    assert seen.backlog == 13
    await end(bench)


async def test_an_overview_lists_as_many_jobs_as_it_was_asked_for(bench: Bench) -> None:
    """And says how many there are."""
    for number in range(1, 8):
        await bench.submit("C", chunk(count=1, number=number))
    seen = await overview(bench.connection, bench.keys, most_jobs=3)
    assert (len(seen.jobs), seen.job_count) == (3, 7)
    await bench.cancel(*(f"C-{number}" for number in range(1, 8)))


def test_owners_are_asked_until_there_are_jobs_enough() -> None:
    """And those that have none are not."""
    rows = [SessionRow(f"s{n}", "", 1, 0, (), 0, jobs) for n, jobs in enumerate((0, 3, 0, 4, 5))]
    assert owners_to_ask(rows, 4) == ["s1", "s3"]
    assert owners_to_ask(rows, 100) == ["s1", "s3", "s4"]


async def test_a_job_is_held_back_by_a_consumer_that_does_not_read(bench: Bench) -> None:
    """Its cap is reached, nothing is in hand, and more would be there."""
    await bench.submit("C", chunk(count=5, cap=2))
    await bench.finish("W", await bench.take("W"))
    (row,) = await job_rows(bench.connection, bench.keys, ["C-1"], now_ms=0)
    assert row is not None
    assert row.state == "held back"
    assert await job_rows(bench.connection, bench.keys, ["C-9"], now_ms=0) == [None]
    await bench.cancel("C-1")


async def test_calls_in_hand_are_shown_with_their_workers(bench: Bench) -> None:
    """In hand, waiting for a worker, and waiting for the next attempt."""
    await busy(bench)
    now_ms = await server_ms(bench.connection)
    calls = await calls_in_hand(bench.connection, bench.keys, "C-1", now_ms=now_ms)
    parked, *held, waiting = calls
    assert (parked.index, parked.since_ms, parked.attempt) == (0, None, 2)
    assert [(one.index, one.worker, one.attempt) for one in held] == [
        (index, "W", 1) for index in (2, 3, 4, 5)
    ]
    assert (waiting.worker, waiting.payload) == ("", b"c6")
    await end(bench)


async def test_the_oldest_calls_in_hand_are_shown(bench: Bench) -> None:
    """However many there are, in whatever order the server has them."""
    await bench.hello("V", slots=2_000)
    await bench.submit("C", chunk(count=500))
    await bench.submit("C", *[chunk(first, 500) for first in range(500, 3_000, 500)])
    await bench.promote("V")
    now_ms = await server_ms(bench.connection)
    calls = await calls_in_hand(bench.connection, bench.keys, "C-1", now_ms=now_ms)
    assert [one.index for one in calls] == list(range(20))


async def test_health_counts_the_live_workers_of_one_host(bench: Bench) -> None:
    """Not clients, not other hosts, not the expired."""
    ask = bench.connection, bench.keys
    some = Capacity(1, ("t",))
    for session, place, capacity, ttl_ms in (
        ("A", "web:1", some, 60_000),
        ("B", "web:2", some, 1),
        ("D", "other:1", some, 60_000),
        ("E", "web:3", NO_CAPACITY, 60_000),
    ):
        await hello(*ask, session, ttl_ms=ttl_ms, capacity=capacity, place=place)
    while await server_ms(bench.connection) <= (await _end_of(bench, "B")):
        pass
    assert await answers(bench.connection)
    assert await live_workers_at(*ask, "web") == 1
    assert await live_workers_at(*ask, "nowhere") == 0
    for session in "ABDE":
        await quit_(*ask, session)


async def _end_of(bench: Bench, session: str) -> int:
    score = await bench.connection.call("ZSCORE", bench.keys.sessions, session)
    assert isinstance(score, bytes)
    return int(score)


async def test_a_healthy_namespace_has_no_orphans(bench: Bench) -> None:
    """Whatever is under way in it."""
    await busy(bench)
    facts = await space_facts(bench.connection, bench.keys)
    found = (facts.lost_calls, facts.ownerless_jobs, facts.leftovers, facts.undying)
    assert found == ([], [], [], [])
    assert facts.slots_told == 4
    await end(bench)


async def test_orphans_are_found(bench: Bench) -> None:
    """What only a loss of data, or a hand from outside, can make."""
    keys, call = bench.keys, bench.connection.call
    await bench.submit("C", chunk(count=2, total=2), chunk(count=1, number=2))
    await bench.hello("D")
    await bench.submit("D", chunk(count=1))
    await call("UNLINK", keys.job("C-1"))
    await call("ZREM", keys.sessions, "D")
    await call("XADD", keys.dead, "*", "some", "thing")
    facts = await space_facts(bench.connection, keys)
    assert facts.lost_calls == ["C-1 0", "C-1 1"]
    assert facts.ownerless_jobs == ["D-1"]
    assert facts.leftovers == [f"{keys.places} D", f"{keys.opened} D"]
    assert facts.undying == [keys.dead]
    await call("DEL", *(await bench.state()))


async def test_reading_writes_nothing_and_looks_for_no_keys(settings: Settings) -> None:
    """By the server's own count of commands, over all that reads."""
    async with own_server() as server:
        connection, watcher = (Connection(server.url, name=name) for name in ("test", "watch"))
        bench = Bench(connection, Keys(settings.namespace))
        await bench.hello("C")
        await bench.hello("W", slots=4)
        await busy(bench)
        state = await bench.state()
        before = await counts(watcher)
        ask = connection, bench.keys
        await overview(*ask)
        await space_facts(*ask)
        await server_facts(connection, ALL)
        await calls_in_hand(*ask, "C-1", now_ms=await server_ms(connection))
        await letters(*ask, most=10, before="")
        await letter_count(*ask)
        await answers(connection)
        await live_workers_at(*ask, "")
        used = set(await counts(watcher) - before) - {"info"}
        assert {"zrange", "hmget", "zcard"} <= used
        assert used.isdisjoint({"keys", "scan"})
        assert used <= documented()
        for command in used:
            assert "write" not in await flags(watcher, command), command
        assert await bench.state() == state
        await connection.close()
        await watcher.close()


def documented() -> set[str]:
    """The commands that docs/commands.md asks for, as the server counts them."""
    listed = re.search(r"`(PING TIME [A-Z\s]+)`", (ROOT / "docs" / "commands.md").read_text())
    assert listed
    asked = {"xinfo|groups", "hello", "script|exists", "config|get", "acl|getuser", "acl|users"}
    return {*listed[1].lower().split(), *asked}


async def counts(connection: Connection) -> Counter[str]:
    text = await connection.call("INFO", "commandstats")
    assert isinstance(text, bytes)
    lines = [line for line in text.decode().splitlines() if line.startswith("cmdstat_")]
    pairs = (line.removeprefix("cmdstat_").split(":calls=") for line in lines)
    return Counter({name: int(rest.partition(",")[0]) for name, rest in pairs})


async def flags(connection: Connection, command: str) -> str:
    return str(await connection.call("COMMAND", "INFO", command))
