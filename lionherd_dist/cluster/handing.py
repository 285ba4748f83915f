"""Hands what arrives in this session's inbox to whom it is for."""

import asyncio
from collections.abc import Callable, Mapping

from lionherd_dist.cluster.decoding import opened
from lionherd_dist.cluster.job import Job
from lionherd_dist.errors import JobCancelledError
from lionherd_dist.limiter.desk import Desk
from lionherd_dist.settings import Settings
from lionherd_dist.store.outcomes import Granted, Inbox, News
from lionherd_dist.store.patience import persist
from lionherd_dist.telemetry import DUPLICATES_DROPPED
from lionherd_dist.wire.signing import Seal

FEW = 8  # pieces of news: for fewer it is worth a pause, in which others may join them
PAUSE_S = 0.002
TURNS = 5  # of the event loop, in which who has waited for an outcome sends the next call first


async def hand_out(
    inbox: Inbox,
    jobs: Mapping[str, Job],
    desk: Desk,
    seal: Seal,
    settings: Settings,
    *,
    poke: Callable[[Job], None],
) -> None:
    """Outcomes to *jobs*, given by id, and tokens to *desk*, until cancelled.

    *poke* is called with a job of which the server is to hear how many outcomes it has room for.

    Outcomes that come one by one, as those of a limit of one do, are read together with those of
    the next two milliseconds: for each of them alone, client and server would do as much again.
    """
    while True:
        arrived = await persist(inbox.read, patience_s=settings.patience_s)
        for news in arrived:
            if isinstance(news, Granted):
                desk.deliver(news)
            elif (job := jobs.get(news.job)) is not None:
                before = job.duplicates
                _deliver(job, news, seal)
                if job.cap_is_news:
                    poke(job)
                if job.duplicates > before:
                    desk.recorder.record(DUPLICATES_DROPPED, job.duplicates - before)
        if 0 < len(arrived) < FEW:
            await _let_others_go_first(jobs, desk)


async def _let_others_go_first(jobs: Mapping[str, Job], desk: Desk) -> None:
    if _nobody_is_in_a_hurry(jobs, desk):
        await asyncio.sleep(PAUSE_S)
        return
    for _ in range(TURNS):
        await asyncio.sleep(0)


def _nobody_is_in_a_hurry(jobs: Mapping[str, Job], desk: Desk) -> bool:
    """True if all jobs are owed so many outcomes that no next call depends on the next of them."""
    if desk.engaged or not 0 < len(jobs) < FEW:
        return False
    return all(job.owed_many for job in jobs.values())


def _deliver(job: Job, news: News, seal: Seal) -> None:
    job.deliver([(index, opened(data, seal, job.id, index)) for index, data in news.outcomes])
    if news.cancelled:
        job.end(JobCancelledError(job.id, job.received))
    if news.ended:
        job.stopped.set()
