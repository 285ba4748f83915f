"""What the scripts promise, one verb at a time, against a real server."""

import pytest
from store_bench import Bench, chunk

from lionherd_dist.store.calls import Again, Back, Dead, Done, Recorded
from lionherd_dist.store.job_rows import job_rows
from lionherd_dist.store.scripts import BEAT, PROMOTE
from lionherd_dist.store.sessions import Alive, BeatConnection, Lost, quit_, worker_count

pytestmark = pytest.mark.anyio


# --- submit


async def test_calls_are_released_up_to_twice_the_slots(bench: Bench) -> None:
    """The rest waits in the backlog: a large job never floods the stream."""
    assert await bench.submit("C", chunk(count=100)) == [100]
    assert len(await bench.take("W")) == 8
    assert await bench.take("W") == []


async def test_a_jobs_limit_bounds_what_is_in_hand(bench: Bench) -> None:
    """Over all workers, and each finish releases the next."""
    await bench.hello("V", slots=4)
    await bench.submit("C", chunk(count=10, limit=3))
    first = await bench.take("W", 2)
    second = await bench.take("V")
    assert [one.index for one in first + second] == [0, 1, 2]
    assert await bench.finish("W", first) == 0
    assert [one.index for one in await bench.take("V")] == [3, 4]


async def test_a_chunk_sent_twice_is_accepted_once(bench: Bench) -> None:
    """Also when the second time brings more than the first."""
    await bench.submit("C", chunk(count=3))
    before = await bench.state()
    assert await bench.submit("C", chunk(count=3)) == [3]
    assert await bench.state() == before
    assert await bench.submit("C", chunk(first=1, count=4, total=5)) == [5]
    assert [one.payload for one in await bench.take("W")] == [b"c0", b"c1", b"c2", b"c3", b"c4"]


async def test_a_late_copy_of_a_chunk_does_not_reopen_a_job(bench: Bench) -> None:
    """A job that ended is over, whatever still wanders through the network."""
    await bench.submit("C", chunk(count=1, total=1))
    await bench.finish("W", await bench.take("W"))
    before = await bench.state()
    assert await bench.submit("C", chunk(count=1, total=1)) == [-1]
    assert await bench.state() == before


async def test_a_lost_session_cannot_submit(bench: Bench) -> None:
    """Neither one that never was nor one that quit."""
    assert await bench.submit("X", chunk(count=1)) is None
    await quit_(bench.connection, bench.keys, "C")
    assert await bench.submit("C", chunk(count=1)) is None


async def test_unread_outcomes_hold_the_release_back(bench: Bench) -> None:
    """Until the consumer says that it has read."""
    await bench.submit("C", chunk(count=10, cap=3))
    taken = await bench.take("W")
    assert len(taken) == 3
    await bench.finish("W", taken)
    assert await bench.take("W") == []
    await bench.submit("C", chunk(first=10, consumed=2, cap=3))
    assert len(await bench.take("W")) == 2


async def test_many_jobs_go_in_one_request(bench: Bench) -> None:
    """Each keeps its own count."""
    chunks = [chunk(count=n, total=n, number=n) for n in range(1, 4)]
    assert await bench.submit("C", *chunks) == [1, 2, 3]
    assert sorted((one.job, one.index) for one in await bench.take("W")) == [
        ("C-1", 0),
        ("C-2", 0),
        ("C-2", 1),
        ("C-3", 0),
        ("C-3", 1),
        ("C-3", 2),
    ]


# --- finish


async def test_an_outcome_is_recorded_once_however_often_it_is_told(bench: Bench) -> None:
    """The second telling changes nothing."""
    await bench.submit("C", chunk(count=3))
    taken = await bench.take("W")
    assert await bench.finish("W", taken) == 0
    before = await bench.state()
    assert await bench.finish("W", taken, b"other") == 3
    assert {**await bench.state(), bench.keys.inbox("C"): None} == {
        **before,
        bench.keys.inbox("C"): None,
    }
    assert sorted(await bench.outcomes("C")) == [(0, b"ok"), (1, b"ok"), (2, b"ok")]


async def test_a_lost_session_cannot_finish(bench: Bench) -> None:
    """Its calls are somebody else's; nothing it says has any effect."""
    await bench.submit("C", chunk(count=1))
    taken = await bench.take("W")
    await bench.connection.call("ZREM", bench.keys.sessions, "W")
    before = await bench.state()
    assert await bench.finish("W", taken) == -1
    assert await bench.state() == before


async def test_the_last_outcome_removes_the_job(bench: Bench) -> None:
    """Hash, backlog and hand are gone, and the owner's list of it."""
    await bench.submit("C", chunk(count=2, total=2))
    await bench.finish("W", await bench.take("W"))
    names = await bench.state()
    assert not [name for name in names if ":job:" in name or ":owned:" in name]
    assert await bench.connection.call("XLEN", bench.keys.calls) == 0


