"""The road of a call across workers: what holds there beyond the contract of both halves."""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from datetime import UTC, datetime

import anyio
import pytest
import tasks
import trio
from helpers import wait_until

from lionherd_dist import (
    Call,
    Cluster,
    EncodeError,
    LocalCluster,
    NotATaskError,
    PayloadTooLargeError,
    RemoteError,
    Retry,
    Settings,
    UnknownTaskError,
    Worker,
    fail_after,
    gather,
)
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage() -> tasks.Stage:
    return tasks.new_stage()


# --- failures


async def test_a_builtin_exception_arrives_as_itself_with_its_story(cluster: Cluster) -> None:
    """Its class, its arguments; and, as notes, the remote traceback, the worker and the attempt."""
    with pytest.raises(ValueError, match="no") as caught:
        await cluster.run(tasks.fail.call("no"))
    assert caught.value.args == ("no",)
    notes = "\n".join(caught.value.__notes__)
    assert "raise ValueError(message)" in notes
    assert "attempt 1" in notes
    assert "worker" in notes


async def test_a_failure_names_the_call_and_its_place(cluster: Cluster) -> None:
    """In a note: which call of how many, of which task, with which arguments, shortened."""
    calls = [tasks.double.call(1), tasks.fail.call("n" * 900)]
    with pytest.raises(ExceptionGroup) as caught:
        await cluster.gather(*calls)
    notes = "\n".join(caught.value.exceptions[0].__notes__)
    assert "in call 1 of the job, counted from 0" in notes
    assert ", by tasks:fail('nnnn" in notes
    assert "n" * 300 not in notes.partition("Traceback")[0]
    _, failure = await cluster.gather(*calls, return_exceptions=True)
    assert "in call 1 of the job" in "\n".join(failure.__notes__)


async def test_an_unregistered_exception_arrives_as_a_remote_error(cluster: Cluster) -> None:
    """With the name of the original class."""
    with pytest.raises(RemoteError, match="no") as caught:
        await cluster.run(tasks.fail_unregistered.call("no"))
    assert caught.value.type_name == "tasks.Unregistered"


async def test_a_registered_exception_arrives_as_itself(cluster: Cluster) -> None:
    """@sendable puts a class on the list."""
    with pytest.raises(tasks.Registered, match="no"):
        await cluster.run(tasks.fail_registered.call("no"))


async def test_an_unknown_task_is_a_clear_failure(cluster: Cluster) -> None:
    """It names the task and those the worker knows."""
    with pytest.raises(UnknownTaskError, match=r"nowhere:nothing.*tasks:double"):
        await cluster.run(Call("nowhere:nothing", (), {}, tasks.double._run_here))


async def test_wrong_arguments_are_the_functions_own_error(cluster: Cluster) -> None:
    """A TypeError, and the worker lives."""
    with pytest.raises(TypeError, match="positional argument"):
        await cluster.run(Call("tasks:double", (1, 2), {}, tasks.double._run_here))
    assert await cluster.run(tasks.double.call(1)) == 2


async def test_a_task_that_ends_its_process_fails_and_the_worker_lives(cluster: Cluster) -> None:
    """SystemExit is an outcome like any other."""
    with pytest.raises(RuntimeError, match="SystemExit"):
        await cluster.run(tasks.exit_process.call())
    assert await cluster.run(tasks.double.call(1)) == 2


async def test_a_result_that_cannot_be_sent_is_a_failure(cluster: Cluster) -> None:
    """It names the path of the value; the call ran once."""
    with pytest.raises(EncodeError, match=r"result\['inner'\]\[0\]"):
        await cluster.run(tasks.unsendable.call())


async def test_a_result_that_is_too_large_is_a_failure(cluster: Cluster) -> None:
    """The worker refuses it, and the client is told."""
    with pytest.raises(PayloadTooLargeError):
        await cluster.run(tasks.huge.call())


# --- what is refused at the call site


