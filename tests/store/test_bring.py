"""What is told of calls may bring the next ones in the same round trip: once, and to one worker."""

from dataclasses import replace

import pytest
from store_bench import Bench, chunk

from lionherd_dist.store.calls import Done, Taken
from lionherd_dist.store.jobs import Tokens
from lionherd_dist.store.sessions import reap

pytestmark = pytest.mark.anyio


async def told(bench: Bench, worker: str, taken: list[Taken], wanted: int) -> list[int] | None:
    """The indexes of the calls that came with the answer; None: the session is over."""
    done = [Done(one, b"ok") for one in taken]
    recorded = await bench.hand(worker).finish(bench.connection, done, wanted=wanted)
    return None if recorded is None else [one.index for one in recorded.brought]


async def held_by(bench: Bench, worker: str) -> list[int]:
    calls = await bench.hand(worker).retake(bench.connection, 100, b"0-0")
    return [one.index for one in calls]


async def test_the_calls_that_are_released_come_with_the_answer(bench: Bench) -> None:
    """They are this worker's then, and no other is given them."""
    await bench.hello("V", slots=4)
    await bench.submit("C", chunk(count=5, limit=2))
    taken = await bench.take("W")
    assert await told(bench, "W", taken, 2) == [2, 3]
    assert await held_by(bench, "W") == [2, 3]
    assert await bench.take("V") == []


async def test_no_more_come_than_are_wanted(bench: Bench) -> None:
    await bench.hello("V", slots=4)
    await bench.submit("C", chunk(count=9, limit=3))
    taken = await bench.take("W")
    assert await told(bench, "W", taken, 1) == [3]
    assert [one.index for one in await bench.take("V")] == [4, 5]
    assert await told(bench, "W", taken, 0) == []


async def test_what_comes_is_what_has_waited_longest(bench: Bench) -> None:
    """Not what this very answer released."""
    await bench.submit("C", chunk(count=9, limit=3))
    first = await bench.take("W", 1)
    assert await told(bench, "W", first, 1) == [1]


async def test_nothing_comes_where_nothing_was_released(bench: Bench) -> None:
    """What is there already is for those who read."""
    await bench.submit("C", chunk(count=3))
    first = await bench.take("W", 1)
    assert await told(bench, "W", first, 1) == []
    assert [one.index for one in await bench.take("W")] == [1, 2]


async def test_told_again_it_brings_nothing_and_the_rest_is_found(bench: Bench) -> None:
    """The reply was lost, and with it the calls that it brought: they are in the pending list."""
    await bench.submit("C", chunk(count=4, limit=1))
    taken = await bench.take("W")
    assert await told(bench, "W", taken, 1) == [1]
    assert await told(bench, "W", taken, 1) == []
    assert await held_by(bench, "W") == [1]
    assert [one.index for one in await bench.take("W")] == []


async def test_whoever_lost_its_session_is_brought_nothing(bench: Bench) -> None:
    await bench.hello("V", slots=4)
    await bench.submit("C", chunk(count=4, limit=1))
    taken = await bench.take("W")
    await bench.connection.call("ZADD", bench.keys.sessions, 1, "W")
    assert await told(bench, "W", taken, 1) is None
    await reap(bench.connection, bench.keys, session_ms=60_000)
    assert [one.index for one in await bench.take("V")] == [0]


async def test_what_is_no_call_is_buried_on_its_way(bench: Bench) -> None:
    """As in a read: it is a dead letter, and the calls around it come."""
    await bench.submit("C", chunk(count=3, limit=1))
    taken = await bench.take("W")
    await bench.connection.call("XADD", bench.keys.calls, "*", "strange", "entry")
    assert await told(bench, "W", taken, 2) == [1]
    assert await bench.connection.call("XLEN", bench.keys.dead) == 1
    assert await held_by(bench, "W") == [1]


async def test_calls_that_need_a_token_come_with_it(bench: Bench) -> None:
    """Lent by the same answer, to the call and not to its worker."""
    await bench.submit("C", replace(chunk(count=4), limiter=Tokens("api", 1, 0)))
    taken = await bench.take("W")
    assert [call.index for call in taken] == [0]
    assert await told(bench, "W", taken, 1) == [1]
    held = bench.keys.limit("api") + ":held"
    assert await bench.connection.call("ZRANGE", held, 0, -1) == [b"C-1/1"]
