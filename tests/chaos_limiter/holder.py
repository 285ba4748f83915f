"""One process of the run: ``python -m chaos_limiter.holder``, sixteen coroutines and two limiters.

What it notes, one line each; *who* is one life of one process, *n* numbers its requests, *name* is
the limiter:

- ``W who n name way coroutine session at`` it asks;
- ``S who n name fence slot session since at`` it holds a token, and since a moment between *since*
  and *at* a flock'ed slot;
- ``B who n name at`` it held the lease for good *at* that moment;
- ``E who n name believed gone`` the slot was given back before *gone*, and the lease believed good
  until *believed* (0: not for a moment);
- ``C who n name`` nobody waits any more.
"""

import itertools
import os
import random
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from typing import Literal, TypeAlias

import anyio
from chaos.notes import Notes, take_slot
from chaos.witness import here
from chaos.workers import READY

from chaos_limiter.breaking import break_limiter
from chaos_limiter.plan import API, DISK, bound_file, is_lull, slots_of
from lionherd_dist import Cluster, Settings, acquire_all
from lionherd_dist.errors import LeaseLost, LimiterWarning
from lionherd_dist.limiter.lease import Lease

Way: TypeAlias = Literal["block", "at once", "both"]

CHECK_S = 0.02
NOT_FOR_A_MOMENT = 0.0
IMPATIENT, AT_ONCE, BOTH = 1 / 8, 1 / 8, 1 / 8  # shares of the turns


class Held:
    """A lease and the slot that goes with it, noted from its beginning to its end.

    Attributes:
        good: the lease is ours, as far as it knows.
    """

    def __init__(self, notes: Notes, n: int, lease: Lease, session: str) -> None:
        self._notes, self._n, self._lease = notes, n, lease
        since = time.monotonic()
        bound = int(bound_file(here().directory, lease.limiter).read_text())
        slot, self._file = take_slot(here().directory / "slots" / slots_of(lease.limiter), bound)
        self._believed, self.good = NOT_FOR_A_MOMENT, True
        self.check()
        at = self._believed or time.monotonic()
        self._note("S", lease.fence, slot, session, since, at)

    def check(self) -> None:
        """Ask the lease, and remember a moment at which it was surely good.

        The clock is read first: what is good after that was good then, wherever we were paused.
        """
        at = time.monotonic()
        try:
            self._lease.check()
        except LeaseLost:
            self.good = False
        else:
            self._believed = at

    def tell(self) -> None:
        """Note that it is held, should we be killed."""
        self._note("B", self._believed)

    def end(self) -> None:
        """Give the slot back, before the token."""
        self.check()
        os.close(self._file)
        self._note("E", self._believed, time.monotonic())

    def _note(self, kind: str, *words: object) -> None:
        self._notes.write(kind, here().who, self._n, self._lease.limiter, *words)


class Holder:
    """What all coroutines of this process share."""

    def __init__(self, cluster: Cluster, api: int, disk: int) -> None:
        self._cluster = cluster
        self._api = cluster.capacity_limiter(API, api)
        self._disk = cluster.capacity_limiter(DISK, disk)
        self._notes = Notes(here().directory / "holds.log")
        self._numbers = itertools.count(1)
        self._dice = random.Random()

    @property
    def _session(self) -> str:
        return self._cluster._link.session_id

    async def take_turns(self, coroutine: int) -> None:
        """Ask for a token, hold it for a while, give it back; by different ways, by chance."""
        while True:
            n, way = next(self._numbers), self._way()
            names = (API, DISK) if way == "both" else (API,)
            for name in names:
                words = (here().who, n, name, way, coroutine, self._session, time.monotonic())
                self._notes.write("W", *words)
            impatient = self._dice.random() < IMPATIENT
            with anyio.move_on_after(self._dice.uniform(0.001, 0.3) if impatient else None):
                try:
                    await self._take_turn(n, way)
                except LeaseLost:
                    pass
                except anyio.WouldBlock:
                    await anyio.sleep(self._dice.uniform(0, 0.05))
            for name in names:
                self._notes.write("C", here().who, n, name)
            await anyio.sleep(self._dice.uniform(0, 0.01))

    def _way(self) -> Way:
        chance = self._dice.random()
        if chance < AT_ONCE or is_lull(time.monotonic()):
            return "at once"
        return "both" if chance < AT_ONCE + BOTH else "block"

    async def _take_turn(self, n: int, way: Way) -> None:
        match way:
            case "at once":
                await self._at_once(n)
            case "both":
                async with acquire_all(self._disk, self._api) as leases:
                    await self._hold(n, leases)
            case "block":
                async with self._api as lease:
                    await self._hold(n, [lease])

    async def _at_once(self, n: int) -> None:
        lease = await self._api.acquire_nowait()
        try:
            await self._hold(n, [lease])
        finally:
            self._api.release()

    async def _hold(self, n: int, leases: Sequence[Lease]) -> None:
        held = [Held(self._notes, n, lease, self._session) for lease in leases]
        until = time.monotonic() + self._dice.uniform(0.002, 0.06)
        try:
            while all(one.good for one in held) and time.monotonic() < until:
                for one in held:
                    one.tell()
                await anyio.sleep(min(CHECK_S, max(0.0, until - time.monotonic())))
                for one in held:
                    one.check()
        finally:
            for one in held:
                one.end()


async def hold(url: str, session_s: float, coroutines: int, api: int, disk: int) -> None:
    """Take turns until SIGTERM."""
    settings = Settings(namespace="chaos", session_s=session_s)
    with anyio.open_signal_receiver(signal.SIGTERM) as signals:
        async with Cluster(url, settings=settings) as cluster, anyio.create_task_group() as group:
            holder = Holder(cluster, api, disk)
            for coroutine in range(coroutines):
                group.start_soon(holder.take_turns, coroutine)
            print(READY, flush=True)
            async for _ in signals:
                group.cancel_scope.cancel()
                break


if __name__ == "__main__":
    warnings.simplefilter("ignore", LimiterWarning)  # of the total, which the driver changes
    if os.environ["CHAOS_BREAK"]:
        break_limiter(os.environ["CHAOS_BREAK"])
    here().watch_stalls()
    url_, session_, *numbers_ = sys.argv[1:]
    anyio.run(hold, url_, float(session_), *map(int, numbers_))