async def test_a_coroutine_is_refused_with_the_way_out(cluster: Cluster) -> None:
    """It shows @task and .call, and leaves no 'never awaited' behind."""
    with pytest.raises(NotATaskError, match=r"@task.*double\.call"):
        await cluster.run(tasks.double(1))  # type: ignore[arg-type]
    with pytest.raises(NotATaskError, match="@task"):
        await cluster.bounded_map(len, ["a"], limit=1)  # type: ignore[arg-type]


async def test_an_argument_that_cannot_be_sent_is_refused_at_once(cluster: Cluster) -> None:
    """Before anything is sent, naming the value's path."""
    good = tasks.hold.call("x")
    with pytest.raises(EncodeError, match=r"args\[0\]\['when'\]"):
        await cluster.gather(good, tasks.echo.call({"when": object()}))
    with pytest.raises(EncodeError, match=r"kwargs\['value'\]"):
        await cluster.run(tasks.echo.call(value=object()))


async def test_a_bad_call_in_a_lazy_input_ends_the_stream_as_itself(cluster: Cluster) -> None:
    """With the index of the call as a note."""
    with pytest.raises(EncodeError) as caught:
        await cluster.bounded_map(tasks.echo, [1, object()], limit=2)
    assert "call 1" in "\n".join(caught.value.__notes__)


async def test_a_closed_cluster_says_so(redis_url: str) -> None:
    """Outside its block it is not open."""
    with pytest.raises(RuntimeError, match="not open"):
        await Cluster(redis_url).run(tasks.double.call(1))


async def test_a_cluster_is_not_opened_while_it_is_open(cluster: Cluster) -> None:
    """Leaving the inner block would close the outer one."""
    with pytest.raises(RuntimeError, match="open already"):
        await cluster.__aenter__()
    assert await cluster.run(tasks.double.call(1)) == 2


@pytest.mark.parametrize(
    "enter",
    [
        lambda url: Cluster(url).__aenter__(),
        lambda _: LocalCluster("tasks", workers=1).__aenter__(),
        lambda url: Worker(tasks, redis=url).run(),
    ],
    ids=["a cluster", "a local cluster", "a worker"],
)
def test_trio_is_refused_in_words(
    enter: Callable[[str], Coroutine[object, object, object]], redis_url: str
) -> None:
    """At once, before anything is started."""
    with pytest.raises(RuntimeError, match="needs asyncio"):
        trio.run(enter, redis_url)


# --- values


@pytest.mark.parametrize(
    "value",
    [None, 2**80, (1, ("a", b"b")), {1, 2}, datetime(2026, 1, 2, tzinfo=UTC), tasks.Point(1, 2)],
    ids=repr,
)
async def test_values_come_back_equal_and_of_the_same_type(cluster: Cluster, value: object) -> None:
    """There and back again."""
    result = await cluster.run(tasks.echo.call(value))
    assert result == value
    assert type(result) is type(value)


async def test_registered_dataclasses_travel_both_ways(cluster: Cluster) -> None:
    """As themselves."""
    assert await cluster.run(tasks.swap.call(tasks.Point(1, 2))) == tasks.Point(2, 1)


# --- sharing


async def test_a_small_job_is_not_stuck_behind_a_large_one(
    cluster: Cluster, stage: tasks.Stage
) -> None:
    """Three calls submitted behind 100,000 are done in the time of a few calls per slot."""
    async with cluster.completion_stream(map(tasks.brief.call, range(100_000))) as stream:
        async for _ in stream:
            before = len(stage.cleaned)
            assert await cluster.gather(*map(tasks.double.call, range(3))) == [0, 2, 4]
            assert len(stage.cleaned) - before <= 20 * 10
            break


async def test_the_limit_holds_over_several_workers(
    redis_url: str, settings: Settings, stage: tasks.Stage
) -> None:
    """Two workers with many slots run no more than the job's limit between them."""
    workers = [Worker(tasks, redis=redis_url, settings=settings) for _ in range(2)]
    async with anyio.create_task_group() as working:
        for worker in workers:
            working.start_soon(worker.run)
        async with Cluster(redis_url, settings=settings) as cluster:
            await cluster.bounded_map(tasks.brief, range(300), limit=5)
        for worker in workers:
            worker.stop()
    assert stage.most == 5


