"""Coroutines that will never run are closed, so that Python does not warn of them."""

import inspect
from collections.abc import AsyncIterable, Iterable
from types import CoroutineType

HOLDERS = {"lionherd_dist.local.gather", "lionherd_dist.local.race"}


def close_unstarted(awaitables: Iterable[object]) -> None:
    """Close every coroutine in *awaitables* that has not begun; leave all else as it is.

    A ``gather`` or ``race`` that has not begun holds others, and they are closed with it.
    """
    for awaitable in awaitables:
        if (
            isinstance(awaitable, CoroutineType)
            and inspect.getcoroutinestate(awaitable) == inspect.CORO_CREATED
        ):
            held = _held_by(awaitable)
            awaitable.close()
            close_unstarted(held)


def _held_by(coroutine: "CoroutineType[object, object, object]") -> tuple[object, ...]:
    frame = coroutine.cr_frame
    if frame is None or frame.f_globals["__name__"] not in HOLDERS:
        return ()
    held: tuple[object, ...] = frame.f_locals["aws"]
    return held


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
