"""One run from start to end; every process of it is gone afterwards."""

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import anyio
import anyio.to_thread
from chaos.driver import keep_evidence
from chaos.plan import FULL as WORKING
from chaos.records import Records
from chaos.server import chaos_server
from chaos.watch import KEYS, names
from chaos.workers import Place, WorkerProgram, environment

from chaos_limiter.evidence import Ledger, Sample, read_turns
from chaos_limiter.plan import BOUND, MOST_TOKENS, Event, Plan, schedule
from chaos_limiter.referee import Findings, judge
from lionherd_dist import Cluster, Settings
from lionherd_dist.embedded.child import Child
from lionherd_dist.limiter.shared import SharedLimiter
from lionherd_dist.store.connection import Connection

TARGET_S = 10.0  # an event waits so long for a process that it can be done to
START_S = 60.0
GONE_S = 20.0
SAMPLE_EVERY_S = 0.005
PROGRESS_S = 5.0
NAME = "api"
LOOK = """
local key = KEYS[1]
local found = redis.call('HMGET', key, 'total', 'fence')
return {redis.call('ZCARD', key .. ':held'), found[1], found[2]}
"""


class HolderProgram:
    """A process whose coroutines take turns at the limiter."""

    ends: Sequence[int] = ()

    def __init__(self, plan: Plan, url: str, directory: Path) -> None:
        self._plan, self._url, self._directory = plan, url, directory

    async def start(self, who: str) -> Child:
        """One life of it."""
        plan = self._plan
        numbers = (plan.session_s, plan.coroutines, plan.first_total)
        return await Child.start(
            [sys.executable, "-m", "chaos_limiter.holder", self._url, *map(str, numbers)],
            env=environment(self._directory, who, plan.broken),
        )


