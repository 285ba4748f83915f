"""Cancel scopes with deadlines: points on the clock of ``current_time``; None means no deadline."""

import math
from contextlib import AbstractContextManager
from types import TracebackType

import anyio

from lionherd_dist.arguments import number
from lionherd_dist.local.owner import Owner
from lionherd_dist.local.time import current_time

CancelScope = anyio.CancelScope

_A_TIME = "give a number of seconds, or None for no deadline"
_A_DEADLINE = "give a point on the clock of current_time(), or None for no deadline"


def fail_after(seconds: float | None) -> AbstractContextManager[CancelScope]:
    """A scope that raises TimeoutError if its block takes longer than *seconds*.

    With less than 0, as a computed time may be, it is over at once. The task that entered the block
    is the one to leave it; in another task that is a RuntimeError that says so. The same is true of
    the other three.
    """
    return _Block("fail_after", after=seconds, fails=True)


def fail_at(deadline: float | None) -> AbstractContextManager[CancelScope]:
    """A scope that raises TimeoutError if its block is not done at *deadline*."""
    return _Block("fail_at", at=deadline, fails=True)


def move_on_after(seconds: float | None) -> AbstractContextManager[CancelScope]:
    """A scope that leaves its block after *seconds*, without an error; at once for less than 0."""
    return _Block("move_on_after", after=seconds, fails=False)


def move_on_at(deadline: float | None) -> AbstractContextManager[CancelScope]:
    """A scope that leaves its block at *deadline*, without an error."""
    return _Block("move_on_at", at=deadline, fails=False)


class _Block(AbstractContextManager[CancelScope]):
    """A scope with a deadline, for one ``with`` block of one task."""

    __slots__ = ("_after", "_at", "_fails", "_name", "_owner", "_scope")

    def __init__(
        self, name: str, *, after: float | None = None, at: float | None = None, fails: bool
    ) -> None:
        if after is not None:
            after = number("seconds", after, least=-math.inf, instead=_A_TIME)
        if at is not None:
            at = number("deadline", at, least=-math.inf, instead=_A_DEADLINE)
        self._name, self._after, self._at, self._fails = name, after, at, fails

    def __enter__(self) -> CancelScope:
        deadline = self._at if self._after is None else current_time() + self._after
        self._scope = CancelScope(deadline=math.inf if deadline is None else deadline)
        self._owner = Owner()
        return self._scope.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if not self._owner.is_current:
            self._scope.deadline = math.inf  # it is to cancel nothing any more
            given = self._at if self._after is None else self._after
            raise self._owner.refusal(f"{self._name}({given})")
        left_quietly = bool(self._scope.__exit__(kind, error, trace))
        if self._fails and self._scope.cancelled_caught and current_time() >= self._scope.deadline:
            raise TimeoutError
        return left_quietly


def effective_deadline() -> float | None:
    """The nearest deadline of the scopes around the caller (``current_time``), or None.

    It is minus infinity inside a scope that is cancelled already.
    """
    deadline = anyio.current_effective_deadline()
    return None if deadline == math.inf else deadline
