"""Coroutines that will never run are closed, so that Python does not warn of them."""

import inspect
from collections.abc import AsyncIterable, Iterable


def close_unstarted(awaitables: Iterable[object]) -> None:
    """Close every coroutine in *awaitables* that has not begun; leave all else as it is."""
    for awaitable in awaitables:
        if (
            inspect.iscoroutine(awaitable)
            and inspect.getcoroutinestate(awaitable) == inspect.CORO_CREATED
        ):
            awaitable.close()


def close_rest(source: Iterable[object] | AsyncIterable[object]) -> None:
    """Close what *source* still holds, without making anything new.

    Only a list, a set, their iterators and the like are read, which know how much they hold; a
    generator is closed instead, and a ``map`` is left alone.
    """
    if inspect.isgenerator(source):
        source.close()
    elif isinstance(source, Iterable) and (
        hasattr(source, "__len__") or hasattr(source, "__length_hint__")
    ):
        close_unstarted(source)
