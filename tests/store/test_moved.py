"""No script moves, or drops, more than a bounded part, and what it leaves is for the next."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pytest
from store_bench import CHUNK, TTL_MS, Bench, chunk

from lionherd_dist.store.calls import Again, Taken
from lionherd_dist.store.control import Control, Words
from lionherd_dist.store.jobs import Tokens, cancel_request
from lionherd_dist.store.kept import Gone, attach
from lionherd_dist.store.limits import resize
from lionherd_dist.store.sessions import Capacity, hello, reap

pytestmark = pytest.mark.anyio

MEGABYTE = 1_000_000
LARGE = 20  # calls of a megabyte
MOST = 3  # of them moved by one script: what comes to two megabytes and a quarter, and one above
SMALL = 576  # of the smallest
MANY = 1_000  # slots: no bound at all


async def send(
    bench: Bench, payloads: Sequence[bytes], *, number: int = 1, limiter: Tokens | None = None
) -> None:
    """A job of these calls, sent in requests of one call each."""
    for first, payload in enumerate(payloads):
        one = replace(CHUNK, number=number, first=first, calls=[payload], limiter=limiter)
        assert await bench.submit("C", one) == [first + 1]


def large(count: int = LARGE) -> list[bytes]:
    return [b"%d " % n + b"x" * MEGABYTE for n in range(count)]


async def waiting(bench: Bench, *, number: int = 1) -> int:
    """Calls of the job that wait in its backlog."""
    return cast(
        "int", await bench.connection.call("LLEN", f"{bench.keys.job(f'C-{number}')}:backlog")
    )


async def opened_wide(bench: Bench, payloads: Sequence[bytes]) -> list[Taken]:
    """The first eight calls of a job, the rest of which has only now room to be released."""
    await send(bench, payloads)
    first = await bench.take("W")
    assert len(first) == 8
    await bench.hello("V", slots=MANY)
    return first


async def promote_all(bench: Bench) -> list[int]:
    """How many calls each promotion made available."""
    counts: list[int] = []
    left_ms: int | None = 0
    while left_ms == 0:
        left_ms = await bench.hand("W").promote(bench.connection)
        counts.append(len(await bench.take("V")))
    assert left_ms is None
    return counts


async def keys_of(bench: Bench) -> set[str]:
    return {name.removeprefix(bench.keys.prefix) for name in await bench.state()}


async def words(bench: Bench) -> Words:
    return await Control(bench.connection, bench.keys, b"0-0").read()


async def test_a_finish_releases_a_part_and_promoting_the_rest(bench: Bench) -> None:
    """In order, each as it was, and each once; then nothing is behind any more."""
    payloads = large()
    first = await opened_wide(bench, payloads)
    assert await bench.finish("W", first) == 0
    then = await bench.take("V")
    assert len(then) == MOST
    assert "behind" in await keys_of(bench)
    while await bench.hand("W").promote(bench.connection) == 0:
        part = await bench.take("V")
        assert len(part) == MOST
        then += part
    then += await bench.take("V")
    assert [one.payload for one in first + then] == payloads
    assert "behind" not in await keys_of(bench)
    assert await bench.finish("V", then) == 0


async def test_a_finish_goes_on_where_nobody_promotes(bench: Bench) -> None:
    """A job that is behind needs no other than its own calls to come to its end."""
    taken, count = await opened_wide(bench, large()), 0
    while taken:
        count += len(taken)
        assert await bench.finish("V" if count > 8 else "W", taken) == 0
        taken = await bench.take("V")
    assert count == LARGE
    assert await waiting(bench) == 0


async def test_small_calls_are_released_by_hundreds(bench: Bench) -> None:
    """However small: the commands for each take their time, too."""
    first = await opened_wide(bench, [b"x"] * 900)
    await bench.finish("W", first)
    assert len(await bench.take("V", 1_000)) == SMALL
    assert "behind" in await keys_of(bench)
    await bench.promote("W")
    assert len(await bench.take("V", 1_000)) == 892 - SMALL


async def test_what_one_script_can_release_is_not_told_of(bench: Bench) -> None:
    """Nobody has to promote anything then."""
    first = await opened_wide(bench, [b"x"] * (8 + SMALL))
    await bench.finish("W", first)
    assert len(await bench.take("V", 1_000)) == SMALL
    assert "behind" not in await keys_of(bench)
    assert await bench.connection.call("EXISTS", bench.keys.control) == 0


async def test_many_calls_are_dropped_in_parts(bench: Bench) -> None:
    """Workers are told, and nothing more is released, from the first part on; and at the last."""
    await bench.hello("V", slots=MANY)
    await bench.submit("C", chunk(count=MANY + 500, cap=10_000))
    await bench.promote("V")
    running = len(await bench.take("V", 100))
    request = cancel_request(bench.keys, ["C-1"], by="C")
    assert await bench.connection.run(*request) == [-1]
    assert await words(bench) == Words(["C-1"], behind=True)
    assert await waiting(bench) == 0
    assert await bench.connection.call("XLEN", bench.keys.calls) == MANY + 500 - SMALL
    assert await bench.cancel("C-1") == [running]
    assert await bench.connection.call("XLEN", bench.keys.calls) == running
    assert await words(bench) == Words(["C-1", "C-1"], behind=True)
    assert await bench.connection.call("SMEMBERS", f"{bench.keys.prefix}behind") == []


async def test_a_cancellation_that_nobody_goes_on_with_is_ended_by_a_worker(bench: Bench) -> None:
    """And one that began since, and took some of the rest, is told."""
    await bench.hello("V", slots=MANY)
    await bench.submit("C", chunk(count=MANY, cap=10_000))
    await bench.promote("V")
    taken = await bench.take("V", 50)
    await bench.connection.run(*cancel_request(bench.keys, ["C-1"], by="C"))
    welcome = await hello(
        bench.connection, bench.keys, "N", ttl_ms=TTL_MS, capacity=Capacity(MANY, ("tasks:double",))
    )
    assert welcome is not None
    taken += await bench.take("N", 50)
    await bench.promote("N")
    assert await bench.connection.call("XLEN", bench.keys.calls) == len(taken) == 100
    control = Control(bench.connection, bench.keys, welcome.control_id)
    assert (await control.read()).cancelled == ["C-1"]
    assert await bench.finish("V", taken) == 0
    assert not [key for key in await keys_of(bench) if key.startswith(("job:", "behind"))]


async def test_many_jobs_are_cancelled_without_looking_at_each_again_and_again(
    bench: Bench,
) -> None:
    """Each job's hand is read in the parts that drop some of it; all are told of at once."""
    await bench.hello("V", slots=MANY)
    jobs = [f"C-{number}" for number in range(1, 21)]
    for number in range(1, 21):
        await bench.submit("C", chunk(number=number, count=100, cap=10_000))
    await bench.promote("V")
    await bench.connection.call("CONFIG", "RESETSTAT")
    parts = 1
    request = cancel_request(bench.keys, jobs, by="C")
    assert await bench.connection.run(*request) == [0] * 5 + [-1] * 15
    assert (await words(bench)).cancelled == jobs[5:]
    while -1 in cast("list[int]", await bench.connection.run(*request)):
        parts += 1
    stats = cast("bytes", await bench.connection.call("INFO", "commandstats"))
    reads = int(stats.partition(b"cmdstat_hgetall:calls=")[2].partition(b",")[0])
    assert reads <= len(jobs) + parts
    assert await bench.connection.call("XLEN", bench.keys.calls) == 0


