"""What is kept of a job while it runs, for its page: as much for a million calls as for ten."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lionherd_dist.call import Ran
from lionherd_dist.report.durations import Durations
from lionherd_dist.report.series import Axis, Series

MOST_WORKERS = 40
OTHERS = "others"
SAMPLE_WIDTH_MS = 250.0


class WorkerTrack:
    """What one worker did.

    Attributes:
        calls: how many calls it ended.
        failed: how many of them failed.
        busy_ms: milliseconds of calls in each bin: twice the width is two at once.
    """

    calls: int
    failed: int
    busy_ms: Series

    def __init__(self, axis: Axis) -> None:
        self.calls = self.failed = 0
        self.busy_ms = axis.series()


@dataclass(frozen=True, slots=True)
class Failures:
    """Failures of one type: how many, and the first of them for people."""

    type_name: str
    count: int
    example: str


@dataclass(frozen=True, slots=True)
class Outline:
    """A job in numbers, when it is over.

    Args:
        title: what was run.
        done: outcomes, failures included.
        total: how many there were to be; None if that is not known.
        elapsed_s: from the first item to the last outcome.
        failures: by type, the most first.
        stopped: True if it ended before it was done.
    """

    title: str
    done: int
    total: int | None
    elapsed_s: float
    failures: list[Failures]
    stopped: bool = False

    @property
    def failed(self) -> int:
        """How many failed."""
        return sum(one.count for one in self.failures)


@dataclass(slots=True)
class Occupancy:
    """How a limiter was used over time, from samples.

    Attributes:
        name: the limiter's.
        total: its tokens, when it was last looked at.
    """

    name: str
    clock: Callable[[], float] = time.monotonic
    total: float = 0
    axis: Axis = field(default_factory=lambda: Axis(SAMPLE_WIDTH_MS))
    samples: Series = field(init=False)
    held: Series = field(init=False)
    waiting: Series = field(init=False)

    def __post_init__(self) -> None:
        self.samples, self.held, self.waiting = (self.axis.series() for _ in range(3))

    def look(self, *, total: float, held: float, waiting: float) -> None:
        """Note how it stands now."""
        now_ms = self.clock() * 1000
        self.total = total
        self.samples.add(now_ms)
        self.held.add(now_ms, held)
        self.waiting.add(now_ms, waiting)


class Chronicle:
    """Hears when and where each call ran.

    Attributes:
        axis: server time of the calls.
        workers: by name; those beyond ``MOST_WORKERS`` together as ``OTHERS``.
        ended: calls that ended, in each bin.
        failed: those of them that failed.
        durations: how long the last attempts took.
        occupancy: of the limiter of the job, if it has one.
    """

    axis: Axis
    ended: Series
    failed: Series
    durations: Durations
    occupancy: Occupancy | None

    def __init__(self, limiter: str | None = None) -> None:
        self.axis = Axis()
        self.workers: dict[str, WorkerTrack] = {}
        self.ended, self.failed = self.axis.series(), self.axis.series()
        self.durations = Durations()
        self.occupancy = None if limiter is None else Occupancy(limiter)

    def ran(self, ran: Ran) -> None:
        """Note one call."""
        end_ms = ran.begun_ms + ran.ran_ms
        track = self._track(ran.worker)
        track.busy_ms.add_span(ran.begun_ms, end_ms)
        track.calls += 1
        self.ended.add(end_ms)
        if ran.failed:
            track.failed += 1
            self.failed.add(end_ms)
        self.durations.add(ran.ran_ms)

    def _track(self, worker: str) -> WorkerTrack:
        name = worker if worker in self.workers or len(self.workers) < MOST_WORKERS else OTHERS
        track = self.workers.get(name)
        if track is None:
            track = self.workers[name] = WorkerTrack(self.axis)
        return track
