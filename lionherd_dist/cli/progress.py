"""How a run is going, on standard error: a bar on a terminal, a line now and then elsewhere."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass

import anyio
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from lionherd_dist.cli.tally import Tally, per_second, status_line
from lionherd_dist.printable import span

BAR_EVERY_S = 0.1
LINE_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class View:
    """One way to show a run.

    Attributes:
        around: is entered for as long as it is shown.
        refresh: shows the numbers as they are now.
        every_s: seconds between two refreshes.
        say: prints a line on standard error, without spoiling what is shown.
    """

    around: AbstractContextManager[object]
    refresh: Callable[[], None]
    every_s: float
    say: Callable[[str], None]


def view_of(tally: Tally, *, quiet: bool) -> View:
    """The view of *tally* that suits standard error; none if *quiet*."""
    if quiet:
        return View(nullcontext(), lambda: None, LINE_EVERY_S, say_on_stderr)
    if sys.stderr.isatty():
        return _bar(tally)
    return View(
        nullcontext(), lambda: say_on_stderr(status_line(tally)), LINE_EVERY_S, say_on_stderr
    )


def _bar(tally: Tally) -> View:
    console = Console(stderr=True)
    progress = Progress(
        BarColumn(bar_width=None),
        TextColumn("{task.description}"),
        console=console,
        auto_refresh=False,  # our own refresh is enough, and needs no thread
        expand=True,
        transient=True,  # the summary takes its place
    )
    bar = progress.add_task(_beside(tally), total=None)

    def refresh() -> None:
        progress.update(
            bar,
            completed=tally.before + tally.done,
            total=tally.total,
            description=_beside(tally),
            refresh=True,
        )

    def say(text: str) -> None:
        console.out(text, highlight=False)

    return View(progress, refresh, BAR_EVERY_S, say)


def _beside(tally: Tally) -> str:
    """What stands beside the bar."""
    of_all = "" if tally.total is None else f"/{tally.total:,}"
    parts = [f"{tally.before + tally.done:,}{of_all}", f"[cyan]{per_second(tally.rate)}[/]"]
    if tally.failures:
        parts.insert(1, f"[red]{tally.failed_count:,} failed[/]")
    if tally.left_s is not None:
        parts.append(f"{span(tally.left_s)} left")
    return "  ".join(parts)


def say_on_stderr(text: str) -> None:
    """Print *text* on standard error."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 (this is what prints)


@asynccontextmanager
async def shown(view: View) -> AsyncIterator[None]:
    """Show *view*, and keep it up to date, while this is entered."""

    async def keep_up() -> None:
        while True:
            await anyio.sleep(view.every_s)
            view.refresh()

    with view.around:
        async with anyio.create_task_group() as group:
            group.start_soon(keep_up)
            yield
            group.cancel_scope.cancel()
