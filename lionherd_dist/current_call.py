"""The call whose code is running: for idempotency keys, logs and decisions about time."""

import contextvars
import math
import uuid
from dataclasses import dataclass

import anyio


@dataclass(frozen=True, slots=True)
class CurrentCall:
    """One attempt at one call of a job, as its own code sees it.

    Args:
        job: the id of the job; of one run of a pattern, where that runs in this process.
        index: the place of the call among those of the job, from 0.
        attempt: which attempt this is, from 1.
        deadline: when the call is cancelled, on the clock of ``current_time()``, by what surrounds
            it; None for never. ``effective_deadline()`` knows scopes of the code itself, too.
    """

    job: str
    index: int
    attempt: int
    deadline: float | None

    @property
    def id(self) -> str:
        """The same text in every attempt at this call, and another for every other call."""
        return f"{self.job}/{self.index}"


class Run:
    """One run of a pattern in this process: the job of its calls, named once somebody asks.

    Attributes:
        deadline: when its calls end at the latest, on the event loop's clock.
    """

    deadline: float = math.inf

    @property
    def job(self) -> str:
        """Unlike that of any other run, and the same for all threads that ask."""
        name: str = vars(self).get("job") or vars(self).setdefault("job", uuid.uuid4().hex)
        return name


class Place:
    """Which call of a run the task that holds this in its context is at.

    A task that serves one item after the other moves its place on: nothing is made per item. One
    without a run yet, as a lone ``retry`` has it, costs a fraction of what it is used for.

    Attributes:
        index: the place of the call in the run.
        attempt: which attempt at it this is.
    """

    index: int = 0
    attempt: int = 1
    _run: Run | None = None

    @classmethod
    def of(cls, run: Run, index: int, attempt: int = 1) -> "Place":
        """The place of the call *index* of *run*."""
        place = cls()
        place._run, place.index, place.attempt = run, index, attempt
        return place

    def again(self, attempt: int) -> "Place":
        """The place of attempt number *attempt* at the same call."""
        return Place.of(self._its_run(), self.index, attempt)

    def seen(self) -> CurrentCall:
        """The call as its code sees it now."""
        run = self._its_run()
        ends_at = min(run.deadline, _deadline_here())
        return CurrentCall(
            run.job, self.index, self.attempt, None if ends_at == math.inf else ends_at
        )

    def _its_run(self) -> Run:
        run: Run = self._run or vars(self).setdefault("_run", Run())
        return run


# The other use of a context variable as wiring: a call's code has no other way to be handed it.
_current: contextvars.ContextVar[CurrentCall | Place | None] = contextvars.ContextVar(
    "lionherd_current_call", default=None
)


def begin_run() -> Run | None:
    """The run of a pattern that starts here; None where its children belong to a call already."""
    if _current.get() is not None:
        return None
    run = Run()
    if (deadline := anyio.current_effective_deadline()) != math.inf:
        run.deadline = deadline
    return run


def begin_call(call: CurrentCall | Place) -> None:
    """Let *call* be the current one for what runs in this context from now on."""
    _current.set(call)


def begin_attempts() -> CurrentCall | Place | None:
    """Begin the first attempt at the current call, or at a lone one where there is none.

    What was current before, to be given to ``end_attempts``.
    """
    before = _current.get()
    if before is None:
        _current.set(Place())
    return before


def end_attempts(before: CurrentCall | Place | None) -> None:
    """Make *before* the current call again."""
    if _current.get() is not before:
        _current.set(before)


def number_attempt(attempt: int) -> None:
    """What runs in this context from now on is attempt number *attempt* at the current call.

    A worker numbers the attempts at its calls itself.
    """
    call = _current.get()
    if isinstance(call, Place) and call.attempt != attempt:
        _current.set(call.again(attempt))


def call_for_a_thread() -> CurrentCall | None:
    """What a thread, which cannot ask for its deadline, needs to be told; None for nothing."""
    call = _current.get()
    return call.seen() if isinstance(call, Place) else None


def current_call() -> CurrentCall:
    """The call that this code is part of; also in its threads, and in tasks that it starts.

    In this process, each child of a pattern is a call, and each attempt of ``retry`` is one at it.
    A pattern inside of a call starts none: what its children do is part of that call. Ask before
    you leave a task behind that outlives its call, and hand it the answer.

    Raises:
        LookupError: this code is no part of a call.
    """
    call = _current.get()
    if isinstance(call, CurrentCall):
        return call
    if call is not None:
        return call.seen()
    raise LookupError(
        "current_call() is for the code of calls: the body of a task that a worker runs, a child "
        "of a pattern, and what they call"
    )


def _deadline_here() -> float:
    """Of the scopes around the running code; a thread has none, nor a task that asyncio made."""
    try:
        return anyio.current_effective_deadline()
    except anyio.NoEventLoopError:
        return math.inf
