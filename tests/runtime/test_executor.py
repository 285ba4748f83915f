"""What the executor decides before it starts a call."""

import asyncio
import contextvars
import threading
from contextlib import suppress
from contextvars import ContextVar
from functools import partial

import anyio
import anyio.lowlevel
import pytest
import tasks
from executor_bench import executor, in_slots, outcomes, taken, ways_to
from helpers import wait_until

from lionherd_dist.call import Cancelled, Failure, Success
from lionherd_dist.runtime.executor import SUSPECT_AFTER_DEATHS
from lionherd_dist.runtime.slots import Slots, open_slots
from lionherd_dist.store.calls import Back, Done, Settled, Taken
from lionherd_dist.task import task, tasks_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("trusted", "kind"), [(True, Done), (False, Back)])
async def test_a_call_does_not_start_after_a_pause_that_outlasted_the_session(
    trusted: bool, kind: type[Settled]
) -> None:
    """Somebody else has it by then; what is said of it is refused by the server anyway."""
    settled: list[Settled] = []
    async with executor(settled.append, trusted=trusted) as running:
        running.accept(taken())
        with anyio.fail_after(10):
            await running.idle()
    assert [type(one) for one in settled] == [kind]


async def test_a_call_in_hand_is_not_run_twice() -> None:
    """However often the server says that it is ours."""
    settled: list[Settled] = []
    async with executor(settled.append, trusted=True) as running:
        running.accept(taken())
        running.accept(taken())
        with anyio.fail_after(10):
            await running.idle()
    assert len(settled) == 1


variable: ContextVar[int] = ContextVar("variable")


async def test_each_call_has_a_task_and_a_context_of_its_own() -> None:
    """However fast it is: what one leaves behind is not found by the next."""
    ran_in: set[asyncio.Task[object] | None] = set()

    @task(name="leave")
    async def leave(number: int) -> int | None:
        ran_in.add(asyncio.current_task())
        found = variable.get(None)
        variable.set(number)
        return found

    settled: list[Settled] = []
    async with executor(settled.append, leave) as running:
        for number in range(20):
            running.accept(taken(leave.call(number), b"1-%d" % number))
        with anyio.fail_after(10):
            await running.idle()
    assert outcomes(settled) == [Success(None)] * 20
    assert len(ran_in) == 20


async def test_a_function_that_cancels_its_task_late_meets_no_other_call() -> None:
    """Its task has ended by then, and is nobody else's."""

    @task(name="mischief")
    async def mischief() -> None:
        current = asyncio.current_task()
        assert current is not None
        asyncio.get_running_loop().call_soon(current.cancel)

    @task(name="wait")
    async def wait() -> str:
        await anyio.sleep(0.01)
        return "whole"

    settled: list[Settled] = []
    async with executor(settled.append, mischief, wait) as running:
        running.accept(taken(mischief.call(), b"1-1"))
        running.accept(taken(wait.call(), b"1-2"))
        with anyio.fail_after(10):
            await running.idle()
    assert outcomes(settled) == [Success(None), Success("whole")]


async def test_a_cancelled_call_ends_what_it_shields_first() -> None:
    """As in-process: a shield holds our cancellation off, and then it takes effect."""
    started, gate, done = anyio.Event(), anyio.Event(), list[str]()

    @task(name="guard")
    async def guard() -> None:
        with anyio.CancelScope(shield=True):
            started.set()
            await gate.wait()
            done.append("shielded")
        await anyio.sleep(30)
        done.append("not cancelled")

    settled: list[Settled] = []
    async with executor(settled.append, guard) as running:
        running.accept(taken(guard.call()))
        with anyio.fail_after(10):
            await started.wait()
            running.cancel("J-1")
            await anyio.lowlevel.checkpoint()
            gate.set()
            await running.idle()
    assert outcomes(settled) == [Cancelled()]
    assert done == ["shielded"]


async def test_a_call_that_swallows_a_cancellation_is_cancelled_again() -> None:
    """At its next wait: a stray `except` does not hold the slot for ever."""
    started = anyio.Event()

    @task(name="stubborn")
    async def stubborn() -> None:
        started.set()
        with suppress(asyncio.CancelledError):
            await anyio.sleep(30)
        await anyio.sleep(30)

    settled: list[Settled] = []
    async with executor(settled.append, stubborn) as running:
        running.accept(taken(stubborn.call()))
        with anyio.fail_after(10):
            await started.wait()
            running.cancel("J-1")
            await running.idle()
    assert outcomes(settled) == [Cancelled()]


