"""Calls that came in one entry: one after the other, while each ends at once."""

import anyio
import pytest
import tasks
from executor_bench import executor, in_slots, outcomes, taken, ways_to
from helpers import wait_until

from lionherd_dist.call import Call, Failure, Success
from lionherd_dist.runtime import streaks
from lionherd_dist.runtime.meter import Meter
from lionherd_dist.runtime.slots import open_slots
from lionherd_dist.runtime.suspects import SUSPECT_AFTER_DEATHS
from lionherd_dist.session.clock import ServerClock
from lionherd_dist.store.calls import Again, Back, Dead, Done, Next, Settled, Taken
from lionherd_dist.task import Retry, task, tasks_of
from lionherd_dist.telemetry import QUEUE_WAIT, RUN_TIME, Instrument
from lionherd_dist.wire.messages import encode_call

pytestmark = pytest.mark.anyio

EVENTS: list[str] = []


@pytest.fixture(autouse=True)
def _slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends at once is not to depend on what else this machine does."""
    monkeypatch.setattr(streaks, "STREAK_S", 60.0)


@task(name="note")
async def noting(name: str, seconds: float = 0.0) -> None:
    EVENTS.append(f"{name} begins")
    if seconds:
        await anyio.sleep(seconds)
    EVENTS.append(f"{name} ends")


@task(name="fail", retry=Retry(attempts=2))
async def fail() -> None:
    raise ValueError


def streak(*calls: Call[object]) -> Taken:
    first, *rest = map(encode_call, calls)
    return taken()._replace(payload=first, rest=tuple(rest))


async def said_of(*calls: Call[object]) -> list[Settled]:
    EVENTS.clear()
    settled: list[Settled] = []
    async with executor(settled.append, noting, fail) as running:
        running.accept(streak(*calls))
        with anyio.fail_after(10):
            await running.idle()
    return settled


def kinds(settled: list[Settled]) -> list[tuple[type[Settled], int]]:
    return [(type(one), one.taken.index) for one in settled]


async def test_each_begins_when_the_one_before_has_ended() -> None:
    """And is told of as such; the last ends the entry."""
    settled = await said_of(*(noting.call(name) for name in "abc"))
    assert [f"{name} {what}" for name in "abc" for what in ("begins", "ends")] == EVENTS
    assert kinds(settled) == [(Next, 0), (Next, 1), (Done, 2)]
    assert [len(one.taken.rest) for one in settled] == [2, 1, 0]


async def test_none_begins_after_one_that_took_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left goes back with its end."""
    monkeypatch.setattr(streaks, "STREAK_S", 0.01)
    settled = await said_of(noting.call("a", 0.02), noting.call("b"))
    assert EVENTS == ["a begins", "a ends"]
    assert kinds(settled) == [(Done, 0)]
    assert settled[0].taken.rest == (encode_call(noting.call("b")),)


async def test_none_begins_after_one_that_is_to_be_tried_again() -> None:
    """It keeps its place."""
    assert kinds(await said_of(fail.call(), noting.call("b"))) == [(Again, 0)]
    assert EVENTS == []


async def test_none_begins_after_one_that_can_never_succeed() -> None:
    """Who knows what else is wrong."""
    settled = await said_of(tasks.double.call(2), noting.call("b"))
    assert kinds(settled) == [(Dead, 0)], "nobody knows that task"


async def test_none_begins_when_the_job_is_cancelled() -> None:
    settled: list[Settled] = []
    async with executor(settled.append, noting) as running:
        running.accept(streak(noting.call("a"), noting.call("b")))
        running.cancel("J-1")
        with anyio.fail_after(10):
            await running.idle()
    assert kinds(settled) == [(Done, 0)]


async def test_none_begins_when_all_is_handed_back() -> None:
    """The call that runs is given back, and with it those that did not begin."""
    settled: list[Settled] = []
    async with executor(settled.append, noting) as running:
        running.accept(streak(noting.call("a", 60), noting.call("b")))
        await anyio.lowlevel.checkpoint()
        running.hand_back()
        with anyio.fail_after(10):
            await running.idle()
    assert kinds(settled) == [(Back, 0)]


async def test_an_entry_is_in_hand_until_its_last_call_has_ended() -> None:
    """A list of what is pending that names it again runs nothing of it twice."""
    settled: list[Settled] = []
    async with open_slots(2) as slots:
        running = in_slots(slots, ways_to(settled.append), tasks_of([tasks]))
        whole = streak(tasks.double.call(1), tasks.double.call(2))
        running.accept(whole)
        with anyio.fail_after(10):
            await running.idle()
        running.accept(whole)
        assert whole.entry in running.in_hand
    assert kinds(settled) == [(Next, 0), (Done, 1)]


async def test_a_function_that_ends_itself_ends_its_call_alone() -> None:
    """The next begins as after any failure."""
    settled: list[Settled] = []
    async with executor(settled.append) as running:
        mischief = (tasks.exit_process.call(), tasks.cancel_myself.call(), tasks.double.call(2))
        running.accept(streak(*mischief))
        with anyio.fail_after(10):
            await running.idle()
    assert kinds(settled) == [(Next, 0), (Next, 1), (Done, 2)]
    assert [type(one) for one in outcomes(settled)] == [Failure, Failure, Success]


async def test_an_error_of_who_watches_stops_no_streak() -> None:
    """The next begins all the same; what was told was told."""
    settled: list[Settled] = []

    def settle(one: Settled) -> None:
        settled.append(one)
        if len(settled) == 1:
            raise ZeroDivisionError

    async with executor(settle, noting) as running:
        running.accept(streak(noting.call("a"), noting.call("b")))
        with anyio.fail_after(10):
            await running.idle()
    assert kinds(settled) == [(Next, 0), (Done, 1)]


async def test_none_begins_that_is_in_the_way_of_a_suspect() -> None:
    """One that has begun, beside a call that had lent its slot."""
    tasks.new_stage()
    settled: list[Settled] = []
    async with open_slots(3) as slots:

        @task(name="lend")
        async def lending() -> None:
            take_back = slots.lend()
            await tasks.stage.gate.wait()
            take_back()

        known = tasks_of([tasks]) | {"lend": lending}
        running = in_slots(slots, ways_to(settled.append), known)
        running.accept(streak(lending.call(), tasks.double.call(1)))
        await anyio.wait_all_tasks_blocked()
        suspect = taken(tasks.hold.call("suspect"), b"2-2")
        running.accept(suspect._replace(job="J-2", deaths=SUSPECT_AFTER_DEATHS))
        await wait_until(lambda: "suspect" in tasks.stage.started, description="it has begun")
        tasks.stage.gate.set()
        with anyio.fail_after(10):
            await running.idle()
    assert (Done, 0) in kinds([one for one in settled if one.taken.job == "J-1"])
    assert len(settled) == 2


def test_each_call_of_an_entry_is_measured() -> None:
    """Its wait in the queue, and how long it ran."""
    measured: list[Instrument] = []

    class Kept:
        def record(self, instrument: Instrument, value: float, label: str = "") -> None:
            measured.append(instrument)

    meter = Meter(Kept(), ServerClock(1_000_000), set())
    one = streak(tasks.double.call(1), tasks.double.call(2))
    settle = meter.before(lambda _: None)
    meter.took([one])
    settle(Next(one, b""))
    settle(Done(one.following(), b""))
    assert measured.count(QUEUE_WAIT) == measured.count(RUN_TIME) == 2
