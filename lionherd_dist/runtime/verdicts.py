"""What the server is told of a call, from what became of it here."""

import logging

from lionherd_dist.call import Cancelled, Failure, Message, Outcome, Success
from lionherd_dist.errors import EncodeError
from lionherd_dist.runtime.failure_log import FailureLog, tell
from lionherd_dist.session.clock import ServerClock
from lionherd_dist.store.calls import Again, Dead, Done, Settled, Taken
from lionherd_dist.task import Task
from lionherd_dist.wire.messages import decode_call, encode_outcome
from lionherd_dist.wire.signing import Seal


class Verdicts:
    """Those of one worker.

    Args:
        name: what failures call this worker.
        seal: signs outcomes.

    Attributes:
        log: is told of failures.
    """

    def __init__(self, name: str, seal: Seal, clock: ServerClock) -> None:
        self._name, self._seal, self._clock = name, seal, clock
        self.log: FailureLog = FailureLog()

    def done(self, taken: Taken, outcome: Outcome) -> Done:
        """It ended; a result that cannot be sent is a failure after all."""
        try:
            data = self._encoded(taken, outcome)
        except EncodeError as error:
            outcome = Failure(error, outcome.ran if isinstance(outcome, Success) else None)
            data = self._encoded(taken, outcome)
        if isinstance(outcome, Failure):
            self._tell(logging.WARNING, "call failed", taken, outcome.error)
            return Done(taken, data, "failure")
        if isinstance(outcome, Cancelled):
            return Done(taken, data, "cancelled")
        return Done(taken, data)

    def dead(self, taken: Taken, error: Exception) -> Dead:
        """It can never succeed."""
        return Dead(taken, self._encoded(taken, Failure(error)), error)

    def buried(self, dead: Dead) -> None:
        """The server has a dead letter of it, as the call was still ours."""
        if dead.error is not None:
            self._tell(logging.ERROR, "dead letter", dead.taken, dead.error)

    def late(self, taken: Taken) -> Done:
        """Its deadline came first."""
        return self.done(taken, Failure(TimeoutError("the deadline passed before it began")))

    def failed(
        self, taken: Taken, message: Message, task: Task[..., object], failure: Failure
    ) -> Settled:
        """Another attempt where the policy wants one and it could start in time."""
        policy = message.retry or task.retry
        if policy.wants(failure.error, taken.attempt):
            delay_s = policy.delay_s(taken.attempt)
            if not taken.deadline_ms or self._clock.left_s(taken.deadline_ms) > delay_s:
                self._tell(logging.INFO, "attempt failed", taken, failure.error)
                return Again(taken, taken.attempt + 1, int(delay_s * 1000))
        return self.done(taken, failure)

    def _tell(self, level: int, event: str, taken: Taken, error: Exception) -> None:
        if self.log.has_room(level):
            call = self._call_of(taken)
            name = "?" if call is None else call.task
            facts = dict[str, str | int](job=taken.job, index=taken.index, attempt=taken.attempt)
            tell(level, event, error, task=name, **facts)

    def _encoded(self, taken: Taken, outcome: Outcome) -> bytes:
        call = self._call_of(taken) if isinstance(outcome, Failure) else None
        data = encode_outcome(outcome, worker=self._name, attempt=taken.attempt, call=call)
        return self._seal.signed("outcome", data, taken.job, taken.index)

    def _call_of(self, taken: Taken) -> Message | None:
        """The call as it was sent: what ran may have changed its arguments."""
        try:
            return decode_call(self._seal.opened("call", taken.payload, taken.job, taken.index))
        except Exception:  # noqa: BLE001 (a verdict is reached whatever the call is)
            return None
