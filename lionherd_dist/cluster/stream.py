"""The completion stream over workers: outcomes as they arrive; leaving it takes the rest back."""

from collections.abc import AsyncIterable, Iterable, Sized
from types import TracebackType
from typing import Generic, Self, TypeVar, cast

from lionherd_dist.background import Background
from lionherd_dist.call import Cancelled, Failure, Success
from lionherd_dist.cluster.decoding import place_note
from lionherd_dist.cluster.feeder import Feeder
from lionherd_dist.cluster.job import Job, left_early
from lionherd_dist.cluster.limit import Limit, for_the_server
from lionherd_dist.cluster.link import Link
from lionherd_dist.cluster.telling import Listeners, Teller
from lionherd_dist.cluster.trace import UNTRACED, Trace
from lionherd_dist.errors import RemoteError
from lionherd_dist.local.pace import Pace
from lionherd_dist.natives import note_on

R = TypeVar("R")


class RemoteStream(Generic[R]):
    """``(index, result)`` in the order of completion: ``async with`` around, ``async for`` inside.

    With *return_exceptions* a failed call gives ``(index, exception)``; without, the first failure
    ends the stream in an ``ExceptionGroup``. However the block is left, what is not done is
    cancelled on the workers, and their stopping waited for, bounded. Single use. *listeners* hear
    of what is consumed. The block may be left in another task than the one that entered it.
    """

    def __init__(
        self,
        link: Link,
        calls: Iterable[object] | AsyncIterable[object],
        *,
        limit: Limit,
        return_exceptions: bool,
        resubmit: bool,
        listeners: Listeners | None = None,
    ) -> None:
        self._link, self._calls = link, calls
        self._limit, self._return_exceptions, self._resubmit = limit, return_exceptions, resubmit
        self._listeners = listeners
        self._teller: Teller | None = None
        self._entered: Job | None = None
        self._feeding: Background | None = None
        self._pace = Pace()
        self._trace: Trace = UNTRACED

    async def __aenter__(self) -> Self:
        if self._entered is not None:
            raise RuntimeError("a completion stream is used once; make another")
        timed = False
        if self._listeners is not None:  # first: a bar that cannot be drawn leaves no job behind
            self._teller = Teller(self._listeners, self._total)
            timed = self._listeners.on_ran is not None
        limit = await for_the_server(self._limit, awaited=True)
        self._entered = job = await self._link.open(limit=limit, resubmit=self._resubmit)
        self._trace = self._link.tracing.job(job)
        feeder = Feeder(
            job,
            self._link,
            lenient=self._return_exceptions,
            timed=timed,
            traceparent=self._trace.traceparent,
        )
        if not feeder.fed_at_once(self._calls):
            self._feeding = feeder.background(self._calls)
            self._feeding.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._link.home.is_forked:
            return
        try:
            await self._leave(kind, error, trace)
        finally:
            self._trace.end(error)

    async def _leave(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        job = self._job
        try:
            if self._feeding is not None:
                await self._feeding.__aexit__(kind, error, trace)
        finally:
            if not job.over:  # what still reads, in another task, would wait for ever
                job.end(left_early())
            try:
                await self._link.close(job)
            finally:
                if self._teller is not None:
                    self._teller.end()

    @property
    def _job(self) -> Job:
        if self._entered is None:
            raise RuntimeError("enter the completion stream first: async with ... as stream")
        return self._entered

    def __aiter__(self) -> Self:
        _ = self._job
        return self

    async def __anext__(self) -> tuple[int, R]:
        job = self._job
        if self._pace.over():  # a block that never waits must not stop the loop
            await self._pace.rest()
        if not await job.arrival():
            raise StopAsyncIteration
        index, data = job.take()
        if job.has_news_to_send:
            self._link.poke(job)
        outcome = self._trace.read(data)
        if self._teller is not None:
            self._teller.consumed(outcome)
        match outcome:
            case Success(value):
                return index, cast("R", value)
            case Failure(error):
                if not isinstance(data, Exception):  # which says so itself
                    note_on(error, place_note(index))
            case Cancelled():
                error = RemoteError("Cancelled", "the call was cancelled on the worker")
        if self._return_exceptions:
            return index, cast("R", error)
        raise ExceptionGroup("a call of the job failed", [error])

    def _total(self) -> int | None:
        """How many outcomes there will be, as far as it is known by now."""
        if isinstance(self._calls, Sized):
            return len(self._calls)
        if self._listeners is not None and self._listeners.total is not None:
            return self._listeners.total
        return self._job.total
