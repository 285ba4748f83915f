"""Locks, semaphores, limiters, events and conditions of one event loop.

Thin faces over anyio's: they can be made before the loop runs, and ``async with`` gives the thing
itself. Waiters are served first come, first served.
"""

import math
from typing import Self

import anyio

from lionherd_dist.arguments import shown, whole_number
from lionherd_dist.local.limits import LimiterStatistics

_SLOTS = "give the count of free slots, a whole number from 0 up"
_TOKENS = "give a whole number of tokens, at least 1 as with none nothing ever runs, or math.inf"
_WOKEN = "give the number of tasks to wake, a whole number from 0 up"


class Lock:
    """Held by one task at a time, and released by the same one."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = anyio.Lock()

    async def acquire(self) -> None:
        """Wait until the lock is free and take it; RuntimeError if the caller holds it."""
        await self._lock.acquire()

    def release(self) -> None:
        """Give the lock to the next one waiting; RuntimeError if the caller does not hold it."""
        try:
            self._lock.release()
        except RuntimeError:
            raise RuntimeError(
                f"task {anyio.get_current_task().name!r} does not hold this Lock: release it in "
                "the task that acquired it, or use Semaphore(1), which any task may release"
            ) from None

    async def __aenter__(self) -> Self:
        await self.acquire()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.release()


class Semaphore:
    """A count of free slots, 0 or more at first; any task may release one."""

    __slots__ = ("_sem",)

    def __init__(self, initial_value: int) -> None:
        initial_value = whole_number("initial_value", initial_value, least=0, instead=_SLOTS)
        self._sem = anyio.Semaphore(initial_value)

    async def acquire(self) -> None:
        """Wait for a free slot and take it."""
        await self._sem.acquire()

    def release(self) -> None:
        """Free a slot."""
        self._sem.release()

    async def __aenter__(self) -> Self:
        await self.acquire()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.release()


class CapacityLimiter:
    """Tokens of which a borrower (by default: a task) holds one at a time.

    *total_tokens* is an int from 1 up, or ``math.inf``; TypeError or ValueError if not.
    """

    __slots__ = ("_lim",)

    def __init__(self, total_tokens: float) -> None:
        self._lim = anyio.CapacityLimiter(_checked(total_tokens))

    async def acquire(self) -> None:
        """Wait for a token and take it; RuntimeError if the calling task holds one."""
        await self._lim.acquire()

    async def acquire_nowait(self) -> None:
        """Take a token that is free now; ``anyio.WouldBlock`` if there is none."""
        self._lim.acquire_nowait()

    def release(self) -> None:
        """Give the calling task's token back; RuntimeError if it holds none."""
        try:
            self._lim.release()
        except RuntimeError:
            raise RuntimeError(
                f"task {anyio.get_current_task().name!r} holds no token of this CapacityLimiter: "
                "release it in the task that acquired it, or give the borrower a name, with "
                "acquire_on_behalf_of and release_on_behalf_of, which any task may call"
            ) from None

    async def acquire_on_behalf_of(self, borrower: object) -> None:
        """Wait for a token and take it in the name of *borrower*."""
        await self._lim.acquire_on_behalf_of(borrower)

    def release_on_behalf_of(self, borrower: object) -> None:
        """Give the token of *borrower* back; RuntimeError if it holds none."""
        self._lim.release_on_behalf_of(borrower)

    @property
    def total_tokens(self) -> float:
        """How many tokens there are; more can be set at any time, and fewer."""
        return self._lim.total_tokens

    @total_tokens.setter
    def total_tokens(self, value: float) -> None:
        self._lim.total_tokens = _checked(value)

    async def set_total_tokens(self, total_tokens: int) -> None:
        """Have another number of tokens from now on; what is held stays held."""
        self.total_tokens = total_tokens

    def statistics(self) -> LimiterStatistics:
        """The limiter now."""
        now = self._lim.statistics()
        return LimiterStatistics(
            total_tokens=now.total_tokens,
            borrowed_tokens=now.borrowed_tokens,
            tasks_waiting=now.tasks_waiting,
            borrowers=now.borrowers,
            holders={},
        )

    @property
    def borrowed_tokens(self) -> float:
        """How many tokens are held."""
        return self._lim.borrowed_tokens

    @property
    def available_tokens(self) -> float:
        """How many tokens are free."""
        return self._lim.available_tokens

    @property
    def remaining_tokens(self) -> float:
        """The older name of ``available_tokens``."""
        return self._lim.available_tokens

    async def __aenter__(self) -> Self:
        await self.acquire()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.release()


class Event:
    """A flag that is set once, and tasks waiting for it."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = anyio.Event()

    def set(self) -> None:
        """Raise the flag and wake all that wait for it."""
        self._event.set()

    def is_set(self) -> bool:
        """True once the flag is up."""
        return self._event.is_set()

    async def wait(self) -> None:
        """Wait until the flag is up."""
        await self._event.wait()

    def statistics(self) -> anyio.EventStatistics:
        """How many tasks wait."""
        return self._event.statistics()


class Condition:
    """Tasks that wait, under a lock, until another one notifies them."""

    __slots__ = ("_condition",)

    def __init__(self, lock: Lock | None = None) -> None:
        if not isinstance(lock, Lock | None):
            raise TypeError(f"lock is {shown(lock)}: give a Lock of this package, or None")
        self._condition = anyio.Condition(lock._lock if lock else None)  # noqa: SLF001 (same file)

    async def acquire(self) -> None:
        """Take the lock beneath."""
        await self._condition.acquire()

    def release(self) -> None:
        """Release the lock beneath; RuntimeError if the caller does not hold it."""
        try:
            self._condition.release()
        except RuntimeError:
            raise RuntimeError(
                f"task {anyio.get_current_task().name!r} does not hold the lock of this Condition: "
                "release it in the task that acquired it"
            ) from None

    async def wait(self) -> None:
        """Release the lock, wait for a notification, take the lock again."""
        await self._condition.wait()

    def notify(self, n: int = 1) -> None:
        """Wake *n* waiting tasks."""
        self._condition.notify(whole_number("n", n, least=0, instead=_WOKEN))

    def notify_all(self) -> None:
        """Wake every waiting task."""
        self._condition.notify_all()

    def statistics(self) -> anyio.ConditionStatistics:
        """How many tasks wait, and the state of the lock."""
        return self._condition.statistics()

    async def __aenter__(self) -> Self:
        await self.acquire()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.release()


def _checked(total_tokens: float) -> float:
    if total_tokens == math.inf:
        return total_tokens
    return whole_number("total_tokens", total_tokens, least=1, instead=_TOKENS)
