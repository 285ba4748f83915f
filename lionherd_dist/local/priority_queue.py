"""``PriorityQueue``: the smallest item comes out first."""

import heapq
import sys
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

import anyio
import anyio.lowlevel

from lionherd_dist.arguments import whole_number

T = TypeVar("T")

_A_SIZE = "give how many items it may hold, a whole number from 1 up, or 0 for any number"
_ANY_SIZE = sys.maxsize  # below 0 means any number, too, as in asyncio


class QueueEmpty(Exception):  # noqa: N818 (the name that asyncio's users know)
    """Raised by ``get_nowait`` when there is nothing to take: wait with ``get``."""


class QueueFull(Exception):  # noqa: N818 (the name that asyncio's users know)
    """Raised by ``put_nowait`` when there is no room: wait with ``put``."""


class PriorityQueue(Generic[T]):
    """A queue that gives the smallest item first, for example of ``(priority, value)`` tuples.

    Attributes:
        maxsize: how many items it holds; 0 for any number.
    """

    def __init__(self, maxsize: int = 0) -> None:
        self.maxsize = whole_number("maxsize", maxsize, least=-_ANY_SIZE, instead=_A_SIZE)
        self._queue: list[T] = []
        # Two lines, not one: woken by a put, a second putter would swallow the getter's signal.
        self._getters: deque[anyio.Event] = deque()
        self._putters: deque[anyio.Event] = deque()

    async def put(self, item: T) -> None:
        """Wait for room and put *item* in."""
        await anyio.lowlevel.checkpoint()
        await _wait_while(self.full, self._putters)
        self._push(item)

    async def put_nowait(self, item: T) -> None:
        """Put *item* in without waiting, or raise QueueFull."""
        if self.full():
            raise QueueFull(f"the queue holds {len(self._queue)} items, its maxsize")
        self._push(item)

    async def get(self) -> T:
        """Wait for an item and take the smallest."""
        await anyio.lowlevel.checkpoint()
        await _wait_while(self.empty, self._getters)
        return self._pop()

    async def get_nowait(self) -> T:
        """Take the smallest item without waiting, or raise QueueEmpty."""
        if self.empty():
            raise QueueEmpty("the queue is empty")
        return self._pop()

    def qsize(self) -> int:
        """The number of items now."""
        return len(self._queue)

    def empty(self) -> bool:
        """True if there is nothing to take now."""
        return not self._queue

    def full(self) -> bool:
        """True if there is no room now."""
        return 0 < self.maxsize <= len(self._queue)

    def _push(self, item: T) -> None:
        heapq.heappush(self._queue, item)  # type: ignore[type-var]  # items compare, as heapq asks
        _wake_first(self._getters)

    def _pop(self) -> T:
        item = heapq.heappop(self._queue)  # type: ignore[type-var]  # items compare, as heapq asks
        _wake_first(self._putters)
        return item


async def _wait_while(blocked: Callable[[], bool], line: deque[anyio.Event]) -> None:
    while blocked():
        signal = anyio.Event()
        line.append(signal)
        try:
            await signal.wait()
        except BaseException:
            if not signal.is_set():
                line.remove(signal)
            elif not blocked():
                _wake_first(line)  # cancelled with the signal in hand: the next in line gets it
            raise


def _wake_first(line: deque[anyio.Event]) -> None:
    if line:
        line.popleft().set()
