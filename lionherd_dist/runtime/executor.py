"""Runs the calls of one session, so that contexts and cancellations stay apart.

A call's life here:

    taken ─▶ running ─▶ settled ─▶ told (by the finisher)
               │
               └─ its job is cancelled, its deadline passes, or the worker hands it back
"""

import asyncio
import contextvars
import math
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import TypeVar

import anyio

from lionherd_dist.call import Cancelled, Failure
from lionherd_dist.carrying import set_carried
from lionherd_dist.current_call import CurrentCall, begin_call
from lionherd_dist.errors import StoreUnavailableError, UnknownTaskError
from lionherd_dist.refused import BUILT_IN
from lionherd_dist.runtime.attempt import attempt, timed
from lionherd_dist.runtime.slots import Slots, this_call
from lionherd_dist.runtime.stops import Stops
from lionherd_dist.runtime.streaks import Streaks
from lionherd_dist.runtime.suspects import DEATHS_ALONE, SUSPECT_AFTER_DEATHS, Suspects, poison
from lionherd_dist.runtime.verdicts import Verdicts
from lionherd_dist.runtime.ways import Ways
from lionherd_dist.session.clock import ServerClock
from lionherd_dist.store.calls import Again, Back, Dead, Settled, Taken
from lionherd_dist.task import Task
from lionherd_dist.wire.messages import decode_call
from lionherd_dist.wire.signing import Seal

T = TypeVar("T")

ELSEWHERE_MS = 1_000  # how long a call that another worker is to take is put off


