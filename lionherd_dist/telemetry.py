"""What can be measured here, and the port through which it is told: one method, no dependency.

Whoever wants the numbers gives a ``Recorder`` to the Worker or the Cluster. Without one, nothing is
counted: the places that measure each call are not even entered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Instrument:
    """One thing that is measured.

    Args:
        name: with its unit, if it has one, as the last word.
        kind: what a recorder does with a value: add it, show it, or sort it into a bucket.
        meaning: for people; docs/telemetry.md says the same.
        label: what its values are told apart by, "limiter" say; "" for nothing.
    """

    name: str
    kind: Kind
    meaning: str
    label: str = ""


QUEUE_WAIT = Instrument(
    "lionherd_queue_wait_seconds", "histogram", "from when a call may run to when a worker takes it"
)
RUN_TIME = Instrument(
    "lionherd_run_seconds", "histogram", "from when a worker takes a call to when an attempt ends"
)
IN_HAND = Instrument(
    "lionherd_calls_in_hand",
    "gauge",
    "calls taken whose end the server does not know yet; those that came in a row are one",
)
SUCCEEDED = Instrument("lionherd_calls_succeeded", "counter", "calls that ended in a result")
FAILED = Instrument("lionherd_calls_failed", "counter", "calls that failed for good")
CANCELLED = Instrument("lionherd_calls_cancelled", "counter", "calls stopped with their job")
RETRIED = Instrument("lionherd_calls_retried", "counter", "attempts after which another is to come")
HANDED_BACK = Instrument(
    "lionherd_calls_handed_back", "counter", "calls given back for another worker to run"
)
DEAD = Instrument("lionherd_calls_dead", "counter", "calls that left a dead letter")
TAKEOVERS = Instrument(
    "lionherd_takeovers", "counter", "calls of dead processes that this worker gave on to others"
)
LATE_DROPPED = Instrument(
    "lionherd_late_outcomes_dropped", "counter", "outcomes refused: the call was somebody else's"
)
DUPLICATES_DROPPED = Instrument(
    "lionherd_duplicates_dropped", "counter", "outcomes that a client had already, or did not want"
)
SESSIONS_LOST = Instrument("lionherd_sessions_lost", "counter", "sessions that this process lost")
KEYS_SET_ASIDE = Instrument(
    "lionherd_keys_set_aside",
    "counter",
    "keys of a wrong type that were renamed: somebody else writes to the server",
)
LEASES_LOST = Instrument(
    "lionherd_leases_lost",
    "counter",
    "tokens of limiters that were lost while they were held",
    label="limiter",
)
LIMITER_WAIT = Instrument(
    "lionherd_limiter_wait_seconds",
    "histogram",
    "from asking for a limiter's token to having it",
    label="limiter",
)

INSTRUMENTS = (
    *(QUEUE_WAIT, RUN_TIME, IN_HAND, SUCCEEDED, FAILED, CANCELLED, RETRIED, HANDED_BACK, DEAD),
    *(TAKEOVERS, LATE_DROPPED, DUPLICATES_DROPPED, SESSIONS_LOST, KEYS_SET_ASIDE),
    *(LEASES_LOST, LIMITER_WAIT),
)

# The upper ends of a histogram's buckets, in seconds.
BUCKETS_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)


class Recorder(Protocol):
    """Is told every measurement, in the event loop: it must not wait, and must not raise."""

    def record(self, instrument: Instrument, value: float = 1, label: str = "") -> None:
        """A counter grew by *value*, a gauge is at it, or a histogram has one more of it.

        *label* is which of its kind, where the instrument has a label: a limiter's name. There may
        be any number of them; see ``Labels``.
        """
        ...


class Silent:
    """The recorder of those who want no numbers."""

    def record(self, instrument: Instrument, value: float = 1, label: str = "") -> None:
        """Nothing."""


SILENT = Silent()


def together(*recorders: Recorder) -> Recorder:
    """One that tells each of *recorders*; a silent one if they are."""
    told = [one for one in recorders if one is not SILENT]
    match told:
        case []:
            return SILENT
        case [only]:
            return only
        case _:
            return _Several(told)


class _Several:
    def __init__(self, recorders: Sequence[Recorder]) -> None:
        self._recorders = recorders

    def record(self, instrument: Instrument, value: float = 1, label: str = "") -> None:
        for recorder in self._recorders:
            recorder.record(instrument, value, label)


MOST_LABELS = 100
OTHERS = "(others)"  # no limiter can have this name


class Labels:
    """Keeps the labels that one recorder tells apart few: a series of numbers is kept for each."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def bounded(self, label: str) -> str:
        """*label*, if it is one of the first ``MOST_LABELS``; else ``OTHERS``, for all the rest."""
        if label not in self._known:
            if len(self._known) >= MOST_LABELS:
                return OTHERS
            self._known.add(label)
        return label
