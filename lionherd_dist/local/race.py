"""``race``: the first one wins, the others are stopped."""

from collections.abc import Awaitable
from typing import Literal, TypeVar

from lionherd_dist.local.children import children
from lionherd_dist.local.errors import is_cancelled, is_stray
from lionherd_dist.local.unstarted import close_unstarted

T = TypeVar("T")


async def race(*aws: Awaitable[T], first: Literal["completion", "success"] = "completion") -> T:
    """The result of the first of *aws* to complete; the others are cancelled and awaited.

    A failure is a completion too, and is raised as itself. With ``first="success"``, failures are
    passed over; if all fail, an ExceptionGroup of the failures is raised, in the order of *aws*.
    What losers raise while they are being stopped is dropped. ValueError without *aws*.
    """
    if first not in {"completion", "success"}:
        close_unstarted(aws)
        raise ValueError(f'first is {first!r}: a race is won by "completion" or by "success"')
    if not aws:
        raise ValueError("race() needs at least one awaitable")
    winners: list[T] = []
    failures: dict[int, BaseException] = {}
    decided = False

    async def run(index: int, aw: Awaitable[T]) -> None:
        nonlocal decided
        try:
            result = await aw
        except BaseException as error:
            if not isinstance(error, Exception) and (decided or not is_stray(error)):
                raise
            if decided:
                return
            failures[index] = error
            if first == "success":
                return
        else:
            if decided:
                return
            winners.append(result)
        decided = True
        tasks.cancel_scope.cancel()

    try:
        async with children() as tasks:
            for index, aw in enumerate(aws):
                tasks.start_soon(run, index, aw)
    except BaseException:
        close_unstarted(aws)
        raise
    if winners:
        return winners[0]
    errors = [failures[index] for index in sorted(failures)]
    real = [error for error in errors if not is_cancelled(error)]
    if first == "completion" or not real:
        raise errors[0]
    raise BaseExceptionGroup(f"all {len(aws)} awaitables of the race failed", real)
