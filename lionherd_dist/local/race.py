"""``race``: the first one wins, the others are stopped."""

from collections.abc import Awaitable
from typing import Literal, TypeVar

from lionherd_dist.arguments import shown
from lionherd_dist.current_call import Place, begin_call, begin_run
from lionherd_dist.local.awaitables import check_awaitables
from lionherd_dist.local.children import Children
from lionherd_dist.local.errors import failure_in, is_cancelled, is_stray
from lionherd_dist.local.unstarted import close_unstarted

T = TypeVar("T")


async def race(*aws: Awaitable[T], first: Literal["completion", "success"] = "completion") -> T:
    """The result of the first of *aws* to complete; the others are cancelled and awaited.

    A failure is a completion too, and is raised as itself. With ``first="success"``, failures are
    passed over; if all fail, an ExceptionGroup of the failures is raised, in the order of *aws*.
    What losers raise while they are being stopped is dropped. ValueError without *aws*.
    """
    if first not in ("completion", "success"):
        close_unstarted(aws)
        raise ValueError(f'first is {shown(first)}: a race is won by "completion" or by "success"')
    check_awaitables("race", aws)
    if not aws:
        raise ValueError("race() needs at least one awaitable")
    winners: list[T] = []
    failures: dict[int, BaseException] = {}
    children, calls = Children(), begin_run()

    async def run(index: int, aw: Awaitable[T]) -> None:
        if calls is not None:
            begin_call(Place.of(calls, index))
        try:
            result = await children.guarded(aw)
        except BaseException as error:
            failure: BaseException | None = failure_in(error)
            if failure is None and (children.stopping or not is_stray(error)):
                if children.is_cut_off(error):
                    return
                raise
            if children.stopping:
                return
            failures[index] = failure or error
            if first == "completion":
                children.stop()
        else:
            if not children.stopping:
                winners.append(result)
                children.stop()
        finally:
            failure = None
            del aw

    try:
        async with children:
            for index, aw in enumerate(aws):
                children.start(run, index, aw)
    except BaseException:
        await children.give_up(close_unstarted(aws))
        raise
    if winners:
        return winners[0]
    try:
        raise _error_of([failures[index] for index in sorted(failures)], first)
    finally:
        # An error holds, by its traceback, the frames of run and of this, which hold the errors.
        del aws
        failures.clear()


def _error_of(errors: list[BaseException], first: str) -> BaseException:
    """What a race raises of which all that completed are *errors*."""
    real = [error for error in errors if not is_cancelled(error)]
    if first == "completion" or not real:
        return errors[0]
    return BaseExceptionGroup(f"all {len(errors)} awaitables of the race failed", real)
