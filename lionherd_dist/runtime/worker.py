"""A worker: a puller, an executor and their helpers around one session."""

import asyncio
import importlib
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from types import ModuleType

import anyio

from lionherd_dist.local.race import race
from lionherd_dist.runtime.canceller import hear_cancellations
from lionherd_dist.runtime.executor import Executor, Ways
from lionherd_dist.runtime.finisher import Finisher
from lionherd_dist.runtime.promoter import Promoter
from lionherd_dist.runtime.puller import Puller
from lionherd_dist.runtime.reaper import reap_the_dead
from lionherd_dist.session.session import Session, open_session
from lionherd_dist.settings import Settings, redis_url
from lionherd_dist.store.calls import Calls
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.control import Control
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.sessions import Capacity, known_by_some_worker
from lionherd_dist.task import Task, tasks_of

MOST_SLOTS = 10_000
TELL_S = 5.0  # how long the last outcomes of a stopping worker may take to reach the server


@dataclass(frozen=True, slots=True)
class Lines:
    """A worker's connections, one for each task that waits on the server."""

    take: Connection
    tell: Connection
    hear: Connection
    side: Connection
    wake: Connection


@asynccontextmanager
async def open_lines(url: str) -> AsyncIterator[Lines]:
    """Connections that open on first use and are closed on leaving."""
    lines = Lines(*(Connection(url, name=f"lionherd-{one.name}") for one in fields(Lines)))
    try:
        yield lines
    finally:
        for one in fields(Lines):
            await getattr(lines, one.name).close()


class Worker:
    """Runs the tasks of *modules* for every client of the namespace.

    Args:
        modules: modules, or their names, whose tasks this worker runs.
        redis: the server's URL; ``LIONHERD_REDIS_URL`` unless given.
        concurrency: how many calls run at once.
        grace_s: seconds that running calls get to end when the worker is stopped.
        settings: namespace, session and the like.

    Raises:
        ValueError: a number is out of range, or the modules hold no task.
    """

    def __init__(
        self,
        *modules: str | ModuleType,
        redis: str | None = None,
        concurrency: int = 100,
        grace_s: float = 8.0,
        settings: Settings | None = None,
    ) -> None:
        if not 1 <= concurrency <= MOST_SLOTS:
            raise ValueError(f"concurrency is {concurrency}: give 1 to {MOST_SLOTS}")
        if grace_s < 0:
            raise ValueError(f"grace_s is {grace_s}: give seconds, 0 or more")
        self._url = redis_url(redis)
        self._tasks = tasks_of(_imported(modules))
        if not self._tasks:
            names = ", ".join(str(getattr(m, "__name__", m)) for m in modules) or "no module"
            raise ValueError(f"{names} holds no task: decorate a function there with @task")
        self._concurrency, self._grace_s = concurrency, grace_s
        self._settings = settings or Settings()
        self._keys = Keys(self._settings.namespace)
        self._stop, self._hurry = asyncio.Event(), asyncio.Event()
        self.name = f"{socket.gethostname()}:{os.getpid()}"

    @property
    def tasks(self) -> Mapping[str, Task[..., object]]:
        """The tasks that this worker runs, by name."""
        return self._tasks

    def stop(self) -> None:
        """Take no more calls, give the running ones their grace, hand the rest back, end.

        Called a second time, it hands back what runs at once.
        """
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def run(self, *, on_ready: Callable[[], None] = lambda: None) -> None:
        """Work until ``stop`` is called or the caller is cancelled, which hands back at once.

        A worker that lost its session drops what it ran, which others run again, and goes on
        under a new session. *on_ready* is called when a session begins to take calls.

        Raises:
            StoreUnavailableError: the server was silent for ``patience_s``.
            StoreRefusedError: the server will not have us.
        """
        while not self._stop.is_set():
            await self._session(on_ready)

    async def _session(self, on_ready: Callable[[], None]) -> None:
        lost = asyncio.Event()
        async with (
            open_lines(self._url) as lines,
            open_session(
                self._url,
                lines.tell,
                self._keys,
                self._settings,
                capacity=Capacity(self._concurrency, tuple(self._tasks)),
                on_lost=lambda _reason: lost.set(),
            ) as session,
        ):
            await self._work(session, lost, lines, on_ready)

    async def _work(
        self, session: Session, lost: asyncio.Event, lines: Lines, on_ready: Callable[[], None]
    ) -> None:
        calls = Calls(self._keys, session.id, session_ms=self._settings.session_ms)
        control = Control(lines.hear, self._keys, session.control_id)
        in_hand: set[bytes] = set()
        promoter = Promoter(lines.side, calls, look_every_s=self._settings.session_s)
        finisher = Finisher(
            lines.tell,
            calls,
            in_hand,
            patience_s=self._settings.session_s,
            on_parked=promoter.expect,
            on_lost=lost.set,
        )
        ways = Ways(
            settle=finisher.put,
            known_elsewhere=lambda name: known_by_some_worker(lines.side, self._keys, name),
            alone=lambda taken: calls.run_alone(lines.side, taken),
        )
        executor = Executor(
            self._tasks,
            in_hand,
            ways,
            slots=self._concurrency,
            name=self.name,
            clock=session.clock,
        )
        puller = Puller(lines.take, lines.wake, calls, executor)
        async with executor, anyio.create_task_group() as helpers:
            for helper in (finisher.run, puller.run, promoter.run):
                helpers.start_soon(helper)
            helpers.start_soon(hear_cancellations, control, executor)
            helpers.start_soon(
                lambda: reap_the_dead(lines.side, self._keys, session_s=self._settings.session_s)
            )
            on_ready()
            try:
                await race(self._stop.wait(), lost.wait())
                if not lost.is_set():
                    await puller.stop()
                    with anyio.move_on_after(self._grace_s):
                        await race(executor.idle(), self._hurry.wait(), lost.wait())
            finally:
                with anyio.CancelScope(shield=True):
                    await puller.stop()
                    await self._wind_up(executor, finisher, lost)
                helpers.cancel_scope.cancel()

    async def _wind_up(self, executor: Executor, finisher: Finisher, lost: asyncio.Event) -> None:
        """Stop what still runs; hand it back while the session is ours to do so."""
        executor.hand_back()
        await executor.idle()
        if not lost.is_set():
            with anyio.move_on_after(TELL_S):
                await race(finisher.drained(), lost.wait())
        finisher.stop()


def _imported(modules: Sequence[str | ModuleType]) -> list[ModuleType]:
    return [importlib.import_module(one) if isinstance(one, str) else one for one in modules]
