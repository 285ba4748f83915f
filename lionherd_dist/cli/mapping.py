"""The work of ``map``: items in, calls out to the workers, results back, whatever they are."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, nullcontext
from dataclasses import dataclass
from typing import Protocol

from lionherd_dist.call import Call
from lionherd_dist.cli.items import BadLine, Item
from lionherd_dist.cli.limit_option import LimitAsked, limit_on
from lionherd_dist.cli.outcomes import Failed, Result, result_of
from lionherd_dist.cli.report_option import Report
from lionherd_dist.cli.tally import Tally
from lionherd_dist.cluster.cluster import Cluster


class Receiver(Protocol):
    """Who gets the results."""

    async def room_for(self, index: int, /) -> None:
        """Return when item *index* may be begun."""

    async def receive(self, index: int, result: Result, /) -> None:
        """Take the result of item *index*; they come in the order of completion."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """One run over many items.

    Attributes:
        call: makes the call for an item.
        limit: how many of them run at once; None for as many as the workers have slots.
        tally: is kept up to date.
        receiver: is given every result.
        report: hears of the calls, if there is to be one.
    """

    call: Callable[[object], Call[object]]
    limit: LimitAsked
    tally: Tally
    receiver: Receiver
    report: Report | None = None

    async def run(self, cluster: Cluster, items: AsyncGenerator[Item | BadLine, None]) -> None:
        """Call the task with each of *items*; return when all have a result.

        A line that is no item, and an item that cannot be sent, is a failure among the others.
        """
        index_of: dict[int, int] = {}  # call → item, for the calls under way: bad lines have none
        calls = self._calls(items, index_of)
        limit = limit_on(cluster, self.limit)
        report = self.report
        stream = cluster.completion_stream(
            calls,
            limit=limit,
            return_exceptions=True,
            on_ran=None if report is None else report.seen.ran,
        )
        async with nullcontext() if report is None else report.watching(limit), stream:
            async for call_index, outcome in stream:
                await self._settle(index_of.pop(call_index), result_of(outcome))

    async def _calls(
        self, items: AsyncGenerator[Item | BadLine, None], index_of: dict[int, int]
    ) -> AsyncGenerator[Call[object], None]:
        index = call_index = 0
        async with aclosing(items):
            async for item in items:
                await self.receiver.room_for(index)
                prepared = self._prepared(item)
                if isinstance(prepared, Failed):
                    await self._settle(index, prepared)
                else:
                    index_of[call_index] = index
                    yield prepared
                    call_index += 1
                index += 1
        self.tally.total = index

    def _prepared(self, item: Item | BadLine) -> Call[object] | Failed:
        if isinstance(item, BadLine):
            return Failed(item.type_name, item.message, line=item.start)
        return self.call(item.value)

    async def _settle(self, index: int, result: Result) -> None:
        self.tally.settled(index, result)
        await self.receiver.receive(index, result)
