"""``bounded_map``: a function over many items, some of them at a time."""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import Any, Literal, TypeVar, overload

from lionherd_dist.local.crew import Crew
from lionherd_dist.local.errors import is_stray
from lionherd_dist.local.unstarted import close_rest

T = TypeVar("T")
R = TypeVar("R")


@overload
async def bounded_map(
    func: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: int,
    return_exceptions: Literal[False] = False,
) -> list[R]: ...
@overload
async def bounded_map(
    func: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: int,
    return_exceptions: bool,
) -> list[R | BaseException]: ...
async def bounded_map(
    func: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: int,
    return_exceptions: bool = False,
) -> Any:
    """Apply *func* to every item, at most *limit* at once; results in the order of *items*.

    *items* may be lazy, async and of any length: an item is pulled when its call can start. If a
    call fails, the others are cancelled and awaited, and an ExceptionGroup of the failures is
    raised; with *return_exceptions*, errors take the place of results instead. An error of *items*
    is raised as itself. ValueError for a limit below 1.
    """
    if limit < 1:
        close_rest(items)
        raise ValueError(f"limit is {limit}: at least 1 call must run at a time")
    results: list[R | BaseException | None] = []

    async def work(index: int, item: T) -> None:
        while len(results) <= index:
            results.append(None)
        try:
            results[index] = await func(item)
        except BaseException as error:
            if not (return_exceptions and (isinstance(error, Exception) or is_stray(error))):
                raise
            results[index] = error

    await Crew(work, items, limit).run()
    return results
