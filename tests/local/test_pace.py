"""A slice of time that tasks share."""

import anyio
import pytest

from lionherd_dist.local import pace
from lionherd_dist.local.pace import SLICE_S, Pace

pytestmark = pytest.mark.anyio


async def test_slice_ends_and_the_first_to_rest_opens_the_next(monkeypatch):
    """All that share it see the same."""
    now = 0.0
    monkeypatch.setattr(pace, "monotonic", lambda: now)
    shared = Pace()
    assert not shared.over()
    now += SLICE_S
    assert shared.over()
    await shared.rest()
    assert not shared.over()


async def test_one_that_rests_meanwhile_opens_no_slice(monkeypatch):
    """Or a hundred tasks would hold the loop for a hundred slices in a row."""
    looks = 0

    def look():
        nonlocal looks
        looks += 1
        return 0.0

    monkeypatch.setattr(pace, "monotonic", look)
    shared = Pace()
    looks = 0
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(shared.rest)
    assert looks == 1
