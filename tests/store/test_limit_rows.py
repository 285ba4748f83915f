"""Limiters as an operator sees them, with holders and waiters driven by hand."""

from dataclasses import replace

import pytest
from store_bench import Bench, chunk, wish

from lionherd_dist.store.jobs import Tokens
from lionherd_dist.store.limit_rows import LimiterRow, limiter_row, limiter_rows, user_rows
from lionherd_dist.store.limits import resize
from lionherd_dist.store.reading import server_ms

pytestmark = pytest.mark.anyio

SHUT_MS = 60_000


async def rows(bench: Bench) -> list[LimiterRow]:
    now_ms = await server_ms(bench.connection)
    return await limiter_rows(bench.connection, bench.keys, now_ms=now_ms)


async def users(bench: Bench, name: str = "api") -> list[tuple[str, int, int]]:
    found = await user_rows(bench.connection, bench.keys, name)
    return [(one.owner, one.held, one.waiting) for one in found]


async def end(bench: Bench, *names: str) -> None:
    """Nobody has to do with them any more, and no total of theirs is remembered."""
    await bench.cancel("C-1")
    for session in "CW":
        for name in names:
            await bench.leave(session, name)
    assert await rows(bench) == []


async def test_no_limiters_are_no_rows(bench: Bench) -> None:
    """And nothing is asked for."""
    assert await rows(bench) == []
    assert await limiter_row(bench.connection, bench.keys, "api", now_ms=0) is None
    assert await users(bench) == []


async def test_a_limiters_row_counts_tokens_waiters_and_users(bench: Bench) -> None:
    """Of two sessions that want two tokens each, of three."""
    await bench.lend("C", wish(1, 2)._replace(total=3))
    await bench.lend("W", wish(1, 2)._replace(total=3))
    row = LimiterRow("api", 3, fixed=False, borrowed=3, waiting=1, users=2, shut_ms=0)
    assert await rows(bench) == [row]
    assert await limiter_row(bench.connection, bench.keys, "api", now_ms=0) == row
    assert await users(bench) == [("C", 2, 0), ("W", 1, 1)]
    await end(bench, "api")


async def test_rows_are_sorted_by_name(bench: Bench) -> None:
    """Each with its own numbers, whatever the server's order is."""
    names = [f"limit-{number}" for number in range(9)]
    for total, name in reversed([*enumerate(names, 1)]):
        await bench.lend("C", wish(1, 1)._replace(name=name, total=total))
    assert [(row.name, row.total) for row in await rows(bench)] == [
        (name, total) for total, name in enumerate(names, 1)
    ]
    await end(bench, *names)


async def test_a_job_holds_a_token_for_each_call_and_waits_once(bench: Bench) -> None:
    """However many of its calls have to wait."""
    tokens = Tokens("api", 2, 0)
    await bench.submit("C", replace(chunk(count=5, total=5), limiter=tokens))
    assert await users(bench) == [("C-1", 2, 1)]
    (row,) = await rows(bench)
    assert (row.borrowed, row.waiting, row.users) == (2, 1, 1)
    await end(bench, "api")


async def test_users_with_most_tokens_come_first(bench: Bench) -> None:
    """Then those that wait for most, then by name."""
    await bench.lend("W", wish(1, 3)._replace(total=4))
    await bench.lend("C", wish(1, 3)._replace(total=4))
    assert await users(bench) == [("W", 3, 0), ("C", 1, 2)]
    await bench.lend("W", wish(4, 0, 1, 2))  # two tokens come back, and go to C
    assert await users(bench) == [("C", 3, 0), ("W", 1, 0)]
    await end(bench, "api")


async def test_a_total_that_somebody_set_shows_as_fixed(bench: Bench) -> None:
    """Also where it is below what is held, and where nobody uses it."""
    await bench.lend("C", wish(1, 2))
    await resize(bench.connection, bench.keys, "api", 1, quarantine_ms=0)
    (row,) = await rows(bench)
    assert (row.total, row.fixed, row.borrowed) == (1, True, 2)
    await bench.leave("C", "api")
    (row,) = await rows(bench)
    assert (row.total, row.fixed, row.borrowed, row.users) == (1, True, 0, 0)


async def test_a_limiter_that_lends_nothing_yet_tells_for_how_long(bench: Bench) -> None:
    """After a loss; 0 as soon as it is over, never less."""
    await bench.lend("C", wish(1, 1)._replace(quarantine_ms=-SHUT_MS))
    now_ms = await server_ms(bench.connection)
    read = bench.connection, bench.keys, "api"
    row = await limiter_row(*read, now_ms=now_ms)
    assert row is not None
    assert (row.borrowed, row.waiting) == (0, 1)
    assert 0 < row.shut_ms <= SHUT_MS
    sooner = await limiter_row(*read, now_ms=now_ms - 1_000)
    later = await limiter_row(*read, now_ms=now_ms + SHUT_MS)
    assert sooner == replace(row, shut_ms=row.shut_ms + 1_000)
    assert later == replace(row, shut_ms=0)
    await end(bench, "api")


async def test_one_that_ended_meanwhile_is_no_row(bench: Bench) -> None:
    """Its name was listed, and its hash is gone."""
    await bench.lend("C", wish(1, 1))
    await bench.connection.call("SADD", bench.keys.limits, "gone")
    assert [row.name for row in await rows(bench)] == ["api"]
    await bench.connection.call("SREM", bench.keys.limits, "gone")
    await end(bench, "api")
