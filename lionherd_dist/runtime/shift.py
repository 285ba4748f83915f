"""One session's work: the parts of a worker put together, and taken apart in the right order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from typing import TypeVar

import anyio

from lionherd_dist.address import Address
from lionherd_dist.local.race import race
from lionherd_dist.place import Place
from lionherd_dist.runtime.canceller import hear
from lionherd_dist.runtime.executor import Executor
from lionherd_dist.runtime.finisher import Finisher
from lionherd_dist.runtime.meter import Meter
from lionherd_dist.runtime.promoter import Promoter
from lionherd_dist.runtime.puller import Puller
from lionherd_dist.runtime.reaper import reap_the_dead
from lionherd_dist.runtime.slots import Slots
from lionherd_dist.runtime.tracing import spans_for
from lionherd_dist.runtime.ways import Ways
from lionherd_dist.session.session import Session
from lionherd_dist.settings import Settings
from lionherd_dist.store.calls import Calls, Dead, Settled
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.control import Control
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.patience import persist
from lionherd_dist.store.sessions import known_by_some_worker
from lionherd_dist.task import Task
from lionherd_dist.telemetry import SILENT, Recorder
from lionherd_dist.tracing import Tracer
from lionherd_dist.wire.signing import Seal

T = TypeVar("T")

STOP_S = 5.0  # how long cancelled calls may take for their clean-up before they are given away
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
async def open_lines(address: Address, namespace: str) -> AsyncIterator[Lines]:
    """Connections that open on first use and are closed on leaving."""
    uses = (f"lionherd-{one.name}" for one in fields(Lines))
    lines = Lines(*(Connection(address, name=use, namespace=namespace) for use in uses))
    try:
        yield lines
    finally:
        for one in fields(Lines):
            await getattr(lines, one.name).close()


@dataclass(frozen=True, slots=True)
class Ends:
    """What may end a shift: a stop, with its grace in seconds; a second stop; a lost session."""

    stop: asyncio.Event
    grace_s: float
    hurry: asyncio.Event
    lost: asyncio.Event


@dataclass(frozen=True, slots=True)
class Post:
    """What stays from one shift to the next.

    Args:
        name: what failures call this worker.
        slots: where calls run.
        address: of the server, for calls that use it themselves.
        recorder: told what is measured.
        tracer: told of each attempt at a call.
    """

    name: str
    slots: Slots
    address: Address
    recorder: Recorder
    tracer: Tracer | None


class Shift:
    """Takes calls, runs them and tells of them, from ``work`` until one of *ends*."""

    def __init__(
        self,
        tasks: Mapping[str, Task[..., object]],
        session: Session,
        lines: Lines,
        settings: Settings,
        ends: Ends,
        *,
        post: Post,
    ) -> None:
        keys = Keys(settings.namespace)
        calls = Calls(keys, session.id)
        in_hand: set[bytes] = set()
        self._ends, self._settings, self._keys, self._lines = ends, settings, keys, lines
        self._recorder = post.recorder
        silent = post.recorder is SILENT
        self._meter = meter = None if silent else Meter(post.recorder, session.clock, in_hand)
        seal = Seal(settings.signing_keys, settings.namespace)
        self._spans = spans_for(post.tracer, seal, settings.namespace, post.name)
        self._control = Control(lines.hear, keys, session.control_id)
        self._promoter = Promoter(lines.side, calls, look_every_s=settings.session_s)
        self._finisher = Finisher(
            lines.tell,
            calls,
            in_hand,
            patience_s=settings.session_s,
            on_parked=self._promoter.expect,
            on_lost=ends.lost.set,
            on_buried=self._buried,
            on_told=None if meter is None else meter.told,
        )
        place = self._place(post)
        self._executor = Executor(
            tasks,
            in_hand,
            self._ways(session, calls, place),
            slots=post.slots,
            name=post.name,
            clock=session.clock,
            seal=seal,
            context=place.context(),
        )
        self._helpers = anyio.create_task_group()
        took = None if meter is None else meter.took
        self._puller = Puller(
            lines.take, lines.wake, calls, self._executor, self._finisher, on_taken=took
        )

    def _ways(self, session: Session, calls: Calls, place: Place) -> Ways:
        return Ways(
            settle=self._watched(self._finisher.put),
            known_elsewhere=self._known_elsewhere,
            trusted=lambda: session.clock.age_s() < self._settings.session_s,
            alone=lambda taken: self._answer(lambda: calls.run_alone(self._lines.side, taken)),
            awaited=place.awaits,
            traced=None if self._spans is None else self._spans.around,
        )

    async def work(self, *, on_ready: Callable[[], None]) -> None:
        """Work until the end; what does not stop then is given away, and keeps its slot."""
        async with self._helpers as helpers:
            for helper in (self._finisher.run, self._puller.run, self._promoter.run):
                helpers.start_soon(helper)
            helpers.start_soon(hear, self._control, self._executor, self._promoter.look)
            helpers.start_soon(
                reap_the_dead, self._lines.side, self._keys, self._settings, self._recorder
            )
            on_ready()
            try:
                await self._until_end()
            finally:
                with anyio.CancelScope(shield=True):
                    await self._wind_up()
                helpers.cancel_scope.cancel()
                if self._meter is not None:
                    self._meter.end()

    def _buried(self, dead: Dead) -> None:
        self._executor.buried(dead)

    def _place(self, post: Post) -> Place:
        settings, recorder, tracer = self._settings, post.recorder, post.tracer
        lend = post.slots.lend
        return Place(post.address, settings, recorder, tracer, begin=self._beside, lend=lend)

    def _watched(self, settle: Callable[[Settled], None]) -> Callable[[Settled], None]:
        """*settle*, past those who watch how calls end."""
        for watcher in (self._meter, self._spans):
            if watcher is not None:
                settle = watcher.before(settle)
        return settle

    def _beside(self, work: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await work()

        self._helpers.start_soon(run)

    async def _known_elsewhere(self, task: str) -> bool:
        side, keys = self._lines.side, self._keys
        return await self._answer(lambda: known_by_some_worker(side, keys, task))

    async def _answer(self, question: Callable[[], Awaitable[T]]) -> T:
        return await persist(question, patience_s=self._settings.session_s)

    async def _until_end(self) -> None:
        ends = self._ends
        await race(ends.stop.wait(), ends.lost.wait())
        if not ends.lost.is_set():
            await race(self._puller.stop(), ends.lost.wait())
            with anyio.move_on_after(ends.grace_s):
                await race(self._executor.idle(), ends.hurry.wait(), ends.lost.wait())

    async def _wind_up(self) -> None:
        """Stop what runs, and hand it back while the session is ours."""
        self._executor.hand_back()  # at once: a read may take its time on a silent connection
        await race(self._puller.stop(), self._ends.lost.wait())
        self._puller.abandon()
        with anyio.move_on_after(STOP_S):
            await self._executor.idle()
        self._executor.give_away()
        if not self._ends.lost.is_set():
            with anyio.move_on_after(TELL_S):
                await race(self._finisher.drained(), self._ends.lost.wait())
        self._finisher.stop()
