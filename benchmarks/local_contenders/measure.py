"""Measure one contender of one pattern in this process: ``python measure.py gather lionherd-core``.

Prints one line of JSON: the seconds per item, and the MiB that the peak of this process's memory
lies above its start and above what the pattern returned.
"""

import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable

import anyio

ITEMS = {"bounded_map": 100_000, "gather": 10_000, "stream": 10_000, "race": 100, "retry": 20_000}
REPEATS = {"bounded_map": 1, "gather": 3, "stream": 3, "race": 30, "retry": 3}
LIMIT = 100
Run = Callable[[int], Awaitable[object]]


async def noop(item: int) -> int:
    return item


async def succeed() -> int:
    return 1


async def first_is_ready(item: int) -> int:
    if item:
        await anyio.sleep_forever()
    return item


def bounded_map_of(library: str) -> Run:
    if library == "aiometer":
        import aiometer

        return lambda n: aiometer.run_on_each(noop, range(n), max_at_once=LIMIT)
    patterns = patterns_of(library)
    return lambda n: patterns.bounded_map(noop, range(n), limit=LIMIT)


def gather_of(library: str) -> Run:
    if library == "anyio":
        return anyio_gather
    if library == "anyio.gather":
        return lambda n: anyio.gather(*[noop(item) for item in range(n)])
    if library == "anyio.amap":
        return lambda n: anyio.amap(noop, range(n))
    patterns = patterns_of(library)
    return lambda n: patterns.gather(*[noop(item) for item in range(n)])


async def anyio_gather(n: int) -> None:
    async with anyio.create_task_group() as tasks:
        for item in range(n):
            tasks.start_soon(noop, item)


def stream_of(library: str) -> Run:
    if library == "anyio":
        return anyio_gather
    if library == "anyio.as_completed":
        return anyio_as_completed
    patterns = patterns_of(library)

    async def read_all(n: int) -> None:
        async with patterns.CompletionStream([noop(item) for item in range(n)]) as stream:
            async for _ in stream:
                pass

    return read_all


async def anyio_as_completed(n: int) -> None:
    async with anyio.as_completed(*[noop(item) for item in range(n)]) as handles:
        async for handle in handles:
            _ = handle.return_value


def race_of(library: str) -> Run:
    if library == "anyio":
        return anyio_race
    patterns = patterns_of(library)
    return lambda n: patterns.race(*[first_is_ready(item) for item in range(n)])


async def anyio_race(n: int) -> None:
    async with anyio.create_task_group() as tasks:

        async def run(item: int) -> None:
            await first_is_ready(item)
            tasks.cancel_scope.cancel()

        for item in range(n):
            tasks.start_soon(run, item)


def retry_of(library: str) -> Run:
    if library == "tenacity":
        import tenacity

        async def once() -> object:
            retrying = tenacity.AsyncRetrying(stop=tenacity.stop_after_attempt(3))
            return await retrying(succeed)

    elif library == "stamina":
        import stamina

        caller = stamina.AsyncRetryingCaller(attempts=3).on(Exception)

        async def once() -> object:
            return await caller(succeed)

    else:
        patterns = patterns_of(library)

        async def once() -> object:
            return await patterns.retry(succeed)

    async def many(n: int) -> None:
        for _ in range(n):
            await once()

    return many


def patterns_of(library: str) -> object:
    if library == "lionherd-core":
        from lionherd_core.libs import concurrency

        return concurrency
    from lionherd_dist import local

    return local


def peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def size_mib(results: object) -> float:
    if not isinstance(results, list):
        return 0.0
    return (sys.getsizeof(results) + sum(map(sys.getsizeof, results))) / 2**20


async def measure(pattern: str, library: str) -> dict[str, float]:
    run = globals()[f"{pattern}_of"](library)
    await run(ITEMS[pattern] // 10 or 1)  # warm: imports, caches, the first growth of the heap
    before_mib = peak_mib()
    times = []
    results: object = None
    for _ in range(REPEATS[pattern]):
        start = time.perf_counter()
        results = await run(ITEMS[pattern])
        times.append(time.perf_counter() - start)
    above_mib = peak_mib() - before_mib - size_mib(results)
    per_item_s = sorted(times)[len(times) // 2] / ITEMS[pattern]
    return {"per_item_s": per_item_s, "above_mib": max(above_mib, 0.0)}


if __name__ == "__main__":
    print(json.dumps(anyio.run(measure, *sys.argv[1:3])))
