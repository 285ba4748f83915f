"""The span of a job on its client: what names it to the workers, and what it tells at its end."""

from collections import Counter
from typing import TypeAlias

from lionherd_dist.call import Cancelled, Failure, Outcome, Success
from lionherd_dist.cluster.decoding import outcome_of
from lionherd_dist.cluster.job import Job
from lionherd_dist.errors import sole
from lionherd_dist.tracing import Tracer

_WORDS: dict[type[Outcome], str] = {
    Success: "succeeded",
    Failure: "failed",
    Cancelled: "cancelled",
}


class JobTrace:
    """A span that begins now, and is told at its end what became of *job*, as far as it was read.

    Attributes:
        traceparent: goes with each call; "" if there is none.
    """

    def __init__(self, tracer: Tracer, namespace: str, job: Job) -> None:
        self._job = job
        self._span = tracer.job({"namespace": namespace})
        self._counts: Counter[str] = Counter()
        self.traceparent = self._span.traceparent

    def read(self, arrived: bytes | Exception) -> Outcome:
        """The outcome in *arrived*, which is counted."""
        outcome = outcome_of(arrived)
        self._counts[_WORDS[type(outcome)]] += 1
        return outcome

    def end(self, error: BaseException | None = None) -> None:
        """The job is left, with *error* or without."""
        id_ = {"job": self._job.id} if self._job.id else {}
        failure = None if error is None else sole(error)
        self._span.end({**id_, "calls": self._job.added, **self._counts}, failure)


class Untraced:
    """The trace of a job that nobody traces."""

    traceparent = ""
    read = staticmethod(outcome_of)

    def end(self, error: BaseException | None = None) -> None:
        """Nothing."""


Trace: TypeAlias = JobTrace | Untraced

UNTRACED = Untraced()
