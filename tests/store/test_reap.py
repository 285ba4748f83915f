"""What the dead leave is seen to: calls are given on, jobs given up, nothing is lost or doubled."""

import pytest
from store_bench import Bench, chunk

from lionherd_dist.store.calls import Dead, Done
from lionherd_dist.store.jobs import Chunk, check_jobs
from lionherd_dist.store.sessions import known_by_some_worker, quit_, reap

pytestmark = pytest.mark.anyio


async def die(bench: Bench, session: str) -> None:
    """The session is over by the server's clock, and nobody has noticed yet."""
    await bench.connection.call("ZADD", bench.keys.sessions, 1, session)


async def reap_all(bench: Bench) -> tuple[int, int]:
    given_on = given_up = 0
    while True:
        reaped = await reap(bench.connection, bench.keys)
        given_on, given_up = given_on + reaped.given_on, given_up + reaped.given_up
        if not reaped.more:
            return given_on, given_up


async def test_a_dead_workers_calls_are_given_on(bench: Bench) -> None:
    """As the next attempt, with a death to their name; the job's limit stays full."""
    await bench.hello("V", slots=4)
    await bench.submit("C", chunk(count=10, limit=2, left_ms=60_000))
    old = await bench.take("W")
    await die(bench, "W")
    assert await reap_all(bench) == (2, 0)
    new = await bench.take("V")
    assert [(one.index, one.attempt, one.deaths, one.payload) for one in new] == [
        (0, 2, 1, b"c0"),
        (1, 2, 1, b"c1"),
    ]
    assert [one.deadline_ms for one in new] == [one.deadline_ms for one in old]
    assert await bench.finish("V", new) == 0


async def test_a_zombies_late_word_has_no_effect(bench: Bench) -> None:
    """Neither under its lost session nor, should that be forgotten, by the entry it was given."""
    await bench.hello("V", slots=4)
    await bench.submit("C", chunk(count=1))
    old = await bench.take("W")
    await die(bench, "W")
    await reap_all(bench)
    assert await bench.finish("W", old, b"zombie") == -1
    assert await bench.finish("V", old, b"impostor") == 1
    assert await bench.finish("V", await bench.take("V"), b"right") == 0
    assert await bench.outcomes("C") == [(0, b"right")]


async def test_reaping_twice_is_reaping_once(bench: Bench) -> None:
    """The second look finds nothing."""
    await bench.submit("C", chunk(count=3))
    await bench.take("W")
    await die(bench, "W")
    assert await reap_all(bench) == (3, 0)
    before = await bench.state()
    assert await reap_all(bench) == (0, 0)
    assert await bench.state() == before


async def test_the_living_are_left_alone(bench: Bench) -> None:
    """However long they hold their calls."""
    await bench.submit("C", chunk(count=3))
    await bench.take("W")
    before = await bench.state()
    assert await reap_all(bench) == (0, 0)
    assert await bench.state() == before


async def test_a_silence_of_the_server_is_nobodys_death(bench: Bench) -> None:
    """All sessions are over at once; a look that was under way then kills nobody."""
    await bench.submit("C", chunk(count=1))
    await bench.take("W")
    await die(bench, "C")
    await die(bench, "W")
    before = await bench.state()
    assert await reap_all(bench) == (0, 0)
    assert await bench.state() == before


async def test_ten_dead_entries_are_found_behind_a_hundred_thousand_live_ones(bench: Bench) -> None:
    """There is no scan over the living: the look goes to the dead one's own list."""
    await bench.hello("V", slots=60_000)
    for first in range(0, 100_010, 5_000):
        calls = [b"x"] * min(5_000, 100_010 - first)
        await bench.submit("C", Chunk(1, 0, 200_000, -1, 0, first, -1, 0, calls))
        await bench.promote("V")
    assert sum([len(await bench.take("V", 5_000)) for _ in range(20)]) == 100_000
    assert len(await bench.take("W", 100)) == 10
    await die(bench, "W")
    reaped = await reap(bench.connection, bench.keys)
    assert (reaped.given_on, reaped.more) == (10, False)
    assert [one.index for one in await bench.take("V", 100)] == [*range(100_000, 100_010)]


