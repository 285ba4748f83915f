"""Calls that wait for calls, and suspects among them: everything gets its turn."""

from collections.abc import AsyncIterator, Callable

import anyio
import pytest
from executor_bench import in_slots, outcomes, taken, ways_to
from helpers import wait_until

from lionherd_dist.call import Failure, Success
from lionherd_dist.runtime.slots import Slots, open_slots
from lionherd_dist.runtime.suspects import SUSPECT_AFTER_DEATHS
from lionherd_dist.store.calls import Again, Settled, Taken
from lionherd_dist.task import task

pytestmark = pytest.mark.anyio

MINE = "J-2"  # the job that the calls of ``Scene.ask`` wait for


class Scene:
    """An executor with two slots; its tasks do as the test says."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.settled: list[Settled] = []
        self.noted: list[bytes] = []
        self.began: list[str] = []
        self.gates = {name: anyio.Event() for name in ("ask", "rest")}

        @task(name="ask")
        async def ask() -> str:
            """Wait, as for calls of one's own."""
            self.began.append("ask")
            end = slots.lend()
            await self.gates["ask"].wait()
            end()
            await self.gates["rest"].wait()
            return "ask"

        @task(name="step")
        async def step(name: str) -> str:
            self.began.append(name)
            return name

        self.ask, self.step = ask, step
        ways = ways_to(self.settled.append, alone=self.note, awaited=MINE.__eq__)
        self.executor = in_slots(slots, ways, {"ask": ask, "step": step})

    async def note(self, one: Taken) -> int:
        self.noted.append(one.entry)
        return 0

    def names(self) -> list[str]:
        return [one.value for one in outcomes(self.settled) if isinstance(one, Success)]


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """Ready to accept calls; all that began ends with it."""
    async with open_slots(2) as slots:
        made = Scene(slots)
        yield made
        for gate in made.gates.values():
            gate.set()


def suspect(one: Taken) -> Taken:
    return one._replace(deaths=SUSPECT_AFTER_DEATHS)


async def test_a_call_that_waits_for_calls_lends_its_slot(scene: Scene) -> None:
    """Until it has what it waited for."""
    for entry in (b"1-1", b"1-2"):
        scene.executor.accept(taken(scene.ask.call(), entry))
    assert scene.executor.free == 0
    await wait_until(lambda: scene.executor.free == 2, description="both lend their slots")
    scene.gates["ask"].set()
    await wait_until(lambda: scene.executor.free == 0, description="they have their slots back")


async def test_what_a_call_leaves_running_lends_nothing(scene: Scene) -> None:
    """Its slot was given back when it ended."""
    async with open_slots(1) as slots:
        ended = anyio.Event()
        kept: list[Callable[[], Callable[[], None]]] = []

        @task(name="leave")
        async def leave() -> None:
            end = slots.lend()
            kept.append(slots.lend)
            ended.set()
            del end

        ways = ways_to(scene.settled.append)
        executor = in_slots(slots, ways, {"leave": leave})
        executor.accept(taken(leave.call()))
        with anyio.fail_after(10):
            await executor.idle()
        assert slots.free == executor.free == 1
        kept[0]()()
        assert slots.free == 1


async def test_what_outlives_its_session_lends_nothing(scene: Scene) -> None:
    """It waits for nothing any more, and may do anything."""
    scene.executor.accept(taken(scene.ask.call()))
    await wait_until(lambda: scene.executor.free == 2, description="it lends its slot")
    scene.executor.give_away()
    assert scene.executor.free == 1
    scene.gates["ask"].set()
    scene.gates["rest"].set()
    with anyio.fail_after(10):
        await scene.executor.idle()
    assert scene.executor.free == 2


async def test_a_suspect_does_not_wait_for_a_call_that_waits_for_calls(scene: Scene) -> None:
    """That one may wait for this very suspect. Its death would not count: it is not alone."""
    scene.executor.accept(taken(scene.ask.call()))
    scene.executor.accept(suspect(taken(scene.step.call("second"), b"1-2")))
    await wait_until(lambda: scene.names() == ["second"], description="the suspect ran")
    assert scene.noted == []


async def test_a_suspect_still_waits_for_calls_that_work(scene: Scene) -> None:
    """Also for one that has what it waited for."""
    scene.executor.accept(taken(scene.ask.call()))
    await wait_until(lambda: scene.executor.free == 2, description="it lends its slot")
    scene.gates["ask"].set()
    await wait_until(lambda: scene.executor.free == 1, description="it goes on")
    scene.executor.accept(suspect(taken(scene.step.call("second"), b"1-2")))
    await anyio.wait_all_tasks_blocked()
    assert scene.began == ["ask"]
    scene.gates["rest"].set()
    await wait_until(lambda: scene.names() == ["ask", "second"], description="both ran in turn")
    assert scene.noted == [b"1-2"]


async def test_a_suspect_that_waits_for_calls_has_them_beside_it_and_no_others(
    scene: Scene,
) -> None:
    """No other worker may be there for them; the others come back later, here or elsewhere."""
    scene.executor.accept(suspect(taken(scene.ask.call())))
    with anyio.fail_after(10):
        assert await scene.executor.room() == 2
    scene.executor.accept(taken(scene.step.call("strange"), b"1-2"))
    scene.executor.accept(taken(scene.step.call("own"), b"1-3")._replace(job=MINE))
    scene.executor.accept(suspect(taken(scene.step.call("strange, too"), b"1-4")))
    scene.executor.accept(suspect(taken(scene.step.call("own, too"), b"1-5")._replace(job=MINE)))
    await wait_until(lambda: len(scene.settled) == 4, description="all but the first are settled")
    put_off = {one.taken.entry for one in scene.settled if isinstance(one, Again)}
    assert put_off == {b"1-2", b"1-4"}
    assert sorted(scene.names()) == ["own", "own, too"]
    assert scene.noted == [b"1-1"]


async def test_suspects_that_wait_for_their_turn_make_way_for_one_that_waits_for_calls(
    scene: Scene,
) -> None:
    """They were taken before it was known to wait."""
    scene.executor.accept(suspect(taken(scene.ask.call())))
    scene.executor.accept(suspect(taken(scene.step.call("second"), b"1-2")))
    await wait_until(lambda: len(scene.settled) == 1, description="the second is settled")
    assert [(one.taken.entry, type(one)) for one in scene.settled] == [(b"1-2", Again)]
    with anyio.fail_after(10):
        assert await scene.executor.room() == 2


async def test_a_suspects_deadline_ends_its_wait(scene: Scene) -> None:
    """What it waits for may take for ever; nothing ran."""
    scene.executor.accept(taken(scene.ask.call()))
    await wait_until(lambda: scene.executor.free == 2, description="it lends its slot")
    scene.gates["ask"].set()
    await wait_until(lambda: scene.executor.free == 1, description="it goes on")
    late = suspect(taken(scene.step.call("late"), b"1-2"))
    scene.executor.accept(late._replace(deadline_ms=1_000_100))  # 0.1 s, by the scene's clock
    await wait_until(lambda: len(scene.settled) == 1, description="it ends in time")
    (outcome,) = outcomes(scene.settled)
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.error, TimeoutError)
    assert scene.began == ["ask"]
