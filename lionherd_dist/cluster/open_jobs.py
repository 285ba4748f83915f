"""A link's jobs: which are open, by what id the server knows them, and who waits for them."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lionherd_dist.cluster.job import Job
from lionherd_dist.errors import JobLostError, LionherdError, copied


def _nothing() -> None:
    """Nobody needs to know that a wait is over."""


def nobody() -> Callable[[], None]:
    """Nobody needs to know who waits."""
    return _nothing


class OpenJobs:
    """Jobs that were opened here, or are read here.

    Args:
        lend: told when the code that runs begins to wait for a job; what it returns ends that.

    Attributes:
        by_id: those of ours that the server may know.
    """

    def __init__(self, lend: Callable[[], Callable[[], None]] = nobody) -> None:
        self._lend = lend
        self._open: dict[Job, Callable[[], None]] = {}
        self._attached: Counter[str] = Counter()  # a second reader counts until it is refused
        self.by_id: dict[str, Job] = {}

    def __iter__(self) -> Iterator[Job]:
        """Those whose outcomes somebody waits for: what a new session is to know."""
        return iter(self._open)

    def add(self, job: Job) -> None:
        """*job* is waited for from now on."""
        self._open[job] = self._lend()

    def end(self, job: Job) -> None:
        """Nobody waits for *job* any more: whatever happens, it is not sent again."""
        self._open.pop(job, _nothing)()

    def forget(self, job: Job) -> None:
        """It is none of ours any more."""
        self.end(job)
        self.by_id.pop(job.id, None)
        job.drop_error()

    @contextmanager
    def attached(self, job_id: str) -> Iterator[None]:
        """Somebody here reads a job that was opened anywhere; one reader at a time does."""
        end = self._lend()
        self._attached[job_id] += 1
        try:
            yield
        finally:
            self._attached[job_id] -= 1
            self._attached += Counter()  # drops what nobody reads
            end()

    def awaits(self, job_id: str) -> bool:
        """True if somebody here waits for that job's outcomes."""
        return job_id in self.by_id or job_id in self._attached

    def lose(self, reason: str) -> None:
        """The session is lost: those that cannot start over end in JobLostError."""
        for job in self:
            if not job.start_over():
                job.fail(JobLostError(job.id, job.received, reason))
        self._stop()

    def lose_one(self, job: Job, reason: str) -> None:
        """The server has lost *job*, and nothing else: it starts over, or ends in JobLostError."""
        lost = job.id
        if job.start_over():
            self.by_id.pop(lost, None)
        else:
            job.fail(JobLostError(lost, job.received, reason))

    def fail(self, error: LionherdError) -> None:
        """There is no session to be had: they end in *error*."""
        for job in self:
            job.fail(copied(error))
        self._stop()

    def _stop(self) -> None:
        for job in self.by_id.values():
            job.stopped.set()  # who waits for the workers to stop has no way to hear of it now
        self.by_id.clear()
