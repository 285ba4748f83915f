"""Plain and async functions told apart, and each called from the other's world."""

import asyncio
import inspect
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import ParamSpec, TypeVar

import anyio.from_thread
import anyio.to_thread

from lionherd_dist.arguments import shown
from lionherd_dist.local.awaitables import check_awaitables, not_callable
from lionherd_dist.local.unstarted import close_unstarted

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
    """The result of *coro*, run on an asyncio event loop of its own in a thread of its own.

    For plain code that cannot await, even below a running event loop, which stands still
    meanwhile. *coro* sees the caller's context variables; what it sets there is not seen here.
    Whatever *coro* raises is raised here as itself. Ctrl-C cancels *coro*, waits for its clean-up,
    and is raised here as KeyboardInterrupt; a second Ctrl-C does not wait. TypeError for what
    cannot be awaited.
    """
    check_awaitables("run_async", (coro,))
    results: list[T] = []
    errors: list[BaseException] = []

    async def run() -> None:
        try:
            results.append(await coro)
        except BaseException as error:  # noqa: BLE001 (raised again below, in the caller's thread)
            errors.append(error)

    try:
        with (
            _interrupts_raised(),
            anyio.from_thread.start_blocking_portal(name="run_async") as loop,
        ):
            loop.call(run)
        if errors:
            raise errors[0]
        return results[0]
    finally:
        errors.clear()  # undo the ring of error, traceback and frame
        close_unstarted([coro])


@contextmanager
def _interrupts_raised() -> Iterator[None]:
    """Have Ctrl-C raise KeyboardInterrupt in the main thread, below ``asyncio.run`` as elsewhere.

    There it would only cancel the main task, which cannot notice while this thread stands still.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGINT)
    is_runners = isinstance(handler, partial) and isinstance(
        getattr(handler.func, "__self__", None), asyncio.Runner
    )
    if is_runners:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if is_runners:
            signal.signal(signal.SIGINT, handler)
