"""One process of the run: ``python -m chaos_limiter.holder``, sixteen coroutines and one limiter.

What it notes, one line each; *who* is one life of one process, *n* numbers its requests:
``W who n coroutine session at`` it asks · ``S who n fence slot session since at`` it holds a token,
and since a moment between *since* and *at* a flock'ed slot · ``B who n at`` it held the lease for
good *at* that moment · ``E who n believed gone`` the slot was given back before *gone*, and the
lease believed good until *believed* (0: not for a moment) · ``C who n`` nobody waits any more.
"""

import itertools
import os
import random
import signal
import sys
import time
import warnings
from pathlib import Path

import anyio
from chaos.bodies import DIRECTORY, WHO, watch_stalls
from chaos.notes import Notes, take_slot
from chaos.workers import READY

from chaos_limiter.breaking import break_limiter
from chaos_limiter.plan import BOUND
from lionherd_dist import Cluster, Settings
from lionherd_dist.errors import LeaseLost, LimiterWarning
from lionherd_dist.limiter.lease import Lease

CHECK_S = 0.02
NOT_FOR_A_MOMENT = 0.0


def _believed_at(lease: Lease) -> float | None:
    """A moment at which the lease was surely good; None if it is no longer.

    The clock is read first: what is good after that was good then, wherever we were paused.
    """
    at = time.monotonic()
    try:
        lease.check()
    except LeaseLost:
        return None
    return at


class Holder:
    """What all coroutines of this process share."""

    def __init__(self, cluster: Cluster, directory: Path, who: str, total: int) -> None:
        self._cluster, self._directory, self._who = cluster, directory, who
        self._limiter = cluster.capacity_limiter("api", total)
        self._notes = Notes(directory / "holds.log")
        self._numbers = itertools.count(1)
        self._dice = random.Random()

    async def take_turns(self, coroutine: int) -> None:
        """Ask for a token, hold it for a while, give it back; one in eight is impatient."""
        while True:
            n = next(self._numbers)
            patience_s = self._dice.uniform(0.001, 0.3) if self._dice.random() < 1 / 8 else None
            session = self._cluster._link.session_id
            self._notes.write("W", self._who, n, coroutine, session, time.monotonic())
            with anyio.move_on_after(patience_s):
                try:
                    async with self._limiter as lease:
                        await self._hold(n, lease)
                except LeaseLost:
                    pass
            self._notes.write("C", self._who, n)
            await anyio.sleep(self._dice.uniform(0, 0.01))

    async def _hold(self, n: int, lease: Lease) -> None:
        since = time.monotonic()
        bound = int((self._directory / BOUND).read_text())
        slot, file = take_slot(self._directory / "slots", bound)
        session = self._cluster._link.session_id
        believed = at = _believed_at(lease)
        if at is None:
            at = time.monotonic()
        self._notes.write("S", self._who, n, lease.fence, slot, session, since, at)
        try:
            until = time.monotonic() + self._dice.uniform(0.002, 0.06)
            while believed is not None and time.monotonic() < until:
                self._notes.write("B", self._who, n, believed)
                await anyio.sleep(min(CHECK_S, max(0.0, until - time.monotonic())))
                believed = _believed_at(lease) or believed
        finally:
            believed = _believed_at(lease) or believed
            os.close(file)
            self._notes.write("E", self._who, n, believed or NOT_FOR_A_MOMENT, time.monotonic())


async def hold(url: str, session_s: float, coroutines: int, total: int) -> None:
    """Take turns until SIGTERM."""
    settings = Settings(namespace="chaos", session_s=session_s)
    with anyio.open_signal_receiver(signal.SIGTERM) as signals:
        async with Cluster(url, settings=settings) as cluster, anyio.create_task_group() as group:
            holder = Holder(cluster, DIRECTORY, WHO, total)
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
    watch_stalls()
    url_, session_, coroutines_, total_ = sys.argv[1:]
    anyio.run(hold, url_, float(session_), int(coroutines_), int(total_))