class Executor:
    """Runs what it accepts in *slots*, and settles each call once.

    Args:
        in_hand: entries taken and not yet told to the server; what is accepted is added to it.
        name: what failures call this worker.
        seal: checks calls and signs outcomes.
        context: what each call begins with; what it sets there, no other sees.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task[..., object]],
        in_hand: set[bytes],
        ways: Ways,
        *,
        slots: Slots,
        name: str,
        clock: ServerClock,
        seal: Seal,
        context: contextvars.Context,
    ) -> None:
        self._tasks, self._in_hand, self._ways = tasks, in_hand, ways
        self._slots, self._name, self._clock = slots, name, clock
        self._seal, self._context = seal, context
        self._verdicts = Verdicts(name, seal, clock)
        self._stops = Stops()
        self._unsettled: dict[bytes, Taken] = {}
        self._streaks = Streaks()
        self._running = 0
        self._suspects = Suspects(slots, ways.awaited)

    @property
    def free(self) -> int:
        """How many more calls may run; none while a suspect is to be alone."""
        return 0 if self._suspects.need_quiet else self._slots.free

    @property
    def in_hand(self) -> frozenset[bytes]:
        """The entries that it was given and the server has not yet been told of, as of now."""
        return frozenset(self._in_hand)

    async def room(self) -> int:
        """Wait for a free slot; how many there are."""
        while self.free <= 0:
            await self._slots.change()
        return self.free

    async def idle(self) -> None:
        """Wait until nothing runs."""
        while self._running or self._suspects.waiting or self._suspects.begun:
            await self._slots.change()

    def accept(self, taken: Taken) -> None:
        """Run *taken*; a call that is in hand already is not run twice."""
        if taken.entry in self._in_hand:
            return
        self._in_hand.add(taken.entry)
        self._unsettled[taken.entry] = taken
        if taken.rest:
            self._streaks.begin(taken)
        if self._suspects.put_off(taken):
            self._settle(Again(taken, taken.attempt, ELSEWHERE_MS))
        elif taken.deaths >= SUSPECT_AFTER_DEATHS:
            self._suspects.waiting += 1
            self._slots.run(partial(self._run_alone, taken), self._context.copy())
        else:
            self._running += 1
            self._slots.run(partial(self._run, taken), self._context.copy())

    def cancel(self, job: str) -> None:
        """Stop the calls of *job*, those that are still to arrive included."""
        self._stops.cancel(job)
        self._slots.wake()

    def hand_back(self) -> None:
        """Stop everything; what did not end by itself is for another worker to run."""
        self._stops.hand_back()
        self._slots.wake()

    def give_away(self) -> None:
        """Hand back what has not stopped, whatever it still does."""
        self._slots.lend_no_more()
        for taken in list(self._unsettled.values()):
            self._settle(Back(taken))
        self._verdicts.log.tell_rest()

    def _settle(self, settled: Settled) -> None:
        taken = settled.taken
        if self._unsettled.get(taken.entry) is not taken:
            return
        del self._unsettled[taken.entry]
        if not taken.rest:  # nearly always
            self._ways.settle(settled)
            return
        is_in_the_way = self._suspects.put_off(taken)
        settled, following = self._streaks.step(settled, is_in_the_way=is_in_the_way)
        try:
            self._ways.settle(settled)
        finally:  # whatever those do who watch
            if following is not None:
                self._unsettled[following.entry] = following
                self._running += 1
                self._slots.run(partial(self._run, following), self._context.copy())

    async def _run(self, taken: Taken, scope: anyio.CancelScope) -> None:
        try:
            self._settle(await self._settled(taken, scope))
        except StoreUnavailableError:  # who else knows the task could not be asked
            self._settle(Back(taken))
        except Exception as error:  # noqa: BLE001 (a defect of ours ends this call, no other)
            self._settle(self._verdicts.done(taken, Failure(error)))
        finally:
            self._running -= 1
            self._slots.ended()

    async def _run_alone(self, taken: Taken, scope: anyio.CancelScope) -> None:
        """Run a suspect when its turn has come."""
        try:
            self._settle(await self._settled_alone(taken, scope))
        except StoreUnavailableError:  # it does not run while that cannot be noted
            self._settle(Back(taken))
        except Exception as error:  # noqa: BLE001 (as in _run)
            self._settle(self._verdicts.done(taken, Failure(error)))
        finally:
            self._slots.ended()

    async def _settled_alone(self, taken: Taken, scope: anyio.CancelScope) -> Settled:
        in_time = await self._turn(taken)
        if self._stops.concern(taken):
            return await self._settled(taken, scope)
        if not in_time:
            return self._verdicts.late(taken)
        if self._suspects.put_off(taken):
            return Again(taken, taken.attempt, ELSEWHERE_MS)
        this = this_call()
        self._suspects.begun.add(this)
        try:
            if await self._deaths_alone(taken, scope) < DEATHS_ALONE:
                return await self._settled(taken, scope)
        finally:
            self._suspects.begun.discard(this)
        return self._verdicts.dead(taken, poison(taken))

    async def _turn(self, taken: Taken) -> bool:
        """Wait until nothing works here, or *taken* is to stop; False: its deadline came first."""
        left_s = self._clock.left_s(taken.deadline_ms) if taken.deadline_ms else math.inf
        try:
            with anyio.move_on_after(left_s):
                while self._works and not self._stops.concern(taken):
                    await self._slots.change()
                return True
        finally:
            self._suspects.waiting -= 1
        return False

    @property
    def _works(self) -> bool:
        """True while a call has begun that does not wait for calls of its own."""
        return self._running + len(self._suspects.begun) > self._slots.lending

    async def _deaths_alone(self, taken: Taken, scope: anyio.CancelScope) -> int:
        """Noted with the server; none counts beside another call: that one may be to blame."""
        if not self._suspects.alone:
            return 0
        return await self._asked(taken, scope, self._ways.alone(taken))

    async def _settled(self, taken: Taken, scope: anyio.CancelScope) -> Settled:
        if taken.job in self._stops.cancelled:
            return self._verdicts.done(taken, Cancelled())
        if self._stops.concern(taken) or not self._ways.trusted():
            return Back(taken)  # another is to run it, or does so by now
        if taken.deadline_ms and self._clock.left_s(taken.deadline_ms) <= 0:
            return self._verdicts.late(taken)
        try:
            message = decode_call(self._seal.opened("call", taken.payload, taken.job, taken.index))
        except Exception as error:  # noqa: BLE001 (whatever the bytes are, the worker lives)
            return self._verdicts.dead(taken, error)
        task = self._tasks.get(message.task) or BUILT_IN.get(message.task)
        if task is None:
            return await self._unknown(taken, scope, message.task)
        self._stops.note(taken, scope)
        if taken.deadline_ms:
            scope.deadline = anyio.current_time() + self._clock.left_s(taken.deadline_ms)
        set_carried(message.carried)
        self._begin(taken, scope, message.timeout or task.timeout)
        try:
            begun_ms = self._clock.now_ms() if message.timed else 0.0
            run = attempt(
                task,
                message,
                threads=self._slots.threads,
                is_ours=lambda: scope.cancel_called or self._stops.handing_back,
            )
            traced = self._ways.traced
            outcome = await (run if traced is None else traced(run, taken, message))
        except asyncio.CancelledError:
            if not scope.cancel_called:
                raise  # the worker itself is ended
            return self._stopped(taken)
        finally:
            self._stops.forget(taken)
            if taken.deadline_ms:
                scope.deadline = math.inf
        if message.timed:
            outcome = timed(outcome, begun_ms=begun_ms, ended_ms=self._clock.now_ms())
        if isinstance(outcome, Failure):
            return self._verdicts.failed(taken, message, task, outcome)
        return self._verdicts.done(taken, outcome)

    def buried(self, dead: Dead) -> None:
        """The server keeps a dead letter of a call that was made here."""
        self._verdicts.buried(dead)

    @staticmethod
    def _begin(taken: Taken, scope: anyio.CancelScope, timeout_s: float | None) -> None:
        """Tell what runs in this context from now on, of *taken* alone, which call it is."""
        deadline = scope.deadline
        if timeout_s is not None:
            deadline = min(deadline, anyio.current_time() + timeout_s)
        ends_at = None if deadline == math.inf else deadline
        begin_call(CurrentCall(taken.job, taken.index, taken.attempt, ends_at))

    def _stopped(self, taken: Taken) -> Settled:
        if taken.job in self._stops.cancelled:
            return self._verdicts.done(taken, Cancelled())
        if self._stops.handing_back:
            return Back(taken)
        return self._verdicts.done(taken, Failure(TimeoutError("the deadline passed while it ran")))

    async def _asked(self, taken: Taken, scope: anyio.CancelScope, question: Awaitable[T]) -> T:
        """The answer of the server, which nobody waits for once *taken* is to stop."""
        self._stops.note(taken, scope)
        try:
            return await question
        except asyncio.CancelledError:
            if not scope.cancel_called:
                raise
        finally:
            self._stops.forget(taken)
        raise StoreUnavailableError("the call was stopped while the server was asked about it")

    async def _unknown(self, taken: Taken, scope: anyio.CancelScope, name: str) -> Settled:
        """Left for a worker that knows the task, if there is one."""
        if await self._asked(taken, scope, self._ways.known_elsewhere(name)):
            return Again(taken, taken.attempt, ELSEWHERE_MS)
        known = ", ".join(sorted(self._tasks))
        error = UnknownTaskError(
            f"worker {self._name} knows no task {name!r}, and no other does (it knows: {known}); "
            "start the workers with the module that defines it"
        )
        return self._verdicts.dead(taken, error)
