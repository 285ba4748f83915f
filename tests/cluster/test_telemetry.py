"""What workers and clients tell of what happens to them, and what they never tell."""

import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
import tasks
from helpers import wait_until

from lionherd_dist import Cluster, Settings, Worker
from lionherd_dist.cluster.job import Job
from lionherd_dist.errors import LeaseLost
from lionherd_dist.runtime.finisher import Finisher
from lionherd_dist.runtime.meter import Meter
from lionherd_dist.session.clock import ServerClock
from lionherd_dist.store.calls import Calls, Done, Recorded, Taken
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.sessions import Capacity, hello
from lionherd_dist.telemetry import Instrument

pytestmark = pytest.mark.anyio

CANARY = "canary-3141"


class Notes:
    """A recorder that remembers."""

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = defaultdict(list)
        self.labels: dict[str, set[str]] = defaultdict(set)

    def record(self, instrument: Instrument, value: float = 1, label: str = "") -> None:
        name = instrument.name.removeprefix("lionherd_")
        self.values[name].append(value)
        self.labels[name].add(label)

    def total(self, name: str) -> float:
        return sum(self.values[name])


@asynccontextmanager
async def recorded(url: str, settings: Settings) -> AsyncIterator[Notes]:
    """A worker in this process that tells what it does; it ends with the block."""
    notes, ready = Notes(), anyio.Event()
    worker = Worker(tasks, redis=url, settings=settings, recorder=notes)
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: worker.run(on_ready=ready.set))
        await ready.wait()
        yield notes
        worker.stop()


async def test_a_worker_tells_of_its_calls(redis_url: str, settings: Settings) -> None:
    """How they ended, how long they waited and ran; nothing is in hand at the end."""
    tasks.new_stage()
    async with recorded(redis_url, settings) as notes:
        async with Cluster(redis_url, settings=settings) as cluster:
            await cluster.gather(
                *(tasks.double.call(n) for n in range(5)),
                tasks.fail.call("x"),
                tasks.flaky.call("f", 2),
                tasks.unsendable.call(),
                return_exceptions=True,
            )
        await wait_until(
            lambda: notes.total("calls_succeeded") == 6, description="six results are told"
        )
    assert notes.total("calls_failed") == 2
    assert notes.total("calls_retried") == 2
    assert notes.total("calls_dead") == notes.total("late_outcomes_dropped") == 0
    for name in ("queue_wait_seconds", "run_seconds"):
        assert len(notes.values[name]) == 10  # one for each attempt
        assert all(0 <= value < 60 for value in notes.values[name])
    assert max(notes.values["calls_in_hand"]) >= 1
    assert notes.values["calls_in_hand"][-1] == 0


async def test_calls_of_a_dead_process_are_told_by_who_takes_them_over(
    redis_url: str, settings: Settings, connection
) -> None:
    """One call was in its hand when its session ended."""
    keys = Keys(settings.namespace)
    capacity = Capacity(1, ("tasks.double",))
    assert await hello(connection, keys, "doomed", ttl_ms=1, capacity=capacity)
    async with Cluster(redis_url, settings=settings) as cluster, anyio.create_task_group() as group:
        group.start_soon(cluster.run, tasks.double.call(1))
        calls = Calls(keys, "doomed")
        assert len(await calls.take(connection, 1)) == 1
        async with recorded(redis_url, settings) as notes:
            await wait_until(lambda: notes.total("takeovers") == 1, description="it is told")
            await wait_until(lambda: notes.total("calls_succeeded") == 1, description="it ran")


async def test_outcomes_that_the_server_refused_are_told() -> None:
    """Of two calls that this worker ran, one had become somebody else's."""

    class Refusing:
        async def finish(self, *_: object) -> Recorded:
            return Recorded(dropped=1)

    notes = Notes()
    finisher = Finisher(
        None,  # type: ignore[arg-type]
        Refusing(),  # type: ignore[arg-type]
        set(),
        patience_s=1,
        on_parked=lambda _: None,
        on_lost=lambda: None,
        on_told=Meter(notes, ServerClock(0), set()).told,
    )
    async with anyio.create_task_group() as group:
        group.start_soon(finisher.run)
        for index in range(2):
            finisher.put(Done(Taken(b"1-%d" % index, "job", index, 1, 0, 0, b""), b""))
        await finisher.drained()
        finisher.stop()
    assert notes.total("late_outcomes_dropped") == 1
    assert notes.total("calls_succeeded") == 2


async def test_a_client_tells_of_its_limiters_and_of_what_it_lost(
    redis_url: str, connection, keys_of
) -> None:
    """A wait for each token; the session and the token that the server forgot."""
    settings, notes = Settings(namespace="telemetry-lost", session_s=1), Notes()
    async with Cluster(redis_url, settings=settings, recorder=notes) as cluster:
        limiter = cluster.capacity_limiter("api", 2)
        with pytest.raises(LeaseLost):
            async with limiter:
                assert len(notes.values["limiter_wait_seconds"]) == 1
                await connection.call("DEL", *await keys_of(settings))
                await anyio.sleep_forever()
        await wait_until(lambda: notes.total("sessions_lost") == 1, description="it is told")
    assert notes.total("leases_lost") == 1
    assert notes.labels["leases_lost"] == notes.labels["limiter_wait_seconds"] == {"api"}
    left = await keys_of(settings)
    if left:
        await connection.call("DEL", *left)


async def test_a_client_tells_of_outcomes_that_it_had_already(
    redis_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each outcome is made to come twice; one of each counts as dropped."""
    deliver, notes = Job.deliver, Notes()
    monkeypatch.setattr(Job, "deliver", lambda job, outcomes: deliver(job, outcomes * 2))
    async with (
        recorded(redis_url, settings),
        Cluster(redis_url, settings=settings, recorder=notes) as cluster,
    ):
        assert await cluster.gather(*(tasks.double.call(n) for n in range(3))) == [0, 2, 4]
    assert notes.total("duplicates_dropped") == 3


async def test_no_log_holds_what_calls_are_given_or_return(
    redis_url: str, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Results, failures, dead letters, at every level; an error says what its message says."""
    caplog.set_level(logging.DEBUG)
    async with (
        recorded(redis_url, settings),
        Cluster(redis_url, settings=settings) as cluster,
    ):
        unknown = tasks.echo.call(CANARY)
        object.__setattr__(unknown, "task", "nobody.knows")
        outcomes = await cluster.gather(
            tasks.echo.call(CANARY),
            tasks.flaky.call(CANARY, 9),
            tasks.fail_unregistered.call("what the error says"),
            unknown,
            return_exceptions=True,
        )
    assert outcomes[0] == CANARY
    ours = [record for record in caplog.records if record.name.startswith("lionherd_dist")]
    events = [record.__dict__["event"] for record in ours]
    assert events.count("call failed") == 2
    assert events.count("dead letter") == 1
    assert events.count("session begun") == 2
    for record in caplog.records:
        assert CANARY not in repr(vars(record)) + record.getMessage()
