"""``lionherd-dist demo``: the main job, over every file of Python's own library."""

import sysconfig
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import anyio
import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lionherd_dist.cli import options, report_option, survey
from lionherd_dist.cli.interrupts import Interrupt, until_interrupted
from lionherd_dist.cli.items import BadLine, Item
from lionherd_dist.cli.mapping import Mapping
from lionherd_dist.cli.outcomes import Done, Result
from lionherd_dist.cli.progress import View, shown, view_of
from lionherd_dist.cli.report_option import Report
from lionherd_dist.cli.tally import Tally
from lionherd_dist.local_cluster import LocalCluster
from lionherd_dist.printable import span

CALLS_PER_WORKER = 2  # one at work, one ready to begin: the task is all computing
_NOT_OF_PYTHON = {"site-packages", "dist-packages", "__pycache__"}


@click.command()
@click.argument(
    "directory", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--workers", type=click.IntRange(1), default=3, show_default=True)
@click.option("--limit", type=click.IntRange(1), default=6, show_default=True)
@report_option.report
@options.debug
def demo(directory: Path | None, workers: int, limit: int, report: Path | None) -> int:
    """Survey every Python file of DIRECTORY, Python's standard library unless given.

    Starts a private server and three worker processes, calls one task for each file, at most six
    at once, and shows the longest functions it found. Some files of Python's own tests are broken
    on purpose: those fail, and the rest goes on. Takes less than a minute.

    \b
    Examples:
      lionherd-dist demo
      lionherd-dist demo src --workers 2
      lionherd-dist demo --report demo.html
    """  # noqa: D301 (\b keeps click from filling a block)
    root = directory or Path(sysconfig.get_path("stdlib"))
    paths = sources_in(root)
    findings = Findings()
    tally = Tally(total=len(paths))
    view = view_of(tally, quiet=False)
    cluster = LocalCluster(
        survey.__name__, workers=workers, concurrency=max(CALLS_PER_WORKER, -(-limit // workers))
    )
    about = None if report is None else Report(report, f"demo {root}")
    mapping = Mapping(
        lambda path: survey.survey.call(cast("str", path)), limit, tally, findings, about
    )
    interrupt = anyio.run(_run, mapping, cluster, paths, view)
    if about is not None:
        about.write(tally, stopped=interrupt.number is not None)
    if interrupt.number is not None:
        view.say(interrupt.describe(tally))
        return interrupt.exit_status
    _show(findings, tally, root)
    return 0


def sources_in(root: Path) -> list[Path]:
    """The Python files below *root*, less the packages that were installed beside them."""
    return sorted(
        path
        for path in root.rglob("*.py")
        if path.is_file() and _NOT_OF_PYTHON.isdisjoint(path.relative_to(root).parts)
    )


@dataclass(slots=True)
class Findings:
    """What the workers found: totals, and the longest functions of all."""

    lines: int = 0
    tokens: int = 0
    functions: int = 0
    longest: list[tuple[str, survey.Function]] = field(default_factory=list)
    files_of: Counter[int] = field(default_factory=Counter)

    async def room_for(self, _index: int) -> None:
        """There is always room."""

    async def receive(self, _index: int, result: Result) -> None:
        """Add the survey of one file, if there is one."""
        if isinstance(result, Done) and isinstance(result.value, survey.Survey):
            seen = result.value
            self.lines += seen.lines
            self.tokens += seen.tokens
            self.functions += seen.functions
            self.files_of[seen.pid] += 1
            self.longest += [(seen.path, function) for function in seen.longest]
            self.longest.sort(key=lambda found: (-found[1].lines, found[0]))
            del self.longest[survey.MOST_LONGEST :]


async def _run(mapping: Mapping, cluster: LocalCluster, paths: list[Path], view: View) -> Interrupt:
    async def items() -> AsyncGenerator[Item | BadLine, None]:
        for path in paths:
            yield Item(str(path))

    async def work() -> None:
        async with cluster:
            await mapping.run(cluster, items())

    async with shown(view):
        return await until_interrupted(work, view)


def _show(findings: Findings, tally: Tally, root: Path) -> None:
    console = Console()
    longest = Table("lines", "function", "where", title="The longest functions")
    longest.columns[0].justify = "right"
    for path, function in findings.longest:
        where = f"{Path(path).relative_to(root)}:{function.line}"
        longest.add_row(f"{function.lines:,}", function.name, where)
    console.print(longest)
    if tally.failures:
        failures = Table("files", "failed with", "for example", title="Not valid Python source")
        failures.columns[0].justify = "right"
        for type_name, count in tally.failures.most_common():
            failures.add_row(f"{count:,}", type_name, Text(tally.examples[type_name]))
        console.print(failures)
    console.print(_totals(findings, tally), highlight=False)


def _totals(findings: Findings, tally: Tally) -> str:
    shares = " + ".join(f"{count:,}" for _, count in findings.files_of.most_common())
    return (
        f"{tally.done:,} files ({tally.failed_count:,} failed), {findings.lines:,} lines, "
        f"{findings.tokens:,} tokens, {findings.functions:,} functions\n"
        f"in {span(tally.elapsed_s)}, {tally.rate:,.0f} files/s, "
        f"by {len(findings.files_of)} worker processes: {shares}"
    )
