"""One job as its client sees it: what is to be sent, what has arrived. No I/O.

pending ──taken by the writer──▶ at the server ──▶ arrived ──taken by the consumer──▶ consumed
"""

import asyncio
from collections import deque

from lionherd_dist.settings import Settings
from lionherd_dist.store.jobs import Chunk

MOST_PER_CHUNK = 500
MOST_PENDING = 1_000  # encoded and not yet sent; the feeder pauses above it
CREDIT_SHARE = 4  # the server hears of consumption this often per cap


class Job:
    """The client's half of one job.

    Args:
        id: ``session-number``.
        limit: most calls in hand over all workers; None for no limit of its own.
        left_ms: milliseconds to the deadline at the time of opening; -1 for none.
    """

    def __init__(
        self, id_: str, number: int, *, limit: int | None, left_ms: int, settings: Settings
    ) -> None:
        self.id, self.number, self.limit, self.left_ms = id_, number, limit, left_ms
        self._settings = settings
        self._pending: deque[bytes] = deque()
        self._sent = 0
        self._sent_bytes = 0
        self._total = -1
        self._total_told = False
        self._arrived: deque[tuple[int, bytes]] = deque()
        self._received = 0
        self._consumed = 0
        self._consumed_told = 0
        self._error: Exception | None = None
        self._news, self._space, self.stopped = asyncio.Event(), asyncio.Event(), asyncio.Event()

    # --- the feeder's side

    @property
    def full(self) -> bool:
        """True while no more calls should be added: enough is on its way."""
        if len(self._pending) >= MOST_PENDING:
            return True
        unfinished = self._sent + len(self._pending) - self._received
        return unfinished >= self._ahead()

    def _ahead(self) -> int:
        """How many calls may be unfinished: fewer when they are large, never below the limit."""
        mean_bytes = max(1, self._sent_bytes // max(1, self._sent))
        by_size = min(self._settings.ahead, self._settings.ahead_bytes // mean_bytes)
        return max(1, by_size, min(2 * (self.limit or 1), self._settings.ahead))

    async def space(self) -> None:
        """Wait until the job is no longer full."""
        while self.full:
            self._space.clear()
            await self._space.wait()

    def add(self, call: bytes) -> None:
        """Append an encoded call; its index is the number of calls added before."""
        self._pending.append(call)

    def close_input(self) -> None:
        """No call will follow."""
        self._total = self._sent + len(self._pending)
        self._news.set()

    # --- the writer's side

    @property
    def opened(self) -> bool:
        """True once something was sent, or is being sent."""
        return self._sent > 0 or self._total_told

    @property
    def has_news_to_send(self) -> bool:
        """True if the server should hear of calls, of the end, or of room for outcomes."""
        if self._pending:
            return True
        if self._total >= 0 and not self._total_told:
            return self._total > 0
        return self._credit_due and not self.complete

    @property
    def _credit_due(self) -> bool:
        unread = self._consumed - self._consumed_told
        return unread >= max(1, self._settings.unread_cap // CREDIT_SHARE)

    def take_chunk(self) -> Chunk:
        """What is new, up to one chunk; it is then the writer's to deliver."""
        first = self._sent
        calls = [self._pending.popleft() for _ in range(min(MOST_PER_CHUNK, len(self._pending)))]
        self._sent += len(calls)
        self._sent_bytes += sum(map(len, calls))
        last = not self._pending and self._total >= 0
        self._total_told = self._total_told or last
        self._consumed_told = self._consumed
        self._space.set()
        return Chunk(
            number=self.number,
            limit=self.limit or 0,
            cap=self._settings.unread_cap,
            left_ms=self.left_ms,
            first=first,
            total=self._total if last else -1,
            consumed=self._consumed,
            calls=calls,
        )

    # --- the reader's side

    def deliver(self, outcomes: list[tuple[int, bytes]]) -> None:
        """Outcomes have arrived."""
        self._arrived.extend(outcomes)
        self._received += len(outcomes)
        self._news.set()
        self._space.set()

    def fail(self, error: Exception) -> None:
        """Nothing more will come, for *error*; the consumer gets it after what has arrived."""
        self._error = self._error or error
        self._news.set()
        self._space.set()
        self.stopped.set()

    # --- the consumer's side

    @property
    def complete(self) -> bool:
        """True if every call has its outcome here."""
        return self._received == self._total

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
