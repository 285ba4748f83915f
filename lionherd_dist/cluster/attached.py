"""Reading a submitted job's outcomes, in any process: going on where the last reader stopped."""

import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Generic, Self, TypeVar, cast

import anyio

from lionherd_dist.background import finish
from lionherd_dist.call import Failure, Success
from lionherd_dist.cluster.decoding import opened, place_note
from lionherd_dist.cluster.job import left_early
from lionherd_dist.cluster.lines import Reader
from lionherd_dist.cluster.link import Link
from lionherd_dist.cluster.no_worker import ReaderWaits
from lionherd_dist.cluster.telling import Listeners, OnProgress, Teller
from lionherd_dist.cluster.trace import UNTRACED, Trace
from lionherd_dist.errors import (
    JobLostError,
    JobNotFoundError,
    JobTakenError,
    LionherdError,
    RemoteError,
)
from lionherd_dist.logs import note
from lionherd_dist.natives import note_on
from lionherd_dist.store import kept
from lionherd_dist.store.evictions import asked_for_evictions
from lionherd_dist.store.jobs import Broken, Known, check_jobs
from lionherd_dist.store.patience import persist

R = TypeVar("R")

DETACH_S = 2.0
JUST_AFTER_S = 0.05  # the end of a session, by a clock that is not quite the server's
WAITS = "waits for another reader's session to end"
BEGINNING = b"0-0"
BROKEN = "some of what the server had accepted is gone from it"
GONE = "it was cancelled, was kept no longer, or the server lost it"


