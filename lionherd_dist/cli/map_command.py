"""``lionherd-dist map``: call a task with every line of the input."""

import os
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypedDict, Unpack

import anyio
import click
from click.core import ParameterSource

from lionherd_dist.call import Call, Retry
from lionherd_dist.cli import limit_option, options, report_option
from lionherd_dist.cli.asking import Asker, answer
from lionherd_dist.cli.attach_run import attach, concluded, tell_first_failure
from lionherd_dist.cli.complaints import UsageProblemError
from lionherd_dist.cli.detached import send
from lionherd_dist.cli.items import STDIN
from lionherd_dist.cli.limit_option import LimitAsked, NamedLimiter
from lionherd_dist.cli.map_run import MapRun
from lionherd_dist.cli.modules import find_task
from lionherd_dist.cli.progress import say_on_stderr, view_of
from lionherd_dist.cli.report_option import Report
from lionherd_dist.cli.tally import Tally
from lionherd_dist.cluster.cluster import Cluster
from lionherd_dist.environment import names_server, redis_address
from lionherd_dist.local_cluster import LocalCluster
from lionherd_dist.settings import Settings
from lionherd_dist.store.limit_rows import limiter_row
from lionherd_dist.store.reading import server_ms
from lionherd_dist.task import Task

DEFAULT_WORKERS = min(4, os.cpu_count() or 1)

_input_path = click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True)


class Options(TypedDict):
    """What ``map`` was given, by name."""

    target: str
    files: tuple[str, ...]
    more_files: tuple[str, ...]
    lines: bool
    ordered: bool
    limit: int | None
    limiter: NamedLimiter | None
    workers: int
    concurrency: int
    retry: int | None
    timeout: float | None
    redis: str | None
    namespace: str
    quiet: bool
    tracebacks: bool
    detach: bool
    name: str | None
    attach: str | None
    report: Path | None


@click.command("map")
@click.argument("target", metavar="MODULE:TASK")
@click.argument("files", metavar="[FILES]...", nargs=-1, type=_input_path)
@click.option(
    "--input", "more_files", metavar="FILE", multiple=True, type=_input_path, help="One more file."
)
@click.option("--lines", is_flag=True, help="Each line is the item, as text, and not JSON.")
@click.option(
    "--ordered",
    is_flag=True,
    help="Write in the order of the input. Items are begun at most 10,000 ahead of the oldest "
    "that is not done, so that memory stays bounded.",
)
@click.option(
    "--limit", type=click.IntRange(1), help="How many calls run at once, over all workers."
)
@limit_option.limiter
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=DEFAULT_WORKERS,
    show_default=True,
    help="How many worker processes to start, where no server is named.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="How many calls run at once in each of them.",
)
@click.option(
    "--retry",
    type=click.IntRange(0),
    metavar="N",
    help="Attempts after a failed first one, with growing pauses; the task's own unless given.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="What one attempt may take; the task's own unless given.",
)
@click.option(
    "--detach",
    is_flag=True,
    help="Send the items, print the id of their job, and leave; needs --redis.",
)
@click.option(
    "--name", metavar="TEXT", help="With --detach: what people call the job; `jobs` shows it."
)
@click.option(
    "--attach",
    metavar="ID",
    help="Read what became of a job sent with --detach, from where its last reader stopped.",
)
@report_option.report
@options.redis
@options.namespace
@options.tracebacks
@click.option("--quiet", "-q", is_flag=True, help="No progress and no summary.")
@options.debug
@click.pass_context
def map_(context: click.Context, **given: Unpack[Options]) -> int:
    """Call a task with every item of FILES, or of standard input, on worker processes.

    An item is a line of JSON, and the task's one argument. What becomes of it is a line of JSON on
    standard output, as soon as it is there:

    \b
      {"index": 3, "result": 1256}
      {"index": 4, "item": "http://x", "error": {"type": "ValueError", "message": "no such host",
                                                 "attempt": 1, "worker": "host:4711"}}

    Items are counted from 0, in the order of the input. A failure has its item, if that is small,
    and with --traceback the traceback on its worker; --debug tells that of the first failure. A
    line that is not JSON fails alone, with its place in the message. Results that JSON has no form
    for are written as text: bytes in Base64, dates in ISO 8601, decimals and UUIDs as they are
    printed; sets become lists.

    Without --redis, a private server and worker processes are started for the run. Ctrl-C cancels
    what is queued and what is running. Progress and the summary go to standard error.

    The exit status is 0 if all items have a result, 1 if any failed, 2 for a wrong command, 130
    after Ctrl-C, and 141 when the reader of standard output has gone.

    \b
    Examples:
      lionherd-dist map my_tasks:fetch --limit 50 < urls.jsonl > sizes.jsonl
      lionherd-dist map my_tasks:fetch --report out.html urls.jsonl > sizes.jsonl
      lionherd-dist map my_tasks:fetch --redis redis://host:6379/0 --limiter api:50 urls.jsonl
      find . -name '*.py' | lionherd-dist map my_tasks:check --lines | jq .result
      lionherd-dist map my_tasks:fetch --redis redis://host:6379/0 --retry 2 --timeout 30 a.jsonl
      jq -c 'select(.error) | .item' sizes.jsonl | lionherd-dist map my_tasks:fetch > again.jsonl
      job=$(lionherd-dist map my_tasks:fetch --redis redis://host:6379/0 --detach < urls.jsonl)
      lionherd-dist map my_tasks:fetch --redis redis://host:6379/0 --attach $job > sizes.jsonl
    """  # noqa: D301 (\b keeps click from filling a block)
    module, task = find_task(given["target"])
    _check_takes_an_item(task)
    cluster = _cluster(context, given, module.__name__)
    sources = (*given["files"], *given["more_files"]) or (STDIN,)
    _check_detached(given, cluster)
    if given["detach"]:
        sent = partial(send, bare=given["lines"], limit=_limit(given), name=given["name"] or "")
        click.echo(anyio.run(sent, cluster, _call_maker(task, given), sources))
        return 0
    if given["attach"] is not None:
        return attach(
            cluster,
            given["attach"],
            quiet=given["quiet"],
            tracebacks=given["tracebacks"],
            switches=context.obj,
        )
    tally = Tally()
    view = view_of(tally, quiet=given["quiet"])
    tell_first_failure(tally, view, context.obj)
    path = given["report"]
    report = None if path is None else Report(path, f"map {given['target']}")
    run = MapRun(
        cluster=cluster,
        call=_call_maker(task, given),
        sources=sources,
        bare=given["lines"],
        ordered=given["ordered"],
        tracebacks=given["tracebacks"],
        limit=_limit(given),
        tally=tally,
        view=view,
        report=report,
        shut_ms=_shut_ms(given),
    )
    if run.sources == (STDIN,) and sys.stdin.isatty() and not given["quiet"]:
        view.say("Reading items from the terminal, one a line; Ctrl-D ends the input.")
    interrupt = anyio.run(run.run)
    if report is not None:
        report.write(tally, stopped=interrupt.number is not None)
    return concluded(interrupt, interrupt.describe(tally), tally, view, quiet=given["quiet"])


