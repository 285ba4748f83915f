"""Calls that came in one entry: one after the other, while each ends at once."""

import anyio
import pytest
import tasks
from executor_bench import executor, in_slots, taken, ways_to

from lionherd_dist.call import Call
from lionherd_dist.runtime import streaks
from lionherd_dist.runtime.meter import Meter
from lionherd_dist.runtime.slots import open_slots
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
