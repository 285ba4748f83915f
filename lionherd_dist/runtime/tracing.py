"""A span for each attempt at a call, for a tracer; a worker without one does not come here."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from lionherd_dist.call import Failure, Message, Success
from lionherd_dist.store.calls import Taken
from lionherd_dist.tracing import Tracer

Attempt: TypeAlias = Awaitable[Success | Failure]
Traced: TypeAlias = Callable[[Attempt, Taken, Message], Attempt]


def traced_by(tracer: Tracer | None, *, namespace: str, worker: str) -> Traced | None:
    """What awaits an attempt within a span, and gives its outcome; None without a *tracer*."""
    if tracer is None:
        return None

    async def traced(attempt: Attempt, taken: Taken, message: Message) -> Success | Failure:
        facts: dict[str, str | int] = {
            "namespace": namespace,
            "job": taken.job,
            "index": taken.index,
            "attempt": taken.attempt,
            "deaths": taken.deaths,
            "worker": worker,
        }
        span = tracer.call(message.task, message.traceparent, facts)
        word, error = "stopped", None  # it stays so if it is cancelled
        try:
            outcome = await attempt
            if isinstance(outcome, Failure):
                word, error = "failed", outcome.error
            else:
                word = "succeeded"
            return outcome
        finally:
            span.end({"outcome": word}, error)

    return traced
