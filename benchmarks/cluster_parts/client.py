"""The client process, measuring: ``python -m cluster_parts.client ours|raw URL WORKER_PID PLAN``.

Prints one line of JSON. Both contenders go through the same code here.
"""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from time import perf_counter

from redis.asyncio import Redis

from cluster_parts import gauges, ours, raw
from cluster_parts.noop import check

Client = ours.OurClient | raw.RawClient


@dataclass(frozen=True, slots=True)
class Plan:
    """How many calls each row takes; 0: the row is not measured.

    Args:
        stream: calls of the throughput row.
        mapped: calls of the throughput row with a limit, of this project alone.
        single: calls that are made one after the other.
        first: calls of the stream whose first outcome is waited for.
    """

    stream: int
    mapped: int
    single: int
    first: int

    @property
    def calls(self) -> int:
        return self.stream + self.mapped + self.single + self.first


MAP_LIMIT = 100
WARM_UP = 1_000  # calls before the clock starts: connections open, scripts load, caches fill


async def throughput(client: Client, redis: Redis, worker_pid: int, count: int) -> dict[str, float]:
    """Calls per second through one stream, and the CPU that each of them took."""
    before = await gauges.cpu_use(redis, worker_pid)
    started = perf_counter()
    results = [result async for result in client.stream(range(count))]
    took_s = perf_counter() - started
    after = await gauges.cpu_use(redis, worker_pid)
    check(results, count)
    used = {
        f"{who}_us": (getattr(after, f"{who}_s") - getattr(before, f"{who}_s")) * 1e6 / count
        for who in ("client", "worker", "server")
    }
    return {"per_s": count / took_s, **used}


async def mapped(client: ours.OurClient, count: int) -> dict[str, float]:
    started = perf_counter()
    values = await client.bounded_map(count, limit=MAP_LIMIT)
    took_s = perf_counter() - started
    check(list(enumerate(values)), count)
    return {"mapped_per_s": count / took_s}


async def single(client: Client, count: int) -> dict[str, float]:
    """One call at a time, each sent when the last one has its result."""
    results: list[tuple[int, int]] = []
    took_s: list[float] = []
    for number in range(count):
        started = perf_counter()
        value = await client.run(number)
        took_s.append(perf_counter() - started)
        results.append((number, value))
    check(results, count)
    took_s.sort()
    return {"p50_ms": took_s[count // 2] * 1e3, "p99_ms": took_s[count * 99 // 100] * 1e3}


async def first(client: Client, count: int) -> dict[str, float]:
    started = perf_counter()
    took_s = 0.0
    results: list[tuple[int, int]] = []
    async for result in client.stream(range(count)):
        took_s = took_s or perf_counter() - started
        results.append(result)
    check(results, count)
    return {"first_ms": took_s * 1e3}


async def main(contender: str, url: str, worker_pid: int, plan: Plan) -> dict[str, float]:
    figures: dict[str, float] = {}
    async with (
        {"ours": ours, "raw": raw}[contender].open_client(url) as client,
        Redis.from_url(url) as redis,
    ):
        check([result async for result in client.stream(range(WARM_UP))], WARM_UP)
        if plan.stream:
            figures |= await throughput(client, redis, worker_pid, plan.stream)
        if plan.mapped and isinstance(client, ours.OurClient):
            figures |= await mapped(client, plan.mapped)
        if plan.single:
            figures |= await single(client, plan.single)
        if plan.first:
            figures |= await first(client, plan.first)
    return figures


def argument(plan: Plan) -> str:
    """*plan* as this process's last argument."""
    return json.dumps(asdict(plan))


if __name__ == "__main__":
    who, where, pid, what = sys.argv[1:]
    print(json.dumps(asyncio.run(main(who, where, int(pid), Plan(**json.loads(what))))))
