"""Jobs that outlive the command: sent by ``map --detach``, read by ``map --attach``."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from lionherd_dist.call import Call
from lionherd_dist.cli.complaints import UsageProblemError
from lionherd_dist.cli.items import BadLine, read_items
from lionherd_dist.cli.limit_option import LimitAsked, limit_on
from lionherd_dist.cli.outcomes import line_of, result_of
from lionherd_dist.cli.output import LineWriter
from lionherd_dist.cli.tally import Tally
from lionherd_dist.cluster.cluster import Cluster
from lionherd_dist.progress import Progress


async def send(
    cluster: Cluster,
    call: Callable[[object], Call[object]],
    sources: Sequence[str],
    *,
    bare: bool,
    limit: LimitAsked,
) -> str:
    """The id of a job of all items of *sources*, once the server has them.

    Raises:
        UsageProblemError: a line is no item. Nobody would be there to hear of it later, so nothing
            is kept of what was sent before it.
    """

    async def calls() -> AsyncGenerator[Call[object], None]:
        async with aclosing(read_items(sources, bare=bare)) as items:
            async for item in items:
                if isinstance(item, BadLine):
                    raise UsageProblemError(f"{item.message}; nothing was submitted")
                yield call(item.value)

    async with cluster:
        return await cluster.submit(calls(), limit=limit_on(cluster, limit))


async def read(
    cluster: Cluster, job: str, tally: Tally, writer: LineWriter, *, tracebacks: bool = False
) -> None:
    """Write the outcomes of *job*, from where its last reader stopped, to its end.

    A line has left this process before the server hears that we are done with it: if we are
    killed, the next reader may see one line again, and misses none.
    """

    def counted(progress: Progress) -> None:
        tally.total, tally.before = progress.total, progress.before

    async with cluster.attach(job, progress=counted) as stream:
        async for index, outcome in stream:
            result = result_of(outcome)
            tally.settled(index, result)
            await writer.put([line_of(index, result, traceback=tracebacks)])
            await writer.drained()
