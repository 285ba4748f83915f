"""The port through which spans are told: of each job, and of each attempt at a call.

Whoever wants traces gives a ``Tracer`` to the Cluster and to the Worker. Without one, nothing of
this is entered, and nothing of it travels. No fact is an argument, a result or an error's message.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

Facts: TypeAlias = Mapping[str, str | int]


class Span(Protocol):
    """A job or an attempt at a call, from its beginning to its end."""

    @property
    def traceparent(self) -> str:
        """What names it in other processes, as W3C Trace Context does; "" for nothing."""
        ...

    def current(self) -> AbstractContextManager[object]:
        """What begins within the block, in this context, is a part of it."""
        ...

    def end(self, facts: Facts, error: BaseException | None = None) -> None:
        """It is over, and failed if *error* is an Exception; a cancellation is no failure."""
        ...


class Tracer(Protocol):
    """Begins spans, in the event loop: it must not wait, and must not raise."""

    def job(self, facts: Facts) -> Span:
        """A job begins, as a part of what is under way here."""
        ...

    def attach(self, facts: Facts) -> Span:
        """The reading of a submitted job begins, as a part of what is under way here."""
        ...

    def call(self, task: str, traceparent: str, facts: Facts) -> Span:
        """An attempt at a call of *task* begins, as a part of the job that *traceparent* names."""
        ...
