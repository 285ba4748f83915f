"""Numbers in keys, entries and arguments may be anything: no script runs on for ever by one.

A script that does so would hold up the whole server, so each question here has an answer at all.
"""

from dataclasses import replace

import anyio
import pytest
from store_bench import Bench, chunk, wish

from lionherd_dist.errors import LionherdError
from lionherd_dist.store.jobs import Tokens
from lionherd_dist.store.limits import lend_request
from lionherd_dist.store.scripts import CANCEL, FINISH, LEND, SUBMIT
from lionherd_dist.store.sessions import reap

pytestmark = pytest.mark.anyio

LAST_WHOLE = 2**53 - 1
NUMBERS = ("limit", "cap", "next", "released", "consumed", "done", "total", "deadline")
NO_NUMBERS = (b"99999999999999999999", b"-99999999999999999999", b"1.5", b"nan", b"inf", b"x", b"")


@pytest.mark.parametrize("index", [2**53, 2**53 - 1, 2**64, 10**300])
async def test_an_entry_with_an_index_that_cannot_be_counted_on_is_reaped(
    bench: Bench, index: int
) -> None:
    """2^53 + 1 is 2^53 to a script: it never came to the end of the entry's calls."""
    keys = bench.keys
    header = f"C-1 {index} 1 0 0"
    await bench.submit("C", chunk(count=1))
    for job in (header, header.replace("C-1", "gone-1")):
        await bench.connection.call(*("XADD", keys.calls, "*", "c", job), *("p", "a") * 3)
    taken = ("XREADGROUP", "GROUP", "workers", "gone", "COUNT", 9, "STREAMS", keys.calls, ">")
    await bench.connection.call(*taken)
    with anyio.fail_after(20):
        await reap(bench.connection, keys)
        assert await bench.connection.call("XLEN", keys.calls) <= 1  # type: ignore[operator]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
@pytest.mark.parametrize("name", NUMBERS)
async def test_a_job_with_a_number_that_is_none_holds_nobody_up(
    bench: Bench, name: str, value: bytes
) -> None:
    """Whatever is done next ends, and its neighbour goes on."""
    keys, limiter = bench.keys, Tokens("api", 5, 0)
    bad = replace(chunk(count=6), limiter=limiter)
    await bench.submit("C", bad, replace(chunk(count=2, number=2), limiter=limiter))
    taken = await bench.take("W", 2)
    await bench.connection.call("HSET", keys.job("C-1"), name, value)
    with anyio.fail_after(20):
        await bench.connection.call("ZADD", f"{keys.prefix}limit:api:queue", 0, "C-1")
        await bench.connection.call("SADD", f"{keys.prefix}behind", "C-1")
        await bench.finish("W", [one for one in taken if one.job == "C-1"])
        await bench.lend("C", wish(look=True))
        await bench.promote("W")
        await reap(bench.connection, keys)
        rest = [*taken, *await bench.take("W")]
        await bench.finish("W", [one for one in rest if one.job == "C-2"])
        await bench.promote("W")
        await bench.finish("W", [one for one in await bench.take("W") if one.job == "C-2"])
    assert [index for index, outcome in await bench.outcomes("C") if outcome == b"ok"][-1:] != []


@pytest.mark.parametrize("number", [-1, -(10**15), 10**15, LAST_WHOLE, 10**30, "nan", "inf", "x"])
async def test_a_count_that_is_none_is_refused(bench: Bench, number: int | str) -> None:
    """Whoever may run the scripts chooses their arguments; such a one changes nothing."""
    keys = bench.keys
    await bench.submit("C", chunk(count=3))
    before = await bench.state()
    _, house, asked = lend_request(keys, "C", wish(count=1))
    names = (keys.sessions, keys.calls, keys.slots, keys.due, keys.parked, keys.dead, keys.prefix)
    calls = (keys.sessions, keys.calls, keys.slots, keys.opened, keys.prefix)
    cancelled = (*(keys.calls, keys.control, keys.due, keys.parked, keys.sessions), keys.slots)
    one = (1, 0, 10, -1, 0, "", "", "", 3, -1, 0)
    with anyio.fail_after(20):
        for script, keys_, args in (
            (LEND, house, (*asked[:7], number, *asked[8:])),
            (LEND, house, (*asked[:8], number, *asked[9:10], "1")),
            (FINISH, names, ("W", "", 1000, 1, 0, 0, "1-1", "C-1", number, 0, "done", "x")),
            (FINISH, names, ("W", "", 1000, number, 0, 0, "1-1", "C-1", 1, 0, "done", "x")),
            (SUBMIT, calls, ("C", "", number, *one)),
            (SUBMIT, calls, ("C", "", 1, *one, number)),
            (CANCEL, (*cancelled, keys.prefix), ("C", "", 1000, number)),
        ):
            with pytest.raises(LionherdError):
                await bench.connection.run(script, keys_, args)
    after = await bench.state()
    assert after == before
    assert await bench.finish("W", await bench.take("W")) == 0


async def test_what_is_no_parked_call_is_dropped(bench: Bench) -> None:
    """A member that nobody here wrote, and one with a value that is no call."""
    keys = bench.keys
    for name in ("garbage", "C-1 0", "C-1 x", " 0", ""):
        await bench.connection.call("ZADD", keys.due, 0, name)
        await bench.connection.call("HSET", keys.parked, name, "no facts")
    await bench.submit("C", chunk(count=1))
    await bench.promote("W")
    assert await bench.connection.call("EXISTS", keys.due, keys.parked) == 0
    assert await bench.finish("W", await bench.take("W")) == 0
