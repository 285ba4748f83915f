"""Runs calls: one asyncio task each, so that contexts and cancellations stay apart.

A call's life here:

    taken ─▶ running ─▶ settled ─▶ told (by the finisher)
               │
               └─ its job is cancelled, its deadline passes, or the worker hands it back
"""

import asyncio
import contextvars
from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import anyio

from lionherd_dist.call import Cancelled, Failure, Message, Outcome, Success
from lionherd_dist.errors import EncodeError, UnknownTaskError
from lionherd_dist.session.clock import ServerClock
from lionherd_dist.store.calls import Again, Back, Done, Settled, Taken
from lionherd_dist.task import Task
from lionherd_dist.wire.limits import Limits
from lionherd_dist.wire.messages import decode_call, encode_outcome

REMEMBERED_CANCELS = 10_000  # a call may arrive after the word that its job was cancelled


class Executor:
    """At most *slots* calls at once; an async context manager that leaves nothing running.

    Args:
        in_hand: entries taken and not yet told to the server; what is accepted is added to it.
        name: what failures call this worker.
        settle: told what became of each call.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task[..., object]],
        in_hand: set[bytes],
        *,
        slots: int,
        name: str,
        clock: ServerClock,
        settle: Callable[[Settled], None],
    ) -> None:
        self._tasks, self._in_hand, self._slots, self._name = tasks, in_hand, slots, name
        self._clock, self._settle = clock, settle
        self._group = asyncio.TaskGroup()
        self._scopes: dict[str, dict[bytes, anyio.CancelScope]] = {}
        self._cancelled: OrderedDict[str, None] = OrderedDict()
        self._running = 0
        self._changed = asyncio.Event()
        self._handing_back = False

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.hand_back()
        await self._group.__aexit__(kind, error, trace)

    @property
    def free(self) -> int:
        """Slots without a call."""
        return self._slots - self._running

    async def room(self) -> int:
        """Wait for a free slot; how many there are."""
        while self.free <= 0:
            await self._change()
        return self.free

    async def idle(self) -> None:
        """Wait until nothing runs."""
        while self._running:
            await self._change()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def accept(self, taken: Taken) -> None:
        """Run *taken*; a call that is in hand already is not run twice."""
        if taken.entry in self._in_hand:
            return
        self._in_hand.add(taken.entry)
        self._running += 1
        self._group.create_task(self._run(taken), context=contextvars.Context())

    def cancel(self, job: str) -> None:
        """Stop the calls of *job*, those that are still to arrive included."""
        self._cancelled[job] = None
        if len(self._cancelled) > REMEMBERED_CANCELS:
            self._cancelled.popitem(last=False)
        for scope in self._scopes.get(job, {}).values():
            scope.cancel()

    def hand_back(self) -> None:
        """Stop everything; what did not end by itself is for another worker to run."""
        self._handing_back = True
        for scopes in self._scopes.values():
            for scope in scopes.values():
                scope.cancel()

    async def _run(self, taken: Taken) -> None:
        try:
            self._settle(await self._settled(taken))
        finally:
            self._running -= 1
            self._changed.set()

    async def _settled(self, taken: Taken) -> Settled:
        if taken.job in self._cancelled:
            return self._done(taken, Cancelled())
        if taken.deadline_ms and self._clock.left_s(taken.deadline_ms) <= 0:
            return self._done(taken, Failure(TimeoutError("the deadline passed before it began")))
        try:
            message = decode_call(taken.payload, Limits())
            task = self._task(message)
        except Exception as error:  # noqa: BLE001 (whatever the bytes are, the worker lives)
            return self._done(taken, Failure(error))
        scope = anyio.CancelScope()
        if taken.deadline_ms:
            scope.deadline = anyio.current_time() + self._clock.left_s(taken.deadline_ms)
        scopes = self._scopes.setdefault(taken.job, {})
        scopes[taken.entry] = scope
        if self._handing_back:
            scope.cancel()
        try:
            with scope:
                return await self._attempt(taken, message, task)
        finally:
            del scopes[taken.entry]
            if not scopes:
                self._scopes.pop(taken.job, None)
        if taken.job in self._cancelled:
            return self._done(taken, Cancelled())
        if self._handing_back:
            return Back(taken)
        return self._done(taken, Failure(TimeoutError("the deadline passed while it ran")))

    def _task(self, message: Message) -> Task[..., object]:
        task = self._tasks.get(message.task)
        if task is None:
            known = ", ".join(sorted(self._tasks)) or "none"
            raise UnknownTaskError(
                f"worker {self._name} knows no task {message.task!r} (it knows: {known}); "
                "start the workers with the module that defines it"
            )
        return task

    async def _attempt(self, taken: Taken, message: Message, task: Task[..., object]) -> Settled:
        timeout = message.timeout if message.timeout is not None else task.timeout
        try:
            value = await task.run_once(message.args, message.kwargs, timeout)
        except Exception as error:  # noqa: BLE001 (whatever a task raises is its outcome)
            return self._failed(taken, message, task, error)
        except asyncio.CancelledError as error:
            current = asyncio.current_task()
            if self._stopped(taken) or (current is not None and current.cancelling()):
                raise
            return self._failed(taken, message, task, RuntimeError(f"it cancelled itself: {error}"))
        except (SystemExit, KeyboardInterrupt) as error:
            reason = f"it raised {type(error).__name__}({error}), which would end the worker"
            return self._failed(taken, message, task, RuntimeError(reason))
        return self._done(taken, Success(value))

    def _stopped(self, taken: Taken) -> bool:
        scope = self._scopes[taken.job][taken.entry]
        return scope.cancel_called

    def _failed(
        self, taken: Taken, message: Message, task: Task[..., object], error: Exception
    ) -> Settled:
        """Another attempt where the policy wants one and it could start in time."""
        policy = message.retry or task.retry
        if policy.wants(error, taken.attempt):
            delay_s = policy.delay_s(taken.attempt)
            if not taken.deadline_ms or self._clock.left_s(taken.deadline_ms) > delay_s:
                return Again(taken, int(delay_s * 1000))
        return self._done(taken, Failure(error))

    def _done(self, taken: Taken, outcome: Outcome) -> Done:
        try:
            data = self._encoded(taken, outcome)
        except EncodeError as error:
            data = self._encoded(taken, Failure(error))
        return Done(taken, data)

    def _encoded(self, taken: Taken, outcome: Outcome) -> bytes:
        return encode_outcome(outcome, worker=self._name, attempt=taken.attempt, limits=Limits())
