"""Cancel scopes with deadlines: points on the clock of ``current_time``; None means no deadline."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from lionherd_dist.local.time import current_time

CancelScope = anyio.CancelScope


@contextmanager
def fail_after(seconds: float | None) -> Iterator[CancelScope]:
    """A scope that raises TimeoutError if its block takes longer than *seconds*."""
    with fail_at(None if seconds is None else current_time() + seconds) as scope:
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
    """A scope that leaves its block after *seconds*, without an error."""
    with move_on_at(None if seconds is None else current_time() + seconds) as scope:
        yield scope


@contextmanager
def move_on_at(deadline: float | None) -> Iterator[CancelScope]:
    """A scope that leaves its block at *deadline*, without an error."""
    with CancelScope(deadline=math.inf if deadline is None else deadline) as scope:
        yield scope


def effective_deadline() -> float | None:
    """The nearest deadline of the scopes around the caller (``current_time``), or None.

    It is minus infinity inside a scope that is cancelled already.
    """
    deadline = anyio.current_effective_deadline()
    return None if deadline == math.inf else deadline
