"""``PriorityQueue``: the smallest item comes out first."""

import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
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

    Items are compared whole. Of two that are equal, or that cannot be compared because the
    comparison raises an Exception, the one that came first comes out first.

    Attributes:
        maxsize: how many items it holds; 0 for any number.
    """

    maxsize: int

    def __init__(self, maxsize: int = 0) -> None:
        self.maxsize = whole_number("maxsize", maxsize, least=-_ANY_SIZE, instead=_A_SIZE)
        self._heap: list[_Entry[T]] = []
        self._count = 0
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
            raise QueueFull(f"the queue holds {len(self._heap)} items, its maxsize")
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
        return len(self._heap)

    def empty(self) -> bool:
        """True if there is nothing to take now."""
        return not self._heap

    def full(self) -> bool:
        """True if there is no room now."""
        return 0 < self.maxsize <= len(self._heap)

    def _push(self, item: T) -> None:
        self._count += 1
        try:
            _push(self._heap, _Entry(self._count, item))
        except BaseException:  # a KeyboardInterrupt within a comparison
            _wake_first(self._putters)  # the room is still there: the next in line gets it
            raise
        _wake_first(self._getters)

    def _pop(self) -> T:
        try:
            item = _pop(self._heap).item
        except BaseException:  # a KeyboardInterrupt within a comparison
            _wake_first(self._getters)  # the item is still there: the next in line gets it
            raise
        _wake_first(self._putters)
        return item


@dataclass(frozen=True, slots=True)
class _Entry(Generic[T]):
    number: int
    item: T

    def precedes(self, other: "_Entry[T]") -> bool:
        """True if this one comes out before *other*."""
        if self.number < other.number:
            return not _is_less(other.item, self.item)
        return _is_less(self.item, other.item)


def _is_less(one: T, other: T) -> bool:
    try:
        return bool(one < other)  # type: ignore[operator]  # what cannot be compared is caught
    except Exception:  # noqa: BLE001 (TypeError, ValueError of an array: the two have no order)
        return False


# A binary heap, as in heapq, whose functions leave the heap in disorder if a comparison raises.
# These make all comparisons first, and change the list only then.


def _push(heap: list[_Entry[T]], entry: _Entry[T]) -> None:
    moved_down: list[int] = []
    hole = len(heap)
    while hole and entry.precedes(heap[(hole - 1) // 2]):
        moved_down.append(hole)
        hole = (hole - 1) // 2
    heap.append(entry)
    for child in moved_down:
        heap[child] = heap[(child - 1) // 2]
    heap[hole] = entry


def _pop(heap: list[_Entry[T]]) -> _Entry[T]:
    last, size = heap[-1], len(heap) - 1
    moved_up: list[int] = []
    child = 1
    while child < size:
        if child + 1 < size and heap[child + 1].precedes(heap[child]):
            child += 1
        moved_up.append(child)
        child = 2 * child + 1
    while moved_up and last.precedes(heap[moved_up[-1]]):
        moved_up.pop()
    smallest, hole = heap[0], 0
    for child in moved_up:
        heap[hole] = heap[child]
        hole = child
    heap[hole] = last
    heap.pop()
    return smallest


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
