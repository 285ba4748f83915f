"""``bounded_map``: a function over many items, some of them at a time."""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import Any, Literal, TypeVar, overload

from lionherd_dist.arguments import whole_number
from lionherd_dist.local.awaitables import (
    UNCALLED,
    check_function,
    check_iterable,
    discard,
    is_awaitable,
    not_awaitable,
)
from lionherd_dist.local.crew import Crew
from lionherd_dist.local.errors import is_stray

T = TypeVar("T")
R = TypeVar("R")

A_LIMIT = "give a whole number of calls that may run at a time, at least 1"


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
    is raised as itself. TypeError or ValueError for a *limit* that is no whole number from 1 up,
    and TypeError for a *func* whose result cannot be awaited.
    """
    try:
        check_function("func", func)
        check_iterable("items", items, instead="give an iterable, sync or async")
        limit = whole_number("limit", limit, least=1, instead=A_LIMIT)
    except (TypeError, ValueError):
        discard(items)
        raise
    results: list[R | BaseException | None] = []

    async def work(index: int, item: T) -> None:
        while len(results) <= index:
            results.append(None)
        aw: Any = UNCALLED
        try:
            aw = func(item)
            results[index] = await aw
        except BaseException as error:
            if not is_awaitable(aw):
                raise crew.refuse(not_awaitable("func", func, aw)) from None
            aw = None  # a future that failed holds its error, whose traceback holds this frame
            if not (return_exceptions and (isinstance(error, Exception) or is_stray(error))):
                raise
            results[index] = error

    crew = Crew(work, items, limit)
    await crew.run()
    return results
