"""One job as its client sees it: what is to be sent, what has arrived. No I/O.

    added ──taken by the writer──▶ outstanding ──outcome──▶ arrived ──taken by the consumer──▶ gone

Indexes here are those of the user's input. At the server they are the same, until the job has to
start over there: then only what has no outcome is sent again, and ``_Places`` translates.
"""

import asyncio
from collections import deque
from dataclasses import dataclass

import anyio

from lionherd_dist.settings import Settings
from lionherd_dist.store.jobs import Chunk

MOST_PER_CHUNK = 500
MOST_PENDING = 1_000  # encoded and not yet sent; the feeder pauses above it
CREDIT_SHARE = 4  # the server hears of consumption this often per cap


@dataclass(frozen=True, slots=True)
class _Places:
    """Index there to index here: first the calls sent again, then the rest in order."""

    again: tuple[int, ...] = ()
    then_from: int = 0

    def here(self, there: int) -> int:
        if there < len(self.again):
            return self.again[there]
        return there - len(self.again) + self.then_from

    def total_there(self, total_here: int) -> int:
        return total_here - self.then_from + len(self.again)


class Job:
    """The client's half of one job.

    Args:
        limit: most calls in hand over all workers; None for no limit of its own.
        deadline: when it ends, in the event loop's time; None for never.
        resubmit: send what has no outcome again, under the same indexes, if the server loses it.

    Attributes:
        id: ``session-number``; another one when the job has started over.
        received: how many outcomes have arrived.
        acknowledged: how many calls the server has accepted, of this id.
    """

    def __init__(
        self, *, limit: int | None, deadline: float | None, resubmit: bool, settings: Settings
    ) -> None:
        self.id, self._number = "", 0
        self._limit, self._deadline, self._resubmit = limit, deadline, resubmit
        self._settings = settings
        self._places = _Places()
        self._added: deque[bytes] = deque()
        self._outstanding: dict[int, bytes] = {}
        self._total: int | None = None
        self._arrived: deque[tuple[int, bytes]] = deque()
        self._consumed = self.received = self.duplicates = 0
        self._sent = self._sent_bytes = self._sent_there = self.acknowledged = 0
        self._total_told = False
        self._consumed_before = self._consumed_told = 0  # before this id; told under it
        self._error: Exception | None = None
        self._news, self._space, self.stopped = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def adopt(self, id_: str, number: int) -> None:
        """Take the id under which the server is to know it from now on."""
        self.id, self._number = id_, number

    @property
    def over(self) -> bool:
        """True if nothing more will come: every call has its outcome here, or it failed."""
        return self._error is not None or self.complete

    @property
    def complete(self) -> bool:
        """True if every call has its outcome here."""
        return self.received == self._total

    def fail(self, error: Exception) -> None:
        """Nothing more will come, for *error*; the consumer gets it after what has arrived."""
        if not self.over:
            self._error = error
        self._wake()
        self.stopped.set()

    def start_over(self) -> bool:
        """Prepare to be sent again under a new id; False if that was not asked for."""
        if self.over or not self.opened:
            return True
        if not self._resubmit:
            return False
        again = sorted(self._outstanding)
        self._places = _Places(tuple(again), self._sent)
        self._added.extendleft(self._outstanding[index] for index in reversed(again))
        self._sent -= len(again)
        self._sent_there = self.acknowledged = 0
        self._total_told = False
        self._consumed_before, self._consumed_told = self.received, 0
        return True

    # --- the feeder's side

    @property
    def full(self) -> bool:
        """True while no more calls should be added: enough is on its way."""
        unfinished = self._sent + len(self._added) - self.received
        return len(self._added) >= MOST_PENDING or unfinished >= self._ahead()

    def _ahead(self) -> int:
        """How many calls may be unfinished: fewer when they are large."""
        mean_bytes = max(1, self._sent_bytes // max(1, self._sent))
        return max(2, min(self._settings.ahead, self._settings.ahead_bytes // mean_bytes))

    async def space(self) -> None:
        """Wait until the job is no longer full."""
        while self.full and not self.over:
            self._space.clear()
            await self._space.wait()

    def add(self, call: bytes) -> None:
        """Append an encoded call; its index is the number of calls added before."""
        self._added.append(call)

    def close_input(self) -> None:
        """No call will follow."""
        self._total = self._sent + len(self._added)
        self._news.set()

    # --- the writer's side

    @property
    def opened(self) -> bool:
        """True once the server may know of it."""
        return self._sent_there > 0 or self._total_told

    @property
    def has_news_to_send(self) -> bool:
        """True if the server should hear of calls, of the end, or of room for outcomes."""
        if self._error is not None:
            return False
        if self._added:
            return True
        if self._total and not self._total_told:
            return True
        credit = self._consumed - self._consumed_before - self._consumed_told
        return not self.complete and credit >= max(1, self._settings.unread_cap // CREDIT_SHARE)

    def take_chunk(self) -> Chunk:
        """What is new, up to one chunk; it is then the writer's to deliver."""
        first = self._sent_there
        calls = [self._added.popleft() for _ in range(min(MOST_PER_CHUNK, len(self._added)))]
        for there, call in enumerate(calls, start=first):
            self._outstanding[self._places.here(there)] = call
            self._sent_bytes += len(call)
        self._sent += len(calls)
        self._sent_there += len(calls)
        last = not self._added and self._total is not None
        self._total_told = self._total_told or last
        self._consumed_told = max(0, self._consumed - self._consumed_before)
        self._space.set()
        return Chunk(
            number=self._number,
            limit=self._limit or 0,
            cap=self._settings.unread_cap,
            left_ms=self._left_ms(),
            first=first,
            total=self._places.total_there(self._total) if last and self._total else -1,
            consumed=self._consumed_told,
            calls=calls,
        )

    def _left_ms(self) -> int:
        if self._deadline is None:
            return -1
        return max(0, int((self._deadline - anyio.current_time()) * 1000))

    # --- the reader's side

    @property
    def waiting(self) -> bool:
        """True if the server owes outcomes for calls that it has accepted."""
        return self.acknowledged > 0 and bool(self._outstanding) and not self.over

    def deliver(self, outcomes: list[tuple[int, bytes]]) -> None:
        """Outcomes have arrived; one that came before, or was never asked for, counts nothing."""
        for there, outcome in outcomes:
            index = self._places.here(there)
            if self._outstanding.pop(index, None) is None:
                self.duplicates += 1
            else:
                self._arrived.append((index, outcome))
                self.received += 1
        self._wake()

    # --- the consumer's side

    def take(self) -> tuple[int, bytes]:
        """The next outcome in the order of arrival, after ``arrival`` said that one is here."""
        self._consumed += 1
        return self._arrived.popleft()

    async def arrival(self) -> bool:
        """Wait for an outcome; False if none will come any more."""
        while not self._arrived:
            if self._error is not None:
                raise self._error
            if self.complete:
                return False
            self._news.clear()
            await self._news.wait()
        return True

    def _wake(self) -> None:
        self._news.set()
        self._space.set()
