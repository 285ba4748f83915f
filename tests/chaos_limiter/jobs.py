"""The driver's own jobs: each of their calls needs a token of the limiter, like everybody."""

import itertools
import time

import anyio
from chaos.calls import answer
from chaos.records import Records

from chaos_limiter.bodies import fetch
from chaos_limiter.plan import CALLS_OF_A_JOB, jobs_may_begin
from lionherd_dist import Cluster
from lionherd_dist.limiter.shared import SharedLimiter

PAUSE_S = 0.1


class Jobs:
    """One after the other, in several places at once.

    Attributes:
        ids: the job's id at the server, by its label, which its calls know.
        ended: set when ``run`` has nothing more to do.
    """

    def __init__(self, cluster: Cluster, limiter: SharedLimiter, records: Records) -> None:
        self._cluster, self._limiter, self._records = cluster, limiter, records
        self.ids: dict[str, str] = {}
        self.ended = anyio.Event()
        self._stopping = False

    async def run(self, places: int) -> None:
        """Jobs in so many places, until ``stop``; those that have begun are read to their end."""
        async with anyio.create_task_group() as group:
            for place in range(places):
                group.start_soon(self._keep_on, place)
        self.ended.set()

    def stop(self) -> None:
        """Begin no more."""
        self._stopping = True

    async def _keep_on(self, place: int) -> None:
        numbers = itertools.count()
        while not self._stopping:
            if jobs_may_begin(time.monotonic()):
                await self._one(f"job.{place}.{next(numbers)}")
            else:
                await anyio.sleep(PAUSE_S)

    async def _one(self, label: str) -> None:
        calls = [fetch.call(label, index) for index in range(CALLS_OF_A_JOB)]
        job = self.ids[label] = await self._cluster.submit(calls, limit=self._limiter)
        async with self._cluster.attach(job) as stream:
            given = {index: outcome async for index, outcome in stream}
        if given != {index: answer(label, index) for index in range(CALLS_OF_A_JOB)}:
            self._records.complaints.append(f"{label} gave {given}")
