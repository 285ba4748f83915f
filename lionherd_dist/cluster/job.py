"""One job as its client sees it: what is to be sent, what has arrived. No I/O.

    added ──taken by the writer──▶ outstanding ──outcome──▶ arrived ──taken by the consumer──▶ gone

Indexes are those of the user's input. The server numbers what it is sent; the two differ where a
call could not be encoded, or where the job had to start over and only the rest was sent again.
"""

import asyncio
from collections import deque
from itertools import islice
from operator import itemgetter

import anyio

from lionherd_dist.settings import Settings
from lionherd_dist.store.jobs import Chunk, Tokens

MOST_PER_CHUNK = 500
MOST_PENDING = 1_000  # encoded and not yet sent; the feeder pauses above it
LEAST_AHEAD = 2  # calls that may be unfinished, however large they are
MANY = 64  # outcomes that are still to come
REFILL_SHARE = 8  # a job that was full takes calls again when this part of it has room
UNLIMITED = 2**53 - 1  # the largest count of which Lua still knows the next
UNREAD_BYTES = 64 * 2**20  # of outcomes that wait for the consumer, by the size of those before
CREDIT_SHARE = 4  # the server hears of consumption this often per cap
MOST_TASKS = 20  # names of tasks that the server is told of a job that is kept


def left_early() -> RuntimeError:
    """For a task that still reads a stream which was left, or begins to."""
    return RuntimeError("this stream was left before its last outcome")