async def test_a_dead_worker_with_many_calls_is_reaped_in_parts(bench: Bench) -> None:
    """Each part is bounded, and together they are everything."""
    await bench.hello("V", slots=1_000)
    await bench.submit("C", chunk(count=1_000))
    await bench.promote("V")
    assert len(await bench.take("V", 1_000)) == 1_000
    await die(bench, "V")
    first = await reap(bench.connection, bench.keys)
    assert (first.given_on, first.more) == (200, True)
    assert await reap_all(bench) == (800, 0)
    assert len(await bench.take("W", 2_000)) == 1_000


async def test_a_dead_workers_slots_and_consumer_are_gone(bench: Bench) -> None:
    """They no longer count for anybody's window."""
    await bench.hello("V", slots=10)
    await bench.submit("C", chunk(count=1))
    await bench.take("V")
    await die(bench, "V")
    await reap_all(bench)
    assert await bench.connection.call("HGETALL", bench.keys.slots) == [b"W", b"4", b"*", b"4"]
    assert await consumers(bench) == []
    await bench.submit("C", chunk(first=1, count=100))
    assert len(await bench.take("W", 100)) == 8


async def test_a_consumer_whose_session_was_reaped_loses_nothing(bench: Bench) -> None:
    """A read that was still waiting at the server may be given calls after its session ended.

    Each look at it takes it away once it has nothing, and not before.
    """
    await bench.submit("C", chunk(count=3))
    assert len(await bench.take("W", 1)) == 1
    await die(bench, "W")
    assert await reap_all(bench) == (1, 0)
    assert await consumers(bench) == []
    await bench.hello("V", slots=4)
    assert len(await bench.take("W", 2)) == 2
    assert await consumers(bench) == [b"W"]
    assert await reap_all(bench) == (2, 0)
    assert await consumers(bench) == []
    assert sorted([one.index for one in await bench.take("V")]) == [0, 1, 2]


async def consumers(bench: Bench) -> list[object]:
    """Who the server thinks takes calls."""
    reply = await bench.connection.call("XINFO", "CONSUMERS", bench.keys.calls, "workers")
    assert isinstance(reply, list)
    return [one[1] for one in reply]  # type: ignore[index]


async def test_calls_left_by_a_worker_that_quit_are_given_on(bench: Bench) -> None:
    """It could not hand them back; they are not lost, and nobody died of them."""
    await bench.submit("C", chunk(count=1))
    await bench.take("W")
    assert not await quit_(bench.connection, bench.keys, "W")
    assert await reap_all(bench) == (1, 0)
    await bench.hello("V", slots=4)
    assert [(one.attempt, one.deaths) for one in await bench.take("V")] == [(1, 0)]


async def test_a_dead_clients_jobs_are_given_up(bench: Bench) -> None:
    """Backlog and queued calls go at once, running ones are told of, and nothing of it stays."""
    await bench.submit("C", chunk(count=100), chunk(count=5, number=2))
    (running,) = await bench.take("W", 1)
    await die(bench, "C")
    assert await reap_all(bench) == (0, 2)
    assert await bench.take("W") == []
    assert not await bench.connection.call("EXISTS", bench.keys.inbox("C"))
    assert await bench.finish("W", [running]) == 0
    names = await bench.state()
    assert not [name for name in names if "C" in name.rpartition(":")[2] or ":job:" in name]
    assert await bench.submit("C", chunk(first=100, count=1)) is None


async def test_a_dead_worker_ends_a_cancelled_job(bench: Bench) -> None:
    """The client that waits for the last call is told."""
    await bench.submit("C", chunk(count=1))
    await bench.take("W")
    assert await bench.cancel("C-1") == [1]
    await die(bench, "W")
    assert await reap_all(bench) == (0, 0)
    assert [news.ended for news in await bench.news("C")] == [True]
    assert not [name for name in await bench.state() if ":job:" in name]


async def test_only_deaths_while_alone_count_against_a_suspect(bench: Bench) -> None:
    """A neighbour's fault does not."""
    await bench.submit("C", chunk(count=1))
    deaths_alone = []
    for turn in range(4):
        worker = f"W{turn}"
        await bench.hello(worker, slots=4)
        (taken,) = await bench.take(worker)
        assert taken.deaths == turn
        hand = bench.hand(worker)
        if turn >= 2:
            deaths_alone.append(await hand.run_alone(bench.connection, taken))
            assert await hand.run_alone(bench.connection, taken) == deaths_alone[-1]
        await die(bench, worker)
        await reap_all(bench)
    assert deaths_alone == [0, 1]
    await bench.hello("V", slots=4)
    (taken,) = await bench.take("V")
    assert await bench.hand("V").run_alone(bench.connection, taken) == 2
    assert await bench.finish("V", [taken]) == 0


