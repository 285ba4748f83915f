"""What signing costs: calls with a key and without, side by side.

    python benchmarks/signing.py [--rounds N]

One client process with two clusters, one of which has a key; a worker process for each, and one
private server. The tasks do nothing, so the signatures' share is as large as it gets. Short bursts
of calls go to the two in turn, so that whatever else the machine does meets both alike; what is
compared is the sum over all rounds. The exit status is 1 if signing costs a tenth or more.
"""

import argparse
import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter, process_time

from harness.gauges import process_cpu_s
from harness.noop import check
from scaling.tasks import double

from lionherd_dist import Cluster, Settings
from lionherd_dist.embedded.server import private_server
from lionherd_dist.fleet import Fleet
from lionherd_dist.runtime.process import Order

BURST = 2_000  # calls: a tenth of a second or so
KEYS = {"plain": "", "signed": "only-for-measuring-" * 2}
LEAST_RATIO = 0.9


class Contender:
    """A cluster with a worker of its own; what its bursts took: wall time, CPU on both sides."""

    def __init__(self, cluster: Cluster, worker_pid: int) -> None:
        self._cluster, self._worker_pid = cluster, worker_pid
        self.spent_s: Counter[str] = Counter()

    async def burst(self) -> None:
        before = self._clocks()
        calls = map(double.call, range(BURST))
        async with self._cluster.completion_stream(calls) as stream:
            results = [outcome async for outcome in stream]
        after = self._clocks()
        check(results, BURST)
        self.spent_s.update({name: after[name] - before[name] for name in after})

    def _clocks(self) -> dict[str, float]:
        return {
            "wall": perf_counter(),
            "client": process_time(),
            "worker": process_cpu_s(self._worker_pid),
        }


@asynccontextmanager
async def contending(url: str, name: str, key: str) -> AsyncIterator[Contender]:
    settings = Settings(namespace=name, signing_key=key)
    order = Order(("scaling.tasks",), url, 100, 2.0, settings)
    async with (
        Fleet(order, size=1, on_output=lambda data: None) as fleet,
        Cluster(url, settings=settings) as cluster,
    ):
        contender = Contender(cluster, fleet.children[0].pid)
        await contender.burst()  # connections open, scripts load, caches fill
        contender.spent_s.clear()
        yield contender


async def main(rounds: int) -> int:
    here = str(Path(__file__).parent)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
    async with (
        private_server() as url,
        contending(url, "plain", KEYS["plain"]) as plain,
        contending(url, "signed", KEYS["signed"]) as signed,
    ):
        for number in range(rounds):
            for one in (plain, signed) if number % 2 else (signed, plain):
                await one.burst()
    calls = rounds * BURST
    for name, one in (("plain", plain), ("signed", signed)):
        used = {row: spent / calls * 1e6 for row, spent in one.spent_s.items()}
        print(
            f"{name:<7}{calls / one.spent_s['wall']:8,.0f} calls/s; CPU per call: client "
            f"{used['client']:.1f} µs, worker {used['worker']:.1f} µs"
        )
    ratio = plain.spent_s["wall"] / signed.spent_s["wall"]
    print(f"throughput signed / plain: {ratio:.3f}")
    return 0 if ratio > LEAST_RATIO else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Signed calls beside plain ones.")
    parser.add_argument("--rounds", type=int, default=60, help="bursts of each (default 60)")
    chosen = parser.parse_args()
    if chosen.rounds < 1:
        sys.exit("--rounds: give at least 1")
    sys.exit(asyncio.run(main(chosen.rounds)))