class Job:
    """The client's half of one job.

    Args:
        limit: most calls in hand over all workers, or the limiter of which each needs a token;
            None for no limit of its own.
        deadline: when it ends, in the event loop's time; None for never.
        resubmit: send what has no outcome again, under the same indexes, if the server loses it.
        keep_ms: 0, or how long outcomes are kept for others: then none arrive here.
        label: what people call a job that is kept.

    Attributes:
        id: ``session-number``, once it is being sent; another one when it has started over.
        received: how many outcomes have arrived.
        acknowledged: how many calls the server has accepted, of this id.
    """

    id: str
    received: int
    duplicates: int
    acknowledged: int
    stopped: asyncio.Event

    def __init__(
        self,
        *,
        limit: int | Tokens | None,
        deadline: float | None,
        resubmit: bool,
        settings: Settings,
        keep_ms: int = 0,
        label: str = "",
    ) -> None:
        self.id, self._number = "", 0
        self._limit, self._deadline, self._resubmit = limit, deadline, resubmit
        self._settings, self._keep_ms = settings, keep_ms
        self._label, self._tasks, self._tasks_told = label, dict[str, None](), 0
        self._added: deque[tuple[int, bytes]] = deque()
        self._outstanding: dict[int, tuple[int, bytes]] = {}  # by the server's number
        self._count = 0
        self._total: int | None = None
        self._arrived: deque[tuple[int, bytes | Exception]] = deque()
        self._consumed = self.received = self.duplicates = 0
        self._received_bytes = self._cap_told = 0
        self._cap = settings.unread_cap  # outcomes that may wait for the consumer
        self._sent_bytes = self._sent_there = self.acknowledged = 0
        self._ahead = self._most_ahead()
        self._total_told = self._answered = False
        self._consumed_before = self._consumed_told = 0  # before this id; told under it
        self._error: Exception | None = None
        self._news, self._space, self.stopped = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def adopt(self, id_: str, number: int) -> None:
        """Take the id under which the server is to know it from now on."""
        self.id, self._number = id_, number

    @property
    def kept(self) -> bool:
        """True if it outlives the session that sends it, once the server has all of its calls."""
        return self._keep_ms > 0

    @property
    def added(self) -> int:
        """How many calls it was given so far, those included that could not be encoded."""
        return self._count

    @property
    def over(self) -> bool:
        """True if nothing more will come: every call has its outcome here, or it failed."""
        return self._error is not None or self.complete

    @property
    def total(self) -> int | None:
        """How many calls it has; None while more may follow."""
        return self._total

    @property
    def accepted(self) -> bool:
        """True if the server has all of its calls, and knows that they are all."""
        if self._total == 0:
            return True
        return self._total_told and self.acknowledged == self._sent_there

    async def until_accepted(self) -> None:
        """Wait until the server has all of its calls."""
        while not self.accepted:
            if self._error is not None:
                raise self._error
            self._news.clear()
            await self._news.wait()

    def acknowledge(self, count: int) -> None:
        """The server has accepted *count* calls; -1: it says that the job is over, or unknown."""
        self._answered = True
        self.acknowledged = max(self.acknowledged, count)
        if self._keep_ms:  # no outcome will come for them here: they need not be remembered
            for there in [there for there in self._outstanding if there < count]:
                del self._outstanding[there]
            self._wake()

    @property
    def complete(self) -> bool:
        """True if every call has its outcome here."""
        return self.received == self._total

    def fail(self, error: Exception) -> None:
        """Nothing more will come, for *error*; the consumer gets it after what has arrived."""
        self.end(error)
        self.stopped.set()

    def end(self, error: Exception) -> None:
        """The same, while some of its calls may still be stopping on the workers."""
        if not self.over:
            self._error = error
        self._wake()

    def drop_error(self) -> None:
        """Nobody consumes any more: let go of the error, whose traceback holds the consumer."""
        if self._error is not None:
            self._error = left_early()

    def start_over(self) -> bool:
        """Prepare to be sent again under a new id; False if that was not asked for."""
        if self.over:
            return True
        if self.opened and not self._resubmit:
            return False
        self.id = ""
        again = sorted(self._outstanding.values(), key=itemgetter(0))
        self._added.extendleft(reversed(again))
        self._outstanding.clear()
        self._sent_there = self._sent_bytes = self.acknowledged = 0
        self._total_told = self._answered = False
        self._consumed_before, self._consumed_told = self._consumed + self._unread(), 0
        return True

    def _unread(self) -> int:
        return sum(isinstance(outcome, bytes) for _, outcome in self._arrived)

    # --- the feeder's side

    @property
    def full(self) -> bool:
        """True while no more calls should be added: enough is on its way."""
        unfinished = len(self._outstanding) + len(self._added)
        unread = len(self._arrived) >= 2 * self._cap
        return unread or len(self._added) >= MOST_PENDING or unfinished >= self._ahead

    def _most_ahead(self) -> int:
        """How many calls may be unfinished: fewer when they are large."""
        mean_bytes = max(1, self._sent_bytes // max(1, self._sent_there))
        most = min(self._settings.ahead, self._settings.ahead_bytes // mean_bytes)
        return max(LEAST_AHEAD, most)

    async def space(self) -> None:
        """If the job is full, wait until it has room for many calls: they are one request then."""
        waits = self.full
        while waits and not self.over:
            self._space.clear()
            await self._space.wait()
            waits = self.full or not self._can_refill()

    def _can_refill(self) -> bool:
        unfinished = len(self._outstanding) + len(self._added)
        return unfinished <= self._ahead - max(1, self._ahead // REFILL_SHARE)

    def add(self, call: bytes) -> None:
        """Append an encoded call; its index is the number of calls before."""
        self._added.append((self._count, call))
        self._count += 1

    def note_task(self, name: str) -> None:
        """A call of the task *name* is among its calls."""
        if name not in self._tasks and len(self._tasks) < MOST_TASKS:
            self._tasks[name] = None

    def add_failed(self, error: Exception) -> None:
        """Append a call that cannot be sent: its outcome is here already."""
        self._arrived.append((self._count, error))
        self._count += 1
        self.received += 1
        self._wake()

    def close_input(self) -> None:
        """No call will follow."""
        self._total = self._count
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
        if self._total is not None and self._sent_there and not self._total_told:
            return True
        credit = self._consumed - self._consumed_before - self._consumed_told
        has_credit = credit >= max(1, self._cap // CREDIT_SHARE)
        return not self.complete and (has_credit or self.cap_is_news)

    @property
    def cap_is_news(self) -> bool:
        """True if the server should hear that outcomes are larger, or smaller, than they were."""
        told, cap = self._cap_told, self._cap
        return told > 0 and told != cap and not told < 2 * cap < 4 * told and not self._keep_ms

    def _fit_cap(self) -> None:
        fit = UNREAD_BYTES * self.received // max(1, self._received_bytes)
        self._cap = max(1, min(self._settings.unread_cap, fit))

    def tell_again(self, consumed: int) -> None:
        """The server knows of *consumed* outcomes only; it is to hear of the rest again."""
        self._consumed_told = min(self._consumed_told, consumed)

    def take_chunk(self, room: int) -> Chunk:
        """What is new, up to *room* bytes and one call; it is then the writer's to deliver."""
        first, sent_before = self._sent_there, self._sent_bytes
        taken: list[tuple[int, bytes]] = []
        while self._added and len(taken) < MOST_PER_CHUNK and self._sent_bytes - sent_before < room:
            taken.append(self._added.popleft())
            self._sent_bytes += len(taken[-1][1])
        self._outstanding.update(enumerate(taken, start=first))
        self._sent_there += len(taken)
        self._ahead = self._most_ahead()
        last = not self._added and self._total is not None
        self._total_told = self._total_told or last
        self._cap_told = self._cap
        self._consumed_told = max(0, self._consumed - self._consumed_before)
        tasks = list(self._tasks) if len(self._tasks) > self._tasks_told else []
        self._tasks_told = len(self._tasks)
        self._space.set()
        return Chunk(
            number=self._number,
            limit=self._limit if isinstance(self._limit, int) else 0,
            limiter=self._limit if isinstance(self._limit, Tokens) else None,
            cap=UNLIMITED if self._keep_ms else self._cap,
            left_ms=self._left_ms(),
            keep_ms=self._keep_ms,
            first=first,
            total=self._sent_there if last else -1,
            consumed=self._consumed_told,
            calls=[call for _, call in taken],
            label=self._label if first == 0 else "",
            tasks=tasks,
        )

    def _left_ms(self) -> int:
        if self._deadline is None:
            return -1
        return max(0, int((self._deadline - anyio.current_time()) * 1000))

    # --- the reader's side

    @property
    def waiting(self) -> bool:
        """True if the server owes outcomes for calls that it has accepted."""
        return self._answered and bool(self._outstanding) and not self.over

    @property
    def received_here(self) -> int:
        """How many outcomes have arrived under this id."""
        return self._sent_there - len(self._outstanding)

    def first_waiting(self, most: int) -> list[bytes]:
        """The first calls that the server owes outcomes for, as they were encoded."""
        return [call for _, call in islice(self._outstanding.values(), most)]

    @property
    def owed_many(self) -> bool:
        """True if it waits for so many outcomes that no next call depends on the next of them."""
        return len(self._outstanding) >= MANY

    def deliver(self, outcomes: list[tuple[int, bytes]]) -> None:
        """Outcomes have arrived; one that came before, or was never asked for, counts nothing."""
        for there, outcome in outcomes:
            call = self._outstanding.pop(there, None)
            if call is None:
                self.duplicates += 1
            else:
                self._arrived.append((call[0], outcome))
                self._received_bytes += len(outcome)
                self.received += 1
        self._fit_cap()
        self._wake()

    # --- the consumer's side

    def take(self) -> tuple[int, bytes | Exception]:
        """The next outcome in the order of arrival, after ``arrival`` said that one is here.

        Encoded, or the error of a call that could not be sent.
        """
        index, outcome = self._arrived.popleft()
        self._space.set()
        if isinstance(outcome, bytes):
            self._consumed += 1
        return index, outcome

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
