"""One run from start to end; every process of it is gone afterwards."""

import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import anyio
import anyio.to_thread
from chaos.driver import keep_evidence
from chaos.records import Records
from chaos.schedule import Event
from chaos.server import chaos_server
from chaos.watch import KEYS, names
from chaos.workers import Place, WorkerProgram, environment

from chaos_limiter.counter import Counter
from chaos_limiter.evidence import read_turns
from chaos_limiter.jobs import Jobs
from chaos_limiter.plan import API, DISK, DISK_TOKENS, MOST_TOKENS, Plan, events
from chaos_limiter.referee import Findings, judge
from lionherd_dist import Cluster, Settings
from lionherd_dist.embedded.child import Child
from lionherd_dist.limiter.shared import SharedLimiter
from lionherd_dist.store.connection import Connection

TARGET_S = 10.0  # an event waits so long for a process that it can be done to
START_S = 60.0
GONE_S = 20.0
PROGRESS_S = 5.0


class HolderProgram:
    """A process whose coroutines take turns at the limiter."""

    ends: Sequence[int] = ()

    def __init__(self, plan: Plan, url: str, directory: Path) -> None:
        self._plan, self._url, self._directory = plan, url, directory

    async def start(self, who: str) -> Child:
        """One life of it."""
        plan = self._plan
        numbers = (plan.session_s, plan.coroutines, plan.first_total, DISK_TOKENS)
        return await Child.start(
            [sys.executable, "-m", "chaos_limiter.holder", self._url, *map(str, numbers)],
            env=environment(self._directory, who, plan.broken),
        )


class Run:
    """What one run is made of."""

    def __init__(self, plan: Plan, url: str, directory: Path) -> None:
        self.plan, self.directory, self.records = plan, directory, Records()
        holder = HolderProgram(plan, url, directory)
        worker = WorkerProgram(plan, url, directory, run="chaos_limiter", ends=())
        self.holders = [Place(n, holder, self.records) for n in range(plan.processes)]
        numbers = range(plan.processes, plan.processes + plan.workers)
        self.workers = [Place(n, worker, self.records) for n in numbers]
        self.places = [*self.holders, *self.workers]
        self._connection = Connection(url, name="chaos-watch")
        self.api = Counter(API, plan.first_total, directory, self._connection)
        self.disk = Counter(DISK, DISK_TOKENS, directory, self._connection)
        self.jobs: dict[str, str] = {}
        self._cluster = Cluster(url, settings=Settings(namespace="chaos", session_s=plan.session_s))
        self._began_at = time.monotonic()

    async def run(self) -> None:
        """Start all, do the events, see everybody go on, stop all, and look what is left."""
        async with anyio.create_task_group() as working:
            try:
                async with self._cluster as cluster:
                    api = cluster.capacity_limiter(API, self.plan.first_total)
                    await self.api.resize(api, self.plan.first_total)
                    await self.disk.resize(cluster.capacity_limiter(DISK, DISK_TOKENS), DISK_TOKENS)
                    for place in self.places:
                        working.start_soon(place.live)
                    for counter in (self.api, self.disk):
                        working.start_soon(counter.watch)
                    working.start_soon(self._tell)
                    await self._all_ready()
                    await self._chaos(cluster, api)
                    await self._stop(self.holders)
                await self._see_nothing_left()
            finally:
                working.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await self._connection.close()

    async def _chaos(self, cluster: Cluster, api: SharedLimiter) -> None:
        jobs = Jobs(cluster, api, self.records)
        self.jobs = jobs.ids
        async with anyio.create_task_group() as asking:
            asking.start_soon(jobs.run, self.plan.jobs)
            await self._play(api)
            await self._all_go_on()
            jobs.stop()
            with self._patience():
                await jobs.ended.wait()
            asking.cancel_scope.cancel()

    async def _stop(self, places: Sequence[Place]) -> None:
        async with anyio.create_task_group() as stopping:
            for place in places:
                stopping.start_soon(place.stop)

    @contextmanager
    def _patience(self) -> Iterator[None]:
        """Gives up what takes too long, and says that it hung."""
        with anyio.move_on_after(self.plan.patience_s) as patience:
            yield
        self.records.hung = self.records.hung or patience.cancelled_caught

    # --- the events

    async def _play(self, limiter: SharedLimiter) -> None:
        self._began_at = time.monotonic()
        async with anyio.create_task_group() as pauses:
            for event in events(self.plan):
                await anyio.sleep(max(0.0, event.at_s - (time.monotonic() - self._began_at)))
                if event.deed == "resize":
                    await self.api.resize(limiter, 1 + int(event.dice * MOST_TOKENS))
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

    # --- watching

    async def _all_ready(self) -> None:
        with anyio.move_on_after(START_S):
            while not all(place.ready for place in self.places):  # noqa: ASYNC110
                await anyio.sleep(0.05)

    async def _all_go_on(self) -> None:
        """Every coroutine is given a token once more, or something hangs."""
        await self._all_ready()
        since = time.monotonic()
        lives = {place.who for place in self.holders}
        wanted = {(who, number) for who in lives for number in range(self.plan.coroutines)}
        with self._patience():
            while not wanted <= await anyio.to_thread.run_sync(self._served, since):  # noqa: ASYNC110
                await anyio.sleep(0.5)

    def _served(self, since: float) -> set[tuple[str, int]]:
        turns = read_turns(self.directory, self.records)
        return {(turn.who, turn.coroutine) for turn in turns if since <= turn.at < math.inf}

    async def _see_nothing_left(self) -> None:
        """All left: the totals stay, as somebody set them, and nothing else.

        Sessions of killed processes are reaped by workers, which leave last.
        """
        with anyio.move_on_after(GONE_S):
            while await self._dead_sessions():  # noqa: ASYNC110
                await anyio.sleep(0.1)
        await self._stop(self.workers)
        with anyio.move_on_after(GONE_S):
            while left := await self._keys():
                self.records.keys_left = left
                await anyio.sleep(0.1)
        self.records.keys_left = await self._keys()

    async def _dead_sessions(self) -> bool:
        """True while there is one beside those of the workers."""
        count = await self._connection.call("ZCARD", KEYS.sessions)
        return isinstance(count, int) and count > len(self.workers)

    async def _keys(self) -> list[str]:
        kept = {KEYS.limit(API), KEYS.limit(DISK), KEYS.prefix + "limits"}
        return [name for name in await names(self._connection, "*") if name not in kept]

    async def _tell(self) -> None:
        while True:
            await anyio.sleep(PROGRESS_S)
            done, ready = self.records, sum(place.ready for place in self.places)
            print(
                f"{time.monotonic() - self._began_at:6.1f} s: {done.kills} kills, "
                f"{done.pauses} pauses, total {self.api.ledger.totals.steps[-1][2]}, "
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
        ledgers = {counter.name: counter.ledger for counter in (run.api, run.disk)}
        return judge(plan, directory, run.records, ledgers, run.jobs)