async def test_nobody_reads_a_job_whose_cancellation_has_begun(bench: Bench) -> None:
    """Its outcomes are not to come."""
    await bench.hello("V", slots=MANY)
    await bench.submit("C", chunk(count=MANY, cap=10_000, total=MANY, keep_ms=TTL_MS))
    await bench.promote("V")
    assert await bench.connection.run(*cancel_request(bench.keys, ["C-1"], by="C")) == [-1]
    assert await attach(bench.connection, bench.keys, "C", "C-1") == Gone()


async def test_jobs_that_one_request_cancels_share_its_bound(bench: Bench) -> None:
    """What was not dropped yet is said to be so, job by job."""
    await bench.hello("V", slots=MANY)
    for number in (1, 2):
        await bench.submit("C", chunk(number=number, count=400, cap=10_000))
    request = cancel_request(bench.keys, ["C-1", "C-2"], by="C")
    assert await bench.connection.run(*request) == [0, -1]
    assert await bench.cancel("C-1", "C-2") == [0, 0]
    assert await bench.connection.call("XLEN", bench.keys.calls) == 0


async def test_the_jobs_of_a_dead_client_are_given_up_in_parts(bench: Bench) -> None:
    """Its session is not forgotten before the last call of the last job is dropped."""
    await bench.hello("V", slots=MANY)
    await bench.submit("C", chunk(count=MANY + 500, cap=10_000))
    await bench.promote("V")
    await bench.connection.call("ZADD", bench.keys.sessions, 1, "C")
    parts = []
    more = True
    while more:
        reaped = await reap(bench.connection, bench.keys)
        parts.append((reaped.given_up, reaped.more))
        more = reaped.more
    assert parts == [(0, True), (0, True), (1, False)]
    assert not [key for key in await keys_of(bench) if key.startswith(("job:", "owned:C"))]