class Run:
    """What one run is made of."""

    def __init__(self, plan: Plan, url: str, directory: Path) -> None:
        self.plan, self.directory, self.records, self.ledger = plan, directory, Records(), Ledger()
        program = HolderProgram(plan, url, directory)
        self.places = [Place(n, program, self.records) for n in range(plan.processes)]
        self._worker = WorkerProgram(replace(WORKING, session_s=plan.session_s), url, directory)
        self._connection = Connection(url, name="chaos-watch")
        self._cluster = Cluster(url, settings=Settings(namespace="chaos", session_s=plan.session_s))
        self._began_at = time.monotonic()
        self._resizing = anyio.Lock()

    async def run(self) -> None:
        """Start all, do the events, see everybody go on, stop all, and look what is left."""
        self._set_slots(self.plan.first_total, time.monotonic())
        async with anyio.create_task_group() as working:
            try:
                async with self._cluster as cluster:
                    limiter = cluster.capacity_limiter(NAME, self.plan.first_total)
                    await self._resize(limiter, self.plan.first_total)
                    for place in self.places:
                        working.start_soon(place.live)
                    working.start_soon(self._watch)
                    working.start_soon(self._tell)
                    await self._all_ready()
                    await self._play(limiter)
                    await self._all_go_on()
                    async with anyio.create_task_group() as stopping:
                        for place in self.places:
                            stopping.start_soon(place.stop)
                await self._see_nothing_left()
            finally:
                working.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await self._connection.close()

    # --- the events

    async def _play(self, limiter: SharedLimiter) -> None:
        self._began_at = time.monotonic()
        async with anyio.create_task_group() as pauses:
            for event in schedule(self.plan):
                await anyio.sleep(max(0.0, event.at_s - (time.monotonic() - self._began_at)))
                if event.deed == "resize":
                    await self._resize(limiter, 1 + int(event.dice * MOST_TOKENS))
                elif event.deed == "pause":
                    pauses.start_soon(self._harm, event)
                else:
                    await self._harm(event)

    async def _harm(self, event: Event) -> None:
        """Kill or pause a process that is fit for it; nothing if there is none in time."""
        fit: list[Place] = []
        with anyio.move_on_after(TARGET_S):
            while not (fit := [place for place in self.places if place.ready]):  # noqa: ASYNC110
                await anyio.sleep(0.02)
        if not fit:
            return
        target = fit[int(event.dice * len(fit))]
        if event.deed == "kill":
            target.kill()
            self.records.kills += 1
        else:
            self.records.pauses += 1
            await target.pause(event.for_s)

    async def _resize(self, limiter: SharedLimiter, total: int) -> None:
        """More slots before there are more tokens; fewer only when so few tokens are lent."""
        async with self._resizing:
            now = time.monotonic()
            if total > self._slots:
                self._set_slots(total, now)
            await limiter.set_total_tokens(total)
            self.ledger.totals.steps.append((now, time.monotonic(), total))

    @property
    def _slots(self) -> int:
        return self.ledger.slots.steps[-1][2]

    def _set_slots(self, count: int, asked_at: float) -> None:
        new = self.directory / f"{BOUND}.new"
        new.write_text(str(count))
        new.replace(self.directory / BOUND)
        self.ledger.slots.steps.append((asked_at, time.monotonic(), count))

    # --- watching

    async def _watch(self) -> None:
        """Ask the server how many tokens are lent, again and again."""
        while True:
            async with self._resizing:  # or what is seen may be of before, and the total of after
                await self._look()
            await anyio.sleep(SAMPLE_EVERY_S)

    async def _look(self) -> None:
        before = time.monotonic()
        reply = await self._connection.call("EVAL", LOOK, "1", KEYS.limit(NAME))
        held, total, fence = cast("tuple[int, bytes | None, bytes | None]", reply)
        if total is None or fence is None:
            return
        sample = Sample(before, time.monotonic(), held, int(total), int(fence))
        self.ledger.samples.append(sample)
        if held <= sample.total == self.ledger.totals.steps[-1][2] < self._slots:
            self._set_slots(sample.total, before)

    async def _all_ready(self) -> None:
        with anyio.move_on_after(START_S):
            while not all(place.ready for place in self.places):  # noqa: ASYNC110
                await anyio.sleep(0.05)

    async def _all_go_on(self) -> None:
        """Every coroutine is given a token once more, or something hangs."""
        await self._all_ready()
        since = time.monotonic()
        lives = {place.who for place in self.places}
        wanted = {(who, number) for who in lives for number in range(self.plan.coroutines)}
        with anyio.move_on_after(self.plan.patience_s) as patience:
            while not wanted <= await anyio.to_thread.run_sync(self._served, since):  # noqa: ASYNC110
                await anyio.sleep(0.5)
        self.records.hung = patience.cancelled_caught

    def _served(self, since: float) -> set[tuple[str, int]]:
        turns = read_turns(self.directory, self.records)
        return {(turn.who, turn.coroutine) for turn in turns if since <= turn.at < math.inf}

    async def _see_nothing_left(self) -> None:
        """All left: the total stays, as somebody set it, and nothing else.

        Sessions of killed processes are reaped by workers: one comes, and leaves.
        """
        worker = Place(len(self.places), self._worker, self.records)
        async with anyio.create_task_group() as reaping:
            reaping.start_soon(worker.live)
            with anyio.move_on_after(GONE_S):
                while not worker.ready or await self._dead_sessions():  # noqa: ASYNC110
                    await anyio.sleep(0.1)
            await worker.stop()
        with anyio.move_on_after(GONE_S):
            while left := await self._keys():
                self.records.keys_left = left
                await anyio.sleep(0.1)
        self.records.keys_left = await self._keys()

    async def _dead_sessions(self) -> bool:
        """True while there is one beside the worker's own."""
        count = await self._connection.call("ZCARD", KEYS.sessions)
        return isinstance(count, int) and count > 1

    async def _keys(self) -> list[str]:
        kept = {KEYS.limit(NAME), KEYS.prefix + "limits"}
        return [name for name in await names(self._connection, "*") if name not in kept]

    async def _tell(self) -> None:
        while True:
            await anyio.sleep(PROGRESS_S)
            done, ready = self.records, sum(place.ready for place in self.places)
            print(
                f"{time.monotonic() - self._began_at:6.1f} s: {done.kills} kills, "
                f"{done.pauses} pauses, total {self.ledger.totals.steps[-1][2]}, "
                f"{ready} processes ready",
                file=sys.stderr,
                flush=True,
            )


async def run_chaos(plan: Plan, *, keep: Path | None = None) -> Findings:
    """What the referee finds after a run of *plan*; the evidence is copied into *keep*."""
    async with chaos_server() as (server, directory):
        run = Run(plan, server.url, directory)
        await run.run()
        if keep is not None:
            keep_evidence(directory, run.records, keep)
        return judge(plan, directory, run.records, run.ledger)
