"""Spans of jobs and of their calls, one trace over processes, with OpenTelemetry's SDK."""

import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType

import anyio
import pytest
import tasks
from helpers import wait_until
from opentelemetry.trace import NoOpTracer, SpanKind, StatusCode, format_span_id, format_trace_id
from spans import Told, facts, is_under

from lionherd_dist import Cluster, JobNotFoundError, Settings, Worker
from lionherd_dist.cluster.job import Job
from lionherd_dist.otel import OtelTracer
from lionherd_dist.store.calls import Calls
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.sessions import Capacity, hello
from lionherd_dist.tracing import Tracer

pytestmark = pytest.mark.anyio

CANARY = "canary-3141"


@asynccontextmanager
async def working(url: str, settings: Settings, tracer: Tracer | None) -> AsyncIterator[Worker]:
    """A worker in this process; it ends with the block."""
    ready = anyio.Event()
    worker = Worker(tasks, redis=url, settings=settings, tracer=tracer)
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: worker.run(on_ready=ready.set))
        await ready.wait()
        yield worker
        worker.stop()


@pytest.fixture
async def cluster(redis_url: str, settings: Settings, told: Told) -> AsyncIterator[Cluster]:
    """A client and a worker that are traced."""
    async with (
        working(redis_url, settings, told.tracer),
        Cluster(redis_url, settings=settings, tracer=told.tracer) as cluster,
    ):
        yield cluster


async def test_each_call_is_a_span_under_that_of_its_job(
    cluster: Cluster, told: Told, settings: Settings
) -> None:
    """Named after its task; both say what they are of."""
    assert await cluster.gather(*(tasks.double.call(n) for n in range(3))) == [0, 2, 4]
    job, calls = told.job, told.named("tasks:double")
    assert (job.kind, job.parent, job.status.status_code) == (
        SpanKind.PRODUCER,
        None,
        StatusCode.UNSET,
    )
    id_ = facts(job)["job"]
    assert facts(job) == {
        "namespace": settings.namespace,
        "job": id_,
        "calls": 3,
        "succeeded": 3,
    }
    assert sorted(facts(call)["index"] for call in calls) == [0, 1, 2]
    for call in calls:
        assert is_under(call, job)
        assert call.kind is SpanKind.CONSUMER
        told_of = facts(call)
        assert (told_of["namespace"], told_of["job"]) == (settings.namespace, id_)
        assert (told_of["attempt"], told_of["deaths"], told_of["outcome"]) == (1, 0, "succeeded")
        assert told_of["worker"]


@pytest.mark.parametrize("signing_key", ["", "k" * 32])
@pytest.mark.parametrize("overrides", [False, True])
async def test_what_else_travels_with_a_call_still_does(
    redis_url: str, settings: Settings, told: Told, signing_key: str, overrides: bool
) -> None:
    """A signature covers the trace; a timeout of the call's own stays."""
    signed = Settings(namespace=settings.namespace, signing_key=signing_key)
    tasks.new_stage()
    call = tasks.hold.with_options(timeout=0.01)("x") if overrides else tasks.echo.call("x")
    async with (
        working(redis_url, signed, told.tracer),
        Cluster(redis_url, settings=signed, tracer=told.tracer) as cluster,
    ):
        (outcome,) = await cluster.gather(call, return_exceptions=True)
    assert isinstance(outcome, TimeoutError) if overrides else outcome == "x"
    (span,) = told.named(call.task)
    assert is_under(span, told.job)


async def test_a_failure_tells_its_class_and_nothing_else(cluster: Cluster, told: Told) -> None:
    """Neither arguments, nor results, nor messages are in any span."""
    await cluster.run(tasks.echo.call(CANARY))
    with pytest.raises(ExceptionGroup):
        await cluster.gather(tasks.fail.call(CANARY))
    (call,) = told.named("tasks:fail")
    job = told.named("lionherd.job")[1]
    for span in (call, job):
        assert span.status.status_code is StatusCode.ERROR
        assert span.status.description == span.attributes["error.type"] == "ValueError"
    assert facts(job)["failed"] == 1
    assert facts(call)["outcome"] == "failed"
    assert len(told.all) == 4
    assert CANARY not in "".join(span.to_json() for span in told.all)


def test_what_is_raised_within_a_span_is_not_told(told: Told) -> None:
    """The SDK's own way has its message and its traceback."""
    span = told.tracer.call("tasks:double", "", {})
    with pytest.raises(ValueError, match=CANARY), span.current():
        raise ValueError(CANARY)
    span.end({"outcome": "succeeded"})
    (ended,) = told.all
    assert (ended.events, ended.status.status_code) == ((), StatusCode.UNSET)


async def test_each_attempt_is_a_span_of_its_own(cluster: Cluster, told: Told) -> None:
    """Those that failed as well as the one that did not."""
    tasks.new_stage()
    assert await cluster.run(tasks.flaky.call("x", 2)) == 3
    attempts = [(facts(s)["attempt"], facts(s)["outcome"]) for s in told.named("tasks:flaky")]
    assert attempts == [(1, "failed"), (2, "failed"), (3, "succeeded")]
    assert all(is_under(span, told.job) for span in told.named("tasks:flaky"))
    assert facts(told.job)["succeeded"] == 1


