"""What the executor of calls tells others, and asks them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lionherd_dist.runtime.tracing import Traced
from lionherd_dist.store.calls import Settled, Taken


@dataclass(frozen=True, slots=True)
class Ways:
    """How the executor reaches those around it.

    Args:
        settle: told what became of each call.
        known_elsewhere: says whether some worker knows a task that this one does not.
        alone: notes that a call is about to run with nothing beside it; says how often it died so.
        trusted: says whether the session can still be ours: not after a pause that outlasted it.
        awaited: says whether a call of this worker waits for a job.
        traced: awaits each attempt at a call within a span, where somebody wants traces.
    """

    settle: Callable[[Settled], None]
    known_elsewhere: Callable[[str], Awaitable[bool]]
    alone: Callable[[Taken], Awaitable[int]]
    trusted: Callable[[], bool]
    awaited: Callable[[str], bool]
    traced: Traced | None = None
