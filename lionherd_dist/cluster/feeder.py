"""Keeps a job supplied with calls, pulled lazily: the input may be endless."""

from collections.abc import AsyncIterable, Callable, Iterable
from functools import partial

import anyio

from lionherd_dist.background import Background
from lionherd_dist.call import Call
from lionherd_dist.carrying import carried_here
from lionherd_dist.cluster.decoding import place_note
from lionherd_dist.cluster.job import LEAST_AHEAD, Job
from lionherd_dist.cluster.link import Link
from lionherd_dist.errors import EncodeError, NotATaskError
from lionherd_dist.local.awaitables import discard
from lionherd_dist.local.pace import Pace
from lionherd_dist.local.time import sleep
from lionherd_dist.task import as_call
from lionherd_dist.wire.called import call_text, failure_note
from lionherd_dist.wire.messages import encode_call, with_traceparent

SENT_AT_ONCE = 128  # calls, however fast they come
TURNS = 5  # of the event loop, in which a request goes out, or an outcome gets to its consumer


def encoded(call: object, index: int, *, timed: bool = False) -> bytes:
    """*call*, the one at *index* of its job, as bytes; *timed* as ``encode_call`` has it.

    Raises:
        NotATaskError: it is no call.
        EncodeError: an argument cannot be sent.
    """
    try:
        return encode_call(as_call(call), timed=timed, carried=carried_here())
    except (EncodeError, NotATaskError) as error:
        error.add_note(place_note(index))
        if isinstance(call, Call):
            error.add_note(failure_note(call_text(call.task, call.args, call.kwargs)))
        raise


async def encode_all(calls: Iterable[Call[object]], check: Callable[[], None]) -> list[bytes]:
    """Each of *calls* as bytes; nothing but what *check* raises, if they could not be sent."""
    pace, payloads = Pace(), list[bytes]()
    try:
        check()
        for index, call in enumerate(calls):
            payloads.append(encoded(call, index))
            if pace.over():
                await pace.rest()
    except BaseException:  # of a call that is none, or a cancellation: none of them runs
        discard(calls)
        raise
    return payloads


class Feeder:
    """Adds calls to *job* as it has room for them; an error in them ends it.

    With *lenient*, a call that cannot be sent is an outcome of its own and the rest goes on. With
    *timed*, outcomes say when and where their calls ran. A *traceparent*, unless it is "", goes
    with each call.
    """

    def __init__(
        self, job: Job, link: Link, *, lenient: bool, timed: bool = False, traceparent: str = ""
    ) -> None:
        self._job, self._link, self._lenient = job, link, lenient
        self._timed, self._traceparent = timed, traceparent

    def fed_at_once(self, calls: object) -> bool:
        """True if *calls* are one or two that are encoded: fed now, with neither task nor wait."""
        if not isinstance(calls, list) or len(calls) > LEAST_AHEAD:
            return False
        if not all(isinstance(call, bytes) for call in calls):
            return False
        for index, call in enumerate(calls):
            self._add(call, index)
        self._finish()
        return True

    def background(self, calls: Iterable[object] | AsyncIterable[object]) -> Background:
        """What feeds *calls* for as long as a block, in time for the deadline in force here."""
        deadline = anyio.current_effective_deadline()
        return Background(partial(self._feed_until, deadline, calls))

    async def _feed_until(
        self, deadline: float, calls: Iterable[object] | AsyncIterable[object]
    ) -> None:
        with anyio.CancelScope(deadline=deadline) as scope:
            await self.feed(calls)
        if scope.cancelled_caught:
            self._job.fail(TimeoutError("the deadline was over before all calls had been given"))

    async def feed(self, calls: Iterable[object] | AsyncIterable[object]) -> None:
        """Feed *calls*, or what ``encode_all`` made of them, to their end."""
        try:
            if isinstance(calls, AsyncIterable):
                await self._feed_async(calls)
            else:
                await self._feed_plain(calls)
            self._finish()
        except Exception as error:  # noqa: BLE001 (raised again where outcomes are consumed)
            discard(calls)
            self._job.fail(error)

    def _finish(self) -> None:
        self._job.close_input()
        self._link.poke(self._job)

    async def _feed_plain(self, calls: Iterable[object]) -> None:
        pace = Pace()
        for index, call in enumerate(calls):
            self._add(call, index)
            if index % SENT_AT_ONCE == SENT_AT_ONCE - 1 or self._job.full:
                self._link.poke(self._job)
                await self._job.space()
                await sleep(0)
                pace.restart()
            elif pace.over():
                await self._let_others_work()
                await pace.rest()

    async def _feed_async(self, calls: AsyncIterable[object]) -> None:
        pace, iterator = Pace(), aiter(calls)
        try:
            index = 0
            async for call in iterator:
                self._add(call, index)
                self._link.poke(self._job)
                if self._job.full:
                    await self._job.space()
                    pace.restart()
                if pace.over():
                    await self._let_others_work()
                    await pace.rest()
                index += 1
        finally:
            close = getattr(iterator, "aclose", None)
            if close is not None:
                await close()

    async def _let_others_work(self) -> None:
        """Send what is there before more is pulled, and let what has arrived be consumed.

        Each call may take its source long, and stop the event loop for that time.
        """
        self._link.poke(self._job)
        for _ in range(TURNS):
            await sleep(0)

    def _add(self, call: object, index: int) -> None:
        try:
            data = call if isinstance(call, bytes) else encoded(call, index, timed=self._timed)
        except (EncodeError, NotATaskError) as error:
            if not self._lenient:
                raise
            self._job.add_failed(error)
        else:
            if self._job.kept and isinstance(call, Call):
                self._job.note_task(call.task)
            traceparent = self._traceparent
            self._job.add(with_traceparent(data, traceparent) if traceparent else data)