async def test_a_dead_letter_keeps_the_call_and_its_outcome(bench: Bench) -> None:
    """The client gets the outcome; the letter has a time to live."""
    await bench.submit("C", chunk(count=1, total=1))
    (taken,) = await bench.take("W")
    hand = bench.hand("W")
    assert await hand.finish(bench.connection, [Dead(taken, b"why")]) is not None
    assert await hand.finish(bench.connection, [Dead(taken, b"why")]) is not None
    assert await bench.outcomes("C") == [(0, b"why")]
    reply = await bench.connection.call("XRANGE", bench.keys.dead, "-", "+")
    assert isinstance(reply, list)
    ((_, fields),) = reply  # type: ignore[misc]
    assert fields == [b"j", b"C-1", b"i", b"0", b"c", b"C-1 0 1 0 0", b"p", b"c0", b"o", b"why"]
    ttl_ms = await bench.connection.call("PTTL", bench.keys.dead)
    assert isinstance(ttl_ms, int)
    assert ttl_ms > 0


@pytest.mark.parametrize(
    "fields",
    [
        (b"x", b"y"),
        (b"c", b"not a header", b"p", b"payload"),
        (b"c", b"J 1 1 0 \xff", b"p", b"payload"),
        (b"c", b"J 1 1 0 0"),
        (b"c", b"J 1 1 0 0", b"p", b"x", b"more", b"y"),
    ],
    ids=repr,
)
async def test_an_entry_that_is_no_call_is_buried_as_it_came(
    bench: Bench, fields: tuple[bytes, ...]
) -> None:
    """The worker goes on with the next one."""
    await bench.connection.call("XADD", bench.keys.calls, "*", *fields)
    await bench.submit("C", chunk(count=1))
    taken = await bench.hand("W").take(bench.connection, 10)
    assert [one.index for one in taken] == [0]
    assert await bench.finish("W", taken) == 0
    reply = await bench.connection.call("XRANGE", bench.keys.dead, "-", "+")
    assert isinstance(reply, list)
    assert [one[1] for one in reply] == [list(fields)]  # type: ignore[index]
    assert await bench.connection.call("XLEN", bench.keys.calls) == 0


async def test_what_workers_know_is_known(bench: Bench) -> None:
    """By whole names, and only while they are registered."""
    assert await known_by_some_worker(bench.connection, bench.keys, "tasks:double")
    assert not await known_by_some_worker(bench.connection, bench.keys, "tasks:doub")
    await quit_(bench.connection, bench.keys, "W")
    assert not await known_by_some_worker(bench.connection, bench.keys, "tasks:double")


async def test_reaping_works_on_a_server_without_memory(bench: Bench) -> None:
    """A dead worker's calls are given on even there."""
    await bench.hello("V", slots=4)
    await bench.submit("C", chunk(count=3))
    await bench.take("W")
    await die(bench, "W")
    await bench.connection.call("CONFIG", "SET", "maxmemory", "1")
    try:
        assert await reap_all(bench) == (3, 0)
        done = [Done(one, b"ok") for one in await bench.take("V")]
        assert await bench.hand("V").finish(bench.connection, done) is not None
    finally:
        await bench.connection.call("CONFIG", "SET", "maxmemory", "0")


async def test_a_session_that_the_server_forgot_is_reaped(bench: Bench) -> None:
    """With all that it left: the set of those that live was deleted, or set aside."""
    await bench.submit("C", chunk(count=3))
    await bench.take("W", 1)
    await bench.connection.call("DEL", bench.keys.sessions)
    await bench.hello("V", slots=2)
    await check_jobs(bench.connection, bench.keys, (), others=20)
    while (await reap(bench.connection, bench.keys)).more:
        pass
    left = {name.removeprefix(bench.keys.prefix) for name in await bench.state()}
    assert left == {"sessions", "calls", "names", "places", "slots", "control"}
    assert await bench.connection.call("HKEYS", bench.keys.places) == [b"V"]
