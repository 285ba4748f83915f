"""Plain and async functions told apart, and each called from the other's world."""

import inspect
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread

from lionherd_dist.arguments import shown
from lionherd_dist.local.awaitables import check_awaitables, not_callable

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def is_coro_func(func: Callable[..., object]) -> bool:
    """True if *func*, or what its partials wrap, is an ``async def`` function."""
    return inspect.iscoroutinefunction(func)


async def run_sync(func: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The result of the plain function *func*, run in a worker thread.

    A thread cannot be stopped: a cancellation takes effect after *func* has returned. TypeError for
    an ``async def`` function, which is to be awaited.
    """
    if not callable(func):
        raise not_callable("func", func, instead="give a plain function")
    if inspect.iscoroutinefunction(func):
        raise TypeError(
            f"func is {shown(func)}, which is async: await it here, or give run_sync a plain "
            "function"
        )
    return await anyio.to_thread.run_sync(partial(func, *args, **kwargs))


def run_async(coro: Awaitable[T]) -> T:
    """The result of *coro*, run on an event loop of its own in a thread of its own.

    For plain code that cannot await, even below a running event loop, which stands still
    meanwhile. Whatever *coro* raises is raised here as itself. TypeError for what cannot be
    awaited.
    """
    check_awaitables("run_async", (coro,))
    results: list[T] = []
    errors: list[BaseException] = []

    async def run() -> None:
        results.append(await coro)

    def run_in_thread() -> None:
        try:
            anyio.run(run)
        except BaseException as error:  # noqa: BLE001 (raised again below, in the caller's thread)
            errors.append(error)

    thread = threading.Thread(target=run_in_thread, name="run_async")
    thread.start()
    thread.join()
    if errors:
        try:
            raise errors[0]
        finally:
            errors.clear()  # undo the ring of error, traceback and frame
    return results[0]
