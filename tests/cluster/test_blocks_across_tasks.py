"""Every block that talks to a server may be entered in one task and left in another."""

import asyncio
import gc
import os
import signal
import unittest
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from pathlib import Path

import anyio
import pytest
import tasks
from helpers import wait_until
from leftovers import unended_tasks

from lionherd_dist import (
    Cluster,
    LocalCluster,
    Settings,
    Worker,
    WorkerStartError,
    fail_after,
    fleet,
)
from lionherd_dist.embedded.server import private_server
from lionherd_dist.errors import first_of
from lionherd_dist.fleet import Fleet
from lionherd_dist.runtime.process import Order
from lionherd_dist.store.connection import Connection

pytestmark = pytest.mark.anyio

TESTS = Path(__file__).parent.parent

Block = AbstractAsyncContextManager[object]


@pytest.fixture
def redis_url(embedded_url: str) -> str:
    """The private server alone: what is promised here is no matter of the server."""
    return embedded_url


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers find the module ``tasks`` as this process does."""
    monkeypatch.setenv("PYTHONPATH", str(TESTS))


class Together(AbstractAsyncContextManager[object]):
    """The last block that *enter* enters; whatever it needs is entered before it, in one task."""

    def __init__(self, enter: Callable[[AsyncExitStack], Awaitable[object]]) -> None:
        self._enter, self._stack = enter, AsyncExitStack()

    async def __aenter__(self) -> object:
        async with AsyncExitStack() as stack:
            value = await self._enter(stack)
            self._stack = stack.pop_all()
        return value

    async def __aexit__(self, *error: object) -> bool | None:
        return await self._stack.__aexit__(*error)  # type: ignore[arg-type]


def _stream(url: str, settings: Settings) -> Block:
    """Of more calls than are sent at once, none of which ends by itself."""

    async def enter(stack: AsyncExitStack) -> object:
        await stack.enter_async_context(Worker(tasks, redis=url, settings=settings))
        cluster = await stack.enter_async_context(Cluster(url, settings=settings))
        calls = (tasks.after.call(n, 60) for n in range(10_000))
        return await stack.enter_async_context(cluster.completion_stream(calls, limit=5))

    return Together(enter)


def _attached(url: str, settings: Settings) -> Block:
    async def enter(stack: AsyncExitStack) -> object:
        await stack.enter_async_context(Worker(tasks, redis=url, settings=settings))
        cluster = await stack.enter_async_context(Cluster(url, settings=settings))
        job = await cluster.submit([tasks.double.call(1)])
        stack.push_async_callback(cluster.cancel, job)
        stream = cluster.attach(job)
        await stack.enter_async_context(stream)
        await anext(stream)
        return stream

    return Together(enter)


def _fleet(url: str, settings: Settings) -> Block:
    order = Order(("tasks",), url, 10, 1.0, settings)
    return Fleet(order, size=1, on_output=lambda _: None)


BLOCKS: dict[str, Callable[[str, Settings], Block]] = {
    "Cluster": lambda url, settings: Cluster(url, settings=settings),
    "LocalCluster": lambda _, settings: LocalCluster("tasks", workers=1, settings=settings),
    "stream": _stream,
    "attached stream": _attached,
    "Worker": lambda url, settings: Worker(tasks, redis=url, settings=settings),
    "Fleet": _fleet,
    "private_server": lambda *_: private_server(),
}


@pytest.fixture(params=list(BLOCKS))
def block(request: pytest.FixtureRequest, redis_url: str, settings: Settings) -> Block:
    """A block that has not been entered yet."""
    return BLOCKS[request.param](redis_url, settings)


async def leave(block: Block) -> None:
    await asyncio.create_task(block.__aexit__(None, None, None))  # type: ignore[arg-type]


async def test_a_block_is_left_after_the_task_that_entered_it_has_ended(block: Block) -> None:
    """As fixtures are, and cells of a notebook."""
    await asyncio.create_task(block.__aenter__())  # type: ignore[arg-type]
    gc.collect()
    await leave(block)
    assert unended_tasks() == []


async def test_a_block_is_left_while_the_task_that_entered_it_goes_on(block: Block) -> None:
    """Which keeps its own scopes, those around the entering and those that it opens afterwards."""
    entered, left = asyncio.Event(), asyncio.Event()

    async def enter() -> str:
        with fail_after(60), anyio.CancelScope() as outer:
            with fail_after(60):
                await block.__aenter__()
            entered.set()
            await left.wait()
            with anyio.move_on_after(0) as inner:
                await anyio.sleep_forever()
            assert inner.cancelled_caught
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep, 0)
            outer.cancel()
            await anyio.sleep_forever()
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        return "unharmed"

    entering = asyncio.create_task(enter())
    await entered.wait()
    await leave(block)
    left.set()
    assert await entering == "unharmed"


async def test_a_block_is_entered_in_time(block: Block) -> None:
    """``wait_for`` runs it in a task of its own on Python 3.11."""
    await asyncio.wait_for(block.__aenter__(), 60)  # type: ignore[arg-type]
    await asyncio.wait_for(block.__aexit__(None, None, None), 60)  # type: ignore[arg-type]
    assert unended_tasks() == []


async def test_a_generator_that_was_dropped_in_a_block_leaves_it(block: Block) -> None:
    """The event loop closes it in a task of its own."""

    async def generator() -> AsyncGenerator[int, None]:
        async with block:
            yield 1

    given = generator()
    assert await anext(given) == 1
    del given
    gc.collect()
    await wait_until(lambda: unended_tasks() == [], description="the generator is closed")


async def test_a_block_whose_entering_is_cancelled_leaves_nothing(block: Block) -> None:
    """Wherever in it that happens; the fixtures look for what is left."""
    for turns in (0, 1, 3, 10, 30):
        entering = asyncio.create_task(block.__aenter__())  # type: ignore[arg-type]
        for _ in range(turns):
            await asyncio.sleep(0)
        entering.cancel()
        with suppress(asyncio.CancelledError, RuntimeError):
            await entering
            await leave(block)
        assert unended_tasks() == []
        if not isinstance(block, Cluster):
            return  # used once


async def test_leaving_waits_for_its_clean_up_although_it_is_cancelled(block: Block) -> None:
    """And then ends as cancelled."""
    await asyncio.create_task(block.__aenter__())  # type: ignore[arg-type]
    leaving = asyncio.create_task(block.__aexit__(None, None, None))  # type: ignore[arg-type]
    await asyncio.sleep(0)  # a task that is cancelled before it has begun does nothing
    for _ in range(3):
        leaving.cancel()
        await asyncio.sleep(0)
    with suppress(asyncio.CancelledError):
        await leaving
    assert unended_tasks() == []


def test_a_block_spans_the_tasks_of_a_test_case(redis_url: str, settings: Settings) -> None:
    """``IsolatedAsyncioTestCase`` sets up, tests and tears down in tasks of their own."""

    class Case(unittest.IsolatedAsyncioTestCase):
        async def asyncSetUp(self) -> None:
            self.worker = await Worker(tasks, redis=redis_url, settings=settings).__aenter__()
            self.cluster = await self.enterAsyncContext(Cluster(redis_url, settings=settings))
            self.stream = self.cluster.completion_stream(tasks.double.call(n) for n in range(9))
            await self.enterAsyncContext(self.stream)

        async def asyncTearDown(self) -> None:
            await self.worker.__aexit__(None, None, None)

        async def test(self) -> None:
            assert {n: double async for n, double in self.stream} == {n: 2 * n for n in range(9)}

    result = unittest.TestResult()
    Case("test").run(result)
    assert (result.testsRun, result.errors, result.failures) == (1, [], [])


async def test_nested_blocks_are_left_in_any_order(redis_url: str, settings: Settings) -> None:
    """A cluster before its streams: they end with it, and can still be left."""
    async with (
        Worker(tasks, redis=redis_url, settings=settings),
        Cluster(redis_url, settings=settings) as other,
    ):
        cluster = Cluster(redis_url, settings=settings)
        await asyncio.create_task(cluster.__aenter__())  # type: ignore[arg-type]
        stream = cluster.completion_stream(tasks.after.call(n, 60) for n in range(50))
        await asyncio.create_task(stream.__aenter__())
        job = await cluster.submit([tasks.double.call(1)])
        attached = cluster.attach(job)
        await asyncio.create_task(attached.__aenter__())
        for block in (cluster, stream, attached):
            await leave(block)
        await other.cancel(job)
    assert unended_tasks() == []


@pytest.fixture
async def streams(cluster: Cluster) -> AsyncIterator[dict[str, object]]:
    """A stream and an attached one, in which nothing arrives."""
    stream = cluster.completion_stream([tasks.after.call(1, 60)])
    job = await cluster.submit([tasks.after.call(1, 60)])
    attached = cluster.attach(job)
    await asyncio.create_task(stream.__aenter__())
    await asyncio.create_task(attached.__aenter__())
    yield {"stream": stream, "attached stream": attached}
    await leave(stream)
    await leave(attached)
    await cluster.cancel(job)


@pytest.mark.parametrize("kind", ["stream", "attached stream"])
async def test_a_task_that_reads_hears_that_the_stream_was_left_elsewhere(
    streams: dict[str, AsyncIterator[object]], kind: str
) -> None:
    """Instead of waiting for ever; so does one that reads afterwards."""
    stream = streams[kind]
    reading = asyncio.create_task(anext(stream))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await leave(stream)  # type: ignore[arg-type]
    for read in (lambda: reading, lambda: anext(stream)):
        with pytest.raises(RuntimeError, match="left before its last outcome"):
            await asyncio.wait_for(read(), 20)


async def _unusable(url: str) -> None:
    """Have the server send all workers away for good."""
    connection = Connection(url, name="test")
    await connection.call("CONFIG", "SET", "requirepass", "changed")
    await connection.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await connection.close()


async def test_a_failure_beside_a_block_cancels_the_task_that_entered_it() -> None:
    """And is what the block ends in; the task is not held for cancelled after that."""
    async with private_server() as url:
        with fail_after(60), pytest.raises(ExceptionGroup) as caught:
            async with Fleet(Order(("tasks",), url, 10, 1.0, Settings()), size=1, on_output=print):
                await _unusable(url)
                await anyio.sleep_forever()
    task = asyncio.current_task()
    assert task is not None
    assert isinstance(first_of(caught.value), WorkerStartError)
    assert task.cancelling() == 0


async def test_a_failure_beside_a_block_is_raised_where_it_is_used_and_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The task that entered it has ended: there is none to be cancelled."""
    monkeypatch.setattr(fleet, "STATUS_UNUSABLE", -signal.SIGKILL)
    cluster = LocalCluster("tasks", workers=1)
    await asyncio.create_task(cluster.__aenter__())  # type: ignore[arg-type]
    pid = await cluster.run(tasks.pid_after.call(0))
    waiting = asyncio.create_task(cluster.run(tasks.after.call(1, 60)))
    await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)
    with fail_after(60):
        for use in (lambda: waiting, lambda: cluster.run(tasks.double.call(1))):
            with pytest.raises(WorkerStartError):
                await use()
        with pytest.raises(ExceptionGroup) as caught:
            await leave(cluster)
    assert isinstance(first_of(caught.value), WorkerStartError)


async def test_an_error_of_the_body_and_one_beside_it_are_both_raised() -> None:
    """Neither hides the other."""
    async with private_server() as url:
        failed = asyncio.Event()
        order = Order(("tasks",), url, 10, 1.0, Settings())
        workers = Fleet(order, size=1, on_output=print, on_failure=lambda _: failed.set())
        await asyncio.create_task(workers.__aenter__())  # type: ignore[arg-type]
        await _unusable(url)
        await asyncio.wait_for(failed.wait(), 60)
        error = ValueError("of the body")
        with pytest.raises(ExceptionGroup) as caught:
            await workers.__aexit__(ValueError, error, None)
    assert caught.value.exceptions[0] is error
    assert isinstance(first_of(caught.value.exceptions[1]), WorkerStartError)
