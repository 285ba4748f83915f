"""The patterns across processes: the same names, signatures and rules as in-process."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Sized
from typing import Literal, Protocol, TypeVar, cast, overload

from lionherd_dist.arguments import shown
from lionherd_dist.call import Call, Ran
from lionherd_dist.cluster.feeder import encode_all
from lionherd_dist.cluster.gathering import Gathering
from lionherd_dist.cluster.limit import Limit, checked, given
from lionherd_dist.cluster.stream import RemoteStream
from lionherd_dist.cluster.telling import Listeners, OnProgress
from lionherd_dist.errors import NotATaskError
from lionherd_dist.limiter.shared import SharedLimiter
from lionherd_dist.local.awaitables import check_iterable, discard
from lionherd_dist.task import Task

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Mappable(Protocol[T_contra, R_co]):
    """A task that one item is enough to call."""

    def call(self, item: T_contra, /) -> Call[R_co]:
        """The call of the task with *item*."""
        ...


class Patterns(Gathering):
    """What can be asked of workers, given a way to open a stream of outcomes.

    A *limit* is a count for this job alone, or a limiter that it shares with others.
    """

    @abstractmethod
    def _stream(
        self,
        calls: Iterable[object] | AsyncIterable[object],
        limit: Limit,
        *,
        return_exceptions: bool,
        listeners: Listeners | None = None,
    ) -> RemoteStream[R | Exception]:
        """The outcomes of *calls*, of which *listeners* hear."""

    async def run(self, call: Call[R]) -> R:
        """The result of *call*, run on a worker; its failure is raised as itself."""
        return await self.race(call)

    async def race(
        self, *calls: Call[R], first: Literal["completion", "success"] = "completion"
    ) -> R:
        """The result of the call that completes first; the others are cancelled on the workers.

        Args:
            calls: at least one.
            first: ``"completion"``: a failure that completes first is raised, as itself;
                ``"success"``: failures are passed over while a success may still come.

        Raises:
            ExceptionGroup: with ``first="success"``, of all failures, when there was no success.
        """
        if not calls:
            raise ValueError("race() needs at least one call")
        if first not in ("completion", "success"):
            discard(calls)
            raise ValueError(f"first is {shown(first)}: give 'completion' or 'success'")
        failures: list[Exception] = []
        stream: RemoteStream[R | Exception]
        stream = self._stream(
            await encode_all(calls, self._check_usable), None, return_exceptions=True
        )
        async with stream:
            async for _, outcome in stream:
                if not isinstance(outcome, Exception):
                    return outcome
                try:
                    if first == "completion":
                        raise outcome
                    failures.append(outcome)
                finally:
                    del outcome  # no ring of error, traceback and this frame
        raise ExceptionGroup("every call of the race failed", failures)

    @overload
    async def bounded_map(
        self,
        task: Mappable[T, R],
        items: Iterable[T] | AsyncIterable[T],
        *,
        limit: int | SharedLimiter,
        return_exceptions: Literal[False] = False,
        progress: OnProgress | bool = False,
    ) -> list[R]: ...
    @overload
    async def bounded_map(
        self,
        task: Mappable[T, R],
        items: Iterable[T] | AsyncIterable[T],
        *,
        limit: int | SharedLimiter,
        return_exceptions: bool,
        progress: OnProgress | bool = False,
    ) -> list[R | BaseException]: ...
    async def bounded_map(
        self,
        task: Mappable[T, R],
        items: Iterable[T] | AsyncIterable[T],
        *,
        limit: int | SharedLimiter,
        return_exceptions: bool = False,
        progress: OnProgress | bool = False,
    ) -> list[R] | list[R | BaseException]:
        """*task* applied to every item, at most *limit* at once over all workers; in input order.

        *items* may be of any length, and are pulled as there is room for them. *progress* as
        ``completion_stream`` has it.

        Raises:
            ExceptionGroup: of the first failure; the rest is cancelled. With *return_exceptions*
                failures stand among the results instead.
        """
        try:
            if not isinstance(cast("object", task), Task):
                raise _no_task(task)
            check_iterable("items", items, instead="give an iterable, sync or async")
            given(limit)
        except (TypeError, ValueError):
            discard(items)
            raise
        calls: Iterable[object] | AsyncIterable[object]
        if isinstance(items, AsyncIterable):
            calls = _each_call(task, items)
        else:
            calls = (task.call(item) for item in items)
        total = len(items) if isinstance(items, Sized) else None
        listeners = Listeners(progress, total=total) if progress else None
        return await self._collected(calls, limit, return_exceptions, listeners)

    @overload
    def completion_stream(
        self,
        calls: Iterable[Call[R]] | AsyncIterable[Call[R]],
        *,
        limit: Limit = None,
        return_exceptions: Literal[False] = False,
        progress: OnProgress | bool = False,
        on_ran: Callable[[Ran], None] | None = None,
    ) -> RemoteStream[R]: ...
    @overload
    def completion_stream(
        self,
        calls: Iterable[Call[R]] | AsyncIterable[Call[R]],
        *,
        limit: Limit = None,
        return_exceptions: bool,
        progress: OnProgress | bool = False,
        on_ran: Callable[[Ran], None] | None = None,
    ) -> RemoteStream[R | Exception]: ...
    def completion_stream(
        self,
        calls: Iterable[Call[R]] | AsyncIterable[Call[R]],
        *,
        limit: Limit = None,
        return_exceptions: bool = False,
        progress: OnProgress | bool = False,
        on_ran: Callable[[Ran], None] | None = None,
    ) -> RemoteStream[R] | RemoteStream[R | Exception]:
        """``(index, result)`` of *calls* as they complete, at most *limit* at once.

        *calls* may be of any length, sync or async, and are pulled as there is room for them.

        Args:
            calls: of tasks that the workers know.
            limit: most calls at once over all workers, or a limiter shared with others.
            return_exceptions: give failures among the results, instead of ending at the first.
            progress: called with a ``Progress`` at most ten times a second while outcomes are
                consumed, and once at the end; True draws a bar on standard error.
            on_ran: called with a ``Ran`` for each outcome that is consumed: when the call ran, in
                server time, and on which worker. Workers time calls only where it is given.

        An error in either function is logged; it is called no more, and no outcome is lost.

        Raises, on entering:
            ExtraMissingError: what draws the bar is not installed.
        """
        try:
            check_iterable("calls", calls, instead="give an iterable of calls, such as a list")
            checked(limit)
            listeners = None
            if progress or on_ran is not None:
                listeners = Listeners(progress, on_ran)
        except (TypeError, ValueError):
            discard(calls)
            raise
        return self._stream(calls, limit, return_exceptions=return_exceptions, listeners=listeners)

    async def _collected(
        self,
        calls: Iterable[object] | AsyncIterable[object],
        limit: Limit,
        return_exceptions: bool,
        listeners: Listeners | None = None,
    ) -> list[R | BaseException]:
        stream: RemoteStream[R | Exception]
        stream = self._stream(
            calls, limit, return_exceptions=return_exceptions, listeners=listeners
        )
        async with stream:
            arrived = {index: result async for index, result in stream}
        return [arrived[index] for index in range(len(arrived))]


def _no_task(thing: object) -> NotATaskError:
    discard(thing)
    owner = getattr(thing, "__self__", None)
    if isinstance(owner, Task) and getattr(thing, "__name__", "") == "call":
        return NotATaskError(
            f"bounded_map makes the calls itself: give it the task {owner.name}, without .call"
        )
    name = getattr(thing, "__name__", None) or shown(thing)
    return NotATaskError(
        f"{name} is no task and cannot travel: decorate the function with @task, "
        "and give bounded_map the task itself"
    )


async def _each_call(
    task: Mappable[T, R], items: AsyncIterable[T]
) -> AsyncGenerator[Call[R], None]:
    """The call of *task* with each of *items*; closes them when it is closed."""
    try:
        async for item in items:
            yield task.call(item)
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            await close()
