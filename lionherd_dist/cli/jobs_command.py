"""``lionherd-dist jobs``: list, look into, cancel and read the jobs of a namespace."""

from dataclasses import asdict

import click

from lionherd_dist.cli import options
from lionherd_dist.cli.asking import Asker, as_json, ask, say_json
from lionherd_dist.cli.attach_run import attach as attach_
from lionherd_dist.cli.job_view import average_rates, job_object, jobs_sheet
from lionherd_dist.cli.modules import import_here
from lionherd_dist.cli.sheets import Sheet, show
from lionherd_dist.cluster.cluster import Cluster
from lionherd_dist.errors import JobNotFoundError
from lionherd_dist.printable import span
from lionherd_dist.settings import Settings
from lionherd_dist.store.job_rows import InHand, JobRow, calls_in_hand, job_rows
from lionherd_dist.store.jobs import cancel_jobs
from lionherd_dist.store.reading import MOST_JOBS, overview, server_ms


@click.group()
def jobs() -> None:
    """List, look into, cancel and read jobs.

    \b
    Examples:
      lionherd-dist jobs ls
      lionherd-dist jobs show 5f3a9c01b2d4-1
      lionherd-dist jobs cancel 5f3a9c01b2d4-1
      lionherd-dist jobs attach 5f3a9c01b2d4-1 > outcomes.jsonl
    """  # noqa: D301 (\b keeps click from filling a block)


@jobs.command("ls")
@options.redis
@options.namespace
@click.option(
    "--most",
    type=click.IntRange(1, 10_000),
    default=MOST_JOBS,
    show_default=True,
    help="How many are listed at most.",
)
@as_json
@options.debug
def ls(redis: str | None, namespace: str, *, most: int, as_json: bool) -> None:
    """List the jobs of clients that live, and submitted jobs until their outcomes expire.

    \b
    Examples:
      lionherd-dist jobs ls
      lionherd-dist jobs ls --json | jq -r '.jobs[] | select(.state == "held back") | .id'
    """  # noqa: D301 (\b keeps click from filling a block)
    seen = ask(redis, namespace, lambda a: overview(a.connection, a.keys, most_jobs=most))
    rates = average_rates(seen.jobs)
    if as_json:
        rows = [job_object(job, rates[job.id]) for job in seen.jobs]
        say_json({"namespace": namespace, "job_count": seen.job_count, "jobs": rows})
    else:
        show([jobs_sheet(seen.jobs, seen.job_count, rates)])


@jobs.command("show")
@click.argument("job", metavar="ID")
@options.redis
@options.namespace
@as_json
@options.debug
def show_(job: str, redis: str | None, namespace: str, *, as_json: bool) -> None:
    """Show where the job ID stands, and which worker has which of its calls.

    Twenty calls at most are listed.

    \b
    Example:
      lionherd-dist jobs show 5f3a9c01b2d4-1
    """  # noqa: D301 (\b keeps click from filling a block)

    async def look(asker: Asker) -> tuple[JobRow, list[InHand]]:
        row = await _row(asker, job)
        now_ms = await server_ms(asker.connection)
        return row, await calls_in_hand(asker.connection, asker.keys, job, now_ms=now_ms)

    row, calls = ask(redis, namespace, look)
    if as_json:
        made = [{k: v for k, v in asdict(call).items() if k != "payload"} for call in calls]
        say_json({**job_object(row, row.per_second), "calls": made})
        return
    rates = average_rates([row])
    show([jobs_sheet([row], 1, rates), _facts(row), _calls(calls, row.in_hand)])


async def _row(asker: Asker, job: str) -> JobRow:
    now_ms = await server_ms(asker.connection)
    (row,) = await job_rows(asker.connection, asker.keys, [job], now_ms=now_ms)
    if row is None:
        raise JobNotFoundError(
            f"there is no job {job!r} in namespace {asker.namespace}: it has ended and been read, "
            "was cancelled, or is kept no longer; `lionherd-dist jobs ls` lists those that are"
        )
    return row


