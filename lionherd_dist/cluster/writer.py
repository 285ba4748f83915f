"""Sends what jobs have to say: everything that piled up during one round trip goes in the next.

In order: a job's cancellation never overtakes its calls. Each request can be sent again, so a
server that is silent for a while costs time and nothing else.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from lionherd_dist.cluster.job import Job
from lionherd_dist.errors import StoreUnavailableError
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.jobs import (
    Chunk,
    Request,
    accepted,
    cancel_request,
    running,
    submit_request,
)
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.patience import persist
from lionherd_dist.store.portion import MOST_BYTES
from lionherd_dist.wire.signing import Seal

MOST_JOBS = 500  # told of in one script call

Answer: TypeAlias = int | StoreUnavailableError | None  # to a cancellation; None: session over


class Writer:
    """One long-lived sender on a connection of its own.

    Args:
        seal: signs calls.
        number: gives a job its id, when its first calls are about to be sent.
        on_lost: called when the server says that the session is over.
    """

    def __init__(
        self,
        connection: Connection,
        keys: Keys,
        session: str,
        *,
        seal: Seal,
        patience_s: float,
        number: Callable[[Job], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._connection, self._keys, self._session = connection, keys, session
        self._seal = seal
        self._patience_s, self._number, self._on_lost = patience_s, number, on_lost
        self._jobs: dict[Job, None] = {}  # with something to say, in the order they said so
        self._cancels: dict[str, asyncio.Future[Answer]] = {}
        self._wake = asyncio.Event()

    def poke(self, job: Job) -> None:
        """*job* has something to send."""
        self._jobs[job] = None
        self._wake.set()

    def forget(self, job: Job) -> None:
        """What *job* still had to send is not wanted any more."""
        self._jobs.pop(job, None)

    async def cancel(self, job: str) -> int | None:
        """Have the job of that id cancelled; how many of its calls were then still running.

        None: the session ended before the server answered.

        Raises:
            StoreUnavailableError: the server was silent for ``patience_s``.
        """
        future = self._cancels.get(job)
        if future is None:
            future = self._cancels[job] = asyncio.get_running_loop().create_future()
            self._wake.set()
        answer = await asyncio.shield(future)
        try:
            if isinstance(answer, StoreUnavailableError):
                raise answer
            return answer
        finally:
            del future, answer  # no ring of error, traceback and this frame

    def end(self) -> None:
        """The session is over: the server gives its jobs up, there is nothing to wait for."""
        self._settle(dict.fromkeys(self._cancels, None))

    async def run(self) -> None:
        """Send, until cancelled.

        Raises:
            StoreRefusedError: nothing can be sent any more.
        """
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._jobs or self._cancels:
                await self._flush()

    async def _flush(self) -> None:
        requests: list[Request] = []
        jobs, chunks = self._news()
        if jobs:
            requests.append(submit_request(self._keys, self._session, chunks))
        cancels = list(self._cancels)
        if cancels:
            requests.append(cancel_request(self._keys, cancels, by=self._session))
        if not requests:
            return
        try:
            replies = await persist(
                lambda: self._connection.run_all(requests), patience_s=self._patience_s
            )
        except StoreUnavailableError as error:  # a full server still serves the other jobs
            for job in jobs:
                job.fail(error)
            self._settle(dict.fromkeys(cancels, error))
            return
        if jobs:
            self._submitted(jobs, accepted(replies[0]))
        if cancels:
            counts = zip(cancels, running(replies[-1]), strict=True)
            self._settle({job: count for job, count in counts if count is not None})

    def _news(self) -> tuple[list[Job], list[Chunk]]:
        """Of as many jobs as fit into one request; the others come with the next."""
        jobs: list[Job] = []
        chunks: list[Chunk] = []
        room = MOST_BYTES
        for job in list(self._jobs):
            if len(jobs) == MOST_JOBS or room <= 0:
                break
            del self._jobs[job]
            if job.has_news_to_send:
                if not job.id:
                    self._number(job)
                chunk = job.take_chunk(room)
                room -= sum(map(len, chunk.calls))
                jobs.append(job)
                chunks.append(self._signed(chunk, job.id))
        return jobs, chunks

    def _signed(self, chunk: Chunk, job: str) -> Chunk:
        """Signed here and not when they are encoded: only now do calls have a place."""
        if not self._seal.signs:
            return chunk
        places = enumerate(chunk.calls, start=chunk.first)
        calls = [self._seal.signed("call", call, job, index) for index, call in places]
        return replace(chunk, calls=calls)

    def _submitted(self, jobs: Sequence[Job], counts: Sequence[int] | None) -> None:
        if counts is None:
            self._on_lost()
            return
        for job, count in zip(jobs, counts, strict=True):
            job.acknowledge(count)
            if job.has_news_to_send:
                self._jobs[job] = None

    def _settle(self, answers: Mapping[str, Answer]) -> None:
        for job, answer in answers.items():
            future = self._cancels.pop(job)
            if not future.done():
                future.set_result(answer)
