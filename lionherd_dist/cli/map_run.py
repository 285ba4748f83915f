"""One run of ``map``, from the first line read to the last line written."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass

import anyio

from lionherd_dist.call import Call
from lionherd_dist.cli.interrupts import Interrupt, until_interrupted
from lionherd_dist.cli.items import count_items, read_items
from lionherd_dist.cli.limit_option import LimitAsked, NamedLimiter
from lionherd_dist.cli.log_view import log_said_on
from lionherd_dist.cli.mapping import Mapping
from lionherd_dist.cli.outcomes import InputOrder, Result, line_of
from lionherd_dist.cli.output import LineWriter, write_to_stdout
from lionherd_dist.cli.progress import View, shown
from lionherd_dist.cli.report_option import Report
from lionherd_dist.cli.spare_thread import in_spare_thread
from lionherd_dist.cli.tally import Tally
from lionherd_dist.cluster.cluster import Cluster
from lionherd_dist.errors import LionherdError
from lionherd_dist.printable import span

ORDERED_AHEAD = 10_000  # items begun past the oldest that is not done; --help names it too
FLUSH_S = 2.0  # how long a run that is stopped waits for its reader to take the last lines
OPENING_S = 1.0  # until the limiter of a run is known at the server


@dataclass(frozen=True, slots=True)
class AsTheyCome:
    """Writes each result at once, failures with *tracebacks* if that is wanted."""

    writer: LineWriter
    tracebacks: bool

    async def room_for(self, index: int) -> None:
        """There is always room."""

    async def receive(self, index: int, result: Result) -> None:
        """Write *result*."""
        await self.writer.put([line_of(index, result, traceback=self.tracebacks)])

    def flush(self) -> None:
        """Nothing is held."""


class AsTheInput:
    """Writes results in the order of the items, and lets only so many items in."""

    def __init__(self, writer: LineWriter, *, tracebacks: bool) -> None:
        self._writer, self._tracebacks = writer, tracebacks
        self._order = InputOrder(ORDERED_AHEAD)
        self._moved = anyio.Event()

    async def room_for(self, index: int) -> None:
        """Wait until the oldest item that is not done is near enough."""
        while not self._order.admits(index):
            self._moved = anyio.Event()
            await self._moved.wait()

    async def receive(self, index: int, result: Result) -> None:
        """Write what *result* was waited for."""
        line = line_of(index, result, traceback=self._tracebacks)
        released = self._order.released_by(index, line)
        if released:
            self._moved.set()
            await self._writer.put(released)

    def flush(self) -> None:
        """Write what is done although something before it is not: the run was stopped."""
        self._writer.add(self._order.rest())


async def written(
    work: Callable[[], Awaitable[None]],
    writer: LineWriter,
    view: View,
    *,
    beside: Sequence[Callable[[], Coroutine[object, object, None]]] = (),
    flush: Callable[[], None] = lambda: None,
) -> Interrupt:
    """Do *work*, whose lines *writer* writes, and *beside* it what may help; show it on *view*.

    Tells whether a signal ended it. However it ended, what *flush* adds is written, too.
    """
    with log_said_on(view):
        return await _written(work, writer, view, beside, flush)


async def _written(
    work: Callable[[], Awaitable[None]],
    writer: LineWriter,
    view: View,
    beside: Sequence[Callable[[], Coroutine[object, object, None]]],
    flush: Callable[[], None],
) -> Interrupt:
    async with shown(view), anyio.create_task_group() as helpers:
        # Outside of what a signal cancels: what is done by then is still to be written.
        for helper in (writer.run, *beside):
            helpers.start_soon(helper)
        try:
            interrupt = await until_interrupted(work, view)
        finally:
            flush()
            with anyio.move_on_after(FLUSH_S, shield=True):
                await writer.drained()
        helpers.cancel_scope.cancel()
    return interrupt


@dataclass(frozen=True, slots=True)
class MapRun:
    """What a run needs to know.

    Attributes:
        cluster: not yet entered.
        call: makes the call for an item.
        sources: paths, or ``-`` for standard input.
        bare: True if a line is text, False if it is JSON.
        ordered: True if results are written in the order of the input.
        tracebacks: True if a failure is written with its traceback.
        limit: how many calls run at once, alone or shared with others.
        tally: is kept up to date.
        view: shows it.
        report: hears of the calls, if there is to be one.
        shut_ms: asks the server for how long the limiter of the run lends nothing.
    """

    cluster: Cluster
    call: Callable[[object], Call[object]]
    sources: Sequence[str]
    bare: bool
    ordered: bool
    tracebacks: bool
    limit: LimitAsked
    tally: Tally
    view: View
    report: Report | None = None
    shut_ms: Callable[[], Awaitable[int]] | None = None

    async def run(self) -> Interrupt:
        """Do it all; tells whether a signal ended it.

        Raises:
            OutputClosedError: the reader of standard output has gone.
        """
        writer = LineWriter(write_to_stdout)
        kind = AsTheInput if self.ordered else AsTheyCome
        results = kind(writer, tracebacks=self.tracebacks)

        async def work() -> None:
            async with self.cluster as cluster:
                mapping = Mapping(self.call, self.limit, self.tally, results, self.report)
                await mapping.run(cluster, read_items(self.sources, bare=self.bare))
                await writer.drained()

        beside = (self._count, self._tell_of_limiter)
        return await written(work, writer, self.view, beside=beside, flush=results.flush)

    async def _count(self) -> None:
        """Learn how many items there are, where that takes no more than reading files through."""
        try:
            total = await in_spare_thread(lambda: count_items(self.sources, bare=self.bare))
        except OSError:  # whoever reads the items will say so
            return
        if self.tally.total is None:
            self.tally.total = total

    async def _tell_of_limiter(self) -> None:
        """Say for how long the limiter of the run lends nothing, if that is what is waited for."""
        if self.shut_ms is None or not isinstance(self.limit, NamedLimiter):
            return
        await anyio.sleep(OPENING_S)
        with suppress(LionherdError):  # whoever runs the calls will say so
            if shut_ms := await self.shut_ms():
                self.view.say(
                    f"Waiting for limiter {self.limit.name}: it lends nothing for another "
                    f"{span(shut_ms / 1000)}. The server has just started or lost data, and "
                    "processes that held tokens before may not have heard of that."
                )
