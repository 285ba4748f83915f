"""Puts a contender's processes beside a server: started in order, ended in any case."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from redis.asyncio import Redis

from cluster_parts import gauges
from cluster_parts.client import WARM_UP, Plan, argument
from cluster_parts.worker import READY
from lionherd_dist import race
from lionherd_dist.embedded.child import Child
from lionherd_dist.embedded.server import private_server

START_S = 20.0
STOP_S = 10.0
VISIT_S = 120.0  # a client that takes longer than this waits for a worker that is gone
LONG_STREAM_S = 1_800.0
PRIMING = Plan(stream=2_000, mapped=0, single=20, first=0)


async def _start(
    module: str, *arguments: str, on_output: Callable[[bytes], None] | None = None
) -> Child:
    paths = (str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", ""))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    argv = [sys.executable, "-P", "-m", f"cluster_parts.{module}", *arguments]
    return await Child.start(argv, env=environment, on_output=on_output)


@asynccontextmanager
async def working(contender: str, url: str) -> AsyncIterator[int]:
    """A worker process that takes calls; gives its process id."""
    ready = asyncio.Event()

    def look(output: bytes) -> None:
        if READY.encode() in output:
            ready.set()

    worker = await _start("worker", contender, url, on_output=look)
    try:
        with anyio.move_on_after(START_S):
            await race(ready.wait(), worker.wait())
        if not ready.is_set():
            raise RuntimeError(f"the worker of {contender} did not start:\n{worker.output}")
        yield worker.pid
    finally:
        await worker.stop(STOP_S)
    if worker.returncode != 0:
        raise RuntimeError(f"the worker ended with {worker.returncode}:\n{worker.output}")


async def finished(
    module: str, *arguments: str, most_s: float, on_output: Callable[[bytes], None] | None = None
) -> str:
    """What the program *module* wrote, once it has ended well, within *most_s* seconds."""
    child = await _start(module, *arguments, on_output=on_output)
    try:
        with anyio.fail_after(most_s):
            status = await child.wait()
    finally:
        await child.stop()
    if status != 0:
        raise RuntimeError(f"{module} {arguments[0]} ended with {status}:\n{child.output}")
    return child.output


async def _visit(contender: str, url: str, plan: Plan) -> dict[str, float]:
    """The figures of one client process and one worker process, which are both gone after it."""
    async with working(contender, url) as worker_pid:
        words = (contender, url, str(worker_pid), argument(plan))
        output = await finished("client", *words, most_s=VISIT_S)
    figures: dict[str, float] = json.loads(output.splitlines()[-1])
    return figures


async def measure(contender: str, plan: Plan) -> dict[str, float]:
    """All figures of one contender in one round, on a server of its own.

    What is left in the server is counted against a server that has seen such processes before:
    scripts, streams and groups that are there once and for all are not charged to the calls.
    """
    async with private_server() as url, Redis.from_url(url) as redis:
        await gauges.settled_footprint(redis)  # a command's first use costs the server 12 kB
        await _visit(contender, url, PRIMING)
        before = await gauges.settled_footprint(redis)
        figures = await _visit(contender, url, plan)
        after = await gauges.settled_footprint(redis)
    calls = plan.calls + WARM_UP
    return figures | {
        "left_bytes": (after.used_bytes - before.used_bytes) / calls,
        "left_keys": (after.keys - before.keys) / calls,
    }


async def long_stream(count: int, look: Callable[[dict[str, float]], None]) -> None:
    """One stream of *count* calls; *look* is called with what is used on the way."""
    pieces = bytearray()

    def lines(output: bytes) -> None:
        pieces.extend(output)
        *whole, rest = bytes(pieces).split(b"\n")
        pieces[:] = rest
        for line in whole:
            if line.startswith(b"{"):
                look(json.loads(line))

    async with private_server() as url, working("ours", url) as worker_pid:
        words = (url, str(worker_pid), str(count))
        await finished("million", *words, most_s=LONG_STREAM_S, on_output=lines)