def _check_takes_an_item(task: Task[..., object]) -> None:
    try:
        task.call(None)
    except TypeError as error:
        raise UsageProblemError(
            f"map calls a task with one argument, the item. {error}. Give the others defaults, or "
            "take one item that holds them all, such as a list"
        ) from error


def _cluster(context: click.Context, given: Options, module: str) -> Cluster:
    """Workers elsewhere if a server is named, by the environment too; else workers of our own."""
    settings = Settings(namespace=given["namespace"])
    asked = {
        name
        for name in ("workers", "concurrency", "redis")
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    local = asked & {"workers", "concurrency"}
    if local and "redis" in asked:
        raise UsageProblemError(
            f"--{min(local)} is about worker processes started for this run, and with --redis the "
            "workers run elsewhere: give one or the other"
        )
    if (given["redis"] or names_server()) and not local:
        return Cluster(given["redis"], settings=settings)
    if names_server():
        say_on_stderr(
            f"Warning: --{min(local)} starts workers and a server for this run alone; the server "
            "that the environment names is not used, nor are its limiters."
        )
    return LocalCluster(
        module, workers=given["workers"], concurrency=given["concurrency"], settings=settings
    )


def _shut_ms(given: Options) -> Callable[[], Awaitable[int]] | None:
    """The question for how long the run's limiter lends nothing, if it has one."""
    limiter, namespace = given["limiter"], given["namespace"]
    if limiter is None or not (given["redis"] or names_server()):
        return None
    address = redis_address(given["redis"])

    async def look(asker: Asker) -> int:
        now_ms = await server_ms(asker.connection)
        row = await limiter_row(asker.connection, asker.keys, limiter.name, now_ms=now_ms)
        return 0 if row is None else row.shut_ms

    return partial(answer, address, namespace, look)


def _limit(given: Options) -> LimitAsked:
    if given["limit"] is not None and given["limiter"] is not None:
        raise UsageProblemError(
            "--limit is for this run alone and --limiter is shared with others: give one of them"
        )
    return given["limiter"] or given["limit"]


def _check_detached(given: Options, cluster: Cluster) -> None:
    """Refuse what cannot go together with a job that outlives the command."""
    if given["name"] is not None and not given["detach"]:
        raise UsageProblemError("--name is for the job that --detach sends: give both, or neither")
    if not given["detach"] and given["attach"] is None:
        return
    if given["report"] is not None:
        raise UsageProblemError(
            "--report is about a run from its begin to its end: not with --detach or --attach"
        )
    if given["detach"] and given["attach"] is not None:
        raise UsageProblemError("--detach sends a job and --attach reads one: give one of them")
    if isinstance(cluster, LocalCluster):
        raise UsageProblemError(
            "a job outlives this command only on a server that does: name it with --redis"
        )
    if given["attach"] is not None and (given["files"] or given["more_files"]):
        raise UsageProblemError("--attach reads a job that was sent before: give no input with it")
    if given["attach"] is not None and given["ordered"]:
        raise UsageProblemError(
            "--attach goes on where a reader stopped, so there is no order of the input to keep: "
            "leave --ordered out, and sort by index"
        )


def _call_maker(task: Task[..., object], given: Options) -> Callable[[object], Call[object]]:
    retry = None if given["retry"] is None else Retry(attempts=given["retry"] + 1)
    return partial(task.with_options(timeout=given["timeout"], retry=retry))