async def test_a_call_of_a_dead_process_stays_in_its_trace(
    redis_url: str, settings: Settings, told: Told, connection
) -> None:
    """Who takes it over tells how many died with it."""
    keys = Keys(settings.namespace)
    capacity = Capacity(1, ("tasks:double",))
    assert await hello(connection, keys, "doomed", ttl_ms=1, capacity=capacity)
    async with (
        Cluster(redis_url, settings=settings, tracer=told.tracer) as cluster,
        anyio.create_task_group() as group,
    ):
        group.start_soon(cluster.run, tasks.double.call(1))
        calls = Calls(keys, "doomed")
        assert len(await calls.take(connection, 1)) == 1
        async with working(redis_url, settings, told.tracer):
            await wait_until(lambda: bool(told.named("lionherd.job")), description="it ended")
    (call,) = told.named("tasks:double")
    assert is_under(call, told.job)
    assert (facts(call)["deaths"], facts(call)["outcome"]) == (1, "succeeded")


async def test_a_worker_that_lost_its_session_leaves_a_span_that_was_stopped(
    redis_url: str, settings: Settings, told: Told, connection
) -> None:
    """And one of whoever ran the call again; both under the job's."""
    stage = tasks.new_stage()
    quick = Settings(namespace=settings.namespace, session_s=3)
    keys = Keys(settings.namespace)
    async with (
        working(redis_url, quick, told.tracer),
        Cluster(redis_url, settings=settings, tracer=told.tracer) as cluster,
        anyio.create_task_group() as group,
    ):
        group.start_soon(cluster.run, tasks.hold.call("x"))
        await wait_until(lambda: stage.started == ["x"], description="it runs")
        ((_, session, _, _),) = await connection.call(
            *("XPENDING", keys.calls, "workers", "-", "+", 9)
        )
        await connection.call("ZADD", keys.sessions, 1, session)  # it has expired long ago
        await wait_until(
            lambda: len(stage.started) > len(stage.cleaned) > 0,
            description="it was stopped, and runs again",
        )
        stage.gate.set()
    *stopped, last = told.named("tasks:hold")
    assert {facts(span)["outcome"] for span in stopped} == {"stopped"}
    assert facts(last)["outcome"] == "succeeded"
    for span in (*stopped, last):
        assert span.status.status_code is StatusCode.UNSET
        assert is_under(span, told.job)


async def test_a_race_that_is_left_early_is_no_error(cluster: Cluster, told: Told) -> None:
    """The loser was stopped, and was never read."""
    tasks.new_stage()
    assert await cluster.race(tasks.hold.call("x"), tasks.after.call(7, 0.0)) == 7
    assert told.job.status.status_code is StatusCode.UNSET
    assert (facts(told.job)["calls"], facts(told.job)["succeeded"]) == (2, 1)
    for span in told.named("tasks:hold"):  # unless it was cancelled before it was taken
        assert facts(span)["outcome"] == "cancelled"


async def test_a_client_that_is_cancelled_is_no_error(cluster: Cluster, told: Told) -> None:
    """Its calls were stopped, and its span ends all the same."""
    stage = tasks.new_stage()
    async with anyio.create_task_group() as group:
        group.start_soon(cluster.gather, tasks.hold.call("x"))
        await wait_until(lambda: stage.started == ["x"], description="it runs")
        group.cancel_scope.cancel()
    assert told.job.status.status_code is StatusCode.UNSET
    assert facts(told.job)["calls"] == 1
    (span,) = told.named("tasks:hold")
    assert facts(span)["outcome"] == "cancelled"


async def test_a_job_of_a_task_is_a_part_of_the_call(cluster: Cluster, told: Told) -> None:
    """One trace, however deep: job, call, job, call."""
    assert await cluster.run(tasks.asks_back.call(4)) == 8
    (call,) = told.named("tasks:asks_back")
    inner, outer = told.named("lionherd.job")
    (innermost,) = told.named("tasks:double")
    for span, above in ((innermost, inner), (inner, call), (call, outer)):
        assert is_under(span, above)


async def test_the_span_of_a_submitted_job_ends_when_the_server_has_it(
    redis_url: str, settings: Settings, told: Told
) -> None:
    """Its calls are under it all the same, whenever they run."""
    async with Cluster(redis_url, settings=settings, tracer=told.tracer) as cluster:
        id_ = await cluster.submit([tasks.double.call(n) for n in range(2)])
        assert (facts(told.job)["job"], facts(told.job)["calls"]) == (id_, 2)
        async with working(redis_url, settings, told.tracer), cluster.attach(id_) as stream:
            assert sorted([result async for _, result in stream]) == [0, 2]
    assert len(told.named("tasks:double")) == 2
    assert all(is_under(call, told.job) for call in told.named("tasks:double"))


