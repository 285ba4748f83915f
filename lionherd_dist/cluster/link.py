"""A client's way to the server: one session at a time, for all its jobs.

A session that is lost (the server forgot it, or this process was silent for too long) is followed
by a new one; jobs of the old one end in ``JobLostError``, or move over with ``resubmit=True``.
"""

import math
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial

import anyio

from lionherd_dist.address import Address
from lionherd_dist.background import finish
from lionherd_dist.cluster.handing import hand_out
from lionherd_dist.cluster.job import Job
from lionherd_dist.cluster.lines import Reader, connection
from lionherd_dist.cluster.no_worker import warn_of_no_worker
from lionherd_dist.cluster.open_jobs import OpenJobs
from lionherd_dist.cluster.trace import Tracing
from lionherd_dist.cluster.watch import watch
from lionherd_dist.cluster.writer import Writer
from lionherd_dist.errors import LionherdError, StoreUnavailableError, copied, trouble
from lionherd_dist.home import Home
from lionherd_dist.limiter.desk import Desk
from lionherd_dist.session.losses import tell_lost
from lionherd_dist.session.session import Session, open_session
from lionherd_dist.settings import Settings
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.evictions import asked_for_evictions
from lionherd_dist.store.jobs import Tokens
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.outcomes import Inbox
from lionherd_dist.store.sessions import NO_CAPACITY
from lionherd_dist.telemetry import Recorder
from lionherd_dist.tracing import Tracer
from lionherd_dist.wire.signing import Seal

LEFT = "the cluster was left: open another one"
OPENING_S = 5.0  # patience with a server that was never reached


