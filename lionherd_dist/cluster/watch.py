"""Notices that the server has lost a job, or part of one: nobody would ever answer for it."""

from collections.abc import Callable, Mapping

import anyio

from lionherd_dist.cluster.job import Job
from lionherd_dist.errors import JobLostError, StoreUnavailableError
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.jobs import known_jobs
from lionherd_dist.store.keys import Keys

LOOKS_PER_SESSION = 3


async def watch(
    connection: Connection,
    keys: Keys,
    jobs: Mapping[str, Job],
    session_s: float,
    *,
    poke: Callable[[Job], None],
    reads: Callable[[], int],
) -> None:
    """Look after jobs that wait for outcomes, a few times per session, until cancelled.

    A job that is gone may have ended a moment ago, with its outcomes on their way: it is lost when
    nothing came with a read that began after that; *reads* says how many were answered. A server
    that only forgot what was consumed would hold calls back for ever: it is told again, by way of
    *poke*.
    """
    gone: dict[str, tuple[int, int]] = {}
    while True:
        await anyio.sleep(session_s / LOOKS_PER_SESSION)
        waiting = [(job, job.acknowledged) for job in jobs.values() if job.waiting]
        if not waiting:
            continue
        try:
            known = await known_jobs(connection, keys, [job.id for job, _ in waiting])
        except StoreUnavailableError:
            continue
        still_gone: dict[str, tuple[int, int]] = {}
        for (job, acknowledged), there in zip(waiting, known, strict=True):
            if there is None:
                received, read_before = gone.get(job.id, (-1, 0))
                if received != job.received:
                    read_before = reads()
                still_gone[job.id] = job.received, read_before
                lost = reads() >= read_before + 2  # the first of them may have begun earlier
            else:
                lost = there.accepted < acknowledged
                job.tell_again(there.consumed)
                if job.has_news_to_send:
                    poke(job)
            if lost and not job.over:
                reason = "the server no longer knows it, or forgot calls that it had accepted"
                job.fail(JobLostError(job.id, job.received, reason))
        gone = still_gone