def _facts(row: JobRow) -> Sheet:
    facts = [
        ("tasks", ", ".join(row.tasks) or "not known: only submitted jobs tell"),
        ("belongs to", f"session {row.owner}" if row.owner else "nobody: it was submitted"),
        ("calls accepted", f"{row.accepted:,}"),
        ("outcomes read", f"{row.read:,}"),
    ]
    if row.kept_ms:
        facts.append(("read by", f"session {row.reader}" if row.reader else "nobody now"))
        facts.append(("kept after its end", span(row.kept_ms / 1000)))
    if row.left_ms is not None:
        facts.append(("deadline", f"in {span(max(0, row.left_ms) / 1000)}"))
    return Sheet("facts", ("", ""), facts)


def _calls(calls: list[InHand], count: int) -> Sheet:
    rows = [
        (
            str(call.index),
            "its next attempt" if call.since_ms is None else call.worker or "a free worker",
            "?" if call.attempt is None else str(call.attempt),
            str(call.deaths),
            "" if call.since_ms is None else span(call.since_ms / 1000),
        )
        for call in calls
    ]
    note = f"and {count - len(rows):,} more" if count > len(rows) else ""
    columns = (">call", "is with, or waits for", ">attempt", ">deaths", ">for")
    return Sheet(f"calls in hand ({count:,})", columns, rows, note if rows else "none")


@jobs.command("cancel")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@options.redis
@options.namespace
@options.debug
def cancel(ids: tuple[str, ...], redis: str | None, namespace: str) -> None:
    """Cancel jobs: what waits is dropped, what runs is told to stop.

    A job that somebody waits for ends there in JobCancelledError. Outcomes of a submitted job that
    nobody has read are dropped, too.

    \b
    Example:
      lionherd-dist jobs cancel 5f3a9c01b2d4-1
    """  # noqa: D301 (\b keeps click from filling a block)

    async def cancel_all(asker: Asker) -> list[int]:
        for job in ids:
            await _row(asker, job)  # none is cancelled if one of them is mistyped
        return await cancel_jobs(asker.connection, asker.keys, ids, by="")

    for job, left in zip(ids, ask(redis, namespace, cancel_all), strict=True):
        told = f"; {left:,} of its calls were running and are told to stop" if left else ""
        click.echo(f"{job} is cancelled{told}")


@jobs.command("attach")
@click.argument("job", metavar="ID")
@click.option(
    "--module",
    "-m",
    "modules",
    metavar="MODULE",
    multiple=True,
    help="Import it first: results of its @sendable classes cannot be read otherwise.",
)
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="How long to wait while another reader has the job: one that was killed keeps it until "
    "its session ends. As long as a session lasts, 15, unless given; 0 for not at all.",
)
@options.redis
@options.namespace
@options.tracebacks
@click.option("--quiet", "-q", is_flag=True, help="No progress and no summary.")
@options.debug
@click.pass_obj
def attach(
    switches: options.Switches,
    job: str,
    modules: tuple[str, ...],
    redis: str | None,
    namespace: str,
    *,
    wait_s: float | None,
    tracebacks: bool,
    quiet: bool,
) -> int:
    """Write what became of the submitted job ID, from where its last reader stopped.

    As `lionherd-dist map --attach` does: a line of JSON for each call, as soon as it is there. A
    line that was written is never given again, to anybody. The exit status is 1 if any call failed.

    \b
    Example:
      lionherd-dist jobs attach 5f3a9c01b2d4-1 > outcomes.jsonl
    """  # noqa: D301 (\b keeps click from filling a block)
    for name in modules:
        import_here(name)
    cluster = Cluster(redis, settings=Settings(namespace=namespace))
    return attach_(
        cluster, job, wait_s=wait_s, quiet=quiet, tracebacks=tracebacks, switches=switches
    )