async def test_outcomes_leave_no_entry_pending(bench: Bench) -> None:
    """Neither in the stream nor in anybody's hand."""
    await bench.submit("C", chunk(count=8))
    await bench.finish("W", await bench.take("W"))
    pending = await bench.connection.call("XPENDING", bench.keys.calls, "workers")
    assert isinstance(pending, list)
    assert pending[0] == 0


async def test_a_call_handed_back_is_taken_again_with_the_same_attempt(bench: Bench) -> None:
    """It keeps its place in the job's limit, and its old hand-out counts no more."""
    await bench.submit("C", chunk(count=2, limit=1, left_ms=60_000))
    (taken,) = await bench.take("W")
    await bench.hand("W").finish(bench.connection, [Back(taken)])
    (again,) = await bench.take("W")
    assert (again.index, again.attempt, again.payload) == (0, 1, b"c0")
    assert again.deadline_ms == taken.deadline_ms > 0
    assert again.entry != taken.entry
    assert await bench.finish("W", [taken]) == 1
    assert await bench.finish("W", [again]) == 0


async def test_a_parked_call_comes_back_when_its_delay_is_over(bench: Bench) -> None:
    """As the next attempt; until then it keeps its place in the job's limit."""
    await bench.submit("C", chunk(count=2, limit=1))
    (taken,) = await bench.take("W")
    hand = bench.hand("W")
    await hand.finish(bench.connection, [Again(taken, attempt=2, delay_ms=40_000)])
    assert await bench.take("W") == []
    left_ms = await hand.promote(bench.connection)
    assert left_ms is not None
    assert 39_000 < left_ms <= 40_000
    names = (bench.keys.calls, bench.keys.due, bench.keys.parked, bench.keys.prefix)
    later = 2**42  # a time far ahead, in ms
    assert await bench.connection.run(PROMOTE, names, (later, 10)) == -1
    (again,) = await bench.take("W")
    assert (again.index, again.attempt, again.payload) == (0, 2, b"c0")
    assert await bench.finish("W", [again]) == 0
    assert [one.index for one in await bench.take("W")] == [1]


async def test_payloads_may_hold_any_bytes(bench: Bench) -> None:
    """Through parking, too."""
    payload = bytes(range(256)) * 3 + b"\r\n 7 \x00"
    one = chunk(count=1)
    object.__setattr__(one, "calls", [payload])
    await bench.submit("C", one)
    (taken,) = await bench.take("W")
    assert taken.payload == payload
    await bench.hand("W").finish(bench.connection, [Again(taken, attempt=2, delay_ms=0)])
    await bench.hand("W").promote(bench.connection)
    (again,) = await bench.take("W")
    assert again.payload == payload
    await bench.finish("W", [again], payload)
    assert await bench.outcomes("C") == [(0, payload)]


# --- cancel


async def test_cancel_drops_what_waits_and_counts_what_runs(bench: Bench) -> None:
    """Backlog, undelivered and parked calls are gone at once; running ones are told of."""
    await bench.submit("C", chunk(count=100))
    taken = await bench.take("W", 3)
    await bench.hand("W").finish(bench.connection, [Again(taken[0], attempt=2, delay_ms=60_000)])
    assert await bench.cancel("C-1") == [2]
    names = await bench.state()
    assert not [name for name in names if name.endswith((":backlog", ":due", ":parked"))]
    assert await bench.take("W") == []
    assert await bench.finish("W", taken[1:2]) == 0
    assert [news.ended for news in await bench.news("C")] == []
    assert await bench.finish("W", taken[2:]) == 0
    assert [(news.ended, news.outcomes) for news in await bench.news("C")] == [(True, [])]
    assert not [name for name in await bench.state() if ":job:" in name or ":owned:" in name]


async def test_cancel_twice_or_of_nothing_changes_nothing(bench: Bench) -> None:
    """It says that nothing runs."""
    await bench.submit("C", chunk(count=3))
    assert await bench.cancel("C-1") == [0]
    before = await bench.state()
    assert await bench.cancel("C-1", "C-99") == [0, 0]
    assert await bench.state() == before


async def test_a_cancelled_job_accepts_no_more_calls(bench: Bench) -> None:
    """Not while its last calls are being stopped, and not afterwards."""
    await bench.submit("C", chunk(count=3))
    taken = await bench.take("W")
    assert await bench.cancel("C-1") == [3]
    assert await bench.submit("C", chunk(first=3, count=2)) == [-1]
    await bench.finish("W", taken)
    assert await bench.submit("C", chunk(first=3, count=2)) == [-1]


async def test_cancelling_one_job_leaves_the_others(bench: Bench) -> None:
    """In the stream, in hand and in the backlog."""
    await bench.submit("C", chunk(count=3, total=3), chunk(count=3, total=3, number=2))
    await bench.cancel("C-1")
    taken = await bench.take("W")
    assert [(one.job, one.index) for one in taken] == [("C-2", 0), ("C-2", 1), ("C-2", 2)]
    assert await bench.finish("W", taken) == 0


