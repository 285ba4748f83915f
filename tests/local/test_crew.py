"""A crew of workers over one source."""

import anyio
import anyio.lowlevel
import pytest

from lionherd_dist.local import crew, pace
from lionherd_dist.local.crew import Crew

pytestmark = pytest.mark.anyio


class Each:
    """Calls a function for each item, and forgets what comes of it."""

    pattern, return_exceptions, takes_over = "each", False, False

    def __init__(self, func):
        self.call = func

    def done(self, index, outcome):
        return None


async def test_stopped_before_it_runs_it_pulls_nothing():
    """``stop`` counts from the moment it is called."""
    pulled = []

    async def work(item):
        pulled.append(item)

    crew = Crew(Each(work), range(3), 2)
    crew.stop()
    await crew.run()
    assert pulled == []


async def test_stopped_while_it_works_it_ends_without_an_error(work):
    """The work is cancelled and awaited."""
    crew = Crew(Each(work), range(5), 2)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(crew.run)
        await anyio.wait_all_tasks_blocked()
        assert work.running == 2
        crew.stop()
    assert sorted(work.cancelled) == [0, 1]


async def test_a_worker_that_is_cancelled_before_it_begins_pulls_nothing(work):
    """A hired worker looks first whether it is still wanted."""

    async def cancel_all_and_wait(item):
        work.started.append(item)
        scope.cancel()
        await anyio.sleep_forever()

    with anyio.CancelScope() as scope:
        await Crew(Each(cancel_all_and_wait), range(10), 5).run()
    assert work.started == [0]


async def test_items_that_cannot_be_iterated_are_refused():
    """With Python's own error."""
    with pytest.raises(TypeError, match="not iterable"):
        await Crew(Each(anyio.sleep), 5, 2).run()


@pytest.mark.parametrize("limit", [1, 5, 20, None])
async def test_a_slow_source_gives_others_a_turn_between_two_rows(limit, monkeypatch):
    """However many workers want the next one at the same time."""
    now, turns, turns_at = 0.0, 0, []
    for module in (pace, crew):
        monkeypatch.setattr(module, "monotonic", lambda: now)

    def rows():
        nonlocal now
        for row in range(40):
            now += 2 * pace.SLICE_S
            turns_at.append(turns)
            yield row

    async def work(item):
        await anyio.lowlevel.checkpoint()  # all that work wake at the same time

    async def others():
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(others)
        while not turns:
            await anyio.lowlevel.checkpoint()
        await Crew(Each(work), rows(), limit).run()
        tasks.cancel_scope.cancel()
    in_one_turn = [turns_at.count(turn) for turn in set(turns_at)]
    assert max(in_one_turn) <= 2, turns_at  # trio may run "others" before or after those that pull
