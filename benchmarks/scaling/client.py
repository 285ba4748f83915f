"""A client of the scale runs: ``python -m scaling.client CASE``, or ``cancel COUNT``.

Prints one line of JSON. Every outcome is received here and checked, once per call.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, perf_counter

from harness import gauges
from harness.contender import Place
from harness.loop import run

from lionherd_dist import Call, Cluster, Settings
from scaling.cases import Case
from scaling.tasks import double, echo, hold
from scaling.worker import LOOP

WARM_UP = 2_000
GO = "go"
FIRST_LOOK, LOOK_EVERY = 10_000, 100_000
ALL_AHEAD = Settings(ahead=2_000_000, ahead_bytes=2**30)


class Tally:
    """Notes each outcome once, and what is used on the way. Its size is fixed from the start."""

    def __init__(self, case: Case, place: Place) -> None:
        self._seen = bytearray(case.count)
        self._payload = os.urandom(case.payload)
        self._looking, self._place = case.looks, place
        self._done = 0
        self.looks: list[dict[str, float]] = []

    def call(self, number: int) -> Call[object]:
        return echo.call(self._payload) if self._payload else double.call(number)

    def note(self, number: int, value: object) -> None:
        if value != (self._payload or 2 * number) or self._seen[number]:
            raise AssertionError(f"call {number} gave a wrong result, or a second one")
        self._seen[number] = 1
        self._done += 1
        if self._looking and (self._done == FIRST_LOOK or self._done % LOOK_EVERY == 0):
            self._look()

    def check(self) -> None:
        if not all(self._seen):
            raise AssertionError(f"{len(self._seen)} calls gave {self._done} outcomes")

    def _look(self) -> None:
        workers = self._place.ready_workers()
        used = {
            "done": self._done,
            "client": gauges.resident_bytes(os.getpid()),
            "worker": max(map(gauges.resident_bytes, workers)),
            "server": gauges.footprint(self._place.socket).used_bytes,
        }
        self.looks.append(used)
        print(f"{self._done:,} outcomes", flush=True)


async def consume(cluster: Cluster, tally: Tally, numbers: range, limit: int | None) -> None:
    """One job: the calls of *numbers*."""
    calls = map(tally.call, numbers)
    async with cluster.completion_stream(calls, limit=limit) as stream:
        async for index, value in stream:
            tally.note(numbers[index], value)


async def together(place: Place) -> None:
    """Wait until every client is here."""
    (Path(place.directory) / f"client-{place.number}").touch()
    while not (Path(place.directory) / GO).exists():
        await asyncio.sleep(0.005)


async def measured(cluster: Cluster, case: Case, place: Place) -> dict[str, object]:
    warm = Case("", "", count=WARM_UP)
    await consume(cluster, Tally(warm, place), range(WARM_UP), None)
    if case.backlog and place.number == 0:
        await cluster.submit((hold.call() for _ in range(case.backlog)), limit=1)
    tally = Tally(case, place)
    await together(place)
    workers = place.ready_workers()
    before, began = gauges.cpu_s(place.socket, workers), monotonic()
    async with asyncio.TaskGroup() as group:
        for job in range(case.jobs):
            numbers = range(job, case.count, case.jobs)
            group.create_task(consume(cluster, tally, numbers, case.limit))
    ended, after = monotonic(), gauges.cpu_s(place.socket, workers)
    tally.check()
    used = {f"{who}_s": after[who] - before[who] for who in before}
    return {"began": began, "ended": ended, "looks": tally.looks, **used}


def held(count: int, sent: asyncio.Event) -> Iterator[Call[object]]:
    """One call that ends, *count* - 1 that do not; *sent* when the last one was asked for."""
    yield double.call(0)
    for _ in range(count - 1):
        yield hold.call()
    sent.set()


async def cancel_ms(cluster: Cluster, count: int) -> float:
    """How long cancelling a submitted job of *count* calls takes."""
    job = await cluster.submit(hold.call() for _ in range(count))
    started = perf_counter()
    await cluster.cancel(job)
    return (perf_counter() - started) * 1e3


async def leave_ms(cluster: Cluster, count: int) -> float:
    """How long leaving a stream of *count* calls takes, the first of which is done."""
    sent = asyncio.Event()
    async with cluster.completion_stream(held(count, sent)) as stream:
        await anext(aiter(stream))
        await sent.wait()
        started = perf_counter()
    return (perf_counter() - started) * 1e3


async def cancelled(cluster: Cluster, count: int) -> dict[str, object]:
    """Cancelling many calls beside cancelling next to none, on the same connection."""
    figures: dict[str, object] = {}
    for words, calls in (("one", 2), ("many", count)):
        figures[f"cancel_{words}_ms"] = await cancel_ms(cluster, calls)
        figures[f"leave_{words}_ms"] = await leave_ms(cluster, calls)
    return figures


async def main(arguments: list[str]) -> None:
    place = Place.here()
    if arguments[0] == "cancel":
        async with Cluster(place.url, settings=ALL_AHEAD) as cluster:
            await consume(cluster, Tally(Case("", "", count=100), place), range(100), None)
            figures = await cancelled(cluster, int(arguments[1]))
    else:
        case = Case(**json.loads(arguments[0]))
        async with Cluster(place.url) as cluster:
            figures = await measured(cluster, case, place)
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    run(main(sys.argv[1:]), LOOP)
