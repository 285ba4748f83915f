"""What an item leaves behind on the task that it ran in, so that no other item meets it there.

An item that has ended may have left a timer that cancels its task, a table that has its task as a
key (a limiter that still lends it a token), an open cancel scope, a pending cancellation, a name, a
context variable. Whatever is to act on the task later needs a reference to the task, so a change in
the number of references tells of it. The rest is read from the task and from its context.

On trio the number depends on what the task was woken by, too: there, an item that has waited counts
as one that has left something behind.
"""

import asyncio
import gc
import sys
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from typing import Any, cast
from weakref import getweakrefcount

import anyio

_MARKS: tuple[ContextVar[object], ...] = tuple(
    ContextVar(f"lionherd_dist.local.task_state.{number}") for number in range(4)
)


def watch_task() -> Callable[[], bool]:
    """A function that says if something was left behind on the running task since this call."""
    if anyio.get_cancelled_exc_class() is asyncio.CancelledError:
        return _watch_asyncio()
    return _watch_trio()


def _watch_asyncio() -> Callable[[], bool]:
    task = cast("asyncio.Task[Any]", asyncio.current_task())
    mark, context_changed = _watch_context()
    get_name, cancelling, count = task.get_name, task.cancelling, sys.getrefcount
    name, requests = get_name(), cancelling()
    references, weak_references, marks = count(task), getweakrefcount(task), count(mark)

    def changed() -> bool:
        return (
            count(task) != references
            or getweakrefcount(task) != weak_references
            or ((mark is None or count(mark) != marks) and context_changed(marks))
            or cancelling() != requests
            or get_name() is not name
            # A cancellation that was called off in the step in which it was asked for; asyncio has
            # no other word for it before Python 3.13.
            or getattr(task, "_must_cancel", False)
        )

    return changed


def _watch_trio() -> Callable[[], bool]:
    task = sys.modules["trio"].lowlevel.current_task()
    mark, context_changed = _watch_context()
    name, status, count = task.name, getattr(task, "_cancel_status", None), sys.getrefcount
    references, weak_references, marks = count(task), getweakrefcount(task), count(mark)

    def changed() -> bool:
        return (
            count(task) != references
            or getweakrefcount(task) != weak_references
            or ((mark is None or count(mark) != marks) and context_changed(marks))
            or task.name is not name
            or getattr(task, "_cancel_status", None) is not status  # a scope that was left open
        )

    return changed


def _watch_context() -> tuple[object, Callable[[int], bool]]:
    """A mark, and the full check: was a context variable set to another object since this call?

    To compare all values costs more than all else that is done for an item. But a context is a tree
    that is never changed: setting a variable makes another root, which holds again what the old
    one held. So a value that the root itself holds, the mark, has one more reference then, and the
    full check is needed only where that is so. It is given the number that there was at first.
    """
    mark = _mark_root()
    before = copy_context()  # keeps the old root alive

    def changed(marks: int) -> bool:
        nonlocal before
        now = copy_context()
        if not _is_same(now, before):
            return True
        before = now  # a variable was set and reset: from here on, the new root is the old one
        return mark is not None and sys.getrefcount(mark) != marks

    return mark, changed


def _mark_root() -> object | None:
    """A new object that the root of the running context holds; None if its place is further down.

    Where the place of a variable is depends on its hash: if another one has taken it, both are in a
    branch, and the next mark is tried. In a context of more than 16 variables all are in branches.
    """
    for variable in _MARKS:
        mark = object()
        token = variable.set(mark)
        roots = gc.get_referents(*gc.get_referents(copy_context()))
        if any(held is mark for held in gc.get_referents(*roots)):
            return mark
        variable.reset(token)
    return None


def _is_same(now: Context, before: Context) -> bool:
    """True if both hold the same objects; objects that are equal are not the same."""
    missing = object()
    return len(now) == len(before) and all(
        before.get(variable, missing) is value for variable, value in now.items()
    )
