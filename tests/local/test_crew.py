"""A crew of workers over one source."""

import anyio
import pytest

from lionherd_dist.local.crew import Crew

pytestmark = pytest.mark.anyio


async def test_stopped_before_it_runs_it_pulls_nothing():
    """``stop`` counts from the moment it is called."""
    pulled = []

    async def work(index, item):
        pulled.append(item)

    crew = Crew(work, range(3), 2)
    crew.stop()
    await crew.run()
    assert pulled == []


async def test_stopped_while_it_works_it_ends_without_an_error(work):
    """The work is cancelled and awaited."""

    async def run(index, item):
        await work(item)

    crew = Crew(run, range(5), 2)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(crew.run)
        await anyio.wait_all_tasks_blocked()
        assert work.running == 2
        crew.stop()
    assert sorted(work.cancelled) == [0, 1]


async def test_a_worker_that_is_cancelled_before_it_begins_pulls_nothing(work):
    """A hired worker looks first whether it is still wanted."""

    async def cancel_all_and_wait(index, item):
        work.started.append(item)
        scope.cancel()
        await anyio.sleep_forever()

    with anyio.CancelScope() as scope:
        await Crew(cancel_all_and_wait, range(10), 5).run()
    assert work.started == [0]


async def test_items_that_cannot_be_iterated_are_refused():
    """With Python's own error."""
    with pytest.raises(TypeError, match="not iterable"):
        await Crew(anyio.sleep, 5, 2).run()
