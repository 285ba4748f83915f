"""A worker: one session after the other, until it is stopped."""

import asyncio
import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from types import ModuleType, TracebackType
from typing import Self

import anyio

from lionherd_dist.arguments import number, shown, whole_number
from lionherd_dist.background import Background
from lionherd_dist.environment import Where, redis_address
from lionherd_dist.runtime.shift import Ends, Post, Shift, open_lines
from lionherd_dist.runtime.slots import open_slots
from lionherd_dist.session.clock import ServerClock
from lionherd_dist.session.losses import tell_lost
from lionherd_dist.session.own_place import here
from lionherd_dist.session.session import open_session
from lionherd_dist.settings import Settings, check_settings
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.sessions import Capacity
from lionherd_dist.task import Task, tasks_of
from lionherd_dist.telemetry import SILENT, Recorder
from lionherd_dist.tracing import Tracer

MOST_SLOTS = 10_000


def _nothing() -> None:
    """Nobody wants to be told."""


class Worker:
    """Runs the tasks of *modules* for every client of the namespace.

    ``await worker.run()`` works until it is stopped; ``async with worker:`` works beside a block,
    which may be left in another task than the one that entered it. Leaving it stops the worker,
    with its grace; leaving it by an error, or a cancellation meanwhile, hands back at once.

    Args:
        modules: modules, or their names, whose tasks this worker runs.
        redis: the server's URL; ``LIONHERD_REDIS_URL`` unless given (see docs/operations.md).
        concurrency: how many calls run at once; one that has calls of its own open does not count.
        grace_s: seconds that running calls get to end when the worker is stopped.
        settings: namespace, session and the like.
        recorder: told what is measured; see docs/telemetry.md.
        tracer: told of each attempt at a call; see there, too.

    Raises:
        ValueError: a number is out of range, the URL cannot be used, or the modules hold no task.
    """

    name: str

    def __init__(
        self,
        *modules: str | ModuleType,
        redis: Where | None = None,
        concurrency: int = 100,
        grace_s: float = 8.0,
        settings: Settings | None = None,
        recorder: Recorder = SILENT,
        tracer: Tracer | None = None,
    ) -> None:
        concurrency = check_concurrency(concurrency)
        number("grace_s", grace_s, least=0, instead="give seconds, 0 or more")
        check_settings(settings)
        self._address = redis_address(redis)
        self._tasks = tasks_of(_imported(modules))
        if not self._tasks:
            names = ", ".join(str(getattr(m, "__name__", m)) for m in modules) or "no module"
            raise ValueError(f"{names} holds no task: decorate a function there with @task")
        self._concurrency, self._grace_s = concurrency, grace_s
        self._settings, self._recorder, self._tracer = settings or Settings(), recorder, tracer
        self._stop, self._hurry = asyncio.Event(), asyncio.Event()
        self._opening = anyio.CancelScope()
        self._clock: ServerClock | None = None
        self._background: Background | None = None
        self.name = here()

    @property
    def tasks(self) -> Mapping[str, Task[..., object]]:
        """The tasks that this worker runs, by name."""
        return self._tasks

    @property
    def is_alive(self) -> bool:
        """True while the server has said within the length of a session that it knows this one."""
        return self._clock is not None and self._clock.age_s() < self._settings.session_s

    def stop(self) -> None:
        """Take no more calls, give the running ones their grace, hand the rest back, end.

        Called a second time, it hands back what runs at once.
        """
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()
        self._opening.cancel()

    async def __aenter__(self) -> Self:
        """Work beside a block; it begins when the worker takes calls. Raises what ``run`` does."""
        if self._stop.is_set():
            raise RuntimeError("this worker was stopped: make another")
        working = asyncio.Event()

        async def work() -> None:
            await self.run(on_ready=working.set)
            working.set()  # it was stopped before it took a call

        background = Background(work)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(background)
            await working.wait()
            stack.pop_all()
        self._background = background
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self._background is None or self._background.is_forked:
            return
        try:
            if error is None:
                await self._background.wait()
        finally:
            await self._background.__aexit__(kind, error, trace)

    async def run(
        self, *, on_ready: Callable[[], None] = _nothing, on_stuck: Callable[[], None] = _nothing
    ) -> None:
        """Work until ``stop`` is called or the caller is cancelled, which hands back at once.

        A worker that lost its session drops what it ran, which others run again, and goes on
        under a new session. A function in a thread, which nothing can stop, keeps its slot until
        it ends.

        Args:
            on_ready: called when a session begins to take calls.
            on_stuck: called when such functions are all that is left of a worker that was stopped:
                their calls were handed back. Only the end of the process ends them.

        Once it has worked, it waits for a server that is away for however long that takes.

        Raises:
            StoreUnavailableError: the server was silent for ``patience_s`` from the start.
            StoreRefusedError: the server will not have us.
        """
        _check_asyncio()
        async with open_slots(self._concurrency) as slots:
            post = Post(self.name, slots, self._address, self._recorder, self._tracer)
            opening = self._settings
            while not self._stop.is_set():
                await self._session(opening, post, on_ready)
                opening = replace(self._settings, patience_s=math.inf)
            if slots.begun:
                on_stuck()

    async def _session(self, opening: Settings, post: Post, on_ready: Callable[[], None]) -> None:
        lost, reasons = asyncio.Event(), ["the server holds it for expired"]

        def on_lost(reason: str) -> None:
            reasons[0] = reason
            lost.set()

        async with AsyncExitStack() as stack:
            lines = await stack.enter_async_context(
                open_lines(self._address, self._settings.namespace)
            )
            with anyio.CancelScope() as self._opening:  # a stop need not wait for a silent server
                session = await stack.enter_async_context(
                    open_session(
                        self._address,
                        lines.tell,
                        Keys(self._settings.namespace),
                        opening,
                        capacity=Capacity(self._concurrency, tuple(self._tasks)),
                        on_lost=on_lost,
                        is_first=opening is self._settings,
                    )
                )
            if self._opening.cancelled_caught:
                return
            self._clock = session.clock
            stack.callback(self._forget_clock)
            ends = Ends(self._stop, self._grace_s, self._hurry, lost)
            shift = Shift(self._tasks, session, lines, self._settings, ends, post=post)
            try:
                await shift.work(on_ready=on_ready)
            finally:
                if lost.is_set():
                    tell_lost(self._recorder, session.id, reasons[0])

    def _forget_clock(self) -> None:
        self._clock = None


def _check_asyncio() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError("a worker needs asyncio, as redis-py does") from None


def check_concurrency(concurrency: object) -> int:
    """*concurrency*, if a worker can have so many slots."""
    instead = f"give how many calls may run at once, a whole number from 1 to {MOST_SLOTS}"
    count = whole_number("concurrency", concurrency, least=1, instead=instead)
    if count > MOST_SLOTS:
        raise ValueError(f"concurrency is {count}: {instead}")
    return count


def _imported(modules: Sequence[str | ModuleType]) -> list[ModuleType]:
    for one in modules:
        if not isinstance(one, str | ModuleType):
            raise TypeError(f"modules has {shown(one)}: give modules, or their names as texts")
    return [importlib.import_module(one) if isinstance(one, str) else one for one in modules]
