"""Requests that come late, out of turn or after a loss, and looks that cannot see everything."""

import pytest
from store_bench import Bench, chunk

from lionherd_dist.store.kept import Noted, advance, attach, portion, read
from lionherd_dist.store.sessions import reap

pytestmark = pytest.mark.anyio


async def die(bench: Bench, *sessions: str) -> None:
    """The sessions are over by the server's clock, and nobody has noticed yet."""
    for session in sessions:
        await bench.connection.call("ZADD", bench.keys.sessions, 1, session)


async def test_a_chunk_whose_predecessor_the_server_lost_is_refused(bench: Bench) -> None:
    """Its calls would get the indexes of others."""
    await bench.submit("C", chunk(count=3))
    await bench.connection.call("HSET", f"{bench.keys.prefix}job:C-1", "next", 2)
    before = await bench.state()
    assert await bench.submit("C", chunk(first=3, count=2)) == [-1]
    assert await bench.state() == before


async def test_a_job_does_not_open_in_its_middle(bench: Bench) -> None:
    """Where the server lost a job altogether, its next chunk does not begin it anew."""
    before = await bench.state()
    assert await bench.submit("C", chunk(first=3, count=2)) == [-1]
    assert await bench.state() == before
    assert await bench.submit("C", chunk(count=2)) == [2]


async def test_a_deadline_in_the_far_future_is_a_deadline(bench: Bench) -> None:
    """Lua writes numbers past 14 digits with an exponent, which no worker would read."""
    await bench.submit("C", chunk(count=2, limit=1, left_ms=2**63))
    (taken,) = await bench.take("W")
    assert taken.deadline_ms > 10**13
    await bench.finish("W", [taken])
    assert [one.deadline_ms for one in await bench.take("W")] == [taken.deadline_ms]


async def test_a_late_word_of_running_alone_changes_nothing(bench: Bench) -> None:
    """A dead worker's word must not hide that the next one runs the call alone."""
    await bench.hello("V", slots=4)
    await bench.submit("C", chunk(count=1))
    (old,) = await bench.take("W")
    assert await bench.hand("W").run_alone(bench.connection, old) == 0
    await die(bench, "W")
    await reap(bench.connection, bench.keys)
    (new,) = await bench.take("V")
    assert await bench.hand("V").run_alone(bench.connection, new) == 1
    before = await bench.state()
    assert await bench.hand("W").run_alone(bench.connection, old) == 0
    assert await bench.state() == before


async def test_a_look_says_when_there_are_more_dead_sessions(bench: Bench) -> None:
    """Many processes may die at once; each look sees to a few, and the next follows at once."""
    crowd = [f"D{number}" for number in range(7)]
    for session in crowd:
        await bench.hello(session, slots=1)
    await die(bench, *crowd)
    assert (await reap(bench.connection, bench.keys)).more
    assert not (await reap(bench.connection, bench.keys)).more
    left = await bench.connection.call("ZRANGE", bench.keys.sessions, 0, -1)
    assert left == [b"C", b"W"]


async def test_giving_up_many_jobs_that_still_run_comes_to_an_end(bench: Bench) -> None:
    """Each is told of once: what is given up is not looked at again."""
    await bench.hello("V", slots=1_000)
    await bench.submit("C", *(chunk(count=1, number=number) for number in range(1, 301)))
    assert len(await bench.take("V", 1_000)) == 300
    await die(bench, "C")
    looks = [await reap(bench.connection, bench.keys) for _ in range(3)]
    assert [(look.given_up, look.more) for look in looks] == [(200, True), (100, False), (0, False)]
    assert await bench.connection.call("XLEN", bench.keys.control) == 300


async def test_outcomes_kept_after_the_total_came_last_expire(bench: Bench) -> None:
    """Nobody may ever attach: a kept job that is done has a time to live, however it got done."""
    await bench.submit("C", chunk(count=1, keep_ms=60_000))
    await bench.finish("W", await bench.take("W"))
    assert await bench.submit("C", chunk(first=1, total=1, keep_ms=60_000)) == [1]
    for name in ("job:C-1", "job:C-1:outcomes"):
        ttl_ms = await bench.connection.call("PTTL", bench.keys.prefix + name)
        assert isinstance(ttl_ms, int)
        assert ttl_ms > 0
    expires_at = await bench.connection.call("ZSCORE", bench.keys.prefix + "kept", "C-1")
    assert isinstance(expires_at, bytes)
    assert float(expires_at) > 0


async def test_an_outcome_is_done_with_once_however_late_that_is_said_again(bench: Bench) -> None:
    """A word that was held up on its way counts nothing after the next one; nothing is skipped."""
    await bench.submit("C", chunk(count=3, total=3, keep_ms=60_000))
    await bench.finish("W", await bench.take("W"))
    link, keys = bench.connection, bench.keys
    await attach(link, keys, "C", "C-1")
    first, second, third = [one.entry for one in await read(link, keys, "C-1", b"0-0", portion())]
    for entry, count in ((first, 1), (second, 2), (first, 2), (second, 2)):
        assert await advance(link, keys, "C", "C-1", entry) == Noted(count, 3)
    assert [one.entry for one in await read(link, keys, "C-1", second, portion())] == [third]
