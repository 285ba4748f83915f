"""What patterns are given to await, checked at the call: a refusal closes what it was given."""

import inspect
from collections.abc import AsyncIterable, Awaitable, Iterable
from types import CoroutineType
from typing import Any, TypeVar

from lionherd_dist.arguments import shown
from lionherd_dist.local.unstarted import close_rest, close_unstarted

T = TypeVar("T")

UNCALLED: Any = object()  # the result of a function that has not returned


def check_awaitables(pattern: str, aws: tuple[object, ...]) -> None:
    """Refuse what cannot be awaited among the positional arguments *aws* of *pattern*."""
    if all(kind is CoroutineType or hasattr(kind, "__await__") for kind in set(map(type, aws))):
        return
    for number, aw in enumerate(aws, start=1):
        if not inspect.isawaitable(aw):
            close_unstarted(aws)
            discard(aw)
            raise TypeError(
                f"argument {number} of {pattern}() is {shown(aw)}, which cannot be awaited: "
                f"{_instead_of(pattern, aw)}"
            )


def check_iterable(name: str, value: object, *, instead: str) -> None:
    """Refuse a *value* that cannot be iterated over, neither by ``for`` nor by ``async for``."""
    if isinstance(value, Iterable | AsyncIterable):
        return
    try:
        iter(value)  # type: ignore[call-overload]  # a class with __getitem__ alone can be, too
    except TypeError:
        discard(value)
        raise TypeError(f"{name} is {shown(value)}: {instead}") from None


def check_function(name: str, value: object) -> None:
    """Refuse what cannot be called, such as the coroutine that a function returned."""
    if not callable(value):
        raise not_callable(name, value)


def not_callable(name: str, value: object, instead: str = "give an async function") -> TypeError:
    """The error for a *value* that was to be a function; a coroutine is closed."""
    discard(value)
    if inspect.iscoroutine(value):
        called = value.__name__
        return TypeError(
            f"{name} is a coroutine, which can run only once: give the function, {called} instead "
            f"of {called}(...), or lambda: {called}(...)"
        )
    return TypeError(f"{name} is {shown(value)}: {instead}")


def is_awaitable(result: object) -> bool:
    """True if *result* can be awaited, or is none yet (``UNCALLED``)."""
    return result is UNCALLED or inspect.isawaitable(result)


def awaitable_of(name: str, func: object, result: Awaitable[T]) -> Awaitable[T]:
    """*result*, if it can be awaited; it is what the function *func*, given as *name*, returned."""
    if not inspect.isawaitable(result):
        raise not_awaitable(name, func, result)
    return result


def not_awaitable(name: str, func: object, result: object) -> TypeError:
    """The error for a function *func*, given as *name*, whose *result* cannot be awaited."""
    return TypeError(
        f"{name} is {_name_of(func)}, which returned {shown(result)} and not an awaitable: give an "
        f"async function, or have a plain one run in a thread: {_in_a_thread(func)}"
    )


def not_awaitable_item(name: str, index: int, item: object) -> TypeError:
    """The error for the *item* at *index* of the iterable *name*, which cannot be awaited."""
    return TypeError(
        f"item {index} of {name} is {shown(item)}, which cannot be awaited: give coroutines, "
        "tasks, futures or calls"
    )


def discard(value: object) -> None:
    """Close the coroutines that *value* is or holds, none of which will run."""
    if isinstance(value, CoroutineType):
        close_unstarted([value])
    elif isinstance(value, Iterable | AsyncIterable) and not isinstance(value, type):
        close_rest(value)


def _instead_of(pattern: str, value: object) -> str:
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | type):
        return f"give the awaitables themselves, {pattern}(*awaitables)"
    if isinstance(value, AsyncIterable):
        return "give an async iterable to CompletionStream or bounded_map"
    if callable(value):
        called = _name_of(value)
        return f"call it, {called}(...)"
    return "give coroutines, tasks, futures or calls"


def _name_of(func: object) -> str:
    name: Any = getattr(func, "__name__", None)
    return name if isinstance(name, str) and name.isidentifier() else shown(func)


def _in_a_thread(func: object) -> str:
    if hasattr(func, "call"):  # a task over a def
        return f"{_name_of(func)}.call"
    name = _name_of(func)
    return f"run_sync({name if name.isidentifier() else 'function'}, ...)"