class Link:
    """Jobs are opened here and hear here of their outcomes.

    Attributes:
        home: where it can be used.
        seal: signs what is sent and checks what arrives.
        tracing: begins the spans of jobs.
        jobs: those that are open, or read, here.
        reading: the names of the readers that are at work here.
    """

    seal: Seal
    tracing: Tracing
    home: Home
    jobs: OpenJobs
    desk: Desk

    def __init__(
        self,
        address: Address,
        settings: Settings,
        recorder: Recorder,
        tracer: Tracer | None = None,
        *,
        jobs: OpenJobs | None = None,
    ) -> None:
        self._address, self._settings, self._keys = address, settings, Keys(settings.namespace)
        self.seal = Seal(settings.signing_keys, settings.namespace)
        self.tracing = Tracing(tracer, settings.namespace)
        self.reading: set[str] = set()
        self.home = Home()
        self.jobs = OpenJobs() if jobs is None else jobs
        self._numbers = self._readers = 0
        self._session: Session | None = None
        self._writer: Writer | None = None
        self._trouble: LionherdError | None = None
        self._ended_by: LionherdError | None = None
        self._begun = False
        self._changed = anyio.Event()
        self.desk = Desk(self._keys, settings, self.ready, recorder)

    # --- what jobs need

    async def open(
        self,
        *,
        limit: int | Tokens | None,
        resubmit: bool = False,
        keep_ms: int = 0,
        label: str = "",
    ) -> Job:
        """A new job, with the deadline that is in force here; nothing is sent yet.

        A kept job, one with *keep_ms*, outlives this block, and so has no deadline of it.
        """
        await self.ready()
        deadline = math.inf if keep_ms else anyio.current_effective_deadline()
        job = Job(
            limit=limit,
            deadline=None if math.isinf(deadline) else deadline,
            resubmit=resubmit,
            settings=self._settings,
            keep_ms=keep_ms,
            label=label,
        )
        self.jobs.add(job)
        return job

    async def ready(self) -> None:
        """Wait for a session.

        Raises:
            StoreUnavailableError, StoreRefusedError: there is none to be had.
            ForkedClientError: this process was forked from the one that opened the cluster.
            RuntimeError: this is not the event loop that opened it.
        """
        self.home.check()
        while self._writer is None:
            if self._trouble is not None:
                raise copied(self._trouble)
            await self._changed.wait()

    @asynccontextmanager
    async def reader(self, use: str) -> AsyncIterator[Reader]:
        """A connection of one's own, and the name under which to use it, which no other has."""
        await self.ready()
        async with self._connection(use) as own:
            self._readers += 1
            name = f"{self.session_id}/{self._readers}"
            self.reading.add(name)
            try:
                yield Reader(own, self._keys, name)
            finally:
                self.reading.discard(name)

    @property
    def session_id(self) -> str:
        """The id of the session that is in force now."""
        return "" if self._session is None else self._session.id

    def poke(self, job: Job) -> None:
        """*job* has something to send."""
        if self._writer is not None:
            self._writer.poke(job)

    async def close(self, job: Job) -> None:
        """End *job*: cancel what is not done, wait, bounded, until the workers have stopped."""
        writer = self._writer
        self.jobs.end(job)
        if writer is not None and not job.complete:  # or the server would not learn that it is
            writer.forget(job)
        try:
            if job.opened and (job.kept or not job.complete):
                await finish(self._stopped(job, writer))
        finally:
            self.jobs.forget(job)

    async def _stopped(self, job: Job, writer: Writer | None) -> None:
        with anyio.move_on_after(self._settings.cancel_wait_s), suppress(LionherdError):
            if job.kept:  # if it is complete, it does not end with our session
                await self.cancel(job.id)
            elif writer is not None and await writer.cancel(job.id):
                await job.stopped.wait()

    async def cancel(self, job_id: str) -> None:
        """Cancel a job that is not one of ours; ask again where our session ends over it."""
        heard = None
        while heard is None:
            await self.ready()
            if self._writer is not None:
                heard = await self._writer.cancel(job_id)

    # --- one session after the other

    async def live(self) -> None:
        """Keep a session until this is cancelled; each ends when it is lost."""
        try:
            await self._live()
        finally:
            self.end()

    async def _live(self) -> None:
        while self._ended_by is None:
            try:
                await self._one_session()
            except (LionherdError, BaseExceptionGroup) as error:
                reason = trouble(error)
                if not isinstance(reason, LionherdError):
                    raise
                self._fail(reason)
            await anyio.sleep(self._settings.session_s / 3 if self._trouble else 0)

    async def _one_session(self) -> None:
        lost, reasons = anyio.Event(), ["the server holds its session for expired"]

        def on_lost(reason: str) -> None:
            reasons[0] = reason
            self.desk.lose(reason)  # before anything else: others may soon hold what was ours
            lost.set()

        async with (
            self._connection("write") as write,
            self._connection("read") as read,
            self._connection("side") as side,
            self._connection("lend") as lend,
            open_session(
                *(self._address, side, self._keys, self._opening_settings()),
                capacity=NO_CAPACITY,
                on_lost=on_lost,
                is_first=not self._begun,
            ) as session,
            anyio.create_task_group() as helpers,
        ):
            writer = self._new_writer(write, session, on_lost=lambda: on_lost(reasons[0]))
            inbox, jobs = Inbox(read, self._keys, session.id), self.jobs.by_id
            helpers.start_soon(writer.run)
            hands = partial(hand_out, poke=writer.poke)
            helpers.start_soon(hands, inbox, jobs, self.desk, self.seal, self._settings)
            session_s, lose = self._settings.session_s, self.jobs.lose_one
            looks = partial(watch, session_s=session_s, lose=lose, poke=writer.poke)
            helpers.start_soon(looks, side, self._keys, jobs, inbox)
            helpers.start_soon(warn_of_no_worker, side, self._keys, jobs)
            helpers.start_soon(self.desk.serve, lend, session, lambda: on_lost(reasons[0]))
            self._begin(session, writer)
            try:
                await lost.wait()
                reasons[0] += await asked_for_evictions(side)
            finally:
                self._session = self._writer = None
                writer.end()
                if not lost.is_set():
                    self.desk.lose("the cluster was left")
                    await self.desk.leave(lend, session)
            helpers.cancel_scope.cancel()
        tell_lost(self.desk.recorder, session.id, reasons[0])
        self.jobs.lose(reasons[0])

    def _new_writer(
        self, write: Connection, session: Session, *, on_lost: Callable[[], None]
    ) -> Writer:
        return Writer(
            write,
            self._keys,
            session.id,
            seal=self.seal,
            patience_s=self._settings.patience_s,
            number=self._number,
            on_lost=on_lost,
        )

    def _opening_settings(self) -> Settings:
        """At the first try somebody waits who may have mistyped the address: be quick to say so."""
        if self._begun:
            return self._settings
        return replace(self._settings, patience_s=min(OPENING_S, self._settings.patience_s))

    def _begin(self, session: Session, writer: Writer) -> None:
        if self._ended_by is not None:
            return
        self._session, self._writer, self._trouble, self._numbers = session, writer, None, 0
        self._begun = True
        for job in self.jobs:  # those that move over, and those that had not been sent
            writer.poke(job)
        self._notify()

    def _number(self, job: Job) -> None:
        """Give *job* the next number of the session: the server takes them in rising order only.

        So this is done when its first calls are sent, not when it was opened.
        """
        if self._session is None:
            raise RuntimeError("a job is numbered by a session")
        self._numbers += 1
        job.adopt(f"{self._session.id}-{self._numbers}", self._numbers)
        self.jobs.by_id[job.id] = job

    def _fail(self, error: LionherdError) -> None:
        self._trouble = error
        self.desk.fail(error)
        self.jobs.fail(error)
        self._notify()

    def end(self, error: LionherdError | None = None) -> None:
        """All that is asked, now and later, ends in the first *error*; without, it was left."""
        self._ended_by = self._ended_by or error or StoreUnavailableError(LEFT)
        self._writer = None
        self._fail(self._ended_by)

    def _notify(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    def _connection(self, use: str) -> AbstractAsyncContextManager[Connection]:
        return connection(self._address, self._settings.namespace, use)
