"""Coroutines that will never run are closed, so that Python does not warn of them."""

import inspect
from asyncio import Future, isfuture
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from types import CoroutineType
from typing import Any

HOLDERS = {"lionherd_dist.local.gather", "lionherd_dist.local.race"}


def close_unstarted(awaitables: Iterable[object]) -> list["Future[Any]"]:
    """Close every coroutine in *awaitables* that has not begun; return the futures among them.

    A ``gather`` or ``race`` that has not begun holds others, and they are closed with it.
    """
    futures: list[Future[Any]] = []
    for awaitable in awaitables:
        if isinstance(awaitable, CoroutineType):
            if inspect.getcoroutinestate(awaitable) == inspect.CORO_CREATED:
                held = _held_by(awaitable)
                awaitable.close()
                futures += close_unstarted(held)
        elif isfuture(awaitable):
            futures.append(awaitable)
    return futures


def _held_by(coroutine: "CoroutineType[object, object, object]") -> tuple[object, ...]:
    frame = coroutine.cr_frame
    if frame is None or frame.f_globals["__name__"] not in HOLDERS:
        return ()
    held: tuple[object, ...] = frame.f_locals["aws"]
    return held


def close_rest(source: Iterable[object] | AsyncIterable[object]) -> list["Future[Any]"]:
    """Close what *source* still holds, without making anything new; its futures are returned.

    Only a list, a set, their iterators and the like are read, which know how much they hold; a
    generator is closed instead, and a ``map`` is left alone.
    """
    if inspect.isgenerator(source):
        source.close()
    elif isinstance(source, Iterable) and (
        hasattr(source, "__len__") or hasattr(source, "__length_hint__")
    ):
        return close_unstarted(source)
    return []


async def close_async(iterator: AsyncIterator[object]) -> None:
    """Close *iterator*, if it has an ``aclose``: generators have it, and many classes."""
    close = getattr(iterator, "aclose", None)
    if close is not None:
        closing = close()
        if inspect.isawaitable(closing):
            await closing
