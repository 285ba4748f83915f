"""The span of a job on its client: what names it to the workers, and what it tells at its end."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from lionherd_dist.call import Cancelled, Failure, Outcome, Success
from lionherd_dist.cluster.decoding import outcome_of
from lionherd_dist.cluster.job import Job
from lionherd_dist.errors import sole
from lionherd_dist.tracing import Facts, Span, Tracer

_WORDS: dict[type[Outcome], str] = {
    Success: "succeeded",
    Failure: "failed",
    Cancelled: "cancelled",
}


class OutcomesTrace:
    """A *span* that is told at its end what outcomes were read, and what is *known* by then.

    Attributes:
        traceparent: goes with each call; "" if there is none.
    """

    traceparent: str

    def __init__(self, span: Span, known: Callable[[], Facts]) -> None:
        self._span, self._known = span, known
        self._counts: Counter[str] = Counter()
        self.traceparent = span.traceparent

    def read(self, arrived: bytes | Exception) -> Outcome:
        """The outcome in *arrived*, which is counted."""
        outcome = outcome_of(arrived)
        self._counts[_WORDS[type(outcome)]] += 1
        return outcome

    def end(self, error: BaseException | None = None) -> None:
        """Nothing more is read; because of *error*, if there is one."""
        failure = None if error is None else sole(error)
        self._span.end({**self._known(), **self._counts}, failure)


class Untraced:
    """What nobody traces."""

    traceparent = ""
    read: Callable[[bytes | Exception], Outcome] = staticmethod(outcome_of)

    def end(self, error: BaseException | None = None) -> None:
        """Nothing."""


Trace: TypeAlias = OutcomesTrace | Untraced

UNTRACED = Untraced()


@dataclass(frozen=True, slots=True)
class Tracing:
    """Begins the traces of a client; whoever asks for one ends it."""

    tracer: Tracer | None
    namespace: str

    def job(self, job: Job) -> Trace:
        """*job* is sent and read from now on, as far as that comes."""
        if self.tracer is None:
            return UNTRACED

        def known() -> Facts:
            return {**({"job": job.id} if job.id else {}), "calls": job.added}

        return OutcomesTrace(self.tracer.job({"namespace": self.namespace}), known)

    def attach(self, job_id: str) -> Trace:
        """A submitted job is read from now on."""
        if self.tracer is None:
            return UNTRACED
        facts = {"namespace": self.namespace, "job": job_id}
        return OutcomesTrace(self.tracer.attach(facts), dict)
