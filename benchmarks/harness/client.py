"""The client process of one contender, measuring: ``python -m harness.client NAME PLAN``.

Prints one line of JSON. Every contender goes through this same code; whatever is counted as done
has been received here and checked.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import cast

from harness import gauges
from harness.contender import ChainClient, Client, Place, load
from harness.loop import run
from harness.noop import check

WARM_UP = 200  # calls before any clock starts: connections open, scripts load, caches fill
TRIAL = 1_000  # calls that tell how many fit the time
LEAST, MOST = 1_000, 100_000  # calls of one throughput figure


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    Args:
        seconds: that each figure of throughput or latency takes, more or less.
        single: most calls that are made one at a time; 0: none are.
        first: calls of the stream whose first outcome is waited for; 0: none.
        idle: connect, make one call, and then do nothing for ever.
    """

    seconds: float = 2.0
    single: int = 0
    first: int = 0
    idle: bool = False

    def as_text(self) -> str:
        return json.dumps(asdict(self))


async def took_s(stream: AsyncIterator[tuple[int, int]], count: int) -> float:
    """Seconds from now until *count* results were received; they are checked after that."""
    started = perf_counter()
    results = [result async for result in stream]
    seconds = perf_counter() - started
    check(results, count)
    return seconds


async def warm_up(client: Client, seconds: float) -> int:
    """How many calls take about *seconds*, once everything is warm."""
    await took_s(client.stream(range(WARM_UP)), WARM_UP)
    trial_s = await took_s(client.stream(range(TRIAL)), TRIAL)
    return min(MOST, max(LEAST, int(TRIAL / trial_s * seconds)))


async def throughput(client: Client, place: Place, count: int) -> dict[str, float]:
    """Calls per second through one stream, and what each of them cost and left."""
    workers = place.ready_workers()
    held = gauges.settled_footprint(place.socket)
    ran = gauges.commands(place.socket)
    before = gauges.cpu_s(place.socket, workers)
    seconds = await took_s(client.stream(range(count)), count)
    after = gauges.cpu_s(place.socket, workers)
    figures = {f"{who}_us": (after[who] - before[who]) * 1e6 / count for who in before}
    figures["commands"] = (gauges.commands(place.socket) - ran) / count
    left = gauges.settled_footprint(place.socket)
    return figures | {
        "count": count,
        "per_s": count / seconds,
        "left_bytes": (left.used_bytes - held.used_bytes) / count,
        "left_keys": (left.keys - held.keys) / count,
    }


async def each_s(
    call: Callable[[int], Awaitable[int]], *, most: int, seconds: float
) -> list[float]:
    """How long each of up to *most* calls took, one made when the last one has its result."""
    times: list[float] = []
    ends = perf_counter() + seconds
    while len(times) < most and (perf_counter() < ends or len(times) < 10):
        started = perf_counter()
        value = await call(len(times))
        times.append(perf_counter() - started)
        if value != 2 * (len(times) - 1):
            raise AssertionError(f"call {len(times) - 1} gave {value}")
    return sorted(times)


async def single(client: Client, most: int, seconds: float) -> dict[str, float]:
    times = await each_s(client.run, most=most, seconds=seconds)
    return {
        "p50_ms": times[len(times) // 2] * 1e3,
        "p99_ms": times[len(times) * 99 // 100] * 1e3,
    }


async def chained(client: ChainClient, seconds: float) -> dict[str, float]:
    """Calls per second in a chain, beside scripts per second of a loop that does only that."""
    bare_s = await each_s(client.script, most=MOST, seconds=seconds / 2)
    bare = len(bare_s) / sum(bare_s)
    trial_s = await took_s(client.chain(range(TRIAL)), TRIAL)
    count = max(LEAST, int(TRIAL / trial_s * seconds / 2))
    per_s = count / await took_s(client.chain(range(count)), count)
    return {"chain_per_s": per_s, "script_per_s": bare}


async def first_ms(client: Client, count: int) -> float:
    """Milliseconds to the first of *count* outcomes; the others are left where they are."""
    started = perf_counter()
    async for number, value in client.stream(range(count)):
        seconds = perf_counter() - started
        if value != 2 * number:
            raise AssertionError(f"call {number} gave {value}")
        return seconds * 1e3
    raise AssertionError("a stream ended without an outcome")


async def main(name: str, plan: Plan) -> None:
    place = Place.here()
    async with load(name).open_client(place) as client:
        if plan.idle:
            await client.run(0)
            place.numbered(place.workers).ready()
            await asyncio.Event().wait()
        count = await warm_up(client, plan.seconds)
        figures = await throughput(client, place, count)
        if plan.single:
            figures |= await single(client, plan.single, plan.seconds)
            if hasattr(client, "chain"):
                figures |= await chained(cast("ChainClient", client), plan.seconds)
        if plan.first:
            figures["first_ms"] = await first_ms(client, plan.first)
        print(json.dumps(figures), flush=True)
        os._exit(0)  # not to wait for the end of a stream that was left


if __name__ == "__main__":
    who, what = sys.argv[1:]
    run(main(who, Plan(**json.loads(what))), load(who).LOOP)
