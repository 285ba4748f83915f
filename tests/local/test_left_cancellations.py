"""A cancellation that an item leaves for its own task ends no other; futures of another loop."""

import asyncio
from functools import partial

import pytest

from lionherd_dist import CompletionStream, bounded_map, gather, race

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest):
    """Trio's tasks are not cancelled one by one."""
    return "asyncio", {"use_uvloop": request.param}


async def leaves_one(index: int) -> int:
    if index == 1:
        asyncio.current_task().cancel()
        return index
    await asyncio.sleep(0.01)
    return index


async def source():
    for index in range(6):
        yield index


async def awaitables():
    for index in range(6):
        yield leaves_one(index)


@pytest.mark.parametrize("limit", [1, 2, 10])
@pytest.mark.parametrize("items", [partial(range, 6), source], ids=["list", "async source"])
async def test_a_map_has_all_its_results(items, limit):
    assert await bounded_map(leaves_one, items(), limit=limit) == list(range(6))


@pytest.mark.parametrize("return_exceptions", [False, True])
async def test_gather_has_all_its_results(return_exceptions):
    calls = [leaves_one(index) for index in range(6)]
    assert await gather(*calls, return_exceptions=return_exceptions) == list(range(6))


@pytest.mark.parametrize("limit", [None, 1, 2])
@pytest.mark.parametrize(
    "aws", [partial(map, leaves_one, range(6)), awaitables], ids=["iterator", "async source"]
)
async def test_a_stream_has_all_its_results(aws, limit):
    async with CompletionStream(aws(), limit=limit) as stream:
        assert sorted([pair async for pair in stream]) == [(index, index) for index in range(6)]


async def stream_of(future):
    async with CompletionStream([future], limit=2) as stream:
        async for _ in stream:
            pass


ASKED = {
    "gather": lambda future: gather(future, asyncio.sleep(0)),
    "race": lambda future: race(future),  # noqa: PLW0108
    "stream": stream_of,
    "bounded_map": lambda future: bounded_map(lambda _: future, [1], limit=1),
}


@pytest.mark.parametrize("name", ASKED)
async def test_a_future_of_another_loop_is_refused_at_once(name):
    """Its end would never be told here, and a cancellation would not reach it."""
    other = asyncio.new_event_loop()
    future = other.create_future()
    try:
        with pytest.raises((RuntimeError, ExceptionGroup)) as caught:
            await asyncio.wait_for(ASKED[name](future), 20)
    finally:
        other.close()
    error = caught.value
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, RuntimeError)
    assert "another event loop" in str(error)
