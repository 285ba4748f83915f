"""``lionherd-dist worker``: run the tasks of modules, in this process or in several."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, SIGTERM
from types import ModuleType
from typing import TypedDict, Unpack

import anyio
import click

from lionherd_dist.cli import options
from lionherd_dist.cli.alive_file import show_life
from lionherd_dist.cli.complaints import UsageProblemError
from lionherd_dist.cli.metrics import metrics_served
from lionherd_dist.cli.modules import import_here, names_in
from lionherd_dist.cli.progress import say_on_stderr
from lionherd_dist.embedded.output import write_to_stderr
from lionherd_dist.environment import redis_address
from lionherd_dist.exporting import exported
from lionherd_dist.fleet import Fleet
from lionherd_dist.logs import Format, Level, log_as_asked
from lionherd_dist.module_source import files_of, source_of
from lionherd_dist.runtime.process import Order, serve
from lionherd_dist.runtime.worker import Worker
from lionherd_dist.settings import Settings
from lionherd_dist.telemetry import Recorder, together
from lionherd_dist.tracing import Tracer
from lionherd_dist.url import in_full, parse
from lionherd_dist.worker_guard import become_worker


class Options(TypedDict):
    """What was given on the command line."""

    modules: tuple[str, ...]
    redis: str | None
    concurrency: int
    processes: int
    grace: float
    alive_file: Path | None
    metrics_port: int | None
    metrics_host: str
    otel: bool
    log_format: Format | None
    log_level: Level | None
    namespace: str


@click.command()
@click.argument("modules", metavar="MODULE...", nargs=-1, required=True)
@options.redis
@click.option(
    "--concurrency",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="How many calls run at once, in each process.",
)
@click.option(
    "--processes",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How many processes; one that crashes is started again.",
)
@click.option(
    "--grace",
    type=click.FloatRange(0),
    default=8.0,
    show_default=True,
    help="Seconds that running calls get to end after a stop signal.",
)
@click.option(
    "--alive-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Touch FILE each second while the server knows this worker, for health checks: one that "
    "is older than ten seconds belongs to a worker that stands still or is cut off.",
)
@click.option(
    "--metrics-port",
    type=click.IntRange(1, 65_535),
    metavar="PORT",
    help="Serve the numbers for Prometheus at this port of --metrics-host; nothing listens else.",
)
@click.option(
    "--metrics-host",
    default="127.0.0.1",
    show_default=True,
    metavar="HOST",
    help="Where the numbers are served; whoever can reach it can read them.",
)
@click.option(
    "--otel",
    is_flag=True,
    help="Send traces and the numbers to OpenTelemetry, as its OTEL_* variables say.",
)
@click.option(
    "--log-format",
    type=click.Choice(["json", "text"]),
    help="Write logs to standard error, one event a line; never what calls are given or return.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="What is logged at least: warning, and info with --log-format, unless given.",
)
@options.namespace
@options.debug
@click.pass_obj
def worker(switches: options.Switches, /, **given: Unpack[Options]) -> None:
    """Run the tasks of each MODULE for every client of the server, until told to stop.

    Modules are found as `python -m` finds them, the current directory included; a path of a file
    names one, too. SIGTERM or Ctrl-C
    stops: no more calls are taken, the running ones get their grace, and what is not done by then
    is handed to other workers. A second signal hands it back at once. The exit status is then 0.

    \b
    Examples:
      lionherd-dist worker my_tasks --redis redis://localhost:6379/0
      lionherd-dist worker my_tasks other.tasks --processes 4 --concurrency 10
      LIONHERD_REDIS_URL_FILE=/run/secrets/redis_url lionherd-dist worker my_tasks
    """  # noqa: D301 (\b keeps click from filling a block)
    modules, processes = given["modules"], given["processes"]
    switches.runs_tasks = True
    _check_one_process(given)
    imported = [import_here(name) for name in modules]
    sources = [source_of(module) for module in imported]
    order = Order(
        tuple(source.name for source in sources),
        in_full(redis_address(given["redis"])),
        given["concurrency"],
        given["grace"],
        Settings(namespace=given["namespace"]),
        log_format=given["log_format"],
        log_level=given["log_level"],
        otel="yes" if given["otel"] else "no",
        files=files_of(sources),
    )
    plan = Plan(order, imported, processes, given["alive_file"])
    if not plan.task_names:
        raise UsageProblemError(
            f"{', '.join(modules)} has no task: decorate a function there with @task, from "
            "lionherd_dist import task"
        )
    if processes > 1:
        anyio.run(_run_several, plan)
        return
    log_as_asked(order.log_format, order.log_level)
    with ExitStack() as stack:
        try:
            recorder, tracer = stack.enter_context(exported(order.otel))
        except ValueError as error:
            raise UsageProblemError(str(error)) from None
        served = metrics_served(given["metrics_host"], given["metrics_port"])
        recorder = together(recorder, stack.enter_context(served))
        anyio.run(_run_one, plan, recorder, tracer)


def _check_one_process(given: Options) -> None:
    one_only = {"--alive-file": given["alive_file"], "--metrics-port": given["metrics_port"]}
    for option, value in one_only.items():
        if value is not None and given["processes"] > 1:
            raise UsageProblemError(
                f"{option} tells of one process: leave --processes out, and start more workers"
            )


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for."""

    order: Order
    modules: Sequence[ModuleType]
    processes: int
    alive_file: Path | None

    @property
    def task_names(self) -> list[str]:
        """What the modules call their tasks."""
        return [name for module in self.modules for name in names_in(module)]

    def announcement(self) -> str:
        """What is printed when work can begin, without user and password."""
        order, names = self.order, self.task_names
        shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
        several = f"{self.processes} processes, " if self.processes > 1 else ""
        return (
            f"ready: {len(names)} {'task' if len(names) == 1 else 'tasks'} ({shown}), {several}"
            f"concurrency {order.concurrency}, {parse(order.redis)}, "
            f"namespace {order.settings.namespace}"
        )


async def _run_one(plan: Plan, recorder: Recorder, tracer: Tracer | None) -> None:
    become_worker()
    order = plan.order
    worker = Worker(
        *plan.modules,
        redis=parse(order.redis),
        concurrency=order.concurrency,
        grace_s=order.grace_s,
        settings=order.settings,
        recorder=recorder,
        tracer=tracer,
    )
    async with anyio.create_task_group() as group:
        if plan.alive_file is not None:
            group.start_soon(show_life, worker, plan.alive_file)
        await serve(worker, _once(lambda: say_on_stderr(plan.announcement())))
        group.cancel_scope.cancel()


def _once(act: Callable[[], None]) -> Callable[[], None]:
    """*act*, which happens on the first call only: a worker is ready again after a lost session."""
    pending = [act]
    return lambda: pending.pop()() if pending else None


async def _run_several(plan: Plan) -> None:
    fleet = Fleet(plan.order, size=plan.processes, on_output=write_to_stderr)
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as work:
            group.start_soon(_listen, work, fleet)
            async with fleet:
                say_on_stderr(plan.announcement())
                await anyio.sleep_forever()
        group.cancel_scope.cancel()


async def _listen(work: anyio.CancelScope, fleet: Fleet) -> None:
    with anyio.open_signal_receiver(SIGTERM, SIGINT) as signals:
        async for _ in signals:
            if work.cancel_called:
                fleet.terminate()  # the second signal: the workers hand back at once
            work.cancel()
