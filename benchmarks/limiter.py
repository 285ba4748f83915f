"""Measures the limiter beside its peers: ``python benchmarks/limiter.py``.

Each limiter has an environment of its own and a fresh private server for each case; the same code
(``limiting/client.py``) takes tokens, gives them back, and counts the holders over all processes.
Who is measured first changes from round to round; ratios are taken within a round. Ends with 1 if
a target was missed or a contender broke.
"""

import asyncio
import os
import sys
from pathlib import Path

import click
from harness.environment import prepare
from harness.figures import Round, rotated
from harness.machine import machine, server, setting, today
from harness.stage import BrokenContenderError
from limiting import report
from limiting.cases import CASES, Case
from limiting.contender import NAMES, full
from limiting.visit import visit

RESULTS = Path(__file__).parent / "results"


def say(line: str) -> None:
    click.echo(line, err=True)


async def one_round(names: list[str], case: Case, seconds: float, broken: dict[str, str]) -> Round:
    """The figures of all *names* in *case*; those that break are noted in *broken*."""
    found: dict[str, dict[str, float]] = {}
    for name in names:
        if name in broken:
            continue
        try:
            found[name] = await visit(name, case, seconds)
        except BrokenContenderError as error:
            broken[name] = str(error)
            say(f"  {error}")
            continue
        got = found[name]
        say(
            f"  {case.name:9} {name:13} {got['per_s']:>9,.0f} pairs/s, wait p50 "
            f"{got.get('p50_ms', 0):6.2f} ms, p99 {got.get('p99_ms', 0):7.2f} ms, Jain "
            f"{got['jain']:.3f}, at most {got['peak']:g} of {got['total']:g}"
        )
    return found


async def measured(
    names: list[str], cases: list[Case], rounds: int, seconds: float
) -> tuple[dict[str, list[Round]], dict[str, str]]:
    broken: dict[str, str] = {}
    done: dict[str, list[Round]] = {name: [] for name in CASES}
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        for case in cases:
            done[case.name].append(await one_round(rotated(names, number), case, seconds, broken))
    return done, broken


@click.command(help=__doc__)
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="This limiter; repeatable.")
@click.option("--case", "cases", multiple=True, type=click.Choice(list(CASES)), help="This case.")
@click.option("--seconds", default=2.0, show_default=True, help="That one figure takes.")
@click.option("--out", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(
    rounds: int, only: tuple[str, ...], cases: tuple[str, ...], seconds: float, out: Path
) -> None:
    names = [name for name in NAMES if not only or name in only]
    prepare([full(name) for name in names], say)
    load = os.getloadavg()[0]
    chosen = [CASES[name] for name in CASES if not cases or name in cases]
    done, broken = asyncio.run(measured(names, chosen, rounds, seconds))
    head = (
        f"{today()}, {rounds} rounds of {seconds:g} s each. {machine()}. {server()}. Load of the "
        f"machine before: {load:.1f}.\n\n`median (least to most)`. A pair is a token taken and "
        "given back; it is held for one `sleep(0)` where several processes compete, else for "
        "nothing."
    )
    settings = [setting(full(name)) for name in names if name not in broken]
    text = report.page(done, names, head, settings)
    out.mkdir(parents=True, exist_ok=True)
    (out / "limiter.md").write_text(text)
    click.echo(text)
    say(f"written to {out}/limiter.md")
    if broken:
        sys.exit(f"broke: {', '.join(broken)}")
    sys.exit(any(not target.met for target in report.targets(done)))


if __name__ == "__main__":
    main()
