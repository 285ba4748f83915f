"""Measures the calls of one shift, for a recorder; a worker without one has no meter."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence

from lionherd_dist.session.clock import ServerClock
from lionherd_dist.store.calls import Again, Back, Dead, Done, Next, Settled, Taken
from lionherd_dist.telemetry import (
    CANCELLED,
    DEAD,
    FAILED,
    HANDED_BACK,
    IN_HAND,
    LATE_DROPPED,
    QUEUE_WAIT,
    RETRIED,
    RUN_TIME,
    SUCCEEDED,
    Instrument,
    Recorder,
)

_OF_ENDING = {"success": SUCCEEDED, "failure": FAILED, "cancelled": CANCELLED}


def counted_as(settled: Settled) -> Instrument:
    """The counter that grows by *settled*."""
    match settled:
        case Done(ending=ending):
            return _OF_ENDING[ending]
        case Dead():
            return DEAD
        case Again():
            return RETRIED
        case Back():
            return HANDED_BACK


def queued_s(entry: bytes, now_ms: float) -> float:
    """Seconds since *entry*, a stream's id that begins with its time, was handed out."""
    return max(0.0, now_ms - int(entry.partition(b"-")[0])) / 1000


class Meter:
    """Hears of each call when it is taken, when it is settled, and when the server knows of it.

    Args:
        in_hand: entries taken and not yet told; only counted here.
    """

    def __init__(self, recorder: Recorder, clock: ServerClock, in_hand: Collection[bytes]) -> None:
        self._recorder, self._clock, self._in_hand = recorder, clock, in_hand
        self._taken_at: dict[bytes, float] = {}

    def took(self, batch: Sequence[Taken]) -> None:
        """These calls were taken just now."""
        server_ms, now_s = self._clock.now_ms(), time.monotonic()
        for taken in batch:
            self._taken_at[taken.entry] = now_s
            for _ in (taken.payload, *taken.rest):
                self._recorder.record(QUEUE_WAIT, queued_s(taken.entry, server_ms))
        self._recorder.record(IN_HAND, len(self._in_hand))

    def before(self, settle: Callable[[Settled], None]) -> Callable[[Settled], None]:
        """*settle*, which measures each call first."""

        def measured(settled: Settled) -> None:
            taken_at = self._taken_at.pop(settled.taken.entry, None)
            if taken_at is not None and not isinstance(settled, Back):
                self._recorder.record(RUN_TIME, time.monotonic() - taken_at)
            if isinstance(settled, Next):
                self._taken_at[settled.taken.entry] = time.monotonic()
            settle(settled)

        return measured

    def told(self, batch: Sequence[Settled], dropped: int) -> None:
        """The server knows of these; *dropped* of them had become somebody else's."""
        for instrument, count in Counter(map(counted_as, batch)).items():
            self._recorder.record(instrument, count)
        if dropped:
            self._recorder.record(LATE_DROPPED, dropped)
        self._recorder.record(IN_HAND, len(self._in_hand))

    def end(self) -> None:
        """The shift is over: nothing is in hand."""
        self._recorder.record(IN_HAND, 0)
