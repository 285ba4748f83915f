"""A source that blocks, such as a database cursor or a file, pulled in a thread of its own."""

import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextvars import Context, copy_context
from typing import Generic, TypeVar

import anyio
import anyio.to_thread

from lionherd_dist.local.pace import Pace
from lionherd_dist.local.unstarted import close_rest, close_unstarted

T = TypeVar("T")

CLOSE_WAIT_S = 1.0  # how long leaving waits for the source; then the thread is left to itself


def in_thread(items: Iterable[T], *, read_ahead: int = 100) -> AsyncGenerator[T, None]:
    """The same *items*, pulled in a thread, so that a source that blocks stops no event loop.

        await bounded_map(store, in_thread(cursor), limit=10)

    Every pattern of both halves takes it, and closes it; by itself, it belongs into ``aclosing``.
    One thread does all that the source does: it iterates, reads up to *read_ahead* items ahead, and
    closes a generator; it sees the context variables of the caller. An error of *items* comes after
    the items before it, as itself.

    When it is left early, the source is closed before that returns. A source that is
    blocked at that moment is waited for one second, also where the reader is cancelled; then its
    thread is abandoned: it closes the source when the blocked call returns, and does not keep the
    program from ending.
    """
    if isinstance(items, AsyncIterable):
        raise TypeError(
            f"in_thread got {type(items).__name__}, which is async and needs no thread: "
            "give it to the pattern itself"
        )
    if not isinstance(items, Iterable):
        raise TypeError(f"in_thread got {items!r}: give an iterable")
    if not isinstance(read_ahead, int) or isinstance(read_ahead, bool) or read_ahead < 1:
        raise ValueError(f"read_ahead is {read_ahead!r}: give a whole number, 1 or more")
    return _pulled(_Pull(items, read_ahead), copy_context())


async def _pulled(pull: "_Pull[T]", context: Context) -> AsyncGenerator[T, None]:
    threads, pace = anyio.CapacityLimiter(2), Pace()
    name = "lionherd-source"
    threading.Thread(target=context.run, args=(pull.run,), name=name, daemon=True).start()
    try:
        while not pull.is_over:
            if not pull.is_ready:
                await anyio.to_thread.run_sync(pull.wait, limiter=threads, abandon_on_cancel=True)
                continue
            yield pull.take()
            if pace.over():
                await pace.rest()
        pull.raise_error()
    finally:
        pull.leave()
        if not pull.is_closed:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(pull.wait_until_closed, limiter=threads)
        pull.raise_error()  # what closing raised


class _Pull(Generic[T]):
    """What the thread and the event loop share.

    Attributes:
        is_closed: True once the thread is done with the source.
    """

    def __init__(self, items: Iterable[T], most: int) -> None:
        self._items: Iterable[T] | None = items
        self._most = most
        self._changed = threading.Condition()
        self._read: deque[T] = deque()
        self._is_left = False
        self._error: BaseException | None = None
        self.is_closed = False

    # --- in the thread

    def run(self) -> None:
        """Pull to the end, or until the reader has left; then close the source."""
        source: Iterable[T] | None = self._items
        self._items = None
        try:
            try:
                assert source is not None  # noqa: S101 (run once)
                source = iter(source)
                for item in source:
                    if not self._put(item):
                        break
            except BaseException as error:  # noqa: BLE001 (raised again where items are read)
                if not self._is_left:  # who has left did not ask for the item that failed
                    self._error = error
            finally:
                if source is not None:
                    close_rest(source)
        except BaseException as error:  # noqa: BLE001 (an error of closing, raised in the same way)
            self._error = error
        source = None
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()

    def _put(self, item: T) -> bool:
        """True if *item* was put where the reader takes it; waits for room; False: it has left."""
        with self._changed:
            while len(self._read) >= self._most and not self._is_left:
                self._changed.wait()
            if self._is_left:
                close_unstarted([item])
                return False
            self._read.append(item)
            if len(self._read) == 1:
                self._changed.notify_all()
            return True

    # --- for the reader

    @property
    def is_ready(self) -> bool:
        """True if an item is here."""
        return bool(self._read)

    @property
    def is_over(self) -> bool:
        """True if all items were taken."""
        return self.is_closed and not self._read

    def take(self) -> T:
        """The next item, which is here."""
        with self._changed:
            if len(self._read) == self._most:
                self._changed.notify_all()
            return self._read.popleft()

    def wait(self) -> None:
        """Block until there is an item, the end, or no reader."""
        with self._changed:
            while not (self._read or self.is_closed or self._is_left):
                self._changed.wait()

    def leave(self) -> None:
        """Nothing is read any more, and an error of the source is not wanted."""
        with self._changed:
            self._is_left, self._error = True, None
            close_unstarted(self._read)
            self._read.clear()
            self._changed.notify_all()

    def wait_until_closed(self) -> None:
        """Block until the source is closed, ``CLOSE_WAIT_S`` at most."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_closed, CLOSE_WAIT_S)

    def raise_error(self) -> None:
        """Raise what the source raised."""
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # no ring of error, traceback and frame