# --- sessions


async def test_a_session_id_is_given_once(bench: Bench) -> None:
    """A second process with it is refused."""
    assert not await bench.hello("C")


async def test_beats_keep_a_session_and_never_bring_one_back(bench: Bench, redis_url: str) -> None:
    """Renewed while it lives; once expired it stays so."""
    beat = BeatConnection(redis_url, bench.keys, "C", 60_000)
    assert isinstance(beat.beat(5), Alive)
    names, now = (bench.keys.sessions, bench.keys.inbox("W"), bench.keys.prefix), 10**13
    assert await bench.connection.run(BEAT, names, ("W", now, 1000, 4000)) == [0, now]
    await bench.connection.call("ZADD", bench.keys.sessions, 1, "C")
    assert isinstance(beat.beat(5), Lost)
    assert await bench.connection.call("ZSCORE", bench.keys.sessions, "C") == b"1"
    beat.close()


async def test_the_last_session_to_quit_leaves_no_key(bench: Bench) -> None:
    """Whatever was done before."""
    await bench.submit("C", chunk(count=2, total=2))
    await bench.finish("W", await bench.take("W"))
    assert await worker_count(bench.connection, bench.keys) == 1
    assert await quit_(bench.connection, bench.keys, "W")
    assert await worker_count(bench.connection, bench.keys) == 0
    assert await quit_(bench.connection, bench.keys, "C")
    assert await bench.state() == {}


async def test_a_worker_that_quits_with_calls_in_hand_keeps_its_consumer(bench: Bench) -> None:
    """Deleting a consumer would lose what is pending for it."""
    await bench.submit("C", chunk(count=1))
    await bench.take("W")
    assert not await quit_(bench.connection, bench.keys, "W")
    pending = await bench.connection.call("XPENDING", bench.keys.calls, "workers")
    assert isinstance(pending, list)
    assert pending[0] == 1


# --- all of them


async def test_a_server_that_forgot_its_scripts_is_told_again(bench: Bench) -> None:
    """SCRIPT FLUSH before each step of a call's life."""
    flush = ("SCRIPT", "FLUSH")
    await bench.connection.call(*flush)
    await bench.submit("C", chunk(count=1, total=1))
    await bench.connection.call(*flush)
    taken = await bench.take("W")
    assert await bench.hand("W").finish(bench.connection, [Again(taken[0], 2, 0)]) is not None
    await bench.connection.call(*flush)
    await bench.hand("W").promote(bench.connection)
    await bench.connection.call(*flush)
    assert await bench.finish("W", await bench.take("W")) == 0


async def test_finishing_works_on_a_server_without_memory(bench: Bench) -> None:
    """Submissions are refused there; completions go through and make room."""
    await bench.submit("C", chunk(count=20, total=20))
    taken = await bench.take("W")
    await bench.connection.call("CONFIG", "SET", "maxmemory", "1")
    try:
        done = [Done(one, b"x" * 100) for one in taken]
        recorded = await bench.hand("W").finish(bench.connection, done)
        assert recorded is not None
        assert recorded.dropped == 0
        with pytest.raises(ConnectionError, match="maxmemory"):
            await bench.submit("C", chunk(count=1, number=2))
    finally:
        await bench.connection.call("CONFIG", "SET", "maxmemory", "0")


async def test_a_failure_counts_once_however_often_it_is_told(bench: Bench) -> None:
    """A reply that was lost makes a worker tell again; calls of a streak count, too."""
    await bench.submit("C", chunk(count=4, limit=4), chunk(count=3, number=2))
    first, second, third, fourth = await bench.take("W", 4)
    told = [
        Done(first, b"x", "failure"),
        Dead(second, b"y"),
        Done(third, b"z"),
        Again(fourth, attempt=2, delay_ms=60_000),
    ]
    for _ in range(2):
        assert await bench.hand("W").finish(bench.connection, told) is not None
    rows = await job_rows(bench.connection, bench.keys, ["C-1", "C-2"], now_ms=0)
    assert [row.failed for row in rows if row is not None] == [2, 0]


async def test_a_letter_is_told_of_only_where_it_was_left(bench: Bench) -> None:
    """A call that had been given to somebody else leaves none."""
    await bench.submit("C", chunk(count=2))
    first, second = await bench.take("W")
    await bench.connection.call("HSET", bench.keys.job("C-1") + ":hand", 1, "7-7")
    recorded = await bench.hand("W").finish(
        bench.connection, [Dead(first, b"why"), Dead(second, b"why")]
    )
    assert recorded == Recorded(1, frozenset({"C-1 0"}))
    assert await bench.connection.call("XLEN", bench.keys.dead) == 1
