"""What a call over workers costs, beside a hand-written pipeline over the same streams.

    python benchmarks/cluster.py [--rounds N] [--json FILE] [--million]

Both contenders have one client process, one worker process and one private server, on a unix
socket; both use redis-py with hiredis, msgpack and plain asyncio. The tasks do nothing, so the
figures are the price of the road alone. Every result is checked. "raw" (``cluster_parts/raw.py``)
is the floor: it has none of the guarantees. Rounds of the two are interleaved, and their ratio is
taken within a round, because other work on the machine moves both. The exit status is 1 if a
target was missed.

Bytes left are the server's ``used_memory`` after all processes have ended, against a server that
has served such processes before. A closed job leaves nothing, so what may remain is a few bytes of
the server's own tables, whatever the number of calls: below 1 per call means none.
"""

import argparse
import asyncio
import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from cluster_parts import report
from cluster_parts.client import Plan
from cluster_parts.stage import long_stream, measure

PLANS = {
    "ours": Plan(stream=20_000, mapped=20_000, single=500, first=5_000),
    "raw": Plan(stream=50_000, mapped=0, single=500, first=5_000),  # 20,000 would be over too soon
}
MILLION = 1_000_000
PACKAGES = ("redis", "hiredis", "msgpack", "anyio")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Calls over workers, beside a raw pipeline.")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each (default 5)")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--million", action="store_true", help="a million calls: is memory flat?")
    return parser.parse_args()


def setting() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"Python {platform.python_version()}, {packages}, {platform.system()}"


async def all_rounds(count: int) -> dict[str, list[dict[str, float]]]:
    """The figures of every round; who begins changes from round to round."""
    rounds: dict[str, list[dict[str, float]]] = {who: [] for who in PLANS}
    for number in range(count):
        order = list(PLANS) if number % 2 == 0 else list(reversed(PLANS))
        for who in order:
            rounds[who].append(await measure(who, PLANS[who]))
        rates = ", ".join(f"{who} {rounds[who][-1]['per_s']:,.0f}/s" for who in PLANS)
        print(f"round {number + 1} of {count}: {rates}", file=sys.stderr, flush=True)
    return rounds


async def million() -> list[dict[str, float]]:
    """What is used during one stream of a million calls, printed as it goes."""
    looks: list[dict[str, float]] = []

    def look(used: dict[str, float]) -> None:
        looks.append(used)
        print(report.million_line(used), flush=True)

    print(f"\n{MILLION:,} calls from a generator, limit=100\n{report.MILLION_HEAD}", flush=True)
    await long_stream(MILLION, look)
    return looks


def judged(targets: Sequence[report.Target]) -> bool:
    print("\n" + "\n".join(target.text() for target in targets), flush=True)
    return all(target.met for target in targets)


async def main(options: argparse.Namespace) -> int:
    rounds = await all_rounds(options.rounds)
    rows = report.summary(rounds)
    print(f"{setting()}; {options.rounds} rounds\n\n{report.table(rows)}")
    good = judged(report.targets(rows))
    looks: list[dict[str, float]] = []
    if options.million:
        looks = await million()
        good = judged(report.flat(looks)) and good
    if options.json:
        shown = {key: {who: asdict(one) for who, one in row.items()} for key, row in rows.items()}
        document = {"setting": setting(), "rounds": rounds, "summary": shown, "million": looks}
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    chosen = arguments()
    if chosen.rounds < 1:
        sys.exit("--rounds: give at least 1")
    try:
        sys.exit(asyncio.run(main(chosen)))
    except KeyboardInterrupt:
        sys.exit(130)  # the processes have ended: each was stopped on the way here
