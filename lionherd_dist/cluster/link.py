"""A client's way to the server: one session, one writer, one reader, for all its jobs."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from lionherd_dist.cluster.job import Job
from lionherd_dist.cluster.writer import Writer
from lionherd_dist.errors import LionherdError, SessionLostError
from lionherd_dist.session.session import Session, open_session
from lionherd_dist.settings import Settings
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.outcomes import Inbox
from lionherd_dist.store.patience import persist
from lionherd_dist.store.sessions import NO_CAPACITY


class Link:
    """Jobs are opened here and hear here of their outcomes."""

    def __init__(
        self, session: Session, writer: Connection, keys: Keys, settings: Settings
    ) -> None:
        self._session, self._settings = session, settings
        self._jobs: dict[str, Job] = {}
        self._opened = 0
        self._broken: Exception | None = None
        self.writer = Writer(
            writer, keys, session.id, patience_s=settings.patience_s, on_failure=self.fail
        )

    def open(self, *, limit: int | None) -> Job:
        """A new job, with the deadline that is in force here; nothing is sent yet."""
        if self._broken is not None:
            raise self._broken
        self._opened += 1
        left_s = anyio.current_effective_deadline() - anyio.current_time()
        job = Job(
            f"{self._session.id}-{self._opened}",
            self._opened,
            limit=limit,
            left_ms=-1 if math.isinf(left_s) else max(0, int(left_s * 1000)),
            settings=self._settings,
        )
        self._jobs[job.id] = job
        return job

    async def close(self, job: Job) -> None:
        """End *job*: cancel what is not done, wait, bounded, until the workers have stopped."""
        try:
            self.writer.forget(job)
            if job.opened and not job.complete and self._broken is None:
                with anyio.move_on_after(self._settings.cancel_wait_s, shield=True):
                    if await self.writer.cancel(job):
                        await job.stopped.wait()
        finally:
            del self._jobs[job.id]

    def fail(self, error: Exception) -> None:
        """The server is lost for good: every job ends with *error*, and so do later ones."""
        self._broken = self._broken or error
        for job in self._jobs.values():
            job.fail(error)

    async def read(self, inbox: Inbox) -> None:
        """Hand outcomes to their jobs, until cancelled or the server is lost for good."""
        try:
            while True:
                for news in await persist(inbox.read, patience_s=self._settings.patience_s):
                    job = self._jobs.get(news.job)
                    if job is not None:
                        job.deliver(news.outcomes)
                        if news.ended:
                            job.stopped.set()
        except LionherdError as error:
            self.fail(error)


@asynccontextmanager
async def open_link(url: str, settings: Settings) -> AsyncIterator[Link]:
    """A link for this process, until the block is left.

    Raises:
        StoreUnavailableError: the server was silent for ``patience_s``.
        StoreRefusedError: it will not have us.
    """
    keys = Keys(settings.namespace)
    write, read = (Connection(url, name=f"lionherd-{use}") for use in ("write", "read"))
    link: Link | None = None

    def on_lost(reason: str) -> None:
        if link is not None:
            link.fail(SessionLostError(f"this process was held dead: {reason}. Start again"))

    try:
        async with open_session(
            url, write, keys, settings, capacity=NO_CAPACITY, on_lost=on_lost
        ) as session:
            talk = Connection(url, name="lionherd-talk")
            link = Link(session, talk, keys, settings)
            async with anyio.create_task_group() as helpers:
                helpers.start_soon(link.writer.run)
                helpers.start_soon(link.read, Inbox(read, keys, session.id))
                try:
                    yield link
                finally:
                    helpers.cancel_scope.cancel()
                    await talk.close()
    finally:
        await write.close()
        await read.close()
