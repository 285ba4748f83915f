"""The call whose code is running: for idempotency keys, logs and decisions about time."""

import contextvars
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CurrentCall:
    """One attempt at one call of a job, as its own code sees it.

    Args:
        job: the id of the job.
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


# The other use of a context variable as wiring: a call's code has no other way to be handed it.
_current: contextvars.ContextVar[CurrentCall | None] = contextvars.ContextVar(
    "lionherd_current_call", default=None
)


def begin_call(call: CurrentCall) -> None:
    """Let *call* be the current one for what runs in this context from now on."""
    _current.set(call)


def current_call() -> CurrentCall:
    """The call that this code is part of; also in its threads, and in tasks that it starts.

    Raises:
        LookupError: this code is no part of a call.
    """
    call = _current.get()
    if call is None:
        raise LookupError(
            "current_call() is for the code of calls: the body of a task that a worker runs, and "
            "what that calls"
        )
    return call