async def test_a_suspects_death_beside_a_call_of_an_earlier_session_does_not_count() -> None:
    """It may be that other call which ends the process; and to wait for it may take for ever."""
    gate = anyio.Event()
    asked: list[Taken] = []

    async def alone(one: Taken) -> int:
        asked.append(one)
        return 0

    async def outlive(slots: Slots, _: anyio.CancelScope) -> None:
        await gate.wait()
        slots.ended()

    settled: list[Settled] = []
    ways = ways_to(settled.append, alone=alone)
    async with open_slots(2) as slots:
        slots.run(partial(outlive, slots), contextvars.Context())
        running = in_slots(slots, ways, tasks_of([tasks]))
        assert running.free == 1
        suspect = taken()._replace(deaths=SUSPECT_AFTER_DEATHS)
        running.accept(suspect)
        with anyio.fail_after(10):
            await running.idle()
        assert outcomes(settled) == [Success(4)]
        assert asked == []
        gate.set()
        running.accept(suspect._replace(entry=b"1-2"))
        with anyio.fail_after(10):
            await running.idle()
    assert [one.entry for one in asked] == [b"1-2"]
    assert outcomes(settled) == [Success(4)] * 2


@pytest.mark.parametrize("deaths", [0, SUSPECT_AFTER_DEATHS])
async def test_a_call_that_is_handed_back_waits_for_no_answer_of_the_server(deaths: int) -> None:
    """Neither whether another worker knows its task, nor how often it died."""
    asked = anyio.Event()

    async def silence(_: object) -> int:
        asked.set()
        await anyio.sleep_forever()
        return 0

    @task(name="elsewhere")
    async def elsewhere() -> None: ...

    settled: list[Settled] = []
    ways = ways_to(settled.append, known_elsewhere=silence, alone=silence)
    async with open_slots(2) as slots:
        running = in_slots(slots, ways, tasks_of([tasks]))
        running.accept(taken(elsewhere.call())._replace(deaths=deaths))
        with anyio.fail_after(10):
            await asked.wait()
            running.hand_back()
            await running.idle()
    assert [type(one) for one in settled] == [Back]


async def test_a_call_that_arrives_when_all_is_handed_back_does_not_start() -> None:
    """Not even up to where it first waits: another worker runs it from the beginning."""
    started: list[str] = []

    @task(name="begin")
    async def begin() -> None:
        started.append("begun")

    settled: list[Settled] = []
    async with executor(settled.append, begin) as running:
        running.hand_back()
        running.accept(taken(begin.call()))
        running.accept(taken(begin.call(), b"1-2")._replace(deaths=SUSPECT_AFTER_DEATHS))
        with anyio.fail_after(10):
            await running.idle()
    assert [type(one) for one in settled] == [Back, Back]
    assert started == []


@pytest.mark.parametrize(("cancelled", "kind"), [(False, Back), (True, Done)])
async def test_a_suspect_that_waits_to_be_alone_stops_at_once(
    cancelled: bool, kind: type[Settled]
) -> None:
    """What it waits for may be a thread that never ends; its slot is for the next session."""
    begun, gate = threading.Event(), threading.Event()

    @task(name="stay")
    def stay() -> None:
        begun.set()
        gate.wait(60)

    settled: list[Settled] = []
    ways = ways_to(settled.append)
    async with open_slots(3) as slots:
        try:
            running = in_slots(slots, ways, {stay.name: stay})
            running.accept(taken(stay.call())._replace(job="J-2"))
            for entry in (b"1-2", b"1-3"):
                running.accept(taken(stay.call(), entry)._replace(deaths=SUSPECT_AFTER_DEATHS))
            await wait_until(begun.is_set, description="the thread runs")
            if cancelled:
                running.cancel("J-1")
            else:
                running.hand_back()
            with anyio.fail_after(10):
                while slots.begun > 1:
                    await slots.change()
            assert [(one.taken.entry, type(one)) for one in settled] == [
                (b"1-2", kind),
                (b"1-3", kind),
            ]
        finally:
            gate.set()


async def test_a_defect_beside_a_suspect_ends_that_call_alone() -> None:
    """Its client gets the error; the worker and its other suspects go on."""

    async def broken(one: Taken) -> int:
        if one.entry == b"1-1":
            raise LookupError("a reply that nobody foresaw")
        return 0

    settled: list[Settled] = []
    ways = ways_to(settled.append, alone=broken)
    async with open_slots(2) as slots:
        running = in_slots(slots, ways, tasks_of([tasks]))
        for entry in (b"1-1", b"1-2"):
            running.accept(taken(entry=entry)._replace(deaths=SUSPECT_AFTER_DEATHS))
        with anyio.fail_after(10):
            await running.idle()
        assert running.free == 2
    first, second = outcomes(settled)
    assert isinstance(first, Failure)
    assert isinstance(first.error, LookupError)
    assert second == Success(4)
