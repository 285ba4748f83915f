"""Spans of the calls of one shift, for a tracer; a worker without one does not come here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from lionherd_dist.call import Failure, Message, Success
from lionherd_dist.store.calls import Again, Back, Dead, Done, Settled, Taken
from lionherd_dist.tracing import Facts, Span, Tracer
from lionherd_dist.wire.messages import decode_call, decode_outcome
from lionherd_dist.wire.signing import Seal, unsigned

Attempt: TypeAlias = Awaitable[Success | Failure]
Traced: TypeAlias = Callable[[Attempt, Taken, Message], Attempt]

UNREADABLE = Message("lionherd.call", (), {})  # what cannot be decoded has neither task nor trace
_WORDS = {"success": "succeeded", "failure": "failed", "cancelled": "cancelled"}


def _word_for(settled: Settled) -> str:
    """How an attempt ended that led to *settled*."""
    match settled:
        case Done(ending=ending):
            return _WORDS[ending]
        case Dead():
            return "dead"
        case Again():
            return "failed"
        case Back():
            return "stopped"


@dataclass(slots=True)
class Begun:
    """A span that has not ended, and why its attempt failed, if it has."""

    span: Span
    error: BaseException | None = None


class CallSpans:
    """One for each attempt at a call, and one for each call that ends here without an attempt.

    Each lasts until the call is settled: a result that cannot be sent is a failure after all.
    """

    def __init__(self, tracer: Tracer, seal: Seal, namespace: str, worker: str) -> None:
        self._tracer, self._seal = tracer, seal
        self._namespace, self._worker = namespace, worker
        self._begun: dict[bytes, Begun] = {}

    async def around(self, attempt: Attempt, taken: Taken, message: Message) -> Success | Failure:
        """The outcome of *attempt*, made within a span."""
        begun = self._begun[taken.entry] = Begun(self._begin(taken, message, {}))
        with begun.span.current():
            outcome = await attempt
        if isinstance(outcome, Failure):
            begun.error = outcome.error
        return outcome

    def before(self, settle: Callable[[Settled], None]) -> Callable[[Settled], None]:
        """*settle*, and the end of the span."""

        def ended(settled: Settled) -> None:
            settle(settled)
            begun = self._begun.pop(settled.taken.entry, None)
            if begun is None and isinstance(settled, Done | Dead):
                taken = settled.taken
                begun = Begun(self._begin(taken, self._message_of(taken), {"ran": False}))
            if begun is not None:
                error = self._error_of(settled) if begun.error is None else begun.error
                begun.span.end({"outcome": _word_for(settled)}, error)

        return ended

    def _begin(self, taken: Taken, message: Message, more: Facts) -> Span:
        facts: dict[str, str | int] = {
            "namespace": self._namespace,
            "job": taken.job,
            "index": taken.index,
            "attempt": taken.attempt,
            "deaths": taken.deaths,
            "worker": self._worker,
        }
        return self._tracer.call(message.task, message.traceparent, {**facts, **more})

    def _message_of(self, taken: Taken) -> Message:
        try:
            return decode_call(self._seal.opened("call", taken.payload, taken.job, taken.index))
        except Exception:  # noqa: BLE001 (whatever the bytes are, the worker lives)
            return UNREADABLE

    @staticmethod
    def _error_of(settled: Settled) -> BaseException | None:
        """The failure that the client is told of, where it is not the attempt's own."""
        match settled:
            case Done(_, data, "failure") | Dead(_, data):
                outcome = decode_outcome(unsigned(data))
                return outcome.error if isinstance(outcome, Failure) else None
            case _:
                return None


def spans_for(tracer: Tracer | None, seal: Seal, namespace: str, worker: str) -> CallSpans | None:
    """What tells *tracer* of calls; None without one."""
    return None if tracer is None else CallSpans(tracer, seal, namespace, worker)
