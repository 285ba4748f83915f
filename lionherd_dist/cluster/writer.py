"""Sends what jobs have to say: everything that piled up during one round trip goes in the next.

In order: a job's cancellation never overtakes its calls. Each request can be sent again, so a
server that is silent for a while costs time and nothing else.
"""

import asyncio
from collections.abc import Callable

from lionherd_dist.cluster.job import Job
from lionherd_dist.errors import LionherdError, SessionLostError
from lionherd_dist.store.connection import Connection, Reply
from lionherd_dist.store.jobs import (
    Request,
    accepted,
    cancel_request,
    running,
    submit_request,
)
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.patience import persist

MOST_JOBS = 500  # told of in one script call


class Writer:
    """One long-lived sender on a connection of its own."""

    def __init__(
        self,
        connection: Connection,
        keys: Keys,
        session: str,
        *,
        patience_s: float,
        on_failure: Callable[[Exception], None],
    ) -> None:
        self._connection, self._keys, self._session = connection, keys, session
        self._patience_s, self._on_failure = patience_s, on_failure
        self._jobs: dict[Job, None] = {}  # with something to say, in the order they said so
        self._cancels: dict[str, asyncio.Future[int]] = {}
        self._wake = asyncio.Event()

    def poke(self, job: Job) -> None:
        """*job* has something to send."""
        self._jobs[job] = None
        self._wake.set()

    def forget(self, job: Job) -> None:
        """What *job* still had to send is not wanted any more."""
        self._jobs.pop(job, None)

    async def cancel(self, job: Job) -> int:
        """Have *job* cancelled; how many of its calls were then still running."""
        self.forget(job)
        answer = self._cancels.get(job.id)
        if answer is None:
            answer = self._cancels[job.id] = asyncio.get_running_loop().create_future()
            self._wake.set()
        return await asyncio.shield(answer)

    async def run(self) -> None:
        """Send, until cancelled or the server is lost for good."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._jobs or self._cancels:
                    await self._flush()
        except LionherdError as error:
            self._on_failure(error)
            for answer in self._cancels.values():
                answer.cancel()

    async def _flush(self) -> None:
        requests: list[Request] = []
        jobs = [job for job in list(self._jobs)[:MOST_JOBS] if job.has_news_to_send]
        for job in list(self._jobs)[:MOST_JOBS]:
            del self._jobs[job]
        if jobs:
            chunks = [job.take_chunk() for job in jobs]
            requests.append(submit_request(self._keys, self._session, chunks))
        cancels, self._cancels = self._cancels, {}
        if cancels:
            requests.append(cancel_request(self._keys, list(cancels)))
        if not requests:
            return
        replies = await persist(
            lambda: self._connection.run_all(requests), patience_s=self._patience_s
        )
        if jobs:
            self._submitted(replies[0])
            for job in jobs:
                if job.has_news_to_send:
                    self._jobs[job] = None
        if cancels:
            for answer, left in zip(cancels.values(), running(replies[-1]), strict=True):
                if not answer.done():
                    answer.set_result(left)

    def _submitted(self, reply: Reply) -> None:
        if accepted(reply) is None:
            raise SessionLostError(
                f"session {self._session} had expired on the server: this process was silent for "
                "too long, or the server lost its data. Its jobs are given up; send them again"
            )
