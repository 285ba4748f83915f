"""Cancel scopes with deadlines: points on the clock of ``current_time``; None means no deadline."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from lionherd_dist.arguments import number
from lionherd_dist.local.time import current_time

CancelScope = anyio.CancelScope

_A_TIME = "give a number of seconds, or None for no deadline"
_A_DEADLINE = "give a point on the clock of current_time(), or None for no deadline"


@contextmanager
def fail_after(seconds: float | None) -> Iterator[CancelScope]:
    """A scope that raises TimeoutError if its block takes longer than *seconds*.

    With less than 0, as a computed time may be, it is over at once.
    """
    with fail_at(_end_of(seconds)) as scope:
        yield scope


@contextmanager
def fail_at(deadline: float | None) -> Iterator[CancelScope]:
    """A scope that raises TimeoutError if its block is not done at *deadline*."""
    with move_on_at(deadline) as scope:
        yield scope
    if scope.cancelled_caught and current_time() >= scope.deadline:
        raise TimeoutError


@contextmanager
def move_on_after(seconds: float | None) -> Iterator[CancelScope]:
    """A scope that leaves its block after *seconds*, without an error; at once for less than 0."""
    with move_on_at(_end_of(seconds)) as scope:
        yield scope


@contextmanager
def move_on_at(deadline: float | None) -> Iterator[CancelScope]:
    """A scope that leaves its block at *deadline*, without an error."""
    if deadline is not None:
        deadline = number("deadline", deadline, least=-math.inf, instead=_A_DEADLINE)
    with CancelScope(deadline=math.inf if deadline is None else deadline) as scope:
        yield scope


def _end_of(seconds: float | None) -> float | None:
    if seconds is None:
        return None
    return current_time() + number("seconds", seconds, least=-math.inf, instead=_A_TIME)


def effective_deadline() -> float | None:
    """The nearest deadline of the scopes around the caller (``current_time``), or None.

    It is minus infinity inside a scope that is cancelled already.
    """
    deadline = anyio.current_effective_deadline()
    return None if deadline == math.inf else deadline
