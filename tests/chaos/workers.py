"""The worker processes of a chaos run: killed, paused, and started anew."""

import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import anyio

from chaos.records import Death, Records
from lionherd_dist.embedded.child import Child
from lionherd_dist.runtime.process import ORDER_VARIABLE, Order
from lionherd_dist.settings import Settings

TESTS = Path(__file__).parent.parent
READY = "READY"
READY_S = 60.0
GRACE_S = 5.0
POISONED = (9, -signal.SIGKILL)  # how a poison call ends its process
TAIL = 1_500


def environment(directory: Path, who: str, broken: str) -> dict[str, str]:
    """What the processes of a run find in their environment."""
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    own = {"CHAOS_DIRECTORY": str(directory), "CHAOS_WHO": who, "CHAOS_BREAK": broken}
    return {**os.environ, "PYTHONPATH": path, **own}


class Program(Protocol):
    """What a place runs."""

    ends: Sequence[int]
    """Statuses that it may end with when nobody has told it to."""

    async def start(self, who: str) -> Child:
        """One life of it, called *who*; it writes ``READY`` when it works."""


class WorkerPlan(Protocol):
    """What a plan says of workers."""

    broken: str
    slots: int
    session_s: float


class WorkerProgram:
    """The library's own worker, with the bodies of a chaos run: those of the package *run*."""

    def __init__(
        self,
        plan: WorkerPlan,
        url: str,
        directory: Path,
        *,
        run: str = "chaos",
        ends: Sequence[int] = POISONED,
    ) -> None:
        self._plan, self._url, self._directory = plan, url, directory
        self._run, self.ends = run, ends

    async def start(self, who: str) -> Child:
        """One life of it."""
        settings = Settings(namespace="chaos", session_s=self._plan.session_s)
        modules = (f"{self._run}.bodies",)
        order = Order(modules, self._url, self._plan.slots, GRACE_S, settings, READY)
        env = environment(self._directory, who, self._plan.broken)
        return await Child.start(
            [sys.executable, "-m", f"{self._run}.worker"],
            env={**env, ORDER_VARIABLE: order.as_text()},
        )


class Place:
    """One process at a time: a life of it is called ``w2.7``."""

    def __init__(self, number: int, program: Program, records: Records) -> None:
        self._number, self._program, self._records = number, program, records
        self._lives = 0
        self._child: Child | None = None
        self._killed_at: float | None = None
        self._paused = self._stopping = False

    @property
    def who(self) -> str:
        """The life that it lives now."""
        return f"w{self._number}.{self._lives}"

    @property
    def ready(self) -> bool:
        """True if it works and nothing has been done to it."""
        child = self._child
        return (
            child is not None
            and child.returncode is None
            and self._killed_at is None
            and not self._paused
            and READY in child.output
        )

    async def live(self) -> None:
        """Start one worker after the other, until ``stop``."""
        while not self._stopping:
            self._lives += 1
            self._killed_at, self._paused = None, False
            self._child = child = await self._program.start(self.who)
            try:
                await child.wait()
            finally:
                await child.stop()
            self._note_end(child)

    def _note_end(self, child: Child) -> None:
        now, sent_at = time.monotonic(), self._killed_at
        self._records.deaths[self.who] = Death(sent_at or now, now, ours=sent_at is not None)
        wanted = (0,) if self._stopping else self._program.ends
        if sent_at is None and child.returncode not in wanted:
            self._records.complaints.append(
                f"worker {self.who} ended with {child.returncode}: {child.output[-TAIL:]}"
            )

    def kill(self) -> None:
        """SIGKILL."""
        if self._child is not None and self._child.returncode is None:
            self._killed_at = time.monotonic()
            self._child.kill()

    async def pause(self, for_s: float) -> None:
        """SIGSTOP, and SIGCONT after *for_s* seconds."""
        child = self._child
        if child is None:
            return
        who, stopped_at = self.who, time.monotonic()
        child.send_signal(signal.SIGSTOP)
        self._paused = True
        try:
            await anyio.sleep(for_s)
        finally:
            child.send_signal(signal.SIGCONT)
            self._records.stops.append((who, stopped_at, time.monotonic()))
            if child is self._child:
                self._paused = False

    async def stop(self) -> None:
        """SIGTERM; it has its grace and a little more, then it is a complaint."""
        self._stopping = True
        child = self._child
        if child is None:
            return
        with suppress(ProcessLookupError):
            child.send_signal(signal.SIGCONT)
        child.terminate()
        with anyio.move_on_after(GRACE_S + 15) as waiting:
            await child.wait()
        if waiting.cancelled_caught:
            self._records.complaints.append(
                f"worker {self.who} did not end: {child.output[-TAIL:]}"
            )
            await child.stop()
