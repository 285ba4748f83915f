"""With the garbage collector off, what the caller of a pattern held is freed after its failure."""

import gc
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio
import anyio.lowlevel
import pytest
import tasks

import lionherd_dist
from lionherd_dist import Cluster, CompletionStream, fail_after, move_on_after

pytestmark = pytest.mark.anyio


class Large:
    """Something that the caller of a pattern holds in its frame."""


async def breaking_source() -> None:
    yield tasks.double.call(1)
    raise ValueError("the source broke")


def patterns_of(cluster: Cluster) -> dict[str, Callable[[], Awaitable[object]]]:
    """Each pattern, and each way in which it can fail."""

    async def read(*calls: object, **options: object) -> None:
        async with cluster.completion_stream(calls, **options) as stream:
            async for _ in stream:
                pass

    async def read_broken() -> None:
        async with cluster.completion_stream(breaking_source()) as stream:
            async for _ in stream:
                pass

    async def fail_inside() -> None:
        async with cluster.completion_stream([tasks.hold.call(1)]):
            raise ValueError("the block broke")

    async def late() -> None:
        with fail_after(0.05):
            await cluster.gather(tasks.hold.call(1))

    async def cancelled() -> None:
        with move_on_after(0.05):
            await cluster.gather(tasks.hold.call(1))

    no, hold = tasks.fail.call("no"), tasks.hold.call(1)
    return {
        "run": lambda: cluster.run(no),
        "gather": lambda: cluster.gather(no, hold),
        "gather with exceptions": lambda: cluster.gather(no, no, return_exceptions=True),
        "race": lambda: cluster.race(no, hold),
        "race for success": lambda: cluster.race(no, no, first="success"),
        "bounded_map": lambda: cluster.bounded_map(tasks.fail, ["a", "b", "c"], limit=2),
        "stream": lambda: read(no, hold),
        "stream with exceptions": lambda: read(no, no, return_exceptions=True),
        "broken source": read_broken,
        "broken block": fail_inside,
        "deadline": late,
        "cancelled": cancelled,
        "submit": lambda: cluster.submit(breaking_source()),
        "in-process gather of runs": lambda: lionherd_dist.gather(
            cluster.run(no), cluster.run(hold)
        ),
        "in-process stream of runs": lambda: _read_local(cluster.run(no), cluster.run(hold)),
    }


async def _read_local(*aws: Awaitable[object]) -> None:
    async with CompletionStream(aws, limit=2) as stream:
        async for _ in stream:
            pass


async def _call(way: Callable[[], Awaitable[object]]) -> "weakref.ref[Large]":
    large = Large()
    with suppress(Exception):
        await way()
    return weakref.ref(large)


async def test_no_failure_of_a_cluster_keeps_its_caller_alive(
    cluster: Cluster, redis_url: str
) -> None:
    """As it is in-process, where tests/local/test_memory.py tries all patterns."""
    left = {}
    for name, way in patterns_of(cluster).items():
        gc.collect()
        gc.disable()
        try:
            reference = await _call(way)
            await anyio.lowlevel.checkpoint()  # the loop's own step, which brought the failure
            left[name] = reference() is not None
        finally:
            gc.enable()
    assert [name for name, is_alive in left.items() if is_alive] == []
