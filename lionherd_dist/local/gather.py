"""``gather``: everything at once, results in order."""

from collections.abc import Awaitable
from functools import partial
from typing import Any, Literal, TypeVar, overload

from lionherd_dist.current_call import Place, begin_call, begin_run
from lionherd_dist.local.awaitables import check_awaitables
from lionherd_dist.local.children import Children
from lionherd_dist.local.errors import is_stray
from lionherd_dist.local.notes import note_item
from lionherd_dist.local.pace import Pace
from lionherd_dist.local.task_state import is_to_be_cancelled, take_cancellation
from lionherd_dist.local.unstarted import close_unstarted

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")
G = TypeVar("G")
H = TypeVar("H")


# What comes back is a list. Two to eight arguments that are named one by one are typed as a
# tuple, as those of asyncio.gather are: no other type says which result is which. That a list
# of unknown length may be unpacked into them is ignored: mypy then takes the last two.
# fmt: off
@overload
async def gather(  # type: ignore[overload-overlap]  # see above
    a: Awaitable[A], b: Awaitable[B], /, *, return_exceptions: Literal[False] = False
) -> tuple[A, B]: ...
@overload
async def gather(  # type: ignore[overload-overlap]  # see above
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], /, *,
    return_exceptions: Literal[False] = False
) -> tuple[A, B, C]: ...
@overload
async def gather(  # type: ignore[overload-overlap]  # see above
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], /, *,
    return_exceptions: Literal[False] = False
) -> tuple[A, B, C, D]: ...
@overload
async def gather(  # type: ignore[overload-overlap]  # see above
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], e: Awaitable[E], /, *,
    return_exceptions: Literal[False] = False
) -> tuple[A, B, C, D, E]: ...
@overload
async def gather(  # type: ignore[overload-overlap]  # see above
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], e: Awaitable[E],
    f: Awaitable[F], /, *, return_exceptions: Literal[False] = False
) -> tuple[A, B, C, D, E, F]: ...
@overload
async def gather(  # type: ignore[overload-overlap]  # see above
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], e: Awaitable[E],
    f: Awaitable[F], g: Awaitable[G], /, *, return_exceptions: Literal[False] = False
) -> tuple[A, B, C, D, E, F, G]: ...
@overload
async def gather(  # type: ignore[overload-overlap]  # see above
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], e: Awaitable[E],
    f: Awaitable[F], g: Awaitable[G], h: Awaitable[H], /, *,
    return_exceptions: Literal[False] = False
) -> tuple[A, B, C, D, E, F, G, H]: ...
@overload
async def gather(
    a: Awaitable[A], b: Awaitable[B], /, *, return_exceptions: bool
) -> tuple[A | BaseException, B | BaseException]: ...
@overload
async def gather(
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], /, *, return_exceptions: bool
) -> tuple[A | BaseException, B | BaseException, C | BaseException]: ...
@overload
async def gather(
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], /, *,
    return_exceptions: bool
) -> tuple[A | BaseException, B | BaseException, C | BaseException, D | BaseException]: ...
@overload
async def gather(
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], e: Awaitable[E], /, *,
    return_exceptions: bool
) -> tuple[
    A | BaseException, B | BaseException, C | BaseException, D | BaseException, E | BaseException
]: ...
@overload
async def gather(
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], e: Awaitable[E],
    f: Awaitable[F], /, *, return_exceptions: bool
) -> tuple[
    A | BaseException, B | BaseException, C | BaseException, D | BaseException, E | BaseException,
    F | BaseException
]: ...
@overload
async def gather(
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], e: Awaitable[E],
    f: Awaitable[F], g: Awaitable[G], /, *, return_exceptions: bool
) -> tuple[
    A | BaseException, B | BaseException, C | BaseException, D | BaseException, E | BaseException,
    F | BaseException, G | BaseException
]: ...
@overload
async def gather(
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], e: Awaitable[E],
    f: Awaitable[F], g: Awaitable[G], h: Awaitable[H], /, *, return_exceptions: bool
) -> tuple[
    A | BaseException, B | BaseException, C | BaseException, D | BaseException, E | BaseException,
    F | BaseException, G | BaseException, H | BaseException
]: ...
# fmt: on
@overload
async def gather(*aws: Awaitable[T], return_exceptions: Literal[False] = False) -> list[T]: ...
@overload
async def gather(*aws: Awaitable[T], return_exceptions: bool) -> list[T | BaseException]: ...
async def gather(*aws: Awaitable[Any], return_exceptions: bool = False) -> Any:
    """Run all *aws* concurrently; results in the order of *aws*.

    If one fails, the others are cancelled and awaited, and an ExceptionGroup of the failures is
    raised; with *return_exceptions*, errors take the place of results instead. A cancellation of
    the caller is never a result: it stops everything and goes on. TypeError for what cannot be
    awaited.
    """
    check_awaitables("gather", aws)
    results: list[object] = [None] * len(aws)
    children, pace, calls = Children(), Pace(), begin_run()

    async def run(index: int, aw: Awaitable[object]) -> None:
        if calls is not None:
            begin_call(Place.of(calls, index))
        try:
            results[index] = await children.guarded(aw)
        except BaseException as error:
            if return_exceptions and (isinstance(error, Exception) or is_stray(error)):
                results[index] = error
            elif not children.took(error, partial(note_item, "gather", index, aw)):
                raise
        else:
            if is_to_be_cancelled():  # it would end all of the others, and nobody would be told
                await take_cancellation()
        finally:
            del aw  # a future that failed holds its error, whose traceback holds this frame

    if not aws:
        return results
    try:
        async with children:
            for index, aw in enumerate(aws):
                children.start(run, index, aw)
                if pace.over():
                    await pace.rest()
        return results  # noqa: TRY300 (evaluated before the names below are taken off it)
    except BaseException:
        await children.give_up(close_unstarted(aws))
        raise
    finally:
        # An error among the results holds, by its traceback, the frame of run, which holds them.
        results = []
