"""The patterns across processes: the same names, signatures and rules as in-process."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Literal, Protocol, Self, TypeVar, cast, overload

from lionherd_dist.call import Call
from lionherd_dist.cluster.attached import AttachedStream
from lionherd_dist.cluster.feeder import encode_all
from lionherd_dist.cluster.link import Link, open_link
from lionherd_dist.cluster.stream import RemoteStream
from lionherd_dist.cluster.submission import submit
from lionherd_dist.environment import Where, redis_address
from lionherd_dist.errors import NotATaskError
from lionherd_dist.settings import Settings
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


class Cluster:
    """The asking side: ``async with Cluster(url) as cluster``. asyncio only, as redis-py is.

    Args:
        redis: the server's URL; ``LIONHERD_REDIS_URL`` unless given (see docs/operations.md).
        resubmit: where the server lost a job, send again what has no outcome yet, under the same
            indexes, instead of raising JobLostError.
        settings: namespace, session and the like; the same namespace as the workers'.

    Every method raises:
        NotATaskError: something that cannot travel was given.
        EncodeError: an argument cannot be sent; the message names its path.
        StoreUnavailableError: the server was silent for ``settings.patience_s``.
        JobLostError: the server lost the job, or held this process dead and gave it up.
    """

    def __init__(
        self,
        redis: Where | None = None,
        *,
        resubmit: bool = False,
        settings: Settings | None = None,
    ) -> None:
        self._address = redis_address(redis)
        self._resubmit = resubmit
        self._settings = settings or Settings()
        self._stack = AsyncExitStack()
        self._open_link: Link | None = None

    async def __aenter__(self) -> Self:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError(
                "a cluster needs asyncio, as redis-py does; gather, race, bounded_map, "
                "CompletionStream and retry run in-process on trio"
            ) from None
        self._open_link = await self._stack.enter_async_context(
            open_link(self._address, self._settings)
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open_link = None
        await self._stack.__aexit__(kind, error, trace)

    @property
    def _link(self) -> Link:
        if self._open_link is None:
            raise RuntimeError("the cluster is not open: use it inside `async with Cluster(...)`")
        return self._open_link

    async def run(self, call: Call[R]) -> R:
        """The result of *call*, run on a worker; its failure is raised as itself."""
        return await self.race(call)

    @overload
    async def gather(
        self, *calls: Call[R], return_exceptions: Literal[False] = False
    ) -> list[R]: ...
    @overload
    async def gather(self, *calls: Call[R], return_exceptions: bool) -> list[R | BaseException]: ...
    async def gather(
        self, *calls: Call[R], return_exceptions: bool = False
    ) -> list[R] | list[R | BaseException]:
        """The results of *calls*, in their order; run at once, as far as the workers have slots.

        Raises:
            ExceptionGroup: of the first failure; the rest is cancelled. With *return_exceptions*
                failures stand among the results instead.
        """
        payloads = list(encode_all(calls))  # refused here, before anything is sent
        return await self._collected(payloads, None, return_exceptions)

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
        if first not in {"completion", "success"}:
            raise ValueError(f"first is {first!r}: give 'completion' or 'success'")
        failures: list[Exception] = []
        stream: RemoteStream[R | Exception]
        stream = self._stream(list(encode_all(calls)), None, return_exceptions=True)
        async with stream:
            async for _, outcome in stream:
                if not isinstance(outcome, Exception):
                    return outcome
                if first == "completion":
                    raise outcome
                failures.append(outcome)
        raise ExceptionGroup("every call of the race failed", failures)

    @overload
    async def bounded_map(
        self,
        task: Mappable[T, R],
        items: Iterable[T] | AsyncIterable[T],
        *,
        limit: int,
        return_exceptions: Literal[False] = False,
    ) -> list[R]: ...
    @overload
    async def bounded_map(
        self,
        task: Mappable[T, R],
        items: Iterable[T] | AsyncIterable[T],
        *,
        limit: int,
        return_exceptions: bool,
    ) -> list[R | BaseException]: ...
    async def bounded_map(
        self,
        task: Mappable[T, R],
        items: Iterable[T] | AsyncIterable[T],
        *,
        limit: int,
        return_exceptions: bool = False,
    ) -> list[R] | list[R | BaseException]:
        """*task* applied to every item, at most *limit* at once over all workers; in input order.

        *items* may be of any length, and are pulled as there is room for them.

        Raises:
            ExceptionGroup: of the first failure; the rest is cancelled. With *return_exceptions*
                failures stand among the results instead.
        """
        if not isinstance(cast("object", task), Task):
            name = getattr(task, "__name__", type(task).__name__)
            raise NotATaskError(
                f"{name} is no task and cannot travel: decorate it with @task, "
                f"and give bounded_map the task itself"
            )
        calls: Iterable[object] | AsyncIterable[object]
        if isinstance(items, AsyncIterable):
            calls = _each_call(task, items)
        else:
            calls = (task.call(item) for item in items)
        return await self._collected(calls, _checked(limit), return_exceptions)

    @overload
    def completion_stream(
        self,
        calls: Iterable[Call[R]] | AsyncIterable[Call[R]],
        *,
        limit: int | None = None,
        return_exceptions: Literal[False] = False,
    ) -> RemoteStream[R]: ...
    @overload
    def completion_stream(
        self,
        calls: Iterable[Call[R]] | AsyncIterable[Call[R]],
        *,
        limit: int | None = None,
        return_exceptions: bool,
    ) -> RemoteStream[R | Exception]: ...
    def completion_stream(
        self,
        calls: Iterable[Call[R]] | AsyncIterable[Call[R]],
        *,
        limit: int | None = None,
        return_exceptions: bool = False,
    ) -> RemoteStream[R] | RemoteStream[R | Exception]:
        """``(index, result)`` of *calls* as they complete, at most *limit* at once.

        *calls* may be of any length, sync or async, and are pulled as there is room for them.
        """
        return self._stream(calls, _checked(limit), return_exceptions=return_exceptions)

    async def submit(
        self,
        calls: Iterable[Call[object]] | AsyncIterable[Call[object]],
        *,
        limit: int | None = None,
        result_ttl: float = 86_400.0,
    ) -> str:
        """The id of a job of *calls* that outlives this process, once the server has them all.

        ``attach`` reads its outcomes, here or in another process. Its failures are outcomes, too.

        Args:
            calls: of any length; all of them are kept at the server until they are run.
            limit: most calls at once over all workers.
            result_ttl: seconds that outcomes are kept after the job's end, read or not.
        """
        if result_ttl < 1:
            raise ValueError(f"result_ttl is {result_ttl}: give at least 1 second")
        return await submit(
            self._link, calls, limit=_checked(limit), keep_ms=int(result_ttl * 1000)
        )

    def attach(self, job_id: str) -> AttachedStream:
        """The outcomes of a submitted job: ``async with cluster.attach(job_id) as stream``.

        Goes on after the last outcome that a reader was done with: asking for the next one says so.
        Leaving early leaves the rest for the next reader. Failures come as exceptions, in place.

        Raises, on entering:
            JobNotFoundError: there is no such job.
            JobTakenError: another process reads it now.
        """
        return AttachedStream(self._link, job_id, patience_s=self._settings.patience_s)

    async def cancel(self, job_id: str) -> None:
        """Cancel a submitted job: what waits is dropped, what runs is told to stop; all is gone."""
        await self._link.cancel(job_id)

    def _stream(
        self,
        calls: Iterable[object] | AsyncIterable[object],
        limit: int | None,
        *,
        return_exceptions: bool,
    ) -> RemoteStream[R | Exception]:
        return RemoteStream(
            self._link,
            calls,
            limit=limit,
            return_exceptions=return_exceptions,
            resubmit=self._resubmit,
        )

    async def _collected(
        self,
        calls: Iterable[object] | AsyncIterable[object],
        limit: int | None,
        return_exceptions: bool,
    ) -> list[R | BaseException]:
        stream: RemoteStream[R | Exception]
        stream = self._stream(calls, limit, return_exceptions=return_exceptions)
        async with stream:
            arrived = {index: result async for index, result in stream}
        return [arrived[index] for index in range(len(arrived))]


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


def _checked(limit: int | None) -> int | None:
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}: give at least 1, or None for no limit")
    return limit
