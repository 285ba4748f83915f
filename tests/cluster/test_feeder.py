"""How a job gets its calls."""

from collections.abc import Iterator
from typing import cast

import anyio
import pytest

from lionherd_dist.cluster.feeder import Feeder
from lionherd_dist.cluster.job import Job
from lionherd_dist.cluster.link import Link
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
