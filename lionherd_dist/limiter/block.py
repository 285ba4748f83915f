"""Which block an ``__aexit__`` ends.

A limiter is one object that many tasks enter at the same time, and a block may be left in another
task than the one that entered it: fixtures, generators that the garbage collector closes. What
tells blocks apart is how they are made: ``async with``, ``AsyncExitStack`` and the like look
``__aenter__`` and ``__aexit__`` up once for each block, one right after the other, and then call
``__aenter__``. So both look-ups give functions of one ``Block``, and it keeps the lease.

Code that calls ``limiter.__aenter__()`` by hand looks up one of them only. The limiter keeps its
lease then, and has to choose one when ``__aexit__`` is called by hand.
"""

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from types import MethodType, TracebackType
from typing import Generic, TypeAlias, TypeVar, overload
from weakref import ReferenceType, ref

import anyio.lowlevel

from lionherd_dist.limiter.lease import Lease
from lionherd_dist.limiter.order import tokens_noted

EXIT_FIRST = sys.version_info >= (3, 14)  # ``async with`` looks ``__aexit__`` up first

L = TypeVar("L")
Kind: TypeAlias = type[BaseException] | None
Error: TypeAlias = BaseException | None
Trace: TypeAlias = TracebackType | None
Entering: TypeAlias = Coroutine[object, object, Lease]
Leaving: TypeAlias = Coroutine[object, object, bool]


class Block:
    """The lease between the two ends of one block.

    Args:
        on: the limiter on which the ends were looked up; None where that was its class.

    Attributes:
        has_enter, has_exit: which of them were looked up.
        lease: that of the block, if ``__aexit__`` was looked up, and so keeps it.
        entered: True once ``__aenter__`` was called: what is looked up later is not of this block.
    """

    entered: bool
    has_enter: bool
    has_exit: bool
    on: object

    __slots__ = ("__weakref__", "entered", "has_enter", "has_exit", "lease", "on")

    def __init__(self, on: object) -> None:
        self.on = on
        self.has_enter = self.has_exit = self.entered = False
        self.lease: Lease | None = None


class _LookedUp(threading.local):
    """The block that was looked up last in this thread, if it is alive."""

    def __init__(self) -> None:
        self.last: ReferenceType[Block] = ref(Block(None))


_looked_up = _LookedUp()


class EnterMethod(Generic[L]):
    """``__aenter__``: *enter* is called with the limiter and the block."""

    def __init__(self, enter: Callable[[L, Block], Entering]) -> None:
        self._enter = enter

    @overload
    def __get__(self, limiter: None, owner: type[L]) -> Callable[[L], Entering]: ...
    @overload
    def __get__(self, limiter: L, owner: type[L]) -> Callable[[], Entering]: ...
    def __get__(
        self, limiter: L | None, owner: type[L]
    ) -> Callable[[L], Entering] | Callable[[], Entering]:
        block, enter = _looked_up.last() if EXIT_FIRST else None, self._enter
        if block is None or block.on is not limiter or block.has_enter:
            block = Block(limiter)
            _looked_up.last = ref(block)
        block.has_enter = True

        def entering(limiter: L) -> Entering:
            block.entered = True
            return enter(limiter, block)

        return entering if limiter is None else MethodType(entering, limiter)


class ExitMethod(Generic[L]):
    """``__aexit__``: *leave* is called with the limiter, the lease of the block, and the error.

    The lease is None for a block that was entered by hand. *leave* is True where a cancellation of
    ours ends a block that a scope around it ends, too: that scope has to raise its own.
    """

    def __init__(self, leave: Callable[[L, Lease | None, Error], bool]) -> None:
        self._leave = leave

    @overload
    def __get__(
        self, limiter: None, owner: type[L]
    ) -> Callable[[L, Kind, Error, Trace], Leaving]: ...
    @overload
    def __get__(self, limiter: L, owner: type[L]) -> Callable[[Kind, Error, Trace], Leaving]: ...
    def __get__(
        self, limiter: L | None, owner: type[L]
    ) -> Callable[[L, Kind, Error, Trace], Leaving] | Callable[[Kind, Error, Trace], Leaving]:
        block, leave = _looked_up.last(), self._leave
        if block is None or block.on is not limiter or block.has_exit or block.entered:
            block = Block(limiter)
            if EXIT_FIRST:
                _looked_up.last = ref(block)
        block.has_exit = True

        async def leaving(limiter: L, _: Kind, error: Error, __: Trace) -> bool:
            lease, block.lease = block.lease, None
            if leave(limiter, lease, error):
                await anyio.lowlevel.checkpoint_if_cancelled()
            return False

        return leaving if limiter is None else MethodType(leaving, limiter)


def likeliest(limiter: str, by_hand: Sequence[Lease], current: object) -> int:
    """The place among *by_hand* of the block that the task *current* most likely wants to leave.

    Nothing tells for sure. A block of its own; one that was entered in its context; one whose task
    has ended; and of several, the last.

    Raises:
        RuntimeError: there is none.
    """
    if not by_hand:
        raise RuntimeError(
            f"limiter {limiter!r}: __aexit__ was called, and no block that was entered with "
            "__aenter__ is open. Use `async with`, or acquire() and lease.release()"
        )
    noted = tokens_noted()

    def likelihood(place: int) -> tuple[bool, bool, bool, int]:
        token = by_hand[place].token
        task = token.borrower
        runs_on = isinstance(task, asyncio.Task) and not task.done()
        return task is current, token in noted, not runs_on, place

    return max(range(len(by_hand)), key=likelihood)
