"""How a client that can only submit and wait makes a stream of that."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

H = TypeVar("H")
Outcome = tuple[int, int]


async def submitted_and_collected(
    submit: Callable[[int], Awaitable[H]],
    result: Callable[[H], Awaitable[int]],
    numbers: Iterable[int],
    *,
    submitters: int = 100,
    collectors: int = 20,
) -> AsyncIterator[Outcome]:
    """``(number, result)``; results are waited for in the order of submission, by *collectors*.

    To wait for all at once would ask the server about many that cannot be done yet.
    """
    waiting = iter(numbers)
    sent: asyncio.Queue[tuple[int, H] | None] = asyncio.Queue()
    done: asyncio.Queue[Outcome | None] = asyncio.Queue()

    async def send() -> None:
        for number in waiting:
            sent.put_nowait((number, await submit(number)))

    async def collect() -> None:
        while one := await sent.get():
            number, handle = one
            done.put_nowait((number, await result(handle)))

    async def work() -> None:
        try:
            async with asyncio.TaskGroup() as collecting:
                for _ in range(collectors):
                    collecting.create_task(collect())
                async with asyncio.TaskGroup() as submitting:
                    for _ in range(submitters):
                        submitting.create_task(send())
                for _ in range(collectors):
                    sent.put_nowait(None)
        finally:
            done.put_nowait(None)

    working = asyncio.ensure_future(work())
    try:
        while one := await done.get():
            yield one
        await working  # raises what went wrong
    finally:
        working.cancel()