async def test_calls_wait_for_a_worker_that_comes_later(
    redis_url: str,
    settings: Settings,
    keys_of: Callable[[Settings], Awaitable[list[str]]],
) -> None:
    """Nothing is lost before the first worker is there."""
    worker = Worker(tasks, redis=redis_url, settings=settings, concurrency=5)
    async with (
        Cluster(redis_url, settings=settings) as cluster,
        anyio.create_task_group() as group,
    ):
        results: list[list[object]] = []

        async def ask() -> None:
            results.append(await cluster.bounded_map(tasks.double, range(500), limit=500))

        async def sent() -> bool:
            return any(key.endswith("calls") for key in await keys_of(settings))

        group.start_soon(ask)
        await wait_until(sent, description="the calls are at the server")
        group.start_soon(worker.run)
        await wait_until(lambda: bool(results), description="the worker has done them")
        worker.stop()
    assert results == [[2 * n for n in range(500)]]
    assert await keys_of(settings) == []


# --- retries and deadlines


async def test_a_retry_on_the_worker_frees_the_slot(
    redis_url: str, settings: Settings, stage: tasks.Stage
) -> None:
    """While one call waits for its second attempt, the worker's only slot serves another."""
    worker = Worker(tasks, redis=redis_url, settings=settings, concurrency=1)
    order: list[int] = []
    slow_retry = tasks.flaky.with_options(retry=Retry(attempts=2, base_delay=0.2, jitter=0))
    async with anyio.create_task_group() as working:
        working.start_soon(worker.run)
        async with (
            Cluster(redis_url, settings=settings) as cluster,
            cluster.completion_stream([slow_retry("a", 1), tasks.double.call(4)]) as stream,
        ):
            order = [index async for index, _ in stream]
        worker.stop()
    assert order == [1, 0]


async def test_a_call_may_bring_its_own_retry_and_timeout(
    cluster: Cluster, stage: tasks.Stage
) -> None:
    """They replace the task's."""
    once = tasks.flaky.with_options(retry=Retry(attempts=1))
    with pytest.raises(ConnectionError, match="attempt 1"):
        await cluster.run(once("a", 9))
    with pytest.raises(TimeoutError):
        await cluster.run(tasks.after.with_options(timeout=0.01)(1, 30))


async def test_no_attempt_is_made_that_could_not_start_in_time(
    cluster: Cluster, stage: tasks.Stage
) -> None:
    """The failure arrives at once, before the deadline, instead of after a useless wait."""
    late = tasks.flaky.with_options(retry=Retry(attempts=3, base_delay=60, max_delay=60))
    with fail_after(20), pytest.raises(ConnectionError, match="attempt 1"):
        await cluster.run(late("a", 9))


async def test_a_call_whose_deadline_passed_in_the_queue_does_not_start(
    redis_url: str, settings: Settings, stage: tasks.Stage
) -> None:
    """The worker that comes too late finds nothing to do."""
    async with Cluster(redis_url, settings=settings) as cluster:
        with pytest.raises(TimeoutError), fail_after(0.05):
            await cluster.run(tasks.hold.call("late"))
        worker = Worker(tasks, redis=redis_url, settings=settings)
        async with anyio.create_task_group() as working:
            working.start_soon(worker.run)
            assert await cluster.run(tasks.double.call(2)) == 4
            worker.stop()
    assert stage.started == []


# --- nothing is left


async def test_an_abandoned_stream_leaves_no_key_of_its_job(
    cluster: Cluster,
    settings: Settings,
    stage: tasks.Stage,
    keys_of: Callable[[Settings], Awaitable[list[str]]],
) -> None:
    """Backlog, hand, parked retries and the job itself are gone when the block is left."""
    waiting = tasks.flaky.with_options(retry=Retry(attempts=2, base_delay=60, max_delay=60))
    calls: list[Call[object]] = [waiting("a", 1), *map(tasks.hold.call, range(200))]
    async with cluster.completion_stream(calls, limit=10):
        await wait_until(lambda: len(stage.started) == 9, description="nine hold, one waits")
    left = {key.rpartition(":")[2].partition("-")[0] for key in await keys_of(settings)}
    assert left.isdisjoint({"backlog", "hand", "due", "parked"})
    assert not [key for key in await keys_of(settings) if ":job:" in key or ":owned:" in key]
    assert stage.running == 0


