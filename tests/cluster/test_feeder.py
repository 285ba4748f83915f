"""How a job gets its calls."""

from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from typing import cast

import anyio
import anyio.lowlevel
import pytest
import tasks

from lionherd_dist.call import Call
from lionherd_dist.cluster.feeder import SENT_AT_ONCE, TURNS, Feeder, encode_all
from lionherd_dist.cluster.job import Job
from lionherd_dist.cluster.link import Link
from lionherd_dist.local import pace
from lionherd_dist.settings import Settings
from lionherd_dist.store.portion import MOST_BYTES


class Poked:
    """A link that hears that there is something to send."""

    def __init__(self) -> None:
        self.count = 0

    def poke(self, _: Job) -> None:
        self.count += 1


@pytest.mark.parametrize(
    ("calls", "at_once"),
    [
        ([b"one"], True),
        ([b"one", b"two"], True),
        ([b"one", b"two", b"three"], False),  # more than a job of large calls may have ahead
        ([object()], False),
        (iter([b"one"]), False),
        ([], True),
    ],
)
def test_one_or_two_encoded_calls_are_fed_at_once(calls: object, at_once: bool) -> None:
    """With nothing left to pull, and the job told that they were all."""
    job = Job(limit=None, deadline=None, resubmit=False, settings=Settings())
    link = Poked()
    assert Feeder(job, cast("Link", link), lenient=False).fed_at_once(calls) is at_once
    assert link.count == (1 if at_once else 0)
    if at_once and calls:
        chunk = job.take_chunk(MOST_BYTES)
        assert chunk.calls == calls
        assert chunk.total == len(chunk.calls)


@pytest.mark.anyio
async def test_a_full_job_is_fed_again_when_there_is_room_for_many_calls() -> None:
    """An eighth of what it may have ahead; one by one, each would be a request of its own."""
    job = Job(limit=None, deadline=None, resubmit=False, settings=Settings(ahead=32))
    link, pulled = Poked(), 0

    def calls() -> Iterator[bytes]:
        nonlocal pulled
        while True:
            pulled += 1
            yield b"call"

    async with anyio.create_task_group() as group:
        group.start_soon(Feeder(job, cast("Link", link), lenient=False).feed, calls())
        await anyio.wait_all_tasks_blocked()
        assert pulled == 32
        job.take_chunk(MOST_BYTES)
        job.deliver([(index, b"outcome") for index in range(3)])
        await anyio.wait_all_tasks_blocked()
        assert pulled == 32
        job.deliver([(3, b"outcome")])
        await anyio.wait_all_tasks_blocked()
        assert pulled == 36
        group.cancel_scope.cancel()


def a_job() -> Job:
    return Job(limit=None, deadline=None, resubmit=False, settings=Settings())


class Clock:
    """Time as a slice of it is measured; it passes where the source is pulled."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(pace, "monotonic", lambda: self.now)

    def rows(self, count: int, each_s: float) -> Iterator[bytes]:
        for _ in range(count):
            self.now += each_s
            yield b"call"


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["rows", "async_rows"])
async def test_a_slow_source_is_sent_row_by_row_and_others_have_their_turns(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was pulled has been sent, and its outcome consumed, before the next row is."""
    clock, job, link = Clock(monkeypatch), a_job(), Poked()
    turns_at: list[int] = []
    turns = 0

    def rows() -> Iterator[bytes]:
        for row in clock.rows(5, each_s=0.01):
            turns_at.append(turns)
            yield row

    async def async_rows() -> AsyncIterator[bytes]:
        for row in rows():
            yield row

    async def others() -> None:
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async with anyio.create_task_group() as group:
        group.start_soon(others)
        source = rows() if kind == "rows" else async_rows()
        await Feeder(job, cast("Link", link), lenient=False).feed(source)
        group.cancel_scope.cancel()
    assert all(later - earlier >= TURNS for earlier, later in pairwise(turns_at)), turns_at
    assert link.count >= 5
    assert job.total == 5


@pytest.mark.anyio
async def test_a_fast_source_is_sent_in_large_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn of the event loop for each call would cost more than the call."""
    clock, job, link = Clock(monkeypatch), a_job(), Poked()
    await Feeder(job, cast("Link", link), lenient=False).feed(clock.rows(500, each_s=0.000_001))
    assert link.count == 500 // SENT_AT_ONCE + 1


@pytest.mark.anyio
async def test_calls_that_take_long_to_encode_let_others_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A gather of many large ones, say."""
    clock = Clock(monkeypatch)
    turns = 0

    def calls() -> Iterator[Call[object]]:
        for _ in clock.rows(5, each_s=0.01):
            yield tasks.brief.call(turns)

    async def others() -> None:
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async with anyio.create_task_group() as group:
        group.start_soon(others)
        await encode_all(calls(), lambda: None)
        group.cancel_scope.cancel()
    assert turns >= 4
