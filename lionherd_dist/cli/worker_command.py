"""``lionherd-dist worker``: run the tasks of modules, in this process or in several."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, SIGTERM
from types import ModuleType

import anyio
import click

from lionherd_dist.cli import options
from lionherd_dist.cli.alive_file import show_life
from lionherd_dist.cli.complaints import UsageProblemError
from lionherd_dist.cli.modules import import_here, names_in
from lionherd_dist.cli.progress import say_on_stderr
from lionherd_dist.environment import redis_address
from lionherd_dist.fleet import Fleet
from lionherd_dist.runtime.process import Order, serve
from lionherd_dist.runtime.worker import Worker
from lionherd_dist.settings import Settings
from lionherd_dist.url import in_full, parse


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
@options.namespace
@options.debug
def worker(
    modules: tuple[str, ...],
    redis: str | None,
    *,
    concurrency: int,
    processes: int,
    grace: float,
    alive_file: Path | None,
    namespace: str,
) -> None:
    """Run the tasks of each MODULE for every client of the server, until told to stop.

    Modules are found as `python -m` finds them, the current directory included. SIGTERM or Ctrl-C
    stops: no more calls are taken, the running ones get their grace, and what is not done by then
    is handed to other workers. A second signal hands it back at once. The exit status is then 0.

    \b
    Examples:
      lionherd-dist worker my_tasks --redis redis://localhost:6379/0
      lionherd-dist worker my_tasks other.tasks --processes 4 --concurrency 10
      LIONHERD_REDIS_URL_FILE=/run/secrets/redis_url lionherd-dist worker my_tasks
    """  # noqa: D301 (\b keeps click from filling a block)
    if alive_file is not None and processes > 1:
        raise UsageProblemError(
            "--alive-file tells of one process: leave --processes out, and start more workers"
        )
    imported = [import_here(name) for name in modules]
    url = in_full(redis_address(redis))
    order = Order(modules, url, concurrency, grace, Settings(namespace=namespace))
    plan = Plan(order, imported, processes, alive_file)
    if not plan.task_names:
        raise UsageProblemError(
            f"{', '.join(modules)} has no task: decorate a function there with @task, from "
            "lionherd_dist import task"
        )
    anyio.run(_run_one if processes == 1 else _run_several, plan)


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


async def _run_one(plan: Plan) -> None:
    order = plan.order
    worker = Worker(
        *plan.modules,
        redis=parse(order.redis),
        concurrency=order.concurrency,
        grace_s=order.grace_s,
        settings=order.settings,
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
    fleet = Fleet(plan.order, size=plan.processes, on_output=_pass_on)
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


def _pass_on(output: bytes) -> None:
    say_on_stderr(output.decode(errors="replace").removesuffix("\n"))
