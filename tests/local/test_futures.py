"""Tasks and futures as inputs: what was handed over is cancelled once, and awaited."""

import asyncio
from contextlib import suppress

import anyio
import anyio.lowlevel
import pytest

from lionherd_dist.local import CompletionStream, bounded_map, gather, move_on_after, race

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    """They are asyncio's."""
    return "asyncio"


class Worker:
    """Tasks that take their time to stop, and count how often they were cancelled."""

    def __init__(self):
        self.cancelled = []
        self.stopped = []

    def task(self, name):
        return asyncio.create_task(self._wait(name))

    async def _wait(self, name):
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            self.cancelled.append(name)
            end = asyncio.get_running_loop().time() + 0.02
            while asyncio.get_running_loop().time() < end:
                try:
                    await asyncio.sleep(0.01)
                except asyncio.CancelledError:
                    self.cancelled.append(name)
            self.stopped.append(name)
            raise


async def fail():
    raise ValueError("boom")


async def leave_at_once(tasks, limit):
    async with CompletionStream(tasks, limit=limit):
        await anyio.lowlevel.checkpoint()


async def leave_by_an_error(tasks, limit):
    async with CompletionStream(tasks, limit=limit):
        raise ValueError("boom")


async def deadline(tasks, limit):
    with move_on_after(0.001):
        await leave_at_once([*tasks, asyncio.sleep(1000)], limit)


WAYS = {
    "stream left": lambda tasks: leave_at_once(tasks, None),
    "stream with a limit left": lambda tasks: leave_at_once(tasks, 2),
    "stream of an iterator left": lambda tasks: leave_at_once(iter(tasks), 2),
    "stream left by an error": lambda tasks: leave_by_an_error(tasks, 2),
    "stream with a failure": lambda tasks: leave_at_once([fail(), *tasks], 2),
    "deadline": lambda tasks: deadline(tasks, 2),
    "gather with a failure": lambda tasks: gather(fail(), *tasks),
    "gather of a gather": lambda tasks: gather(fail(), gather(*tasks)),
    "race": lambda tasks: race(asyncio.sleep(0), *tasks),
    "race of a gather": lambda tasks: race(asyncio.sleep(0), gather(*tasks)),
    "given twice": lambda tasks: race(asyncio.sleep(0), *tasks, *tasks),
    "map": lambda tasks: race(bounded_map(lambda task: task, tasks, limit=9), asyncio.sleep(0.01)),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
async def test_each_task_is_cancelled_once_and_awaited(way):
    """Also those that were never pulled."""
    worker = Worker()
    tasks = [worker.task(name) for name in range(5)]
    await asyncio.sleep(0)  # a task that is cancelled before it begins has nothing to stop
    with anyio.fail_after(10), suppress(ExceptionGroup, ValueError):
        await way(tasks)
    assert all(task.done() for task in tasks)
    assert sorted(worker.cancelled) == sorted(worker.stopped) == list(range(5))


async def test_a_nested_gather_that_never_began_gives_its_tasks_up():
    """A stream that was cancelled as it began holds it unpulled."""
    worker = Worker()
    tasks = [worker.task(name) for name in range(3)]
    await asyncio.sleep(0)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await gather(gather(*tasks[:2]), tasks[2])
    assert sorted(worker.cancelled) == sorted(worker.stopped) == [0, 1, 2]


async def test_a_future_gives_its_result_or_its_error():
    """As it does in an await."""
    loop = asyncio.get_running_loop()
    good, bad = loop.create_future(), loop.create_future()
    loop.call_soon(good.set_result, 1)
    loop.call_soon(bad.set_exception, ValueError("boom"))
    results = await gather(good, bad, loop.run_in_executor(None, int), return_exceptions=True)
    assert [repr(result) for result in results] == ["1", "ValueError('boom')", "0"]


async def test_what_a_task_raises_as_it_is_stopped_is_a_failure():
    """As with a coroutine."""

    async def break_in_clean_up():
        try:
            await asyncio.sleep(1000)
        finally:
            raise KeyError("clean-up")

    task = asyncio.create_task(break_in_clean_up())
    await asyncio.sleep(0)
    with pytest.raises(ExceptionGroup) as caught:
        await gather(fail(), task)
    assert {repr(error) for error in caught.value.exceptions} == {
        "ValueError('boom')",
        "KeyError('clean-up')",
    }


async def test_a_source_with_aclose_is_closed():
    """A class does as well as a generator, and a plain aclose as an async one."""
    closed = []

    class Source:
        def __aiter__(self):
            return self

        async def __anext__(self):
            return 1

        async def aclose(self):
            closed.append(True)

    async def failing(item):
        raise ValueError(item)

    with pytest.raises(ExceptionGroup):
        await bounded_map(failing, Source(), limit=2)
    assert closed == [True]
