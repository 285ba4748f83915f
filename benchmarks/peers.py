"""This project beside the limit and its peers: ``python benchmarks/peers.py [--all]``.

Every contender has an environment of its own, a fresh private server on a unix socket, one client
process and one or two worker processes, and goes through the same measuring code
(``harness/client.py``). Who is measured first changes from round to round; ratios are taken within
a round, because other work on the machine moves all of them. Ends with 1 if a target was missed or
a contender broke.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import click
from harness import chart, report
from harness.client import Plan
from harness.contender import FASTEST, NAMES
from harness.environment import prepare
from harness.figures import Round, rotated
from harness.machine import machine, server, setting, today
from harness.stage import BrokenContenderError, idle, visit

RESULTS = Path(__file__).parent / "results"
SINGLE, FIRST = 1_000, 5_000


def say(line: str) -> None:
    click.echo(line, err=True)


async def one_round(names: list[str], seconds: float, broken: dict[str, str]) -> Round:
    """The figures of all *names*, one after the other; those that break are noted in *broken*."""
    found: dict[str, dict[str, float]] = {}
    for name in names:
        if name in broken:
            continue
        started = time.monotonic()
        try:
            figures = await visit(name, 1, Plan(seconds, SINGLE, FIRST))
            figures["two_per_s"] = (await visit(name, 2, Plan(seconds)))["per_s"]
        except BrokenContenderError as error:
            broken[name] = str(error)
            say(f"  {error}")
            continue
        found[name] = figures
        say(
            f"  {name:9} {figures['per_s']:>9,.0f} tasks/s, {figures['two_per_s']:>9,.0f} with two "
            f"workers, p50 {figures['p50_ms']:6.2f} ms, first after {figures['first_ms']:7.1f} ms "
            f"({time.monotonic() - started:.0f} s)"
        )
    return found


async def all_idle(names: list[str], seconds: float) -> Round:
    """What each sends with nothing to do: all at once, as that takes long and loads nothing."""
    found = await asyncio.gather(*(idle(name, seconds) for name in names))
    return dict(zip(names, found, strict=True))


async def measured(
    names: list[str], rounds: int, seconds: float, idle_s: float
) -> tuple[list[Round], dict[str, str]]:
    """All rounds; the last one holds what each contender sends when idle."""
    broken: dict[str, str] = {}
    done: list[Round] = []
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        done.append(await one_round(rotated(names, number), seconds, broken))
    say(f"idle for twice {idle_s:g} s")
    done.append(await all_idle([name for name in names if name not in broken], idle_s))
    return done, broken


def chosen(only: tuple[str, ...], everybody: bool) -> list[str]:
    """The contenders of this run, in the order of the first round."""
    if only:
        return [name for name in NAMES if name in only]
    return [name for name in NAMES if everybody or name in {report.OURS, report.RAW, *FASTEST}]


def write(folder: Path, stem: str, rounds: list[Round], names: list[str], head: str) -> None:
    """The figures as JSON, Markdown and SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = [setting(name) for name in names]
    document = {"head": head, "settings": settings, "rounds": rounds}
    (folder / f"{stem}.json").write_text(json.dumps(document, indent=1) + "\n")
    chart.compare(rounds, report.ranked(rounds, names), folder / f"{stem}.svg")
    page = report.page(rounds, names, head, settings, f"{stem}.svg")
    (folder / f"{stem}.md").write_text(page)
    click.echo(page)
    say(f"written to {folder}/{stem}.md, .json and .svg")


@click.command(help=__doc__)
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--all", "everybody", is_flag=True, help="All peers, not only the fastest.")
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="This contender; repeatable.")
@click.option("--seconds", default=1.5, show_default=True, help="That one figure takes, about.")
@click.option("--idle-seconds", default=15.0, show_default=True, help="Of each idle look.")
@click.option("--out", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(
    rounds: int,
    everybody: bool,
    only: tuple[str, ...],
    seconds: float,
    idle_seconds: float,
    out: Path,
) -> None:
    names = chosen(only, everybody)
    prepare(names, say)
    done, broken = asyncio.run(measured(names, rounds, seconds, idle_seconds))
    names = [name for name in names if name not in broken]
    head = (
        f"{today()}, {rounds} rounds, one client process. {machine()}. {server()}.\n\n"
        "`median (least to most)`; no-op tasks; every result is received by the client and checked."
    )
    write(out, "peers" if everybody else "fastest", done, names, head)
    if broken:
        sys.exit(f"broke: {', '.join(broken)}")
    sys.exit(any(not target.met for target in report.targets(done, names)))


if __name__ == "__main__":
    main()
