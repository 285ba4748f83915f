"""``--report FILE``: the run as a page, written when it is over."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import click

from lionherd_dist.cli.complaints import UsageProblemError
from lionherd_dist.cli.decorators import OptionDecorator
from lionherd_dist.cli.tally import Tally
from lionherd_dist.cluster.limit import Limit
from lionherd_dist.errors import LionherdError
from lionherd_dist.limiter.shared import SharedLimiter
from lionherd_dist.report.chronicle import Chronicle, Failures, Occupancy, Outline
from lionherd_dist.report.page import page

LOOK_EVERY_S = 0.25


def _checked(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    """Found out before the run, and not after it."""
    if path is not None and not os.access(path.absolute().parent, os.W_OK):
        raise click.BadParameter(f"nothing can be written in {path.absolute().parent}")
    return path


report: OptionDecorator = click.option(
    "--report",
    metavar="FILE",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    callback=_checked,
    help="Write a page about the run to FILE when it is over: one HTML file that loads nothing.",
)


@dataclass(frozen=True, slots=True)
class Report:
    """A page to be written about a run.

    Attributes:
        path: where to.
        title: what the run was.
        seen: hears of the calls.
    """

    path: Path
    title: str
    seen: Chronicle = field(default_factory=Chronicle)

    @asynccontextmanager
    async def watching(self, limit: Limit) -> AsyncIterator[None]:
        """Look now and then at the limiter of the run, if it has one, while this is entered."""
        if not isinstance(limit, SharedLimiter):
            yield
            return
        self.seen.occupancy = Occupancy(limit.name)
        async with anyio.create_task_group() as group:
            group.start_soon(_watch, limit, self.seen.occupancy)
            yield
            group.cancel_scope.cancel()

    def write(self, tally: Tally, *, stopped: bool) -> None:
        """Write the page.

        Raises:
            UsageProblemError: the file cannot be written.
        """
        failures = [
            Failures(name, count, tally.examples[name])
            for name, count in tally.failures.most_common()
        ]
        outline = Outline(
            self.title, tally.done, tally.total, tally.elapsed_s, failures, stopped=stopped
        )
        try:
            self.path.write_text(page(outline, self.seen), encoding="utf-8")
        except OSError as error:
            raise UsageProblemError(
                f"the report cannot be written to {self.path}: {error.strerror}"
            ) from None


async def _watch(limiter: SharedLimiter, occupancy: Occupancy) -> None:
    while True:
        with suppress(LionherdError):  # a picture is no reason to end a run
            now = await limiter.refresh()
            occupancy.look(
                total=now.total_tokens, held=now.borrowed_tokens, waiting=now.tasks_waiting
            )
        await anyio.sleep(LOOK_EVERY_S)
