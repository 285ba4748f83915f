"""Takes calls for the free slots: one long-lived reader. What ends at once it tells of on its way.

A cancelled read loses what was on its way to this worker's pending list; so the reader is asked
to stop, and woken by ``CLIENT UNBLOCK`` from another connection; it is cancelled only when the
session is over and that list is for others to see to. After a read that broke, the
pending list is read again from its start.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

import anyio

from lionherd_dist.errors import LionherdError, StoreUnavailableError
from lionherd_dist.runtime.executor import Executor
from lionherd_dist.runtime.finisher import Finisher
from lionherd_dist.store.calls import Calls, Recorded, Settled, Taken
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.patience import pause_s

RETAKEN_AT_ONCE = 100
FEW = 8
TURNS = 3  # of the event loop, in which a call that does not wait begins, ends and is told of


class Puller:
    """Feeds *executor* until it is stopped.

    Args:
        waker: the connection that wakes the reader.
        on_taken: called with what the executor has just been given.
    """

    def __init__(
        self,
        connection: Connection,
        waker: Connection,
        calls: Calls,
        executor: Executor,
        finisher: Finisher,
        *,
        on_taken: Callable[[Sequence[Taken]], None] | None = None,
    ) -> None:
        self._connection, self._waker = connection, waker
        self._calls, self._executor, self._finisher = calls, executor, finisher
        self._on_taken = on_taken
        self._stopping = False
        self._client_id: int | None = None
        self._waiting = anyio.CancelScope()
        self._life = anyio.CancelScope(shield=True)
        self._ended = anyio.Event()

    async def run(self) -> None:
        """Take calls until ``stop`` or ``abandon``, whatever is cancelled around it."""
        try:
            with self._life:
                await self._pull()
        finally:
            self._finisher.let_go()
            self._ended.set()

    async def _pull(self) -> None:
        broken = 0
        while not self._stopping:
            try:
                if self._client_id is None:
                    await self._reconnect()
                broken = 0
                await self._room()
                if not self._stopping:
                    await self._take()
            except StoreUnavailableError:
                self._client_id = None
                broken += 1
                with anyio.CancelScope() as self._waiting:
                    await anyio.sleep(pause_s(broken))

    async def _take(self) -> None:
        """Take calls once, or as long as they are few and end at once.

        Their ends are told in the request that reads the next: with one call at a time, that is all
        that there is to say.
        """
        ended: list[Settled] = []
        free = self._executor.free
        while True:
            if ended:
                batch = await self._tell_and_read(ended, free)
            else:
                batch = await self._calls.take(self._connection, free)
            self._accept(batch)
            if not 0 < len(batch) <= FEW:
                return
            count = sum([1 + len(taken.rest) for taken in batch])
            self._finisher.hold()
            for _ in range(TURNS):
                await asyncio.sleep(0)
                if self._finisher.waiting >= count:
                    break
            free = self._executor.free
            if self._stopping or free <= 0:
                self._finisher.let_go()
                return
            ended = self._finisher.withdraw()

    async def _tell_and_read(self, ended: list[Settled], free: int) -> list[Taken]:
        is_told = False

        def told(answer: Recorded | LionherdError | None) -> None:
            nonlocal is_told
            if not is_told:
                is_told = True
                if isinstance(answer, LionherdError):  # the finisher asks again, and sees to it
                    self._finisher.untold(ended)
                else:
                    self._finisher.told(ended, answer)

        try:
            return await self._calls.finish_and_take(self._connection, ended, free, told)
        finally:
            told(StoreUnavailableError("the connection broke"))  # unless it has been

    async def _room(self) -> None:
        if self._executor.free > 0 or self._stopping:  # nearly always
            return
        with anyio.CancelScope() as self._waiting:  # a wait on memory: this may be cancelled
            await self._executor.room()

    async def _reconnect(self) -> None:
        """Learn the connection's id, and take what was on its way when the last one broke.

        A call may end while the list that still names it is on its way here. So what counts as ours
        already is what was in hand before we asked.
        """
        client_id = await self._connection.call("CLIENT", "ID")
        after = b"0-0"
        while True:
            held = self._executor.in_hand
            batch = await self._calls.retake(self._connection, RETAKEN_AT_ONCE, after)
            if not batch:
                break
            await self._take_over([taken for taken in batch if taken.entry not in held])
            after = batch[-1].entry
        self._client_id = client_id if isinstance(client_id, int) else None

    async def _take_over(self, batch: list[Taken]) -> None:
        for taken in batch:
            await self._room()
            if self._stopping:
                return
            self._accept([taken])

    def _accept(self, batch: Sequence[Taken]) -> None:
        for taken in batch:
            self._executor.accept(taken)
        if self._on_taken is not None:
            self._on_taken(batch)

    async def stop(self) -> None:
        """Take no more, and wait until the reader has ended."""
        self._stopping = True
        self._waiting.cancel()
        if self._client_id is not None and not self._ended.is_set():
            with contextlib.suppress(LionherdError):  # then it wakes by itself within 5 s
                await self._waker.call("CLIENT", "UNBLOCK", self._client_id)
        await self._ended.wait()

    def abandon(self) -> None:
        """End at once: the session is over, and others see to what the reader may still bring."""
        self._stopping = True
        self._life.cancel()
