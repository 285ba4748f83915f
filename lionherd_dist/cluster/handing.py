"""Hands what arrives in this session's inbox to whom it is for."""

from collections.abc import Mapping

from lionherd_dist.cluster.decoding import opened
from lionherd_dist.cluster.job import Job
from lionherd_dist.errors import JobCancelledError
from lionherd_dist.limiter.desk import Desk
from lionherd_dist.settings import Settings
from lionherd_dist.store.outcomes import Granted, Inbox, News
from lionherd_dist.store.patience import persist
from lionherd_dist.telemetry import DUPLICATES_DROPPED
from lionherd_dist.wire.signing import Seal


async def hand_out(
    inbox: Inbox, jobs: Mapping[str, Job], desk: Desk, seal: Seal, settings: Settings
) -> None:
    """Outcomes to *jobs*, given by id, and tokens to *desk*, until cancelled."""
    while True:
        for news in await persist(inbox.read, patience_s=settings.patience_s):
            if isinstance(news, Granted):
                desk.deliver(news)
            elif (job := jobs.get(news.job)) is not None:
                before = job.duplicates
                _deliver(job, news, seal)
                if job.duplicates > before:
                    desk.recorder.record(DUPLICATES_DROPPED, job.duplicates - before)


def _deliver(job: Job, news: News, seal: Seal) -> None:
    job.deliver([(index, opened(data, seal, job.id, index)) for index, data in news.outcomes])
    if news.cancelled:
        job.end(JobCancelledError(job.id, job.received))
    if news.ended:
        job.stopped.set()
