"""A client that stands still holds a bounded number of bytes, at the server and in its memory."""

import anyio
import pytest
import tasks

from lionherd_dist import Cluster
from lionherd_dist.cluster import job as jobs

pytestmark = pytest.mark.anyio

SIZE, CALLS, LIMIT = 100_000, 400, 10


async def test_large_outcomes_that_nobody_reads_are_few(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was in hand when their size was seen comes on top of what is allowed."""
    monkeypatch.setattr(jobs, "UNREAD_BYTES", 2_000_000)
    stage = tasks.new_stage()
    calls = (tasks.large.call(index, SIZE) for index in range(CALLS))
    read = 0
    async with cluster.completion_stream(calls, limit=LIMIT) as stream:
        async for _, value in stream:
            read += 1
            assert len(value) == SIZE
            if read == 1:
                before = -1
                while before != len(stage.started):
                    before = len(stage.started)
                    await anyio.sleep(0.5)
                assert before <= 2_000_000 / SIZE + 10 * LIMIT
                assert before < CALLS / 2
    assert read == CALLS


async def test_one_outcome_that_is_larger_than_all_room_comes(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else nothing would ever come."""
    monkeypatch.setattr(jobs, "UNREAD_BYTES", 1_000)
    tasks.new_stage()
    found = await cluster.bounded_map(tasks.large_of, [SIZE] * 30, limit=LIMIT)
    assert [len(one) for one in found] == [SIZE] * 30


async def test_small_outcomes_after_large_ones_have_all_their_room_again(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room follows the size."""
    monkeypatch.setattr(jobs, "UNREAD_BYTES", 500_000)
    tasks.new_stage()
    sizes = [SIZE] * 20 + [10] * 2_000
    found = await cluster.bounded_map(tasks.large_of, sizes, limit=LIMIT)
    assert [len(one) for one in found] == sizes
