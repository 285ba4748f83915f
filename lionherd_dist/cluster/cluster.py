"""The asking side's door: a connection to the workers of a namespace, for as long as a block."""

import asyncio
from collections.abc import AsyncIterable, Iterable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self, TypeVar, cast, overload

from lionherd_dist.arguments import number, shown
from lionherd_dist.background import Background
from lionherd_dist.call import Call
from lionherd_dist.cluster.attached import AttachedStream
from lionherd_dist.cluster.limit import Limit, checked
from lionherd_dist.cluster.link import Link
from lionherd_dist.cluster.open_jobs import OpenJobs
from lionherd_dist.cluster.patterns import Patterns
from lionherd_dist.cluster.status import job_status
from lionherd_dist.cluster.stream import RemoteStream
from lionherd_dist.cluster.submission import submit
from lionherd_dist.cluster.telling import Listeners, OnProgress
from lionherd_dist.environment import Where, redis_address
from lionherd_dist.errors import NotATaskError
from lionherd_dist.job_status import JobStatus
from lionherd_dist.limiter.shared import OnLost, SharedLimiter
from lionherd_dist.local.awaitables import check_iterable, discard
from lionherd_dist.place import Place
from lionherd_dist.settings import Settings, check_settings
from lionherd_dist.task import Task
from lionherd_dist.telemetry import SILENT, Recorder
from lionherd_dist.tracing import Tracer
from lionherd_dist.worker_guard import check_may_connect

R = TypeVar("R")

MOST_OF_A_NAME = 200  # characters
_LONGEST_TTL_S = 1e9  # 30 years
_A_TTL = "give a number of seconds, at least 1 and at most a billion"


def _keep_ms(result_ttl: object) -> int:
    ttl_s = number("result_ttl", result_ttl, least=1, instead=_A_TTL)
    if ttl_s > _LONGEST_TTL_S:
        raise ValueError(f"result_ttl is {ttl_s}: {_A_TTL}")
    return int(ttl_s * 1000)


def _check_id(job_id: object) -> None:
    if not isinstance(job_id, str):
        raise TypeError(f"job_id is {shown(job_id)}: give the text that submit() returned")


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise TypeError(f"name is {shown(name)}: give text")
    if len(name) > MOST_OF_A_NAME:
        raise ValueError(f"name has {len(name)} characters: give at most {MOST_OF_A_NAME}")