async def test_large_calls_behind_small_ones_are_bounded_too(bench: Bench) -> None:
    """What the first of them hold says nothing of the others."""
    first = await opened_wide(bench, [b"x"] * 100 + large())
    await bench.finish("W", first)
    assert len(await bench.take("V", 1_000)) == 92 + MOST - 1
    assert await promote_all(bench) == [3, 3, 3, 3, 3, 3]


async def test_jobs_that_one_script_releases_share_its_bound(bench: Bench) -> None:
    """None of them is forgotten, though nothing of it may be in any hand."""
    for number in (1, 2, 3):
        calls = large(2)
        for first, call in enumerate(calls):
            one = replace(CHUNK, number=number, cap=0, first=first, calls=[call])
            assert await bench.submit("C", one) == [first + 1]
    await bench.hello("V", slots=MANY)
    assert await bench.take("V") == []
    readers = [replace(CHUNK, number=n, cap=0, first=2, consumed=2) for n in (1, 2, 3)]
    assert await bench.submit("C", *readers) == [2, 2, 2]
    assert len(taken := await bench.take("V")) == MOST
    assert sum(await promote_all(bench)) == 3
    assert [await waiting(bench, number=n) for n in (1, 2, 3)] == [0, 0, 0]
    assert len(taken) == MOST


async def test_workers_are_told_once_of_a_job_that_is_behind(bench: Bench) -> None:
    """Not again while they promote it; and what was cancelled is told as ever."""
    await bench.finish("W", await opened_wide(bench, large()))
    assert await words(bench) == Words([], behind=True)
    await bench.take("V")
    await promote_all(bench)
    assert await bench.connection.call("XLEN", bench.keys.control) == 1
    await bench.cancel("C-1")
    assert await words(bench) == Words(["C-1"], behind=True)


async def test_a_job_that_ends_is_behind_no_more(bench: Bench) -> None:
    """However it ends, and with nobody there to promote it."""
    first = await opened_wide(bench, large())
    await bench.finish("W", first)
    assert "behind" in await keys_of(bench)
    await bench.cancel("C-1")
    assert "behind" not in await keys_of(bench)


async def test_parked_calls_come_back_in_parts(bench: Bench) -> None:
    """The next promotion is due at once, until all are back."""
    await bench.hello("V", slots=MANY)
    await send(bench, large())
    for one in await bench.take("V"):
        await bench.hand("V").finish(bench.connection, [Again(one, attempt=2, delay_ms=0)])
    assert await promote_all(bench) == [3, 3, 3, 3, 3, 3, 2]


async def test_a_dead_workers_large_calls_are_given_on_in_parts(bench: Bench) -> None:
    """And its session is not forgotten before the last of them."""
    await bench.hello("V", slots=MANY)
    await send(bench, large())
    assert len(await bench.take("V")) == LARGE
    await bench.connection.call("ZADD", bench.keys.sessions, 1, "V")
    parts = []
    more = True
    while more:
        reaped = await reap(bench.connection, bench.keys)
        parts.append(reaped.given_on)
        more = reaped.more
    assert parts == [3, 3, 3, 3, 3, 3, 2]
    assert sorted(one.index for one in await bench.take("W")) == [*range(LARGE)]


async def test_a_limiter_lends_its_tokens_to_large_calls_in_parts(bench: Bench) -> None:
    """No token is lent for a call that was not released, and none stays unlent for long."""
    await bench.hello("V", slots=MANY)
    await send(bench, large(), limiter=Tokens("api", 1, 0))
    assert len(await bench.take("V")) == 1
    await resize(bench.connection, bench.keys, "api", LARGE, quarantine_ms=0)
    assert len(await bench.take("V")) == MOST
    assert await bench.connection.call("ZCARD", bench.keys.limit("api") + ":held") == 1 + MOST
    assert sum(await promote_all(bench)) == LARGE - 1 - MOST
    assert await bench.connection.call("ZCARD", bench.keys.limit("api") + ":held") == LARGE