class AttachedStream(Generic[R]):
    """``(index, result or exception)`` in the order of completion, from where the last reader was.

    Asking for the next outcome says that the one before is done with: it is never given again, to
    anybody. After the last one the job is gone.

    What is done with is no longer at the server, so all that is there is to be read. A server that
    lost the end of its log may know less of it than we do: outcomes that it holds for unread are
    told again, and those that it made anew are not given again.
    """

    def __init__(
        self,
        link: Link,
        job: str,
        *,
        patience_s: float,
        wait_s: float,
        progress: OnProgress | bool,
    ) -> None:
        self._link, self._job, self._patience_s = link, job, patience_s
        self._wait_s = wait_s
        self._progress = progress
        self._teller: Teller | None = None
        self._stack = AsyncExitStack()
        self._reader: Reader | None = None
        self._portion = kept.portion()
        self._arrived: deque[kept.Kept] = deque()
        self._given: kept.Kept | None = None
        self._after = BEGINNING
        self._made_anew: set[int] = set()
        self._read, self._total = 0, -1
        self._ended = self._is_left = False
        self._reading = anyio.CancelScope()
        self._waits = ReaderWaits()
        self._trace: Trace = UNTRACED

    async def __aenter__(self) -> Self:
        teller = None
        if self._progress:  # first: a bar that cannot be drawn keeps nobody out
            teller = Teller(Listeners(self._progress), self._known_total)
        async with AsyncExitStack() as stack:
            stack.enter_context(self._link.jobs.attached(self._job))
            reader = await stack.enter_async_context(self._link.reader("attach"))
            try:
                place = await self._attached_in_time(reader)
            except BaseException:
                await self._leave(reader)  # it may have been carried out, and nobody was told
                raise
            match place:
                case kept.Gone():
                    raise JobNotFoundError(
                        f"there is no job {self._job!r} to attach to: it was read to its end, "
                        "cancelled, or kept no longer; or the id is wrong"
                    )
                case kept.Taken(other):
                    raise JobTakenError(
                        f"job {self._job} is being read by {other}; one reader at a time does: "
                        "wait_s=, or --wait, waits for the end of its session"
                    )
                case kept.Place(read, total):
                    self._read, self._total = read, total
            if teller is not None:
                teller.resumed(self._read)
                stack.callback(teller.end)
            self._reader, self._teller = reader, teller
            self._trace = self._link.tracing.attach(self._job)
            self._stack = stack.pop_all()
        return self

    async def _attached_in_time(self, reader: Reader) -> kept.Attached:
        """Become the job's reader; while another one's session lasts, wait for its end.

        One that was killed keeps the job that long. It renews nothing, so the server is asked again
        when the session can be over, and not before.
        """
        # A session that was renewed just before is to have ended within a wait of its length.
        deadline = anyio.current_time() + (self._wait_s and self._wait_s + 2 * JUST_AFTER_S)
        is_told = False
        while True:
            place = await persist(lambda: self._attached(reader), patience_s=self._patience_s)
            left_s = deadline - anyio.current_time()
            if not isinstance(place, kept.Taken) or left_s <= 0:
                return place
            if not is_told:
                note(
                    logging.WARNING, WAITS, job=self._job, reader=place.reader, wait_s=round(left_s)
                )
                is_told = True
            await anyio.sleep(min(left_s, await self._lasts_s(reader, place.reader)))

    async def _lasts_s(self, reader: Reader, other: str) -> float:
        left_ms = await persist(
            lambda: kept.reader_left_ms(reader.connection, reader.keys, other),
            patience_s=self._patience_s,
        )
        return left_ms / 1000 + JUST_AFTER_S

    async def _attached(self, reader: Reader) -> kept.Attached:
        """Become the job's reader; from one of our own that has left, if the server forgot that."""
        connection, keys = reader.connection, reader.keys
        place = await kept.attach(connection, keys, reader.name, self._job)
        match place:
            case kept.Taken(other) if (
                other.partition("/")[0] == reader.name.partition("/")[0]
                and other not in self._link.reading
            ):
                await kept.detach(connection, keys, other, self._job)
                return await kept.attach(connection, keys, reader.name, self._job)
        return place

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._link.home.is_forked or self._is_left:
            return
        reader = self._entered
        self._is_left = True
        self._reading.cancel()  # a task that still reads would open the connection again
        try:
            await finish(self._closed(reader))
        finally:
            self._trace.end(error)

    async def _closed(self, reader: Reader) -> None:
        await self._leave(reader)
        await self._stack.aclose()

    async def _leave(self, reader: Reader) -> None:
        with anyio.move_on_after(DETACH_S, shield=True), suppress(LionherdError):
            await kept.detach(reader.connection, reader.keys, reader.name, self._job)

    @property
    def _entered(self) -> Reader:
        if self._reader is None:
            raise RuntimeError("enter the stream first: async with cluster.attach(...) as stream")
        return self._reader

    def _known_total(self) -> int | None:
        return None if self._total < 0 else self._total  # it is still being sent

    def __aiter__(self) -> AsyncIterator[tuple[int, R | Exception]]:
        _ = self._entered
        return self

    async def __anext__(self) -> tuple[int, R | Exception]:
        if not self._is_left:
            with anyio.CancelScope() as self._reading:
                await self._read_on()
        if self._is_left:
            raise left_early()
        if self._ended:
            raise StopAsyncIteration
        self._given = self._arrived.popleft()
        index, data = self._given.index, self._given.outcome
        outcome = self._trace.read(opened(data, self._link.seal, self._job, index))
        if self._teller is not None:
            self._teller.consumed(outcome)
        match outcome:
            case Success(value):
                return index, cast("R", value)
            case Failure(error):
                note_on(error, place_note(index))
                return index, error
            case _:
                return index, RemoteError("Cancelled", "the call was cancelled")

    async def _read_on(self) -> None:
        await self._done_with_given()
        while not self._ended and not self._arrived:
            await self._fetch()
            await self._skip_made_anew()

    async def _done_with_given(self) -> None:
        if self._given is not None:
            read = self._read
            await self._advance(self._given)
            if self._read <= read:  # it was not there, or what was before it was forgotten
                self._made_anew.add(self._given.index)
            self._given = None
            await self._skip_made_anew()

    async def _skip_made_anew(self) -> None:
        """Say of outcomes whose like was done with before the loss that they are, too."""
        while self._arrived and self._arrived[0].index in self._made_anew:
            await self._advance(self._arrived.popleft())

    async def _advance(self, done: kept.Kept) -> None:
        reader = self._entered
        advanced = await persist(
            lambda: kept.advance(
                reader.connection, reader.keys, reader.name, self._job, done.entry
            ),
            patience_s=self._patience_s,
        )
        match advanced:
            case kept.Displaced():
                raise JobTakenError(f"this process was held dead, and job {self._job} given on")
            case kept.Noted(read, total):
                self._read, self._total = read, total
            case kept.Gone() if self._read + 1 == self._total:
                self._read += 1  # it was the last, and the first answer was lost
            case kept.Gone():
                raise JobLostError(self._job, self._read, GONE)
        self._ended = self._read == self._total

    async def _fetch(self) -> None:
        """Wait a while for the next outcomes; then for any that the server holds for unread."""
        if await self._fetch_after(self._after) or await self._fetch_after(BEGINNING):
            return
        reader = self._entered
        (known,) = await persist(
            lambda: check_jobs(reader.connection, reader.keys, [self._job]),
            patience_s=self._patience_s,
        )
        if not isinstance(known, Known):
            lost = BROKEN if isinstance(known, Broken) else GONE
            lost += await asked_for_evictions(reader.connection)
            raise JobLostError(self._job, self._read, lost)
        await self._waits.look(reader.connection, reader.keys, self._job)

    async def _fetch_after(self, entry: bytes) -> bool:
        reader = self._entered
        batch = await persist(
            lambda: kept.read(reader.connection, reader.keys, self._job, entry, self._portion),
            patience_s=self._patience_s,
        )
        for one in batch:
            if _place(one.entry) <= _place(self._after):  # the server forgot that it was done with
                await self._advance(one)
            else:
                self._waits.begin()
                self._after = one.entry
                self._arrived.append(one)
        return bool(batch)


def _place(entry: bytes) -> tuple[int, int]:
    ms, _, sequence = entry.partition(b"-")
    return int(ms), int(sequence)
