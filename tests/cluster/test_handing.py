"""When a client reads its inbox at once, and when it lets more arrive first."""

from collections.abc import Sequence
from functools import partial
from typing import cast

import anyio
import anyio.lowlevel
import pytest

from lionherd_dist import Settings
from lionherd_dist.cluster import handing
from lionherd_dist.cluster.handing import FEW, hand_out
from lionherd_dist.cluster.job import MANY, Job
from lionherd_dist.limiter.desk import Desk
from lionherd_dist.store.outcomes import Granted, Inbox, News
from lionherd_dist.wire.signing import Seal

pytestmark = pytest.mark.anyio

SETTINGS = Settings()


class Box:
    """An inbox that brings *arrivals* once, and then nothing for long."""

    def __init__(self, arrivals: Sequence[News | Granted]) -> None:
        self._arrivals = [list(arrivals)]
        self.done = anyio.Event()

    async def read(self) -> list[News | Granted]:
        await anyio.lowlevel.checkpoint()
        if self._arrivals:
            return self._arrivals.pop()
        self.done.set()
        await anyio.sleep(600)
        return []


class Counter:
    """A desk that nobody stands at, unless it is *engaged*."""

    def __init__(self, *, engaged: bool = False) -> None:
        self.engaged = engaged


def job(number: int, calls: int) -> Job:
    made = Job(limit=1, deadline=None, resubmit=False, settings=SETTINGS)
    made.adopt(f"C-{number}", number)
    for _ in range(calls):
        made.add(b"call")
    made.take_chunk(10**6)
    return made


async def paused(
    monkeypatch: pytest.MonkeyPatch, jobs: Sequence[Job], news: int, *, engaged: bool = False
) -> bool:
    """Whether the next read waits after *news* of the first of *jobs* have arrived."""
    monkeypatch.setattr(handing, "PAUSE_S", 600.0)
    box = Box([News("C-1", [(index, b"outcome")]) for index in range(news)])
    async with anyio.create_task_group() as group:
        by_id = {one.id: one for one in jobs}
        desk, seal = cast("Desk", Counter(engaged=engaged)), Seal((), "default")
        hands = partial(hand_out, poke=lambda _: None)
        group.start_soon(hands, cast("Inbox", box), by_id, desk, seal, SETTINGS)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert jobs[0].received == news
    return not box.done.is_set()


async def test_an_outcome_of_many_is_waited_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is here already; the next ones come together."""
    assert await paused(monkeypatch, [job(1, MANY + 1)], 1)


@pytest.mark.parametrize("calls", [1, MANY])
async def test_where_few_are_owed_the_next_is_read_at_once(
    monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    """Somebody may send the next call when it is here."""
    assert not await paused(monkeypatch, [job(1, calls)], 1)


async def test_one_job_in_a_hurry_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not await paused(monkeypatch, [job(1, MANY + 1), job(2, 1)], 1)
    assert await paused(monkeypatch, [job(1, MANY + 1), job(2, MANY)], 1)


async def test_who_waits_for_a_token_is_not_kept_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes by way of the same inbox."""
    assert not await paused(monkeypatch, [job(1, MANY + 1)], 1, engaged=True)


async def test_many_outcomes_need_no_company(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not await paused(monkeypatch, [job(1, MANY + FEW)], FEW)
    assert not await paused(monkeypatch, [job(1, MANY)], 0)
