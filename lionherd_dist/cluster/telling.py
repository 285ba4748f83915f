"""Who is told how a stream is going: as each outcome is consumed, or now and then."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from lionherd_dist.arguments import function
from lionherd_dist.call import Failure, Outcome, Ran, Success
from lionherd_dist.logs import note
from lionherd_dist.progress import Bar, Progress, open_bar

TOLD_EVERY_S = 0.1

OnProgress: TypeAlias = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Listeners:
    """Whom to tell.

    Args:
        progress: called with the counts, at most ten times a second and once at the end; True for
            a bar on standard error, False for neither.
        on_ran: called with when and where each call ran, as its outcome is consumed.
        total: how many calls there are, if that is known before they are made.
    """

    progress: OnProgress | bool = False
    on_ran: Callable[[Ran], None] | None = None
    total: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.progress, bool):
            instead = "give True for a bar, or a function of a Progress"
            function("progress", self.progress, instead=instead)
        if self.on_ran is not None:
            function("on_ran", self.on_ran, instead="give a function of a Ran")


class Teller:
    """Tells *listeners* of one stream; an error of theirs is logged, and they hear no more.

    Args:
        total: how many outcomes there will be, as far as it is known when it is asked.
    """

    def __init__(self, listeners: Listeners, total: Callable[[], int | None]) -> None:
        self._total, self._on_ran = total, listeners.on_ran
        self._bar: Bar | None = open_bar() if listeners.progress is True else None
        given = None if isinstance(listeners.progress, bool) else listeners.progress
        self._on_progress = self._bar.show if self._bar is not None else given
        self._before = self._done = self._failed = 0
        self._begun = time.monotonic()
        self._next = self._begun + TOLD_EVERY_S

    def resumed(self, before: int) -> None:
        """Others have consumed *before* outcomes, and the stream goes on after them: tell so."""
        self._before = before
        self._tell()

    def consumed(self, outcome: Outcome) -> None:
        """One more outcome goes to the consumer."""
        self._done += 1
        self._failed += not isinstance(outcome, Success)
        if self._on_ran is not None and isinstance(outcome, Success | Failure) and outcome.ran:
            try:
                self._on_ran(outcome.ran)
            except Exception as error:  # noqa: BLE001 (a listener's error must not cost an outcome)
                self._on_ran = None
                _tell_failed("on_ran", error)
        if self._on_progress is not None and time.monotonic() >= self._next:
            self._tell()

    def end(self) -> None:
        """No outcome will follow."""
        self._tell()
        if self._bar is not None:
            try:
                self._bar.close()
            except Exception as error:  # noqa: BLE001 (as above: its terminal may be gone)
                _tell_failed("progress", error)

    def _tell(self) -> None:
        if self._on_progress is None:
            return
        elapsed_s = time.monotonic() - self._begun
        progress = Progress(
            done=self._before + self._done,
            failed=self._failed,
            total=self._total(),
            elapsed_s=elapsed_s,
            per_second=self._done / max(elapsed_s, 1e-9),
            before=self._before,
        )
        try:
            self._on_progress(progress)
        except Exception as error:  # noqa: BLE001 (as above)
            self._on_progress = None
            _tell_failed("progress", error)
        self._next = time.monotonic() + TOLD_EVERY_S


def _tell_failed(listener: str, error: Exception) -> None:
    """It is called no more."""
    note(logging.ERROR, "listener failed", listener=listener, error=type(error).__name__)
