"""``lionherd-dist status``: what a namespace is doing, once or live."""

import sys
from functools import partial

import anyio
import click
from rich.console import Group
from rich.live import Live
from rich.text import Text

from lionherd_dist.cli import options
from lionherd_dist.cli.asking import Asker, as_json, ask, say_json
from lionherd_dist.cli.sheets import drawn, plain_text, show
from lionherd_dist.cli.status_view import rates_between, status_object, status_sheets
from lionherd_dist.errors import StoreUnavailableError
from lionherd_dist.printable import printable
from lionherd_dist.store.reading import MOST_JOBS, Overview, overview


@click.command()
@options.redis
@options.namespace
@click.option("--watch", is_flag=True, help="Keep showing it, until Ctrl-C.")
@click.option(
    "--every",
    type=click.FloatRange(0.1),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How often --watch looks.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 10_000),
    default=MOST_JOBS,
    show_default=True,
    help="How many jobs are listed at most.",
)
@as_json
@options.debug
def status(
    redis: str | None, namespace: str, *, watch: bool, every: float, jobs: int, as_json: bool
) -> None:
    """Show workers, clients, jobs and calls of a namespace.

    Looking disturbs nobody: it reads a bounded part of what there is, and writes nothing. The rate
    of a job is that since it was opened, and with --watch that since the last look.

    \b
    backlog    calls that wait until there is room for them among the workers
    waiting    calls that the next free worker takes
    in hand    calls that workers have taken
    held back  a job whose reader has not read its outcomes: it goes on when they are read

    \b
    Examples:
      lionherd-dist status --redis redis://host:6379/0
      lionherd-dist status --watch --every 2
      lionherd-dist status --json | jq '.calls.waiting'
    """  # noqa: D301 (\b keeps click from filling a block)
    if not watch:
        seen = ask(redis, namespace, partial(_look, jobs=jobs))
        if as_json:
            say_json(status_object(seen, rates_between(None, seen), namespace))
        else:
            show(status_sheets(seen, rates_between(None, seen)))
        return
    look = partial(_keep_looking, jobs=jobs, every_s=every, as_json=as_json)
    try:
        ask(redis, namespace, look)
    except KeyboardInterrupt:  # how a live screen is left
        return


async def _look(asker: Asker, *, jobs: int) -> Overview:
    return await overview(asker.connection, asker.keys, most_jobs=jobs)


async def _keep_looking(asker: Asker, *, jobs: int, every_s: float, as_json: bool) -> None:
    before = await _look(asker, jobs=jobs)  # who mistyped the address hears of it in a sentence
    if as_json or not sys.stdout.isatty():
        await _print_on(asker, before, jobs=jobs, every_s=every_s, as_json=as_json)
        return
    seen, trouble = before, ""
    with Live(screen=True, auto_refresh=False) as live:
        while True:
            sheets = drawn(status_sheets(seen, rates_between(before, seen)), live.console.width)
            last = Text(trouble or f"every {every_s:g} s; Ctrl-C leaves", style="dim")
            live.update(Group(sheets, last), refresh=True)
            await anyio.sleep(every_s)
            try:
                before, seen, trouble = seen, await _look(asker, jobs=jobs), ""
            except StoreUnavailableError as error:
                trouble = printable(f"{error}; this is what was seen before")


async def _print_on(
    asker: Asker, seen: Overview, *, jobs: int, every_s: float, as_json: bool
) -> None:
    before: Overview | None = None
    while True:
        rates = rates_between(before, seen)
        if as_json:
            say_json(status_object(seen, rates, asker.namespace))
        else:
            click.echo(plain_text(status_sheets(seen, rates)) + "\n")
        await anyio.sleep(every_s)
        before, seen = seen, await _look(asker, jobs=jobs)
