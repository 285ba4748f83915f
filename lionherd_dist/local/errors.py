"""Cancellations told apart from failures, in single exceptions and in groups."""

import math
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

import anyio

from lionherd_dist.arguments import shown
from lionherd_dist.local.awaitables import awaitable_of, check_function

T = TypeVar("T")
P = ParamSpec("P")
E = TypeVar("E", bound=BaseException)


def get_cancelled_exc_class() -> type[BaseException]:
    """The class that the running backend cancels with."""
    return anyio.get_cancelled_exc_class()


def is_cancelled(exc: BaseException) -> bool:
    """True if *exc* is the running backend's cancellation."""
    return isinstance(exc, anyio.get_cancelled_exc_class())


def failure_in(exc: BaseException) -> Exception | None:
    """What of *exc* is a failure: all of it, a group without its cancellations, or nothing."""
    if isinstance(exc, BaseExceptionGroup):
        rest = non_cancel_subgroup(exc)
        return rest if isinstance(rest, Exception) else None
    return exc if isinstance(exc, Exception) else None


def being_cancelled() -> bool:
    """True if a scope around the running task is cancelled, its own or an outer one."""
    return anyio.current_effective_deadline() == -math.inf


def is_only_cancellation(exc: BaseException) -> bool:
    """True if *exc* is a cancellation, or a group of nothing else."""
    if isinstance(exc, BaseExceptionGroup):
        return non_cancel_subgroup(exc) is None
    return is_cancelled(exc)


def is_stray(exc: BaseException) -> bool:
    """True if *exc* is a cancellation that no scope asked for: of an awaited asyncio future."""
    return is_cancelled(exc) and not being_cancelled()


def holds_cancellation(exc: BaseException) -> bool:
    """True if *exc* is a cancellation, or a group with one in it at any depth."""
    if isinstance(exc, BaseExceptionGroup):
        return split_cancellation(exc)[0] is not None
    return is_cancelled(exc)


def split_cancellation(
    eg: BaseExceptionGroup[E],
) -> tuple[BaseExceptionGroup[E] | None, BaseExceptionGroup[E] | None]:
    """The cancellations of *eg*, and the rest of it; None where there are none.

    Both keep the nesting, tracebacks, notes and causes of *eg*.
    """
    cancellations, rest = eg.split(is_cancelled)
    # split() copies a group even if it takes nothing out: a group of failures alone stays itself.
    return (None, eg) if cancellations is None else (cancellations, rest)


def non_cancel_subgroup(eg: BaseExceptionGroup[E]) -> BaseExceptionGroup[E] | None:
    """What is left of *eg* without its cancellations, nested as before; None if nothing is."""
    if not isinstance(eg, BaseExceptionGroup):
        raise TypeError(f"eg is {shown(eg)}: give an exception group")
    return split_cancellation(eg)[1]


async def shield(func: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of ``func(*args, **kwargs)``, run to its end whatever is cancelled outside.

    TypeError for a *func* that is no function, such as a coroutine, or returns no awaitable.
    """
    check_function("func", func)
    with anyio.CancelScope(shield=True):
        result = await awaitable_of("func", func, func(*args, **kwargs))
    return result  # noqa: RET504 (a scope may swallow what leaves its block, says its type)
