"""``CompletionStream``: results in the order in which they complete."""

from collections import deque
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeVar, overload

import anyio
import anyio.abc
import anyio.lowlevel

from lionherd_dist.arguments import whole_number
from lionherd_dist.local.awaitables import (
    check_iterable,
    discard,
    not_awaitable_item,
)
from lionherd_dist.local.crew import Crew
from lionherd_dist.local.errors import (
    holds_cancellation,
    is_only_cancellation,
    is_stray,
    non_cancel_subgroup,
)
from lionherd_dist.local.owner import Owner
from lionherd_dist.local.pace import Pace

T = TypeVar("T")
A = TypeVar("A")

A_LIMIT = "give a whole number of awaitables that may run at a time, at least 1; None means all"


class CompletionStream(Generic[T]):
    """The outcomes of *aws* as they complete: ``(index, result)``, the index counted in *aws*.

        async with CompletionStream(aws, limit=50) as stream:
            async for index, result in stream: ...

    *aws* is any iterable of awaitables, lazy, async, of any length. With a *limit*, that many are
    in hand at most, running or waiting to be read, and the next is pulled when one was read: a
    reader that is slow slows the work down. Without, all are started at once.

    Leaving the block in any way cancels what still runs, awaits its clean-up and closes what never
    started. A failure does the same at once, also to the block itself, which then ends in an
    ExceptionGroup of the failures; with *return_exceptions*, it is an outcome like any other:
    ``(index, exception)``. Used once; TypeError or ValueError for a *limit* that is no whole number
    from 1 up, and TypeError for what cannot be awaited.

    The task that entered the block is the one to leave it. Left in another task, it stops its work
    and raises a RuntimeError that says so.

    Attributes:
        aws: what was given.
        limit: how many are in hand at most; None for all.
    """

    @overload
    def __init__(
        self: "CompletionStream[A]",
        aws: Iterable[Awaitable[A]] | AsyncIterable[Awaitable[A]],
        *,
        limit: int | None = None,
        return_exceptions: Literal[False] = False,
    ) -> None: ...
    @overload
    def __init__(
        self: "CompletionStream[A | BaseException]",
        aws: Iterable[Awaitable[A]] | AsyncIterable[Awaitable[A]],
        *,
        limit: int | None = None,
        return_exceptions: bool,
    ) -> None: ...
    def __init__(
        self,
        aws: Iterable[Awaitable[Any]] | AsyncIterable[Awaitable[Any]],
        *,
        limit: int | None = None,
        return_exceptions: bool = False,
    ) -> None:
        try:
            check_iterable("aws", aws, instead="give an iterable of awaitables, such as a list")
            if limit is not None:
                limit = whole_number("limit", limit, least=1, instead=A_LIMIT)
        except (TypeError, ValueError):
            discard(aws)
            raise
        self.aws = aws
        self.limit = limit
        self._return_exceptions = return_exceptions
        self._entered = self._ended = self._cut_short = False
        self._failure: BaseException | None = None
        self._outcomes: deque[tuple[tuple[int, T], anyio.Event | None]] = deque()
        self._arrival: anyio.Event | None = None

    async def __aenter__(self) -> Self:
        if self._entered:
            raise RuntimeError("this CompletionStream was entered before: make a new one")
        self._entered = True
        self._owner = Owner()
        self._pace = Pace()
        self._crew = Crew(
            _Completing(self._completed, self._return_exceptions), self.aws, self.limit
        )
        self._block = anyio.create_task_group()
        await self._block.__aenter__()
        self._block.start_soon(self._run)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        self._cut_short = bool(self._outcomes) or not self._ended
        self._crew.stop()
        try:
            if not self._owner.is_current:
                while not self._ended:
                    await self._next_arrival()
                raise self._owner.refusal("this CompletionStream")
            return await self._leave(exc_type, exc, traceback)
        finally:
            # No ring of error, traceback and what the frames in it hold.
            self._outcomes.clear()
            self._failure = None
            del exc, traceback

    async def _leave(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        own, swallowed = exc, False
        try:
            try:
                if exc is not None and holds_cancellation(exc):
                    own = non_cancel_subgroup(exc) if isinstance(exc, BaseExceptionGroup) else None
                    swallowed = bool(await self._block.__aexit__(exc_type, exc, traceback))
                else:
                    # The task group would wrap an error of the block in a group: it stays itself.
                    await self._block.__aexit__(None, None, None)
            except BaseExceptionGroup:
                await anyio.lowlevel.checkpoint_if_cancelled()  # only *own* in it, seen below
            if self._failure is None:
                return swallowed
            await anyio.lowlevel.checkpoint_if_cancelled()
            if own is None or isinstance(own, GeneratorExit):
                raise self._failure
            raise BaseExceptionGroup("the block failed, and so did the work", [own, self._failure])
        finally:
            del own, exc, traceback

    def __aiter__(self) -> Self:
        self._check_entered()
        return self

    async def __anext__(self) -> tuple[int, T]:
        self._check_entered()
        if self._pace.over():
            await self._pace.rest()
        while not self._outcomes:
            if self._cut_short:
                raise RuntimeError("this CompletionStream was left before its last outcome")
            if self._ended:
                raise StopAsyncIteration
            await self._next_arrival()
        outcome, read = self._outcomes.popleft()
        if read is not None:
            read.set()
        return outcome

    async def _run(self) -> None:
        try:
            await self._crew.run()
        except BaseException as error:
            if is_only_cancellation(error) and not is_stray(error):
                raise
            self._failure = error
            self._block.cancel_scope.cancel()
        finally:
            self._ended = True
            self._announce()

    def _completed(self, index: int, outcome: Any) -> anyio.Event | None:
        read = None if self.limit is None else anyio.Event()
        self._outcomes.append(((index, outcome), read))
        self._announce()
        return read

    async def _next_arrival(self) -> None:
        """Wait for an outcome, or for the end of all work."""
        if self._arrival is None:
            self._arrival = anyio.Event()
        await self._arrival.wait()

    def _announce(self) -> None:
        if self._arrival is not None:
            self._arrival.set()
            self._arrival = None

    def _check_entered(self) -> None:
        if not self._entered:
            raise RuntimeError("enter it first: async with CompletionStream(...) as stream")


@dataclass(slots=True)
class _Completing:
    """Awaits what is given, and says what came of it."""

    done: Callable[[int, object], anyio.Event | None]
    return_exceptions: bool
    pattern: str = "CompletionStream"
    takes_over: bool = True

    @staticmethod
    def call(aw: object) -> object:
        return aw

    @staticmethod
    def mistake(index: int, called: object) -> TypeError:
        return not_awaitable_item("aws", index, called)
