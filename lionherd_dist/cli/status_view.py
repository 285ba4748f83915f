"""A namespace at one moment, as tables and as a JSON object."""

from dataclasses import asdict

from lionherd_dist.cli.job_view import Rates, average_rates, job_object, jobs_sheet
from lionherd_dist.cli.limits_view import limiter_object, limiters_sheet
from lionherd_dist.cli.sheets import Sheet
from lionherd_dist.cli.tally import per_second
from lionherd_dist.printable import span
from lionherd_dist.store.reading import Overview, SessionRow

MOST_TASKS = 4  # names that a row has room for


def rates_between(before: Overview | None, now: Overview) -> Rates:
    """How fast each job went since *before*; since it was opened if it was not seen then."""
    average = average_rates(now.jobs)
    if before is None or now.now_ms <= before.now_ms:
        return average
    passed_s = (now.now_ms - before.now_ms) / 1000
    done_before = {job.id: job.done for job in before.jobs}
    return {
        job.id: (job.done - done_before[job.id]) / passed_s
        if job.id in done_before and job.state != "done"
        else average[job.id]
        for job in now.jobs
    }


def status_sheets(seen: Overview, rates: Rates) -> list[Sheet]:
    """The tables of ``status``, from top to bottom."""
    return [
        _calls(seen, rates),
        _workers(seen),
        _clients(seen),
        jobs_sheet(seen.jobs, seen.job_count, rates),
        limiters_sheet(seen.limiters),
    ]


def _calls(seen: Overview, rates: Rates) -> Sheet:
    in_all = sum(rate for rate in rates.values() if rate is not None)
    columns = (">backlog", ">waiting", ">in hand", ">for a next attempt", ">rate", ">dead letters")
    counts = (seen.backlog, seen.waiting, seen.in_hand, seen.parked)
    row = (*(f"{count:,}" for count in counts), per_second(in_all), f"{seen.dead:,}")
    note = "the backlog and the rate are those of the jobs below"
    return Sheet("calls", columns, [row], note if seen.job_count > len(seen.jobs) else "")


def _workers(seen: Overview) -> Sheet:
    rows = [
        (
            *(worker.id, worker.place, f"{worker.slots:,}", f"{worker.in_hand:,}"),
            *(_lease(worker), _names(worker.tasks)),
        )
        for worker in seen.workers
    ]
    columns = ("session", "process", ">slots", ">in hand", ">session ends in", "…tasks")
    note = _unlisted(seen) if rows else "none: nothing runs until one is started"
    return Sheet(f"workers ({len(rows):,})", columns, rows, note)


def _clients(seen: Overview) -> Sheet:
    rows = [(one.id, one.place, f"{one.jobs:,}", _lease(one)) for one in seen.clients]
    columns = ("session", "process", ">open jobs", ">session ends in")
    return Sheet(f"clients ({len(rows):,})", columns, rows, "" if rows else "none")


def _unlisted(seen: Overview) -> str:
    more = seen.session_count - len(seen.sessions)
    return f"and {more:,} more sessions, which are not listed" if more > 0 else ""


def _lease(session: SessionRow) -> str:
    if session.left_ms <= 0:
        return f"dead for {span(-session.left_ms / 1000)}"
    return span(session.left_ms / 1000)


def _names(tasks: tuple[str, ...]) -> str:
    return ", ".join(tasks[:MOST_TASKS]) + (", …" if len(tasks) > MOST_TASKS else "")


def status_object(seen: Overview, rates: Rates, namespace: str) -> dict[str, object]:
    """*seen* as JSON has it; its fields are described in docs/commands.md."""
    return {
        "namespace": namespace,
        "now_ms": seen.now_ms,
        "calls": {
            "backlog": seen.backlog,
            "waiting": seen.waiting,
            "in_hand": seen.in_hand,
            "parked": seen.parked,
        },
        "dead_letters": seen.dead,
        "session_count": seen.session_count,
        "workers": [_worker_object(worker) for worker in seen.workers],
        "clients": [_client_object(client) for client in seen.clients],
        "job_count": seen.job_count,
        "jobs": [job_object(job, rates.get(job.id)) for job in seen.jobs],
        "limiters": [limiter_object(row) for row in seen.limiters],
    }


def _worker_object(worker: SessionRow) -> dict[str, object]:
    return {name: value for name, value in asdict(worker).items() if name != "jobs"}


def _client_object(client: SessionRow) -> dict[str, object]:
    return {name: getattr(client, name) for name in ("id", "place", "left_ms", "jobs")}
