"""What a failure of an in-process pattern says of the item that it came from."""

import pytest

from lionherd_dist import CompletionStream, bounded_map, gather

pytestmark = pytest.mark.anyio


async def fail(_: object = None) -> None:
    raise OSError("no")


class Unprintable:
    def __repr__(self) -> str:
        raise ValueError("no text")


async def notes_of_map(item: object) -> str:
    with pytest.raises(ExceptionGroup) as caught:
        await bounded_map(fail, [item], limit=1)
    return "\n".join(caught.value.exceptions[0].__notes__)


async def test_gather_and_a_stream_name_the_awaitable_by_its_function() -> None:
    """And by its index, from 0."""

    async def fine() -> None: ...

    with pytest.raises(ExceptionGroup) as caught:
        await gather(fine(), fail())
    assert caught.value.exceptions[0].__notes__ == [
        "in awaitable 1 of gather, counted from 0: fail"
    ]
    with pytest.raises(ExceptionGroup) as caught:
        async with CompletionStream([fine(), fine(), fail()]) as stream:
            async for _ in stream:
                pass
    (note,) = caught.value.exceptions[0].__notes__
    assert note == "in awaitable 2 of CompletionStream, counted from 0: fail"


async def test_bounded_map_shows_the_item() -> None:
    """Shortened where it is long, and whatever its repr does."""
    assert await notes_of_map("x") == "in item 0 of bounded_map, counted from 0: 'x'"
    assert len(await notes_of_map("x" * 100_000)) < 1000
    assert "in item 0 of bounded_map" in await notes_of_map(Unprintable())


async def test_an_error_that_is_raised_again_does_not_grow() -> None:
    """One object, raised by many items."""
    error = OSError("the same")

    async def raise_it(_: int) -> None:
        raise error

    for _ in range(3):
        await bounded_map(raise_it, range(100), limit=5, return_exceptions=True)
        with pytest.raises(ExceptionGroup):
            await bounded_map(raise_it, range(100), limit=1)
    assert len(error.__notes__) <= 16
