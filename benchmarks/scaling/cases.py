"""What is varied, one thing at a time, around the same middle."""

import json
from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True, slots=True)
class Case:
    """One point of one series.

    Args:
        series: what is varied in it; its points stand in one chart.
        label: the value that it has here.
        workers, clients: processes.
        count: calls of each client.
        limit: of each job.
        payload: bytes that each call takes and gives back; 0: a number.
        jobs: over which a client's calls are spread, all open at once.
        backlog: calls of another job that wait at the server meanwhile.
        looks: note the memory on the way.
    """

    series: str
    label: str
    workers: int = 1
    clients: int = 1
    count: int = 20_000
    limit: int | None = None
    payload: int = 0
    jobs: int = 1
    backlog: int = 0
    looks: bool = False

    def as_text(self) -> str:
        return json.dumps(asdict(self))

    def scaled(self, part: float) -> "Case":
        """The same with fewer calls, to try it out."""
        return replace(
            self,
            count=max(self.jobs, int(self.count * part)),
            backlog=int(self.backlog * part),
        )


CASES = (
    *(Case("workers", f"{n}", workers=n, count=40_000) for n in (1, 2, 4)),
    *(Case("clients", f"{n}", clients=n, count=40_000 // n) for n in (1, 8)),
    Case("payload", "10 B", payload=10),
    Case("payload", "1 kB", payload=1_000, count=10_000),
    Case("payload", "100 kB", payload=100_000, count=500),
    Case("limit", "1", limit=1, count=4_000),
    Case("limit", "10", limit=10, count=10_000),
    Case("limit", "100", limit=100),
    Case("limit", "none"),
    *(Case("calls", f"10^{power}", count=10**power) for power in (3, 4, 5)),
    Case("calls", "10^6", count=10**6, looks=True),
    *(Case("jobs", f"{n:,}", jobs=n) for n in (1, 1_000)),
    *(Case("backlog", f"{n:,}", backlog=n) for n in (0, 100_000)),
)
CANCELLED = 100_000  # calls of the job that is cancelled
SERIES = tuple(dict.fromkeys(case.series for case in CASES))