async def test_jobs_whose_input_ends_after_their_last_outcome_leave_no_key(
    cluster: Cluster,
    settings: Settings,
    keys_of: Callable[[Settings], Awaitable[list[str]]],
) -> None:
    """The word that there is no more goes out though nobody waits for it, and others talk."""

    async def one_and_no_more(wait_s: float) -> AsyncIterator[Call[int]]:
        yield tasks.double.call(1)
        await anyio.sleep(wait_s)

    async def stream(wait_s: float) -> None:
        async with cluster.completion_stream(one_and_no_more(wait_s), limit=2) as outcomes:
            assert [outcome async for outcome in outcomes] == [(0, 2)]

    async def others(until: anyio.Event) -> None:
        while not until.is_set():
            await cluster.run(tasks.double.call(2))

    over = anyio.Event()
    async with anyio.create_task_group() as talking:
        for _ in range(5):
            talking.start_soon(others, over)
        async with anyio.create_task_group() as streaming:
            for n in range(60):
                streaming.start_soon(stream, 0.3 + n * 0.001)
        over.set()

    async def none_is_left() -> bool:
        return not [key for key in await keys_of(settings) if ":job:" in key or ":owned:" in key]

    await wait_until(none_is_left, description="no job is left")


async def test_client_and_worker_meet_no_cancelled_call_twice(
    cluster: Cluster, stage: tasks.Stage
) -> None:
    """After an early exit the worker's slots are free for the next job."""
    for _ in range(5):
        async with cluster.completion_stream(map(tasks.hold.call, range(100))):
            await wait_until(lambda: stage.running == 20, description="all slots are taken")
        assert stage.running == 0
    assert await cluster.gather(*map(tasks.double.call, range(40))) == [2 * n for n in range(40)]


async def test_a_thousand_jobs_at_once_share_one_client(cluster: Cluster) -> None:
    """Each gets its own results."""
    results = await gather(*(cluster.run(tasks.double.call(n)) for n in range(1000)))
    assert results == [2 * n for n in range(1000)]


async def test_a_slow_consumer_holds_the_release_of_calls_back(
    redis_url: str, settings: Settings, stage: tasks.Stage, connection: Connection
) -> None:
    """No more outcomes wait than the cap allows, however many calls there are."""
    small = Settings(namespace=settings.namespace, unread_cap=10)
    worker = Worker(tasks, redis=redis_url, settings=small, concurrency=4)
    async with anyio.create_task_group() as working:
        working.start_soon(worker.run)
        async with (
            Cluster(redis_url, settings=small) as cluster,
            cluster.completion_stream(map(tasks.brief.call, range(100))) as stream,
        ):
            await wait_until(lambda: len(stage.cleaned) == 10, description="the cap is reached")
            seen = [index async for index, _ in stream]
            assert sorted(seen) == list(range(100))
        worker.stop()


async def test_a_worker_that_is_stopped_hands_back_what_it_runs(
    redis_url: str, settings: Settings, stage: tasks.Stage
) -> None:
    """Another worker starts it at once; the client notices nothing."""
    first = Worker(tasks, redis=redis_url, settings=settings, grace_s=0)
    second = Worker(tasks, redis=redis_url, settings=settings)
    async with (
        Cluster(redis_url, settings=settings) as cluster,
        anyio.create_task_group() as group,
    ):
        results: list[object] = []

        async def ask() -> None:
            results.append(await cluster.run(tasks.hold.call("x")))

        group.start_soon(first.run)
        group.start_soon(ask)
        await wait_until(lambda: stage.started == ["x"], description="the first worker runs it")
        first.stop()
        await wait_until(lambda: stage.cleaned == ["x"], description="the first one stopped it")
        group.start_soon(second.run)
        await wait_until(lambda: stage.started == ["x", "x"], description="the second one runs it")
        stage.gate.set()
        await wait_until(lambda: results == ["x"], description="the client has its result")
        second.stop()


