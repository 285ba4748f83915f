"""Plain and async functions told apart, and each called from the other's world."""

import inspect
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def is_coro_func(func: Callable[..., object]) -> bool:
    """True if *func*, or what its partials wrap, is an ``async def`` function."""
    return inspect.iscoroutinefunction(func)


async def run_sync(func: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The result of the plain function *func*, run in a worker thread.

    A thread cannot be stopped: a cancellation takes effect after *func* has returned.
    """
    return await anyio.to_thread.run_sync(partial(func, *args, **kwargs))


def run_async(coro: Awaitable[T]) -> T:
    """The result of *coro*, run on an event loop of its own in a thread of its own.

    For plain code that cannot await, even below a running event loop, which stands still
    meanwhile. Whatever *coro* raises is raised here as itself.
    """
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
