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
import anyio.lowlevel

from lionherd_dist.local.errors import is_stray

_MARKS: tuple[ContextVar[object], ...] = tuple(
    ContextVar(f"lionherd_dist.local.task_state.{number}") for number in range(4)
)


class Watch:
    """Watches tasks that begin in copies of one context, each from when it asks for that.

    What is the same for all of them is found out once: the backend, and the place of the mark.
    """

    def __init__(self) -> None:
        self._on_asyncio: bool | None = None
        self._variable: ContextVar[object] | None = None

    def begin(self) -> Callable[[], bool]:
        """A function that says if something was left behind on the running task since this call."""
        if self._on_asyncio is None:
            self._on_asyncio = anyio.get_cancelled_exc_class() is asyncio.CancelledError
            self._variable = _variable_in_root()
        return _watch_asyncio(self._variable) if self._on_asyncio else _watch_trio(self._variable)


def _watch_asyncio(variable: ContextVar[object] | None) -> Callable[[], bool]:
    task = cast("asyncio.Task[Any]", asyncio.current_task())
    mark, context_changed = _watch_context(variable)
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


def _watch_trio(variable: ContextVar[object] | None) -> Callable[[], bool]:
    task = sys.modules["trio"].lowlevel.current_task()
    mark, context_changed = _watch_context(variable)
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


def _watch_context(variable: ContextVar[object] | None) -> tuple[object, Callable[[int], bool]]:
    """A mark, and the full check: was a context variable set to another object since this call?

    To compare all values costs more than all else that is done for an item. But a context is a tree
    that is never changed: setting a variable makes another root, which holds again what the old
    one held. So a value that the root itself holds, the mark, has one more reference then, and the
    full check is needed only where that is so. It is given the number that there was at first.
    """
    mark = None
    if variable is not None:
        mark = object()
        variable.set(mark)
    before = copy_context()  # keeps the old root alive

    def changed(marks: int) -> bool:
        nonlocal before
        now = copy_context()
        if not _is_same(now, before):
            return True
        before = now  # a variable was set and reset: from here on, the new root is the old one
        return mark is not None and sys.getrefcount(mark) != marks

    return mark, changed


def _variable_in_root() -> ContextVar[object] | None:
    """A variable whose value the root of the running context holds itself, once it is set.

    Where the place of a variable is depends on its hash: if another one has taken it, both are in a
    branch, and the next one is tried. In a context of more than 16 variables all are in branches.
    """
    for variable in _MARKS:
        mark = object()
        token = variable.set(mark)
        roots = gc.get_referents(*gc.get_referents(copy_context()))
        is_held = any(held is mark for held in gc.get_referents(*roots))
        variable.reset(token)
        if is_held:
            return variable
    return None


def _is_same(now: Context, before: Context) -> bool:
    """True if both hold the same objects; objects that are equal are not the same."""
    missing = object()
    return len(now) == len(before) and all(
        before.get(variable, missing) is value for variable, value in now.items()
    )


def is_to_be_cancelled() -> bool:
    """True if code has left a cancellation for the running task: it strikes at the next wait."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # trio has no such thing
        return False
    return getattr(task, "_must_cancel", False)


async def take_cancellation() -> None:
    """Let a cancellation that an item left behind for its task strike here, where it does no harm.

    A task that ends with it unseen counts as cancelled, and ends all of its task group.
    """
    try:
        await anyio.lowlevel.cancel_shielded_checkpoint()
    except anyio.get_cancelled_exc_class() as error:
        if not is_stray(error):
            raise
