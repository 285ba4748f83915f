"""In-process blocks are left in the task that entered them, or say so and stop their work."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager

import anyio
import pytest

from lionherd_dist.local import (
    CapacityLimiter,
    CompletionStream,
    Condition,
    Lock,
    create_task_group,
    current_time,
    fail_after,
    fail_at,
    move_on_after,
    move_on_at,
)

pytestmark = pytest.mark.anyio

on_asyncio = pytest.mark.parametrize(
    "anyio_backend",
    [("asyncio", {"use_uvloop": False}), ("asyncio", {"use_uvloop": True})],
    ids=["asyncio", "uvloop"],
)


class Running:
    """Work that never ends by itself, and whether it has been stopped."""

    def __init__(self) -> None:
        self.started, self.stopped = anyio.Event(), anyio.Event()

    async def __call__(self) -> None:
        self.started.set()
        try:
            await anyio.sleep_forever()
        finally:
            self.stopped.set()


class WithTask(AbstractAsyncContextManager[None]):
    """A task group in which the work is started."""

    def __init__(self, running: Running) -> None:
        self._running, self._group = running, create_task_group()

    async def __aenter__(self) -> None:
        group = await self._group.__aenter__()
        group.start_soon(self._running)

    async def __aexit__(self, *error):
        return await self._group.__aexit__(*error)


class WithScope(AbstractAsyncContextManager[None]):
    """A scope, in which nothing runs but its block."""

    def __init__(self, scope: AbstractContextManager[object], running: Running) -> None:
        self._scope = scope
        running.started.set()
        running.stopped.set()

    async def __aenter__(self) -> None:
        self._scope.__enter__()

    async def __aexit__(self, *error):
        return self._scope.__exit__(*error)


Block = Callable[[Running], AbstractAsyncContextManager[object]]
BLOCKS: dict[str, Block] = {
    "this CompletionStream": lambda running: CompletionStream([running()]),
    "this CompletionStream ": lambda running: CompletionStream(
        iter([running()]), limit=1, return_exceptions=True
    ),
    "this task group": WithTask,
    "fail_after(60)": lambda running: WithScope(fail_after(60), running),
    "fail_at(": lambda running: WithScope(fail_at(current_time() + 60), running),
    "move_on_after(60)": lambda running: WithScope(move_on_after(60), running),
    "move_on_at(": lambda running: WithScope(move_on_at(current_time() + 60), running),
}
every_block = pytest.mark.parametrize(("name", "block"), BLOCKS.items(), ids=list(BLOCKS))


async def leave(block: AbstractAsyncContextManager[object], name: str) -> None:
    with pytest.raises(RuntimeError) as caught:
        await block.__aexit__(None, None, None)
    assert str(caught.value).startswith(name.strip())
    assert "leave it in the task that entered it" in str(caught.value)
    assert "run the whole block in a task of its own" in str(caught.value)


@every_block
async def test_a_task_that_did_not_enter_a_block_cannot_leave_it(name: str, block: Block) -> None:
    """It is told why in our words, the work is stopped, and the right task can still leave it."""
    running, entered, left = Running(), anyio.Event(), anyio.Event()
    one = block(running)

    async def enter() -> None:
        with fail_after(60):
            async with one:
                await running.started.wait()
                entered.set()
                await left.wait()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(enter)
        await entered.wait()
        await leave(one, name)
        with anyio.fail_after(10):
            await running.stopped.wait()
        left.set()


@on_asyncio
@every_block
async def test_the_end_of_the_task_that_entered_changes_nothing(name: str, block: Block) -> None:
    """Not even where the task that leaves has come to its place in memory."""
    running = Running()
    one = block(running)
    await asyncio.create_task(one.__aenter__())
    await running.started.wait()
    await asyncio.create_task(leave(one, name))
    with anyio.fail_after(10):
        await running.stopped.wait()


@on_asyncio
@every_block
async def test_a_generator_that_is_closed_elsewhere_says_so(name: str, block: Block) -> None:
    """As the event loop closes one that was dropped: in a task of its own."""
    running = Running()

    async def generator() -> AsyncGenerator[int, None]:
        async with block(running):
            yield 1

    given = generator()
    assert await asyncio.create_task(given.asend(None)) == 1
    await running.started.wait()
    with pytest.raises(RuntimeError, match="leave it in the task that entered it"):
        await asyncio.create_task(given.aclose())
    with anyio.fail_after(10):
        await running.stopped.wait()


@pytest.mark.parametrize(
    ("make", "advice"),
    [
        (Lock, r"does not hold this Lock: .* Semaphore\(1\)"),
        (Condition, "the lock of this Condition: release it in the task that acquired it"),
        (lambda: CapacityLimiter(1), "no token of this CapacityLimiter: .* acquire_on_behalf_of"),
    ],
    ids=["Lock", "Condition", "CapacityLimiter"],
)
async def test_what_a_task_holds_another_cannot_give_back(make, advice: str) -> None:
    """The message names the kind of thing and what to do instead; its holder can give it back."""
    one, tried = make(), anyio.Event()

    async def release() -> None:
        with pytest.raises(RuntimeError, match=advice):
            await one.__aexit__(None, None, None)
        tried.set()

    async with anyio.create_task_group() as tasks, one:
        tasks.start_soon(release)
        await tried.wait()
