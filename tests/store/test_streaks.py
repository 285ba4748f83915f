"""Several calls of a job in one entry: how many, and what becomes of those that do not begin."""

from dataclasses import replace
from typing import cast

import pytest
from store_bench import Bench, chunk

from lionherd_dist.store.calls import Dead, Done, Next, Settled, Taken
from lionherd_dist.store.job_rows import calls_in_hand, job_rows
from lionherd_dist.store.letters import letters
from lionherd_dist.store.scripts import FINISH
from lionherd_dist.store.space_facts import space_facts

pytestmark = pytest.mark.anyio

ANY_MS = 1  # long before the entry was made, so that whatever it holds ended at once


async def streak_of(bench: Bench, length: int, *, count: int = 100, large: int = 0) -> Taken:
    """The second entry of a job, of so many calls; in the first there is one."""
    first = chunk(count=1, limit=1)
    await bench.submit("C", first)
    await bench.connection.call("HSET", bench.keys.job("C-1"), "streak", length // 2)
    calls = [one + b"x" * large for one in chunk(count=count).calls]
    await bench.submit("C", replace(first, calls=calls))
    (single,) = await bench.take("W")
    assert await tell(bench, [Done(single, b"ok")], now_ms=ANY_MS) == 0
    (taken,) = await bench.take("W")
    return taken


async def tell(bench: Bench, settled: list[Settled], *, now_ms: int | None = None) -> int:
    """How many were dropped."""
    names, args = bench.hand("W")._ends_of(settled)
    args = [*args[:1], "" if now_ms is None else now_ms, *args[2:]]
    _, dropped, _ = cast(
        "tuple[int, int, list[bytes]]", await bench.connection.run(FINISH, names, args)
    )
    return dropped


async def test_a_streak_is_a_row_of_calls_in_one_entry(bench: Bench) -> None:
    taken = await streak_of(bench, 4)
    assert (taken.index, taken.payload, taken.rest) == (1, b"c1", (b"c2", b"c3", b"c4"))


@pytest.mark.parametrize(("after_ms", "length"), [(20, 16), (21, 1)])
async def test_calls_that_take_their_time_come_one_by_one(
    bench: Bench, after_ms: int, length: int
) -> None:
    """The next is released when it is known that they have ended, as ever."""
    taken = await streak_of(bench, 8)
    assert len(taken.rest) == 7
    handed_out_ms = int(taken.entry.partition(b"-")[0])
    ends: list[Settled] = []
    while taken.rest:
        ends.append(Next(taken, b"ok"))
        taken = taken.following()
    ends.append(Done(taken, b"ok"))
    assert await tell(bench, ends, now_ms=handed_out_ms + after_ms) == 0
    (after,) = await bench.take("W")
    assert (after.index, 1 + len(after.rest)) == (9, length)


async def test_large_calls_make_short_streaks(bench: Bench) -> None:
    """What goes back and forth is bounded in bytes, too."""
    taken = await streak_of(bench, 16, large=20_000)
    assert 1 + len(taken.rest) == 3


@pytest.mark.parametrize("limit", [0, 2])
async def test_only_jobs_of_one_call_at_a_time_have_streaks(bench: Bench, limit: int) -> None:
    """Others lose by it: what is in a row cannot run side by side."""
    await bench.submit("C", chunk(count=20, limit=limit))
    await bench.connection.call("HSET", bench.keys.job("C-1"), "streak", 16)
    for _ in range(3):
        batch = await bench.take("W")
        assert batch
        assert {one.rest for one in batch} == {()}
        await tell(bench, [Done(one, b"ok") for one in batch], now_ms=ANY_MS)


async def test_a_server_without_memory_hears_that_a_streak_goes_on(bench: Bench) -> None:
    """The request that tells of nothing but that begins with a word that is not refused."""
    taken = await streak_of(bench, 4)
    await bench.connection.call("CONFIG", "SET", "maxmemory", "1")
    try:
        assert await tell(bench, [Next(taken, b"ok")]) == 0
    finally:
        await bench.connection.call("CONFIG", "SET", "maxmemory", "0")
    assert await tell(bench, [Done(taken.following(), b"ok")]) == 0


async def test_a_letter_holds_the_call_that_died_and_no_other(bench: Bench) -> None:
    """And those behind it have their turn."""
    taken = await streak_of(bench, 4)
    assert await tell(bench, [Next(taken, b"ok"), Dead(taken.following(), b"why")]) == 0
    (letter,) = await letters(bench.connection, bench.keys, most=10, before="")
    assert (letter.index, letter.payload) == (2, b"c2")
    (after,) = await bench.take("W")
    assert (after.index, after.payload, after.rest) == (3, b"c3", ())


async def test_an_operator_sees_the_call_whose_turn_it_is(bench: Bench) -> None:
    """Those behind it in its entry wait like the others."""
    taken = await streak_of(bench, 4, count=20)
    await tell(bench, [Next(taken, b"ok")])
    (row,) = await job_rows(bench.connection, bench.keys, ["C-1"], now_ms=0)
    assert row is not None
    assert (row.done, row.in_hand, row.backlog) == (2, 1, 17)
    (call,) = await calls_in_hand(bench.connection, bench.keys, "C-1", now_ms=0)
    assert (call.index, call.payload) == (2, b"c2")


async def forget(bench: Bench, taken: Taken, told: int) -> None:
    """The server loses the end of its log: the ends of *taken* and so many in all were not told."""
    hand = f"{bench.keys.job('C-1')}:hand"
    await bench.connection.call("HSET", hand, taken.index, taken.entry)
    await bench.connection.call("HDEL", hand, taken.index + told)


async def test_calls_whose_ends_were_forgotten_are_handed_out_again(bench: Bench) -> None:
    """By the word that their entry is over; it would never come again otherwise."""
    taken = await streak_of(bench, 8)
    later = taken.following().following()
    await tell(bench, [Next(taken, b"ok"), Next(taken.following(), b"ok")])
    await forget(bench, taken, 2)
    assert await tell(bench, [Next(later, b"ok"), Done(later.following(), b"ok")]) == 2
    (again,) = await bench.take("W")
    assert (again.index, again.payload, again.rest) == (1, b"c1", ())
    await tell(bench, [Done(again, b"ok")])
    (after,) = await bench.take("W")
    assert (after.index, after.payload) == (2, b"c2")


async def test_a_cancelled_job_whose_ends_were_forgotten_ends(bench: Bench) -> None:
    """With the word that its last entry is over."""
    taken = await streak_of(bench, 8)
    await tell(bench, [Next(taken, b"ok")])
    await forget(bench, taken, 1)
    assert await bench.cancel("C-1") == [1]
    assert await tell(bench, [Done(taken.following(), b"ok")]) == 1
    assert await bench.connection.call("EXISTS", bench.keys.job("C-1")) == 0
    assert (await bench.news("C"))[-1].ended


async def test_a_doctor_finds_calls_in_a_row_whose_job_is_gone(bench: Bench) -> None:
    await streak_of(bench, 4)
    await bench.connection.call("DEL", bench.keys.job("C-1"))
    facts = await space_facts(bench.connection, bench.keys)
    assert facts.lost_calls == ["C-1 1"]


async def test_an_operator_sees_an_entry_that_is_no_call(bench: Bench) -> None:
    """Of which there is nothing to tell but that it is there."""
    await streak_of(bench, 4)
    strange = await bench.connection.call("XADD", bench.keys.calls, "*", "c", "J", "p", "x")
    assert isinstance(strange, bytes)
    await bench.connection.call("HSET", f"{bench.keys.job('C-1')}:hand", 1, strange)
    (call,) = await calls_in_hand(bench.connection, bench.keys, "C-1", now_ms=0)
    assert (call.index, call.attempt, call.payload) == (1, None, b"")
