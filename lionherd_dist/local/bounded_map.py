"""``bounded_map``: a function over many items, some of them at a time."""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import Any, Generic, Literal, TypeVar, overload

from lionherd_dist.arguments import whole_number
from lionherd_dist.local.awaitables import (
    check_function,
    check_iterable,
    discard,
    not_awaitable,
)
from lionherd_dist.local.crew import Crew

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
    work = _Map(func, return_exceptions)
    try:
        await Crew(work, items, limit).run()
        return work.results
    finally:
        # An error among the results holds, by its traceback, a frame that holds the work.
        work.results = []


class _Map(Generic[T]):
    """Applies a function to items and keeps the outcomes in their order."""

    pattern, takes_over = "bounded_map", False

    def __init__(self, func: Callable[[T], Awaitable[object]], return_exceptions: bool) -> None:
        self.call, self.return_exceptions = func, return_exceptions
        self.results: list[object] = []

    def done(self, index: int, outcome: object) -> None:
        results = self.results
        if index == len(results):
            results.append(outcome)
            return
        while len(results) <= index:
            results.append(None)
        results[index] = outcome

    def mistake(self, index: int, called: object) -> TypeError:  # noqa: ARG002 (as Work has it)
        return not_awaitable("func", self.call, called)
