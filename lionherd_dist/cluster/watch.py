"""Notices that the server has lost a job, or part of one: nobody would ever answer for it."""

from collections.abc import Callable, Mapping

import anyio

from lionherd_dist.cluster.job import Job
from lionherd_dist.errors import StoreUnavailableError
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.evictions import asked_for_evictions
from lionherd_dist.store.jobs import Broken, check_jobs
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.outcomes import Inbox

LOOKS_PER_SESSION = 3


async def watch(
    connection: Connection,
    keys: Keys,
    jobs: Mapping[str, Job],
    inbox: Inbox,
    *,
    session_s: float,
    lose: Callable[[Job, str], None],
    poke: Callable[[Job], None],
) -> None:
    """Look after jobs that wait for outcomes, a few times per session, until cancelled.

    A job that is gone may have ended a moment ago, with its outcomes on their way: it is lost when
    nothing came of it until *inbox* was read once more, or is empty. A server that only forgot what
    was consumed would hold calls back for ever: it is told again, by way of *poke*. *lose* has a
    job that is lost start over, or end.
    """
    gone: dict[str, tuple[int, int]] = {}
    while True:
        await anyio.sleep(session_s / LOOKS_PER_SESSION)
        waiting = [(job, job.acknowledged) for job in jobs.values() if job.waiting]
        if not waiting:
            continue
        try:
            known = await check_jobs(connection, keys, [job.id for job, _ in waiting])
            empty = await inbox.is_empty(connection)
        except StoreUnavailableError:
            continue
        still_gone: dict[str, tuple[int, int]] = {}
        for (job, acknowledged), there in zip(waiting, known, strict=True):
            reason = "the server no longer knows it, or forgot calls that it had accepted"
            if isinstance(there, Broken):
                lost, reason = True, "some of what the server had accepted is gone from it"
            elif there is None:
                received, reads = gone.get(job.id, (-1, 0))
                same = received == job.received
                still_gone[job.id] = job.received, reads if same else inbox.reads
                lost = same and (empty or inbox.reads >= reads + 2)  # one may have begun earlier
            else:
                # Outcomes that it has made and we have not are on their way, or they are gone.
                gone_on_the_way = empty and not job.kept and there.done > job.received_here
                lost = there.accepted < acknowledged or gone_on_the_way
                job.tell_again(there.consumed)
                if job.has_news_to_send:
                    poke(job)
            if lost and not job.over:
                reason += await asked_for_evictions(connection)
                lose(job, reason)
                poke(job)
        gone = still_gone
