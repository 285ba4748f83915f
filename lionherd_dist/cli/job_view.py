"""A job as a row of a table and as a JSON object."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from lionherd_dist.cli.sheets import Sheet
from lionherd_dist.cli.tally import per_second
from lionherd_dist.printable import printable, span
from lionherd_dist.store.job_rows import JobRow

Rates = Mapping[str, float | None]  # calls done per second, by job id

MOST_OF_A_NAME = 16  # characters of a limiter's; all of it is in --json
COLUMNS = (
    "job",
    "state",
    ">done",
    ">failed",
    ">of",
    ">rate",
    ">backlog",
    ">in hand",
    ">limit",
    ">age",
)


def average_rates(jobs: Sequence[JobRow]) -> Rates:
    """The rate of each of *jobs* since it was opened."""
    return {job.id: job.per_second for job in jobs}


def jobs_sheet(jobs: Sequence[JobRow], count: int, rates: Rates) -> Sheet:
    """The table of *jobs*, which are some of *count*."""
    named = any(job.label for job in jobs)
    columns = (COLUMNS[0], "…name", *COLUMNS[1:]) if named else COLUMNS
    rows = [_cells(job, rates.get(job.id), named=named) for job in jobs]
    note = f"and {count - len(jobs):,} more" if count > len(jobs) else ""
    return Sheet(f"jobs ({count:,})", columns, rows, note if rows else "none is open")


def _cells(job: JobRow, rate: float | None, *, named: bool) -> tuple[str, ...]:
    total = "?" if job.total is None else f"{job.total:,}"
    return (
        *(job.id, *([printable(job.label)] if named else []), job.state),
        *(f"{job.done:,}", f"{job.failed:,}", total, "" if rate is None else per_second(rate)),
        *(f"{job.backlog:,}", f"{job.in_hand:,}", _limit(job)),
        "?" if job.age_ms is None else span(job.age_ms / 1000),
    )


def _limit(job: JobRow) -> str:
    if job.limiter:
        return printable(job.limiter, MOST_OF_A_NAME)
    return f"{job.limit:,}" if job.limit else "none"


def job_object(job: JobRow, rate: float | None) -> dict[str, object]:
    """*job* as JSON has it; its fields are described in docs/commands.md."""
    told = {name: value for name, value in asdict(job).items() if name != "is_readable"}
    return {**told, "state": job.state, "per_second": rate}