class Cluster(Patterns):
    """The asking side: ``async with Cluster(url) as cluster``. asyncio only, as redis-py is.

    The block, and those of its streams, may be left in another task than the one that entered it.

    Args:
        redis: the server's URL; ``LIONHERD_REDIS_URL`` unless given (see docs/operations.md).
        resubmit: where the server lost a job, send again what has no outcome yet, under the same
            indexes, instead of raising JobLostError.
        settings: namespace, session and the like; the same namespace as the workers'.
        recorder: told what is measured; see docs/telemetry.md.
        tracer: told of each job, and named to the workers with each call; see there, too.

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
        recorder: Recorder = SILENT,
        tracer: Tracer | None = None,
    ) -> None:
        check_settings(settings)
        self._address = redis_address(redis)
        self._resubmit = resubmit
        self._settings, self._recorder, self._tracer = settings or Settings(), recorder, tracer
        self._stack = AsyncExitStack()
        self._open_link: Link | None = None

    async def __aenter__(self) -> Self:
        self._check_new()
        link = Link(self._address, self._settings, self._recorder, self._tracer)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(Background(link.live))
            stack.callback(link.end)  # what waits for something of it is told before all else
            await link.ready()
            self._stack = stack.pop_all()
        self._open_link = link
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_forked:
            return
        self._open_link = None
        await self._stack.__aexit__(kind, error, trace)

    @property
    def _is_forked(self) -> bool:
        """True where all that is open belongs to the process from which this one was forked."""
        return self._open_link is not None and self._open_link.home.is_forked

    def _check_new(self) -> None:
        """Refuse to be opened where, or while, that cannot be."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError(
                "a cluster needs asyncio, as redis-py does; gather, race, bounded_map, "
                "CompletionStream and retry run in-process on trio"
            ) from None
        if self._open_link is not None:
            raise RuntimeError("this cluster is open already: share it, or make another")
        check_may_connect()

    @property
    def _link(self) -> Link:
        if self._open_link is None:
            raise RuntimeError("the cluster is not open: use it inside `async with Cluster(...)`")
        return self._open_link

    def _check_usable(self) -> None:
        self._link.home.check()

    async def submit(
        self,
        calls: Iterable[Call[object]] | AsyncIterable[Call[object]],
        *,
        limit: Limit = None,
        result_ttl: float = 86_400.0,
        name: str = "",
    ) -> str:
        """The id of a job of *calls* that outlives this process, once the server has them all.

        ``attach`` reads its outcomes, here or in another process. Its failures are outcomes, too.

        Args:
            calls: of any length; all of them are kept at the server until they are run.
            limit: most calls at once over all workers, or a limiter shared with others.
            result_ttl: seconds that outcomes are kept after the job's end, read or not.
            name: what people call it: ``status`` and ``lionherd-dist jobs`` show it. Two jobs may
                have the same one.
        """
        try:
            check_iterable("calls", calls, instead="give an iterable of calls, such as a list")
            checked(limit)
            keep_ms = _keep_ms(result_ttl)
            _check_name(name)
        except (TypeError, ValueError):
            discard(calls)
            raise
        return await submit(self._link, calls, limit=limit, keep_ms=keep_ms, label=name)

    async def status(self, job_id: str) -> JobStatus:
        """Where the submitted job *job_id* stands now; once its last outcome is read, it is gone.

        Raises:
            JobNotFoundError: there is no such job.
        """
        _check_id(job_id)
        return await job_status(self._link, job_id, patience_s=self._settings.patience_s)

    @overload
    def attach(
        self, job_id: str, *, wait_s: float = 0.0, progress: OnProgress | bool = False
    ) -> AttachedStream[object]: ...
    @overload
    def attach(
        self,
        job_id: str,
        task: Task[..., R],
        *,
        wait_s: float = 0.0,
        progress: OnProgress | bool = False,
    ) -> AttachedStream[R]: ...
    def attach(
        self,
        job_id: str,
        task: Task[..., R] | None = None,
        *,
        wait_s: float = 0.0,
        progress: OnProgress | bool = False,
    ) -> AttachedStream[R] | AttachedStream[object]:
        """The outcomes of a submitted job: ``async with cluster.attach(job_id) as stream``.

        Goes on after the last outcome that a reader was done with: asking for the next one says so.
        Leaving early leaves the rest for the next reader. Failures come as exceptions, in place.
        *progress* as ``completion_stream`` has it, and once at the beginning: what was read before
        counts, too. *task* is for type checkers: with ``attach(job_id, fetch)`` they know what
        ``fetch`` returns. Nothing compares it with the job, which may hold calls of many tasks.

        A reader that was killed keeps the job until its session ends: with *wait_s* seconds, as
        many as a session has for example, entering waits for that, and logs one warning.

        Raises, on entering:
            JobNotFoundError: there is no such job.
            JobTakenError: another process reads it now, and still does after *wait_s*.
            TypeError, ValueError: *wait_s* is no number of seconds, 0 or more.
            ExtraMissingError: what draws the bar is not installed.
        """
        _check_id(job_id)
        if task is not None and not isinstance(cast("object", task), Task):
            raise NotATaskError(f"task is {task!r}: give the task itself, decorated with @task")
        patience_s = self._settings.patience_s
        wait_s = number("wait_s", wait_s, least=0, instead="give seconds, 0 for no wait")
        return AttachedStream(
            self._link, job_id, patience_s=patience_s, wait_s=wait_s, progress=progress
        )

    async def cancel(self, job_id: str) -> None:
        """Cancel a submitted job: what waits is dropped, what runs is told to stop; all is gone."""
        _check_id(job_id)
        await self._link.cancel(job_id)

    def capacity_limiter(
        self, name: str, total_tokens: int, *, on_lost: OnLost = "cancel", strict: bool = False
    ) -> SharedLimiter:
        """The limiter *name*: at most *total_tokens* at once, over all processes that use the name.

        ``async with cluster.capacity_limiter("api", 50) as lease:``, or ``limit=`` of a pattern. A
        task that waits for a token keeps its worker's slot; a call with ``limit=`` waits outside.

        Args:
            name: what all processes call it, within the namespace.
            total_tokens: how many tokens a new one has. One that is there keeps its own number,
                with a LimiterWarning; ``set_total_tokens`` changes it for everybody.
            on_lost: what happens to a block whose token is lost: "cancel" ends it in LeaseLost;
                "warn" lets it run, for limits that are a matter of politeness only.
            strict: raise LockOrderError, instead of warning, when it is taken while a limiter is
                held whose name comes later, or where all of its own tokens are held by the tasks
                around the one that waits.
        """
        return SharedLimiter(self._link.desk, name, total_tokens, on_lost=on_lost, strict=strict)

    def _stream(
        self,
        calls: Iterable[object] | AsyncIterable[object],
        limit: Limit,
        *,
        return_exceptions: bool,
        listeners: Listeners | None = None,
    ) -> RemoteStream[R | Exception]:
        return RemoteStream(
            self._link,
            calls,
            limit=checked(limit),
            return_exceptions=return_exceptions,
            resubmit=self._resubmit,
            listeners=listeners,
        )


def hosted(place: Place) -> Cluster:
    """A cluster that is open for as long as the worker's session; no block is needed.

    The worker hears which of its calls wait for others, and for which.
    """
    settings, recorder, tracer = place.settings, place.recorder, place.tracer
    cluster = Cluster(place.address, settings=settings, recorder=recorder, tracer=tracer)
    jobs = OpenJobs(place.lend)
    link = Link(place.address, settings, recorder, tracer, jobs=jobs)
    cluster._open_link = link  # noqa: SLF001 (same file)
    place.awaited = jobs.awaits
    place.begin(link.live)
    return cluster
