"""Where the body of a task runs: what it takes to reach the cluster from there, and no more."""

import contextvars
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from lionherd_dist.address import Address
from lionherd_dist.settings import Settings
from lionherd_dist.telemetry import Recorder
from lionherd_dist.tracing import Tracer

T = TypeVar("T")


class Place:
    """A worker, as the tasks that it runs know it.

    Attributes:
        address: of the server.
        settings: those of the worker.
        recorder: the worker's.
        tracer: the worker's, if it has one.
        begin: runs something beside the tasks, until the worker's session ends.
        lend: says that a task waits for calls of its own; what it returns ends that.
        awaited: says whether one waits for a job; set by what makes jobs here.
    """

    address: Address
    settings: Settings
    begin: Callable[[Callable[[], Awaitable[None]]], None]
    recorder: Recorder
    tracer: Tracer | None
    lend: Callable[[], Callable[[], None]]

    def __init__(
        self,
        address: Address,
        settings: Settings,
        recorder: Recorder,
        tracer: Tracer | None,
        *,
        begin: Callable[[Callable[[], Awaitable[None]]], None],
        lend: Callable[[], Callable[[], None]],
    ) -> None:
        self.address, self.settings, self.begin = address, settings, begin
        self.recorder, self.tracer, self.lend = recorder, tracer, lend
        self.awaited: Callable[[str], bool] | None = None
        self._made: object = None

    def once(self, make: Callable[["Place"], T]) -> T:
        """What *make* makes here, at the first time; later the same again."""
        if self._made is None:
            self._made = make(self)
        return cast("T", self._made)

    def awaits(self, job: str) -> bool:
        """True if a task here waits for the outcomes of *job*."""
        return self.awaited is not None and self.awaited(job)

    def context(self) -> contextvars.Context:
        """An empty context in which this is the place."""
        context = contextvars.Context()
        context.run(_here.set, self)
        return context


# The one use of a context variable as wiring: a task's body has no other way to be handed it.
_here: contextvars.ContextVar[Place | None] = contextvars.ContextVar("lionherd_place", default=None)


def place_here() -> Place | None:
    """The worker whose task this code belongs to, if it does."""
    return _here.get()