async def test_each_reader_of_a_submitted_job_is_a_span(
    redis_url: str, settings: Settings, told: Told
) -> None:
    """For as long as it reads; it counts what it was given."""
    calls = [tasks.double.call(1), tasks.fail.call(CANARY), tasks.double.call(1)]
    async with working(redis_url, settings, None):
        async with Cluster(redis_url, settings=settings) as plain:
            id_ = await plain.submit(calls, limit=1)
        async with Cluster(redis_url, settings=settings, tracer=told.tracer) as cluster:
            async with cluster.attach(id_) as stream:
                async for index, _ in stream:
                    if index == 1:
                        break
            with pytest.raises(LookupError):
                async with cluster.attach(id_) as stream:
                    raise LookupError(CANARY)
            async with cluster.attach(id_) as stream:
                assert len([index async for index, _ in stream]) == 2
            with pytest.raises(JobNotFoundError):
                async with cluster.attach(id_):
                    pass
    early, failed, last = told.named("lionherd.attach")
    about = {"namespace": settings.namespace, "job": id_}
    assert facts(early) == {**about, "succeeded": 1, "failed": 1}
    assert facts(failed) == {**about, "error.type": "LookupError"}
    assert facts(last) == {**about, "succeeded": 1, "failed": 1}
    assert all((span.kind, span.parent) == (SpanKind.CONSUMER, None) for span in told.all)
    assert CANARY not in "".join(span.to_json() for span in told.all)


async def test_either_side_may_be_traced_alone(
    redis_url: str, settings: Settings, told: Told
) -> None:
    """A worker's spans are then at the top; a client's calls run as ever."""
    async with (
        working(redis_url, settings, told.tracer),
        Cluster(redis_url, settings=settings) as plain,
    ):
        assert await plain.run(tasks.double.call(2)) == 4
    (call,) = told.all
    assert (call.name, call.parent) == ("tasks:double", None)
    async with (
        working(redis_url, settings, None),
        Cluster(redis_url, settings=settings, tracer=told.tracer) as cluster,
    ):
        assert await cluster.run(tasks.double.call(3)) == 6
    assert facts(told.job)["succeeded"] == 1


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The calls that jobs are given."""
    sent: list[bytes] = []
    add: Callable[[Job, bytes], None] = Job.add
    monkeypatch.setattr(Job, "add", lambda job, call: (sent.append(call), add(job, call))[1])
    return sent


async def test_nothing_travels_that_is_not_told(
    redis_url: str, settings: Settings, told: Told, sent: list[bytes]
) -> None:
    """The bytes without a tracer, and with one that no SDK stands behind, are the same."""
    async with working(redis_url, settings, None):
        for tracer in (None, OtelTracer(NoOpTracer()), told.tracer):
            async with Cluster(redis_url, settings=settings, tracer=tracer) as cluster:
                assert await cluster.run(tasks.double.call(3)) == 6
    plain, unheard, traced = sent
    assert plain == unheard
    context = told.job.context
    ids = f"00-{format_trace_id(context.trace_id)}-{format_span_id(context.span_id)}-"
    assert ids.encode() in traced


TRACING = {"tracing.py", "trace.py", "otel.py"}


async def entered(cluster: Cluster, count: int) -> Counter[str]:
    """How often each function that tracing is made of is called in a job of *count* calls."""
    calls: Counter[str] = Counter()

    def note(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.name in TRACING and "lionherd_dist" in path.parts:
            calls[frame.f_code.co_qualname] += 1

    sys.setprofile(note)
    try:
        await cluster.gather(*map(tasks.double.call, range(count)))
    finally:
        sys.setprofile(None)
    return calls


async def test_without_a_tracer_nothing_is_done_for_a_call(
    redis_url: str, settings: Settings, told: Told
) -> None:
    """What tracing is made of is entered for the job, however many calls it has."""
    for tracer, the_same in ((None, True), (told.tracer, False)):
        async with (
            working(redis_url, settings, tracer),
            Cluster(redis_url, settings=settings, tracer=tracer) as cluster,
        ):
            few, many = await entered(cluster, 3), await entered(cluster, 30)
        assert (few == many) is the_same, many


PLAIN_JOB = """
import sys
sys.modules["opentelemetry"] = None  # whoever imports it fails; redis-py does, and goes on
import anyio, tasks
from lionherd_dist import Cluster, Settings, Worker
from lionherd_dist.cli.worker_command import worker
from lionherd_dist.runtime.process import main

async def run():
    settings = Settings(namespace=sys.argv[2])
    worker = Worker(tasks, redis=sys.argv[1], settings=settings)
    async with anyio.create_task_group() as group, Cluster(sys.argv[1], settings=settings) as c:
        group.start_soon(worker.run)
        assert await c.run(tasks.double.call(2)) == 4
        worker.stop()

anyio.run(run)
print([name for name in sys.modules if "opentelemetry." in name or ".otel" in name])
"""


def test_opentelemetry_is_not_imported_unless_it_is_wanted(
    redis_url: str, settings: Settings
) -> None:
    """Not by a client, nor by a worker, nor by the command that starts one."""
    done = subprocess.run(  # noqa: PLW1510 (what it says is compared)
        [sys.executable, "-c", PLAIN_JOB, redis_url, settings.namespace],
        cwd=tasks.__file__.rpartition("/")[0],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
