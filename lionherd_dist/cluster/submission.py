"""Sending a job that outlives this process."""

from collections.abc import AsyncIterable, Iterable

from lionherd_dist.cluster.feeder import Feeder
from lionherd_dist.cluster.limit import Limit, for_the_server
from lionherd_dist.cluster.link import Link


async def submit(
    link: Link,
    calls: Iterable[object] | AsyncIterable[object],
    *,
    limit: Limit,
    keep_ms: int,
    label: str = "",
) -> str:
    """The id of a job of *calls*, which people call *label*, once the server has all of them.

    Until then the job belongs to this session: if we are cancelled or die half-way, so is it.
    """
    job = await link.open(limit=await for_the_server(limit), keep_ms=keep_ms, label=label)
    trace = link.tracing.job(job)
    try:
        feeder = Feeder(job, link, lenient=False, traceparent=trace.traceparent)
        async with feeder.background(calls):
            await job.until_accepted()
    except BaseException as error:
        trace.end(error)
        await link.close(job)  # its id is nobody's to know: it must not outlive us
        raise
    trace.end()
    link.jobs.forget(job)
    if not job.opened:
        raise ValueError("there is nothing to submit: the input has no call")
    return job.id
