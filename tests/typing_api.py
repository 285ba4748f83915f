"""Never run, only type-checked: what a strict checker knows about the public API."""

from collections.abc import AsyncIterator
from typing import assert_type

from lionherd_dist import (
    Call,
    CapacityLimiter,
    Cluster,
    CompletionStream,
    Limiter,
    LocalCluster,
    Retry,
    acquire_all,
    bounded_map,
    gather,
    race,
    retry,
    task,
)


@task
async def length(url: str) -> int:
    return len(url)


@task(retry=Retry(attempts=5, retry_on=(ConnectionError,)), timeout=30)
async def fetch(url: str, *, depth: int = 1) -> bytes:
    return url.encode() * depth


@task
def parse(text: str) -> list[str]:
    return text.split()


async def lines() -> AsyncIterator[str]:
    yield "line"


async def tasks_are_still_functions() -> None:
    assert_type(await length("u"), int)
    assert_type(await fetch("u", depth=2), bytes)
    assert_type(parse("a b"), list[str])
    await length(3)  # type: ignore[arg-type]
    parse()  # type: ignore[call-arg]


async def calls_know_their_result() -> None:
    assert_type(length.call("u"), Call[int])
    assert_type(await length.call("u"), int)
    assert_type(parse.call("u"), Call[list[str]])
    assert_type(length.with_options(timeout=3)("u"), Call[int])
    fetch.call(3)  # type: ignore[arg-type]
    fetch.call("u", width=3)  # type: ignore[call-arg]


async def the_cluster_knows_what_comes_back(cluster: Cluster) -> None:
    assert_type(await cluster.run(length.call("u")), int)
    assert_type(await cluster.gather(*map(length.call, ["a", "b"])), list[int])
    assert_type(await cluster.gather(length.call("a"), progress=True), list[int])
    assert_type(
        await cluster.gather(length.call("a"), return_exceptions=True), list[int | BaseException]
    )
    a, b = await cluster.gather(length.call("a"), parse.call("b"))
    assert_type(a, int)
    assert_type(b, list[str])
    c, d = await cluster.gather(fetch.call("a"), parse.call("b"), return_exceptions=True)
    assert_type(c, bytes | BaseException)
    assert_type(d, list[str] | BaseException)
    assert_type(await cluster.race(length.call("a"), length.call("b"), first="success"), int)
    assert_type(await cluster.bounded_map(length, ["a"], limit=3), list[int])
    assert_type(await cluster.bounded_map(parse, lines(), limit=3), list[list[str]])
    async with cluster.completion_stream(map(length.call, ["a"]), limit=3) as stream:
        async for index, size in stream:
            assert_type(index, int)
            assert_type(size, int)
    async with cluster.completion_stream([length.call("a")], return_exceptions=True) as outcomes:
        async for _, outcome in outcomes:
            assert_type(outcome, int | Exception)
    await cluster.bounded_map(length, [1], limit=3)  # type: ignore[misc]
    await cluster.race(length.call("a"), first="fastest")  # type: ignore[arg-type]


async def an_attached_job_of_a_known_task_is_typed(cluster: Cluster) -> None:
    async with cluster.attach("5f3a9c01b2d4-1", parse) as stream:
        async for index, outcome in stream:
            assert_type(index, int)
            assert_type(outcome, list[str] | Exception)
    async with cluster.attach("5f3a9c01b2d4-1") as untyped:
        async for _, anything in untyped:
            assert_type(anything, object | Exception)


async def a_local_cluster_is_a_cluster() -> None:
    async with LocalCluster("my_tasks", workers=4) as cluster:
        assert_type(await cluster.run(length.call("u")), int)


async def the_local_half_has_the_same_types() -> None:
    assert_type(await gather(*map(length, ["a", "b"])), list[int])
    assert_type(await gather(length.call("a")), list[int])
    a, b, c = await gather(length("a"), fetch("b"), parse.call("c"))
    assert_type(a, int)
    assert_type(b, bytes)
    assert_type(c, list[str])
    results = await gather(
        length("1"), fetch("2"), fetch("3"), fetch("4"), fetch("5"), fetch("6"), fetch("7"),
        parse.call("8"),
    )  # fmt: skip
    assert_type(results[0], int)
    assert_type(results[6], bytes)
    assert_type(results[7], list[str])
    d, e = await gather(length("a"), parse.call("b"), return_exceptions=True)
    assert_type(d, int | BaseException)
    assert_type(e, list[str] | BaseException)
    assert_type(await race(length("a"), length("b")), int)
    assert_type(await bounded_map(length, ["a"], limit=3), list[int])
    assert_type(await retry(lambda: length("a")), int)
    async with CompletionStream([length("a")], limit=3) as stream:
        async for index, size in stream:
            assert_type(index, int)
            assert_type(size, int)


async def both_limiters_are_one_kind_of_thing(cluster: Cluster) -> None:
    here: Limiter = CapacityLimiter(3)
    api = cluster.capacity_limiter("api", 3)
    everywhere: Limiter = api
    for limiter in (here, everywhere):
        async with limiter:
            assert_type(limiter.statistics().tasks_waiting, int)
    async with api as lease, acquire_all(api, api) as leases:
        assert_type(lease.fence, int)
        assert_type(leases[0].fence, int)
    assert_type(await cluster.bounded_map(length, ["a"], limit=api), list[int])
    await cluster.bounded_map(length, ["a"], limit=here)  # type: ignore[call-overload]
