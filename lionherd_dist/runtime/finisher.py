"""Tells the server what became of calls: whatever settles while one flush is under way is the next.

No timer and no batch size to tune: one call alone is told at once, a thousand at once are told in
a few round trips (group commit).
"""

import asyncio
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

import anyio

from lionherd_dist.errors import StoreUnavailableError
from lionherd_dist.store.calls import Again, Calls, Dead, Done, Next, Recorded, Settled
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.patience import persist
from lionherd_dist.store.portion import MOST_BYTES

MOST_PER_FLUSH = 500  # keeps one script call near a millisecond or two


def _entries_going_on(batch: Sequence[Settled]) -> AbstractSet[bytes]:
    """The entries in *batch* of which another call had begun."""
    return {one.taken.entry for one in batch if isinstance(one, Next)}


def _nothing(_: Dead) -> None:
    """Nobody wants to know."""


def _name(dead: Dead) -> str:
    return f"{dead.taken.job} {dead.taken.index}"


class Finisher:
    """One long-lived sender on a connection of its own.

    Args:
        in_hand: entries taken and not yet told; what is told is removed from it.
        patience_s: silence of the server after which the session is given up.
        on_parked: called with the delay, in ms, of each call that is to be tried again.
        on_lost: called when this session is over.
        on_buried: called with each call of which the server keeps a dead letter now.
        on_told: called with what was told, and how many of it were no longer this worker's.
    """

    def __init__(
        self,
        connection: Connection,
        calls: Calls,
        in_hand: set[bytes],
        *,
        patience_s: float,
        on_parked: Callable[[int], None],
        on_lost: Callable[[], None],
        on_buried: Callable[[Dead], None] = _nothing,
        on_told: Callable[[Sequence[Settled], int], None] | None = None,
    ) -> None:
        self._connection, self._calls, self._in_hand = connection, calls, in_hand
        self._patience_s, self._on_parked, self._on_lost = patience_s, on_parked, on_lost
        self._on_told, self._on_buried = on_told, on_buried
        self._waiting: list[Settled] = []
        self._is_held, self._under_way = False, 0
        self._going_on: set[bytes] = set()  # by what is under way
        self._wake, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._life = anyio.CancelScope(shield=True)

    def put(self, settled: Settled) -> None:
        """Have *settled* told to the server; returns at once."""
        self._waiting.append(settled)
        self._idle.clear()
        if not self._is_held:
            self._wake.set()

    @property
    def waiting(self) -> int:
        """How many calls nobody has begun to tell of."""
        return len(self._waiting)

    def hold(self) -> None:
        """Tell nothing for the moment: the caller is about to ``withdraw`` what comes."""
        self._is_held = True

    def let_go(self) -> None:
        """Tell what came meanwhile, and what comes."""
        self._is_held = False
        if self._waiting:
            self._wake.set()

    def withdraw(self) -> list[Settled]:
        """What the caller tells the server of instead, and then says ``told`` or ``untold``.

        Nothing of an entry of which something is under way: on the caller's connection it could
        arrive first.
        """
        batch = self._batch()
        self.let_go()
        return batch

    def told(self, batch: list[Settled], recorded: Recorded | None) -> None:
        """Who withdrew *batch* has told of it."""
        self._arrived(batch)
        try:
            if not self._note(batch, recorded):
                self._on_lost()
        finally:
            if not self._is_held:
                self.let_go()  # what was not to overtake it
            self._rest()

    def untold(self, batch: list[Settled]) -> None:
        """Who withdrew *batch* could not tell of it."""
        self._arrived(batch)
        self._waiting[:0] = batch
        self._wake.set()

    def _rest(self) -> None:
        if not self._waiting and not self._under_way:
            self._idle.set()

    async def run(self) -> None:
        """Tell the server, until ``stop`` or the session is lost, whatever is cancelled around."""
        with self._life:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while batch := self._batch():
                    if not await self._told(batch):
                        self._on_lost()
                        return
                    self._arrived(batch)
                self._rest()

    def _batch(self) -> list[Settled]:
        """As many as fit into one request, and one at least; they are under way from here on."""
        count, size, later = 0, 0, list[Settled]()
        if self._going_on:
            later = [one for one in self._waiting if one.taken.entry in self._going_on]
            self._waiting = [one for one in self._waiting if one.taken.entry not in self._going_on]
        for settled in self._waiting:
            if count == MOST_PER_FLUSH or size >= MOST_BYTES:
                break
            count += 1
            taken = settled.taken  # it is moved, or another like it takes its place
            size += len(taken.payload) if isinstance(settled, Next) else taken.size
            if isinstance(settled, Done | Dead):
                size += len(settled.outcome)
        batch = self._waiting[:count]
        self._waiting[:count] = later
        self._under_way += len(batch)
        self._going_on |= _entries_going_on(batch)
        return batch

    def _arrived(self, batch: Sequence[Settled]) -> None:
        self._under_way -= len(batch)
        self._going_on -= _entries_going_on(batch)

    async def _told(self, batch: list[Settled]) -> bool:
        """False if the session is over, or must be taken for it."""
        try:
            recorded = await persist(
                lambda: self._calls.finish(self._connection, batch), patience_s=self._patience_s
            )
        except StoreUnavailableError:
            return False
        return self._note(batch, recorded)

    def _note(self, batch: list[Settled], recorded: Recorded | None) -> bool:
        if recorded is None:
            return False
        over = [one.taken.entry for one in batch if not isinstance(one, Next)]
        self._in_hand.difference_update(over)
        for settled in batch:
            if isinstance(settled, Again):
                self._on_parked(settled.delay_ms)
            elif isinstance(settled, Dead) and _name(settled) in recorded.letters:
                self._on_buried(settled)
        if self._on_told is not None:
            self._on_told(batch, recorded.dropped)
        return True

    async def drained(self) -> None:
        """Wait until everything put so far was told."""
        await self._idle.wait()

    def stop(self) -> None:
        """End, with whatever is still waiting untold."""
        self._life.cancel()
