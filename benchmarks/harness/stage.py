"""Puts a contender's processes beside a server: started in order, ended in any case."""

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio

from harness import gauges
from harness.client import Plan
from harness.contender import Place
from harness.environment import python_of
from lionherd_dist.embedded.child import Child
from lionherd_dist.embedded.server import private_server

BENCHMARKS = Path(__file__).parent.parent
START_S = 30.0
VISIT_S = 180.0  # a client that takes longer than this waits for a worker that is gone
POLL_S = 0.01
SETTLE_S = 7.0  # what starts a process does is over by then, its first look for the dead included


class BrokenContenderError(Exception):
    """A process of a contender ended or did not start; the message has the end of its output."""


@asynccontextmanager
async def place_for(workers: int) -> AsyncIterator[Place]:
    """A fresh server and a directory, both gone after it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        async with private_server() as url:
            yield Place(url, directory, workers)


@asynccontextmanager
async def process(
    name: str,
    module: str,
    place: Place,
    *arguments: str,
    on_output: Callable[[bytes], None] | None = None,
) -> AsyncIterator[Child]:
    """``python -m module`` in the environment of *name*, killed at the end if it still runs."""
    paths = (str(BENCHMARKS), str(BENCHMARKS.parent), os.environ.get("PYTHONPATH", ""))
    environment = os.environ | place.as_environment()
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    argv = [str(python_of(name)), "-P", "-m", module, *arguments]
    child = await Child.start(argv, env=environment, on_output=on_output)
    try:
        yield child
    finally:
        await child.stop()


@asynccontextmanager
async def working(
    name: str, place: Place, *, module: str = "harness.worker"
) -> AsyncIterator[None]:
    """All workers of *place*, taking calls."""
    async with AsyncExitStack() as stack:
        children = [
            await stack.enter_async_context(process(name, module, place.numbered(number), name))
            for number in range(place.workers)
        ]
        await _until_ready(name, place, children)
        yield
        _check_alive(name, children)


async def _until_ready(name: str, place: Place, children: list[Child]) -> None:
    with anyio.move_on_after(START_S):
        while len(place.ready_workers()) < len(children):
            _check_alive(name, children)
            await asyncio.sleep(POLL_S)
        return
    outputs = "\n".join(child.output for child in children)
    raise BrokenContenderError(f"{name}: a worker did not start in {START_S:g} s\n{outputs}")


def _check_alive(name: str, children: list[Child]) -> None:
    for child in children:
        if child.returncode is not None:
            raise BrokenContenderError(
                f"{name}: a process ended with {child.returncode}\n{child.output}"
            )


async def finished(name: str, child: Child, most_s: float = VISIT_S) -> dict[str, float]:
    """The last line that *child* wrote, once it has ended well."""
    with anyio.move_on_after(most_s):
        if await child.wait() == 0:
            figures: dict[str, float] = json.loads(child.output.splitlines()[-1])
            return figures
        raise BrokenContenderError(f"{name}: ended with {child.returncode}\n{child.output}")
    raise BrokenContenderError(f"{name}: not done after {most_s:g} s\n{child.output}")


async def visit(name: str, workers: int, plan: Plan) -> dict[str, float]:
    """The figures of one client process beside *workers* worker processes, all gone after it."""
    async with (
        place_for(workers) as place,
        working(name, place),
        process(name, "harness.client", place, name, plan.as_text()) as client,
    ):
        return await finished(name, client)


async def idle(name: str, seconds: float) -> dict[str, float]:
    """Commands per second of a worker that has nothing to do, and of a client."""
    async with place_for(1) as place, working(name, place):
        worker = await _traffic(place, seconds)
        async with process(
            name, "harness.client", place, name, Plan(idle=True).as_text()
        ) as client:
            with anyio.fail_after(START_S):
                while len(place.ready_workers()) < 2:
                    _check_alive(name, [client])
                    await asyncio.sleep(POLL_S)
            both = await _traffic(place, seconds)
    return {
        "idle_worker": worker.sent,
        "idle_worker_scripts": worker.in_scripts,
        "idle_client": max(0.0, both.sent - worker.sent),
        "idle_client_scripts": max(0.0, both.in_scripts - worker.in_scripts),
    }


async def _traffic(place: Place, seconds: float) -> gauges.Traffic:
    await asyncio.sleep(SETTLE_S)
    return await asyncio.to_thread(gauges.traffic, place.socket, seconds)
