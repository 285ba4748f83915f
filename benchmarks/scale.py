"""How this project scales: ``python benchmarks/scale.py``.

One thing is varied at a time: workers, clients, payload, limit, calls, jobs, backlog. The cases
take turns in every round. A million calls show whether memory stays flat and what is left; jobs of
many calls and of next to none are cancelled. Ends with 1 if a target was missed.
"""

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import click
from harness import chart, gauges
from harness.contender import Place
from harness.environment import prepare
from harness.machine import machine, server, setting, today
from harness.stage import finished, place_for, process, working
from scaling import report
from scaling.cases import CANCELLED, CASES, SERIES, Case
from scaling.client import GO

NAME = "ours"
RESULTS = Path(__file__).parent / "results"
MOST_S = 1_800.0
POLL_S = 0.01
PRIMING = Case("", "", count=2_000)


def say(line: str) -> None:
    click.echo(line, err=True)


async def run_case(case: Case) -> dict[str, object]:
    """The figures of one case, on a server and processes of its own."""
    async with (
        place_for(case.workers) as place,
        working(NAME, place, module="scaling.worker"),
    ):
        before = None
        if case.looks:  # what is left is counted against a server that has seen such clients
            await _clients(place, PRIMING)
            (Path(place.directory) / GO).unlink()
            before = gauges.settled_footprint(place.socket)
        parts = await _clients(place, case)
        figures = report.combined(case, parts)
        if before is not None:
            after = gauges.settled_footprint(place.socket)
            figures["left_bytes"] = after.used_bytes - before.used_bytes
            figures["left_keys"] = after.keys - before.keys
    return figures


async def _clients(place: Place, case: Case) -> list[dict[str, float]]:
    """What each client tells; all begin at once."""
    folder = Path(place.directory)
    for file in folder.glob("client-*"):
        file.unlink()
    async with AsyncExitStack() as stack:
        children = [
            await stack.enter_async_context(
                process(NAME, "scaling.client", place.numbered(number), case.as_text())
            )
            for number in range(case.clients)
        ]
        while len(list(folder.glob("client-*"))) < case.clients:
            if all(child.returncode is not None for child in children):
                break  # finished() tells what went wrong
            await asyncio.sleep(POLL_S)
        (folder / GO).touch()
        return list(await asyncio.gather(*(finished(NAME, one, MOST_S) for one in children)))


async def run_cancel(count: int) -> dict[str, float]:
    async with (
        place_for(1) as place,
        working(NAME, place, module="scaling.worker"),
        process(NAME, "scaling.client", place, "cancel", str(count)) as client,
    ):
        return await finished(NAME, client)


async def measured(
    cases: list[Case], rounds: int, cancelled: int
) -> tuple[list[report.Round], list[dict[str, float]]]:
    """The figures of every case and of the cancellations, round by round."""
    done: list[report.Round] = []
    cancels: list[dict[str, float]] = []
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        found: report.Round = {}
        for case in cases:
            figures = found[f"{case.series} {case.label}"] = await run_case(case)
            say(f"  {case.series:8} {case.label:8} {figures['per_s']:>9,.0f} calls/s")
        done.append(found)
        cancels.append(await run_cancel(cancelled))
        say("  " + ", ".join(f"{key} {value:.1f}" for key, value in cancels[-1].items()))
    return done, cancels


@click.command(help=__doc__)
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--only", multiple=True, type=click.Choice(SERIES), help="This series; repeatable.")
@click.option("--part", default=1.0, help="Of the calls of each case, to try it out.")
@click.option("--out", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(rounds: int, only: tuple[str, ...], part: float, out: Path) -> None:
    prepare([NAME], say)
    cases = [case.scaled(part) for case in CASES if not only or case.series in only]
    done, cancels = asyncio.run(measured(cases, rounds, int(CANCELLED * part)))
    head = f"{today()}, {rounds} rounds. {machine()}. {server()}. {setting(NAME)}."
    out.mkdir(parents=True, exist_ok=True)
    document = {"head": head, "rounds": done, "cancel": cancels}
    (out / "scale.json").write_text(json.dumps(document, indent=1) + "\n")
    chart.series(report.panels(cases, done), out / "scale.svg")
    page = report.page(cases, done, cancels, head, "scale.svg")
    (out / "scale.md").write_text(page)
    click.echo(page)
    say(f"written to {out}/scale.md, .json and .svg")
    sys.exit(any(not target.met for target in report.targets(done, cancels)))


if __name__ == "__main__":
    main()
