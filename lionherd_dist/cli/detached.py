"""Jobs that outlive the command: sent by ``map --detach``, read by ``map --attach``."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from lionherd_dist.call import Call
from lionherd_dist.cli.items import BadLine, Item, read_items
from lionherd_dist.cli.limit_option import LimitAsked, limit_on
from lionherd_dist.cli.outcomes import line_of, result_of
from lionherd_dist.cli.output import LineWriter
from lionherd_dist.cli.tally import Tally
from lionherd_dist.cluster.cluster import Cluster
from lionherd_dist.errors import EncodeError
from lionherd_dist.progress import Progress
from lionherd_dist.refused import refused
from lionherd_dist.wire.called import call_text
from lionherd_dist.wire.messages import encode_call


async def send(
    cluster: Cluster,
    call: Callable[[object], Call[object]],
    sources: Sequence[str],
    *,
    bare: bool,
    limit: LimitAsked,
    name: str = "",
) -> str:
    """The id of a job of all items of *sources*, called *name*, once the server has them.

    A line that is no item, and an item that cannot be sent, fails in its place, when it is run.
    """

    async def calls() -> AsyncGenerator[Call[object], None]:
        async with aclosing(read_items(sources, bare=bare)) as items:
            async for item in items:
                yield _sendable(item, call)

    async with cluster:
        return await cluster.submit(calls(), limit=limit_on(cluster, limit), name=name)


def _sendable(item: Item | BadLine, call: Callable[[object], Call[object]]) -> Call[object]:
    if isinstance(item, BadLine):
        return refused.call(item.type_name, item.message, item.start, "")
    made = call(item.value)
    try:
        encode_call(made)
    except EncodeError as error:
        called = call_text(made.task, made.args, made.kwargs)
        return refused.call(type(error).__qualname__, str(error), "", called)
    return made


async def read(
    cluster: Cluster,
    job: str,
    tally: Tally,
    writer: LineWriter,
    *,
    tracebacks: bool = False,
    wait_s: float = 0.0,
) -> None:
    """Write the outcomes of *job*, from where its last reader stopped, to its end.

    A line has left this process before the server hears that we are done with it: if we are
    killed, the next reader may see one line again, and misses none.
    """

    def counted(progress: Progress) -> None:
        tally.total, tally.before = progress.total, progress.before

    async with cluster.attach(job, wait_s=wait_s, progress=counted) as stream:
        async for index, outcome in stream:
            result = result_of(outcome)
            tally.settled(index, result)
            await writer.put([line_of(index, result, traceback=tracebacks)])
            await writer.drained()
