"""One chaos run from start to end; every process of it is gone afterwards."""

import shutil
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import cast

import anyio

from chaos.clients import ClientPlace
from chaos.notes import read_notes
from chaos.plan import CLIENTS, Plan, Role, events, poisoned
from chaos.records import Records
from chaos.referee import Findings, judge
from chaos.schedule import Event
from chaos.server import ChaosServer, chaos_server
from chaos.spoiling import COSTLY_TYPES, WRONG_TYPES, deletions, garbage, of_wrong_type
from chaos.watch import KEYS, kept_jobs, names, read_dead_letters, watch_hands
from chaos.workers import Place, WorkerProgram
from lionherd_dist import Cluster, LionherdError, Settings
from lionherd_dist.store.connection import Connection

KILLABLE = ("first", "second")  # the clients whose jobs outlive them
START_S = 60.0
TARGET_S = 10.0  # an event waits so long for a process that it can be done to
GONE_S, GONE_AFTER_HANG_S = 20.0, 1.0  # for keys to go, and for jobs of dead clients
PROGRESS_S = 5.0
COSTLY_SHARE = 0.5  # of the deeds of a spoiler, once they may cost jobs


class Run:
    """What one run is made of."""

    def __init__(self, plan: Plan, server: ChaosServer, directory: Path) -> None:
        self.plan, self.server, self.directory, self.records = plan, server, directory, Records()
        roles = [
            Role(name, server.url, str(directory), plan.poison, plan.session_s, plan.deaths)
            for name in CLIENTS
        ]
        self.clients = [ClientPlace(role, plan, self.records) for role in roles]
        program = WorkerProgram(plan, server.url, directory)
        self.places = [Place(number, program, self.records) for number in range(plan.workers)]
        self._began_at = time.monotonic()
        self._pausing = 0

    # --- the events

    async def do(self, event: Event) -> None:
        """Do *event* to a process that is fit for it; nothing if there is none in time."""
        records = self.records
        if event.deed == "spoil":
            await self._spoil(event.dice)
            return
        if event.deed == "server":
            await self.server.restart()
            records.restarts += 1
            return
        fit: list[Place] | list[ClientPlace] = []
        with anyio.move_on_after(TARGET_S):
            while not (fit := self._fit(event)):  # noqa: ASYNC110 (a process tells nobody here)
                await anyio.sleep(0.02)
        if not fit:
            return
        target = fit[int(event.dice * len(fit))]
        if isinstance(target, ClientPlace):
            target.kill()
            records.client_kills += 1
        elif event.deed == "kill":
            target.kill()
            records.kills += 1
        else:
            records.pauses += 1
            await target.pause(event.for_s)

    async def _spoil(self, dice: float) -> None:
        """One deed of somebody who has no business at the server."""
        connection = Connection(self.server.url, name="chaos-spoiler")
        try:
            sessions = cast("list[bytes]", await connection.call("ZRANGE", KEYS.sessions, 0, -1))
            session = sessions[int(dice * len(sessions))].decode() if sessions else "nobody"
            deeds = [*garbage(session), *of_wrong_type(WRONG_TYPES)]
            if dice < COSTLY_SHARE and self._poison_is_over():
                jobs = [name for name in await names(connection, "job:*") if name.count(":") == 3]
                deeds = of_wrong_type(COSTLY_TYPES) + deletions(jobs[:4])
            await connection.pipeline(deeds[int(dice * 7919 % len(deeds))])
            self.records.spoils += 1
        except LionherdError:
            return  # it is just being restarted, or the key is spoilt already
        finally:
            await connection.close()

    def _poison_is_over(self) -> bool:
        """True once each job with a poison call was read to its end."""
        ended = {str(line[1]) for line in self._notes() if line[0] in "DX"}
        first = [name for name in CLIENTS if poisoned(name, 0, self.plan.poison)]
        return all(f"{name}.0" in ended for name in first)

    def _fit(self, event: Event) -> list[Place] | list[ClientPlace]:
        if event.deed == "client":
            return [one for one in self.clients if one.name in KILLABLE and one.ready]
        return [place for place in self.places if place.ready]

    async def play(self) -> None:
        """Do all events, each at its time."""
        async with anyio.create_task_group() as pauses:
            for event in events(self.plan):
                await anyio.sleep(max(0.0, event.at_s - (time.monotonic() - self._began_at)))
                if event.deed == "pause":
                    pauses.start_soon(self.do, event)
                else:
                    await self.do(event)

    # --- the run

    async def run(self) -> None:
        """Start all, do the events, let the clients end, then the workers, then look."""
        async with anyio.create_task_group() as working:
            try:
                for place in self.places:
                    working.start_soon(place.live)
                working.start_soon(watch_hands, self.server.url, self.records)
                working.start_soon(self._tell)
                await self._clients()
                await self._stop_workers()
            finally:
                working.cancel_scope.cancel()
        self.records.downs = self.server.downs

    async def _clients(self) -> None:
        with anyio.move_on_after(START_S):
            while not all(place.ready for place in self.places):  # noqa: ASYNC110
                await anyio.sleep(0.05)
        self._began_at = time.monotonic()
        with anyio.CancelScope() as patience:
            async with anyio.create_task_group() as asking:
                for client in self.clients:
                    asking.start_soon(client.live)
                await self.play()
                give_up_at = time.monotonic() + self.plan.patience_s
                while self.outcomes() < self.plan.calls:
                    if time.monotonic() > give_up_at:
                        break
                    await anyio.sleep(0.2)
                (self.directory / "stop").touch()
                patience.deadline = anyio.current_time() + self.plan.patience_s
        self.records.hung = patience.cancelled_caught

    async def _stop_workers(self) -> None:
        await self._cancel_orphans()
        async with anyio.create_task_group() as stopping:
            for place in self.places:
                stopping.start_soon(place.stop)
        connection = Connection(self.server.url, name="chaos-end")
        try:
            with anyio.move_on_after(self._gone_s):
                while left := await self._keys(connection):
                    self.records.keys_left = left
                    await anyio.sleep(0.1)
            self.records.keys_left = await self._keys(connection)
            self.records.dead_letters = await read_dead_letters(connection)
        finally:
            await connection.close()

    @property
    def _gone_s(self) -> float:
        return GONE_AFTER_HANG_S if self.records.hung else GONE_S

    async def _keys(self, connection: Connection) -> list[str]:
        kept = {KEYS.dead, KEYS.aside}
        aside = f"{KEYS.aside}:"
        found = await names(connection, "*")
        return [name for name in found if name not in kept and not name.startswith(aside)]

    async def _cancel_orphans(self) -> None:
        """Jobs whose client was killed before it could note their id: nobody can attach to them."""
        noted = {str(line[2]) for line in self._notes() if line[0] == "I"}
        connection = Connection(self.server.url, name="chaos-orphans")
        settings = Settings(namespace="chaos", session_s=self.plan.session_s)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(connection.close)
            cluster = await stack.enter_async_context(Cluster(self.server.url, settings=settings))
            for job in await kept_jobs(connection) - noted:
                self.records.orphans += 1
                await cluster.cancel(job)
            with anyio.move_on_after(self._gone_s):  # dead sessions are reaped, orphans stopped
                while await names(connection, "job:*"):  # noqa: ASYNC110
                    await anyio.sleep(0.1)

    # --- progress

    def _notes(self) -> list[list[object]]:
        return [
            line for name in CLIENTS for line in read_notes(self.directory / f"client-{name}.log")
        ]

    def outcomes(self) -> int:
        """How many outcomes the clients have been given."""
        logs = self.directory.glob("client-*.log")
        return sum(log.read_bytes().count(b'["O"') for log in logs)

    async def _tell(self) -> None:
        while True:
            await anyio.sleep(PROGRESS_S)
            done, ready = self.records, sum(place.ready for place in self.places)
            print(
                f"{time.monotonic() - self._began_at:6.1f} s: {self.outcomes():,} outcomes, "
                f"{done.kills} kills, {done.pauses} pauses, {done.client_kills} client kills, "
                f"{done.restarts} restarts, {ready} workers ready",
                file=sys.stderr,
                flush=True,
            )


def keep_evidence(directory: Path, records: Records, keep: Path) -> None:
    """Copy what the processes wrote, and what the driver knows, into *keep*."""
    keep.mkdir(parents=True, exist_ok=True)
    records.write(keep / "records.json")
    for log in directory.glob("*.log"):
        shutil.copy(log, keep)


async def run_chaos(plan: Plan, *, keep: Path | None = None) -> Findings:
    """What the referee finds after a run of *plan*; the evidence is copied into *keep*."""
    async with chaos_server() as (server, directory):
        run = Run(plan, server, directory)
        await run.run()
        if keep is not None:
            keep_evidence(directory, run.records, keep)
        return judge(plan, directory, run.records)