async def test_payloads_are_never_logged(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither arguments nor results, also when a call fails; the error's own message is."""
    with caplog.at_level(logging.DEBUG):
        assert await cluster.run(tasks.echo.call("sesame")) == "sesame"
        with pytest.raises(ConnectionError, match="attempt"):
            await cluster.run(tasks.flaky.call("sesame", 9))
        await wait_until(lambda: "call failed" in caplog.text, description="the failure is logged")
    assert "sesame" not in caplog.text


async def test_an_error_in_the_clusters_block_comes_out_as_itself(
    redis_url: str, settings: Settings
) -> None:
    """Neither wrapped in a group nor lost."""
    with pytest.raises(KeyError, match="mine"):
        async with Cluster(redis_url, settings=settings):
            raise KeyError("mine")


async def test_a_cancellation_from_outside_the_cluster_stops_the_calls_at_once(
    redis_url: str, settings: Settings, cluster: Cluster, stage: tasks.Stage
) -> None:
    """The word goes out though everything around it is cancelled; nobody waits for a time-out."""
    with anyio.CancelScope() as scope:
        async with (
            Cluster(redis_url, settings=settings) as inner,
            inner.completion_stream(map(tasks.hold.call, range(5))),
        ):
            await wait_until(lambda: stage.running == 5, description="five run")
            scope.cancel()
            await anyio.sleep_forever()
    assert stage.running == 0


async def test_an_unsendable_call_can_be_an_outcome_like_others(cluster: Cluster) -> None:
    """With return_exceptions the rest goes on, and every index stays its own."""
    calls: list[Call[object]] = [tasks.double.call(1), tasks.echo.call(object())]
    calls += [tasks.double.call(3)]
    async with cluster.completion_stream(calls, return_exceptions=True) as stream:
        seen = {index: type(outcome).__name__ async for index, outcome in stream}
    assert seen == {0: "int", 1: "EncodeError", 2: "int"}
    only_bad = calls[1:2]
    async with cluster.completion_stream(only_bad, return_exceptions=True) as stream:
        assert [type(outcome) async for _, outcome in stream] == [EncodeError]


async def test_an_input_that_fails_ends_the_stream_and_takes_back_what_was_sent(
    cluster: Cluster, stage: tasks.Stage
) -> None:
    """The error comes out as itself; the calls before it are stopped."""

    def calls() -> Iterator[Call[object]]:
        yield from map(tasks.hold.call, range(500))
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        async with cluster.completion_stream(calls()) as stream:
            async for _ in stream:
                pass
    assert stage.running == 0


async def test_a_job_that_was_opened_first_may_be_sent_last(cluster: Cluster) -> None:
    """The order in which jobs are sent is theirs, whichever of them was opened before."""
    gate = anyio.Event()

    async def slow() -> AsyncIterator[Call[int]]:
        await gate.wait()
        yield tasks.double.call(1)

    async with cluster.completion_stream(slow()) as stream:
        assert await cluster.run(tasks.double.call(2)) == 4
        gate.set()
        with anyio.fail_after(20):
            assert [pair async for pair in stream] == [(0, 2)]


@pytest.mark.parametrize("kind", ["fatal", "generator", "group"])
async def test_whatever_a_task_raises_ends_its_call_alone(
    cluster: Cluster, stage: tasks.Stage, kind: str
) -> None:
    """Its neighbours run on, and it is not run again."""
    async with cluster.completion_stream([tasks.hold.call("x")]) as stream:
        await wait_until(lambda: stage.running == 1, description="the neighbour runs")
        with pytest.raises(RuntimeError, match="it raised"):
            await cluster.run(tasks.raise_fatal.call(kind))
        stage.gate.set()
        assert [pair async for pair in stream] == [(0, "x")]
    assert stage.started == ["x"]


async def test_a_task_that_cancels_itself_fails(cluster: Cluster) -> None:
    """It is no cancellation of ours, and nobody waits for it."""
    with anyio.fail_after(20), pytest.raises(RuntimeError, match="cancelled itself"):
        await cluster.run(tasks.cancel_myself.call())
    assert await cluster.run(tasks.double.call(1)) == 2


async def test_a_thread_that_overran_its_timeout_has_no_result(cluster: Cluster) -> None:
    """It cannot be stopped, but what it brings comes too late."""
    with pytest.raises(TimeoutError, match=r"longer than 0\.05 s"):
        await cluster.run(tasks.overrun.call())


async def test_every_slot_has_a_thread(redis_url: str, settings: Settings) -> None:
    """As many functions run in threads as the worker has slots, beyond the usual forty."""
    worker = Worker(tasks, redis=redis_url, settings=settings, concurrency=60)
    async with anyio.create_task_group() as working:
        working.start_soon(worker.run)
        async with Cluster(redis_url, settings=settings) as cluster:
            assert await cluster.gather(*map(tasks.meet.call, [60] * 60)) == [60] * 60
        worker.stop()


async def test_the_input_of_a_stream_may_itself_use_the_cluster(cluster: Cluster) -> None:
    """A natural pipeline: the calls of one job are made from the results of others."""

    async def doubled() -> AsyncIterator[Call[int]]:
        for n in range(5):
            yield tasks.double.call(await cluster.run(tasks.double.call(n)))

    with anyio.fail_after(20):
        async with cluster.completion_stream(doubled()) as stream:
            assert sorted([pair async for pair in stream]) == [(n, 4 * n) for n in range(5)]


async def test_a_consumer_that_blocks_the_loop_loses_no_outcome(
    redis_url: str, settings: Settings
) -> None:
    """Its inbox waits for as long as its session lives."""
    quick = Settings(namespace=settings.namespace, session_s=1)
    worker = Worker(tasks, redis=redis_url, settings=settings, concurrency=20)

    def block() -> None:
        time.sleep(5)  # longer than an inbox without its reader lives

    async with anyio.create_task_group() as working:
        working.start_soon(worker.run)
        async with Cluster(redis_url, settings=quick) as cluster:
            seen = 0
            with anyio.fail_after(60):
                async with cluster.completion_stream(
                    map(tasks.double.call, range(5_000))
                ) as stream:
                    async for _ in stream:
                        if seen == 0:
                            block()
                        seen += 1
        worker.stop()
    assert seen == 5_000


async def test_hostile_words_end_neither_worker_nor_client(
    cluster: Cluster, connection: Connection, settings: Settings
) -> None:
    """What cannot be read is passed over, on every stream."""
    keys = Keys(settings.namespace)
    await connection.call("XADD", keys.control, "*", "cancel", b"\xff\xfe")
    sessions = await connection.call("ZRANGE", keys.sessions, 0, -1)
    assert isinstance(sessions, list)
    for session in sessions:
        assert isinstance(session, bytes)
        for fields in ((b"x", b"y"), (b"j", b"\xff", b"not a number", b"z"), (b"j", b"a")):
            await connection.call("XADD", keys.inbox(session.decode()), "*", *fields)
    await connection.call("XADD", keys.calls, "*", "c", b"\xff", "p", "x")
    assert await cluster.gather(*map(tasks.double.call, range(30))) == [2 * n for n in range(30)]
    for session in sessions:
        assert isinstance(session, bytes)
        await connection.call("DEL", keys.inbox(session.decode()))


async def test_an_endless_input_of_unsendable_calls_does_not_stop_the_loop(
    cluster: Cluster,
) -> None:
    """It is pulled no faster than its failures are read."""
    pulled = 0

    async def bad() -> AsyncIterator[Call[object]]:
        nonlocal pulled
        while True:
            pulled += 1
            yield tasks.echo.call(object())

    async with cluster.completion_stream(bad(), return_exceptions=True) as stream:
        async for index, outcome in stream:
            assert isinstance(outcome, EncodeError)
            if index == 20:
                break
    assert pulled < 20_000
