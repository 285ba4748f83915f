"""Where every process died, the keys go by themselves; while one session beats, none does."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pytest
from store_bench import Bench, chunk

from lionherd_dist import Settings
from lionherd_dist.store.calls import Again
from lionherd_dist.store.kept import attach
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.scripts import BEAT

pytestmark = pytest.mark.anyio

DAY_MS = 24 * 3_600_000
SHARED = ("sessions", "slots", "opened", "names", "calls", "due", "parked", "kept", "owned:")
PARTS = ("", ":backlog", ":hand", ":solo", ":outcomes")


async def everything(bench: Bench) -> None:
    """A namespace that has a key of each kind: of an own job, a kept one and one that waits."""
    jobs = (
        chunk(count=300),
        chunk(count=3, number=2, total=3, keep_ms=DAY_MS),
        chunk(count=300, number=3, total=300, keep_ms=DAY_MS),
    )
    await bench.submit("C", *jobs)
    taken = await bench.take("W")
    hand = bench.hand("W")
    await hand.finish(bench.connection, [Again(taken[0], 2, DAY_MS)])
    await hand.run_alone(bench.connection, taken[1])
    kept = [one for one in taken if one.job != "C-1"]
    await hand.run_alone(bench.connection, kept[-1])
    await bench.finish("W", [*kept[:-1], taken[2]])
    await bench.submit("C", replace(jobs[0], first=300, calls=[], consumed=1))
    await attach(bench.connection, bench.keys, "C", "C-3")


LIVES = "local r = {} for i, key in ipairs(KEYS) do r[i] = redis.call('PTTL', key) end return r"


async def ttl_ms(bench: Bench, names: Sequence[str]) -> dict[str, int]:
    """How long each has to live, all at one moment."""
    keys = [bench.keys.prefix + one for one in names]
    replies = await bench.connection.call("EVAL", LIVES, len(keys), *keys)
    return dict(zip(names, cast("list[int]", replies), strict=True))


async def test_every_key_has_a_time_to_live_from_its_beginning(bench: Bench) -> None:
    """And the job goes before what it needs: its hash first, what all jobs share last."""
    await everything(bench)
    start = len(bench.keys.prefix)
    found = await ttl_ms(bench, [name[start:] for name in await bench.state()])
    assert all(one > 0 for one in found.values()), found
    assert {*SHARED} <= found.keys()
    for job in ("job:C-1", "job:C-3"):
        parts = {part: found[job + part] for part in PARTS if job + part in found}
        assert len(parts) >= 4
        assert min(parts.values()) == parts[""]
        assert max(parts.values()) < min(found[name] for name in SHARED)


async def test_a_beat_renews_what_all_share_and_jobs_that_were_long_not_renewed(
    bench: Bench,
) -> None:
    """Those of its session and those that nobody owns, however long nobody touches them."""
    await everything(bench)
    jobs = [f"job:{job}{part}" for job in ("C-1", "C-3") for part in PARTS]
    names = [one for one, left in (await ttl_ms(bench, [*jobs, *SHARED])).items() if left != -2]
    for name in names:
        await bench.connection.call("PEXPIRE", bench.keys.prefix + name, DAY_MS)
    own, nobodys = bench.keys.owned("C"), bench.keys.owned("")
    now = await beat(bench, "C")
    young = await ttl_ms(bench, names)
    assert {left > 7 * DAY_MS for name, left in young.items() if name in SHARED} == {True}
    assert {left <= DAY_MS for name, left in young.items() if name in jobs} == {True}
    for list_, job in ((own, "C-1"), (nobodys, "C-3")):
        await bench.connection.call("ZADD", list_, "XX", now - DAY_MS, job)
    await beat(bench, "C")
    assert all(left > 6 * DAY_MS for left in (await ttl_ms(bench, names)).values())
    for list_, job in ((own, "C-1"), (nobodys, "C-3")):
        renewed_at = await bench.connection.call("ZSCORE", list_, job)
        assert isinstance(renewed_at, bytes)
        assert float(renewed_at) >= now


async def test_a_job_that_is_done_is_kept_for_its_time_whoever_beats(bench: Bench) -> None:
    """No beat makes it longer."""
    await bench.submit("C", chunk(count=1, total=1, keep_ms=60_000))
    await bench.finish("W", await bench.take("W"))
    assert await bench.connection.call("EXISTS", bench.keys.owned("")) == 0
    await beat(bench, "C")
    left = await ttl_ms(bench, ["job:C-1", "job:C-1:outcomes"])
    assert all(0 < one <= 60_000 for one in left.values()), left


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "renewed"])
@pytest.mark.parametrize("way", ["an outcome", "the end of a cancelled job"])
async def test_an_inbox_lives_as_its_reader_beats_whoever_writes_into_it(
    bench: Bench, way: str, is_new: bool
) -> None:
    """A worker's sessions may be far shorter than the reader's, whose next beat is then far off."""
    await bench.submit("C", chunk(count=2))
    taken = await bench.take("W")
    if not is_new:
        await bench.finish("W", taken[:1])
        await beat(bench, "C")
    if way != "an outcome":
        await bench.cancel("C-1")
    await bench.finish("W", taken[0 if is_new else 1 :])
    (left,) = (await ttl_ms(bench, ["inbox:C"])).values()
    assert left > 7 * DAY_MS if is_new else 200_000 < left <= 240_000


async def test_a_beat_renews_a_bounded_number_of_jobs(bench: Bench) -> None:
    """The next ones see to the rest."""
    await bench.submit("C", *(chunk(count=1, number=number) for number in range(1, 121)))
    owned = bench.keys.owned("C")
    jobs = [f"C-{number}" for number in range(1, 121)]
    await bench.connection.pipeline([("ZADD", owned, 1, job) for job in jobs])
    for left in (70, 20, 0):
        await beat(bench, "C")
        assert await bench.connection.call("ZCOUNT", owned, 1, 1) == left


async def beat(bench: Bench, session: str) -> int:
    """One beat; server time."""
    names = (bench.keys.sessions, bench.keys.inbox(session), bench.keys.prefix)
    reply = await bench.connection.run(BEAT, names, (session, "", 60_000, 240_000))
    assert isinstance(reply, list)
    assert reply[0] == 1
    assert isinstance(reply[1], int)
    return reply[1]


async def test_calls_that_no_worker_has_seen_do_not_live_for_ever(
    bench: Bench, settings: Settings
) -> None:
    """Where none ever said hello, it is the submission that makes the stream of calls."""
    own = Bench(bench.connection, Keys(f"{settings.namespace}-alone"))
    await own.hello("C")
    await own.submit("C", chunk(count=1))
    names = await own.state()
    assert own.keys.calls in names
    mortal = [await own.connection.call("PTTL", name) for name in names]
    await own.connection.call("DEL", *names)
    assert -1 not in mortal
