"""Several worker processes of one machine: started together, begun anew when one crashes."""

import os
import secrets
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Self

import anyio
from anyio.abc import TaskGroup

from lionherd_dist.background import Background
from lionherd_dist.deaths import Deaths, ending, in_hand
from lionherd_dist.embedded.child import Child
from lionherd_dist.embedded.interpreter import python_command
from lionherd_dist.embedded.output import Lines, LineSink
from lionherd_dist.errors import LionherdError, WorkerStartError, first_of
from lionherd_dist.local.race import race
from lionherd_dist.runtime.process import ORDER_VARIABLE, STATUS_UNUSABLE, Order
from lionherd_dist.store.patience import pause_s
from lionherd_dist.store.places import Ended
from lionherd_dist.telemetry import SILENT, Recorder
from lionherd_dist.worker_guard import check_may_start_processes

START_S = 60.0  # heavy modules take their time to import
KILL_AFTER_S = 7.0  # beyond the grace: time to tell the last outcomes
MOST_HELD_BACK = 64 * 1024  # bytes that a worker prints before it is ready
STEADY_S = 10.0  # a worker that lived this long may crash again without a longer pause


class Fleet:
    """*size* processes that follow *order*; an async context manager, entered when all are ready.

    Args:
        on_output: called with what the workers print, in whole lines as far as they end.
        prefixed: whether each line begins with its worker, as in ``[worker 2] …``.
        on_failure: called when no worker can be started again, with the error.
        recorder: told what is taken over from workers that died.

    Raises, on entering:
        WorkerStartError: a worker ended before it was ready, with its own error.

    When no worker can be started again, the task that entered the block is cancelled, and leaving
    the block raises the error, in a group. The block may be left in another task.
    """

    def __init__(
        self,
        order: Order,
        *,
        size: int,
        on_output: Callable[[bytes], None],
        prefixed: bool = False,
        on_failure: Callable[[BaseException], None] | None = None,
        recorder: Recorder = SILENT,
    ) -> None:
        self._order, self._size, self._prefixed = order, size, prefixed
        self._on_failure = on_failure
        self._sink = LineSink(on_output)
        self._notices = Lines(self._sink)
        self._lines: dict[int, Lines] = {}
        self._unusable = 0
        self._deaths = Deaths(order.redis, order.settings, recorder)
        self._tokens: dict[int, str] = {}
        self._untold: set[str] = set()  # the tokens of workers whose death is still to be told
        self.children: dict[int, Child] = {}

    async def __aenter__(self) -> Self:
        check_may_start_processes()
        try:
            async with anyio.create_task_group() as starting:
                for place in range(self._size):
                    starting.start_soon(self._start, place)
        except BaseException as error:
            await self._stop()
            if isinstance(error, BaseExceptionGroup):  # all failed alike: one is enough to read
                failed = error.subgroup(WorkerStartError)
                if failed is not None:
                    raise first_of(failed) from None
            raise
        self._minding = Background(self._mind_all, on_failure=self._on_failure)
        self._minding.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._minding.__aexit__(kind, error, trace)  # first: a minder may start a worker
        finally:
            await self._stop()

    async def _stop(self) -> None:
        """Stop all workers: their grace, a little more, then SIGKILL. Cannot be cancelled."""
        with anyio.CancelScope(shield=True):
            async with anyio.create_task_group() as stopping:
                for place in self.children:
                    stopping.start_soon(self._stop_one, place)
            if self._untold:
                await self._deaths.try_once(self._untold)
        for lines in self._lines.values():
            lines.end()
        self.children.clear()

    async def _stop_one(self, place: int) -> None:
        status = await self.children[place].stop(self._order.grace_s + KILL_AFTER_S)
        if status != 0:  # else it has ended its sessions itself
            self._untold.add(self._tokens[place])

    def terminate(self) -> None:
        """Pass one more stop signal on to all workers: the second one hands back at once."""
        for child in self.children.values():
            child.terminate()

    async def _start(self, place: int) -> None:
        """Start the worker at *place* and wait until it is ready."""
        token, proof = secrets.token_hex(16), secrets.token_hex(16)
        order = replace(self._order, ready=token, token=proof)
        ready = anyio.Event()
        prefix = f"[worker {place + 1}] " if self._prefixed else ""
        lines = self._lines[place] = Lines(self._sink, prefix.encode())
        child = await Child.start(
            python_command("from lionherd_dist.runtime.process import run; run()"),
            env={**os.environ, ORDER_VARIABLE: order.as_text()},
            orphan_grace_s=self._order.grace_s,
            on_output=_Announcement(token.encode() + b"\n", ready, lines.feed),
        )
        self.children[place], self._tokens[place] = child, proof
        with anyio.move_on_after(START_S):
            await race(ready.wait(), child.wait())
        if not ready.is_set():
            status = child.returncode
            what = f"was not ready in {START_S:g} s" if status is None else f"ended with {status}"
            raise WorkerStartError(f"worker {place + 1} {what}:\n{child.output.strip()}")

    async def _mind_all(self) -> None:
        async with anyio.create_task_group() as minders:
            for place in range(self._size):
                minders.start_soon(self._mind, place, minders)

    async def _mind(self, place: int, minders: TaskGroup) -> None:
        """Begin the worker at *place* anew whenever it ends by itself."""
        crashes = 0
        while True:
            begun_at = anyio.current_time()
            status = await self.children[place].end()
            minders.start_soon(self._see_to_death, place, self._tokens[place], status)
            await self.children[place].wait()
            self._lines[place].end()
            crashes = 1 if anyio.current_time() - begun_at > STEADY_S else crashes + 1
            next_ = "it would again" if status == STATUS_UNUSABLE else "starting another"
            self._tell(f"worker {place + 1} {ending(status)}; {next_}")
            if status == STATUS_UNUSABLE:
                self._unusable += 1
                if self._unusable == self._size:
                    raise WorkerStartError("no worker can go on; what they said stands above")
                return
            if crashes > 1:  # what it died of may be one call, and others wait
                await anyio.sleep(pause_s(crashes - 1))
            try:
                await self._start(place)
            except WorkerStartError as error:
                self._tell(str(error))

    async def _see_to_death(self, place: int, token: str, status: int) -> None:
        """Have the server end what the worker that was at *place* had; beside its new start."""

        def tell(ended: Ended) -> None:
            if calls := in_hand(ended):
                self._tell(
                    f"worker {place + 1}, which {ending(status)}, had in hand {calls}; "
                    "others are given that now"
                )

        self._untold.add(token)
        try:
            await self._deaths.see_to(token, tell)
        except LionherdError as error:
            self._tell(f"the end of worker {place + 1} could not be told to the server: {error}")
        self._untold.discard(token)

    def _tell(self, text: str) -> None:
        self._notices.feed(f"lionherd-dist: {text}\n".encode())


class _Announcement:
    """Passes output on, less the line that says "ready"; until then it holds it back.

    What a worker prints that cannot start is in its error already.
    """

    def __init__(self, line: bytes, ready: anyio.Event, on_output: Callable[[bytes], None]) -> None:
        self._line, self._ready, self._on_output = line, ready, on_output
        self._held = b""

    def __call__(self, data: bytes) -> None:
        if self._ready.is_set():
            self._on_output(data)
            return
        self._held += data
        if self._line in self._held:
            before, _, after = self._held.partition(self._line)
            self._held = b""
            self._ready.set()
            self._on_output(before + after)
        elif len(self._held) > MOST_HELD_BACK:
            cut = len(self._held) - len(self._line)  # the line may be there in part
            self._on_output(self._held[:cut])
            self._held = self._held[cut:]
