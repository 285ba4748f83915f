"""``gather``: everything at once, results in order."""

from collections.abc import Awaitable
from typing import Any, Literal, TypeVar, overload

from lionherd_dist.local.awaitables import check_awaitables
from lionherd_dist.local.children import Children
from lionherd_dist.local.errors import is_stray
from lionherd_dist.local.pace import Pace
from lionherd_dist.local.unstarted import close_unstarted

T = TypeVar("T")


@overload
async def gather(*aws: Awaitable[T], return_exceptions: Literal[False] = False) -> list[T]: ...
@overload
async def gather(*aws: Awaitable[T], return_exceptions: bool) -> list[T | BaseException]: ...
async def gather(*aws: Awaitable[T], return_exceptions: bool = False) -> Any:
    """Run all *aws* concurrently; results in the order of *aws*.

    If one fails, the others are cancelled and awaited, and an ExceptionGroup of the failures is
    raised; with *return_exceptions*, errors take the place of results instead. A cancellation of
    the caller is never a result: it stops everything and goes on. TypeError for what cannot be
    awaited.
    """
    check_awaitables("gather", aws)
    results: list[T | BaseException | None] = [None] * len(aws)
    children, pace = Children(), Pace()

    async def run(index: int, aw: Awaitable[T]) -> None:
        try:
            results[index] = await aw
        except BaseException as error:
            if return_exceptions and (isinstance(error, Exception) or is_stray(error)):
                results[index] = error
            elif not children.took(error):
                raise

    if not aws:
        return results
    try:
        async with children:
            for index, aw in enumerate(aws):
                children.start(run, index, aw)
                if pace.over():
                    await pace.rest()
    except BaseException:
        close_unstarted(aws)
        raise
    return results
