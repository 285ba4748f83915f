"""Calls that share a task while none of them waits, and have their own from then on."""

import asyncio
import contextvars
import weakref
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import pairwise

import anyio
import anyio.lowlevel
import pytest
from helpers import wait_until

from lionherd_dist.runtime.lanes import IN_A_ROW, Body, Lanes

pytestmark = pytest.mark.anyio


def own_name() -> str:
    """What the task is called in which this runs; to hold the task itself would keep it apart."""
    task = asyncio.current_task()
    assert task is not None
    return task.get_name()


class Scene:
    """Lanes, and the names of the tasks in which calls began."""

    def __init__(self) -> None:
        self.lanes = Lanes()
        self.began: list[str] = []
        self.ended = 0

    def run(self, work: Callable[[], Awaitable[object]]) -> None:
        async def body(_: anyio.CancelScope) -> None:
            self.began.append(own_name())
            await work()
            self.ended += 1

        self.lanes.run(body, contextvars.Context())


async def nothing() -> None:
    """End without waiting."""


async def test_calls_that_do_not_wait_share_a_task() -> None:
    scene = Scene()
    for _ in range(20):
        scene.run(nothing)
    await scene.lanes.empty()
    assert scene.ended == 20
    assert len(set(scene.began)) == 1


async def test_a_call_that_waits_has_its_task_to_itself() -> None:
    scene, gate = Scene(), anyio.Event()
    for number in range(9):
        scene.run(gate.wait if number % 3 == 1 else nothing)
    await wait_until(lambda: scene.ended == 6, description="those that do not wait have ended")
    gate.set()
    await scene.lanes.empty()
    assert len(set(scene.began[1::3])) == 3
    for number, name in enumerate(scene.began):
        if number % 3 == 1:
            assert name not in scene.began[number + 1 :]


async def test_a_long_row_of_calls_lets_the_event_loop_breathe() -> None:
    """So that some are told of while others run."""
    scene, seen = Scene(), list[int]()
    for _ in range(4 * IN_A_ROW):
        scene.run(nothing)
    while scene.ended < 4 * IN_A_ROW:
        await anyio.lowlevel.checkpoint()
        seen.append(scene.ended)
    await scene.lanes.empty()
    assert max(after - before for before, after in pairwise([0, *seen])) == IN_A_ROW
    assert len(set(scene.began)) == 1


async def test_calls_that_come_one_by_one_share_a_task() -> None:
    """It stays while there are none; where two are left, one does."""
    scene, before = Scene(), asyncio.all_tasks()
    for number in range(5):
        scene.run(nothing)
        ended = partial(lambda count: scene.ended == count, number + 1)
        await wait_until(ended, description="it has ended")
    assert len(set(scene.began)) == 1
    for _ in range(9):
        scene.run(partial(anyio.sleep, 0.01))
        scene.run(nothing)
    await wait_until(lambda: scene.ended == 23, description="all have ended")
    for _ in range(3):
        await anyio.lowlevel.checkpoint()
    assert len(asyncio.all_tasks() - before) == 1
    await scene.lanes.empty()
    assert asyncio.all_tasks() == before


async def test_the_task_that_stays_keeps_nothing_of_the_last_call() -> None:
    """Neither what it was given nor its context variables."""

    class Large:
        pass

    async def body(_: anyio.CancelScope, large: Large) -> None:
        gone.append(weakref.ref(large))

    lanes, gone = Lanes(), list[weakref.ref[Large]]()
    context, variable = contextvars.Context(), contextvars.ContextVar[Large]("large")
    context.run(variable.set, Large())
    gone.append(weakref.ref(context[variable]))
    lanes.run(partial(body, large=Large()), context)
    del context
    await wait_until(lambda: len(gone) == 2, description="it has ended")
    await anyio.lowlevel.checkpoint()
    assert [one() for one in gone] == [None, None]
    await lanes.empty()


@pytest.mark.parametrize("when", ["before a call comes", "as a call comes", "after it has come"])
async def test_the_task_that_stays_loses_no_call_when_it_is_cancelled(when: str) -> None:
    """As by a call that cancels every task it can find."""
    scene, before = Scene(), asyncio.all_tasks()
    scene.run(nothing)
    await wait_until(lambda: scene.ended == 1, description="the first has ended")
    await anyio.lowlevel.checkpoint()
    (stays,) = asyncio.all_tasks() - before
    if when.startswith("after"):
        scene.run(nothing)
    stays.cancel()
    if when.startswith("before"):
        await wait_until(stays.done, description="it is gone")
    if not when.startswith("after"):
        scene.run(nothing)
    with anyio.fail_after(10):
        await scene.lanes.empty()
    assert scene.ended == 2


async def test_many_calls_that_wait_are_soon_begun() -> None:
    """In a few turns of the loop, not in one for each."""
    scene, gate = Scene(), anyio.Event()
    for _ in range(200):
        scene.run(gate.wait)
    for _ in range(10):
        await anyio.lowlevel.checkpoint()
    assert len(set(scene.began)) == 200
    gate.set()
    await scene.lanes.empty()
    assert scene.ended == 200


async def hold_in_a_timer(kept: list[object]) -> None:
    task = asyncio.current_task()
    assert task is not None
    kept.append(asyncio.get_running_loop().call_later(60, task.cancel))


async def hold_weakly(kept: list[object]) -> None:
    kept.append(weakref.ref(asyncio.current_task()))


async def leave_a_scope_open(kept: list[object]) -> None:
    kept.append(anyio.CancelScope().__enter__())


async def cancel_itself(_: list[object]) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


async def cancel_itself_and_call_it_off(_: list[object]) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    task.uncancel()


async def name_itself(_: list[object]) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.set_name("mine")


async def wish_to_be_told(kept: list[object]) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.add_done_callback(lambda _: kept.append("told"))


@pytest.mark.parametrize(
    "leave",
    [
        hold_in_a_timer,
        hold_weakly,
        leave_a_scope_open,
        cancel_itself,
        cancel_itself_and_call_it_off,
        name_itself,
        wish_to_be_told,
    ],
)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
async def test_a_task_that_a_call_left_something_behind_for_is_nobody_elses(
    leave: Callable[[list[object]], Awaitable[None]], at_once: bool
) -> None:
    scene, kept = Scene(), list[object]()
    for work in (nothing, lambda: leave(kept), nothing, lambda: anyio.sleep(0.001)):
        scene.run(work)
        for _ in range(0 if at_once else 4):
            await asyncio.sleep(0)
    await scene.lanes.empty()
    assert scene.ended == 4
    assert scene.began[0] == scene.began[1] != scene.began[2]
    for one in kept:
        if isinstance(one, asyncio.TimerHandle):
            one.cancel()


async def test_what_a_call_raises_has_nothing_that_it_handled_for_its_context() -> None:
    """As in a task of its own."""
    lanes, raised = Lanes(), list[BaseException]()

    async def handle_and_raise(_: anyio.CancelScope) -> None:
        gate = asyncio.get_running_loop().create_future()
        gate.set_exception(KeyError("handled"))
        try:
            await asyncio.sleep(0.001)
            await asyncio.shield(gate)
        except KeyError:
            pass
        try:
            raise ValueError("later")
        except ValueError as error:
            raised.append(error)

    lanes.run(handle_and_raise, contextvars.Context())
    await lanes.empty()
    assert [type(error.__context__) for error in raised] == [type(None)]


async def test_calls_are_begun_by_the_event_loop_whatever_makes_its_tasks() -> None:
    """An eager task would begin before it is known."""
    loop = asyncio.get_running_loop()
    factory = getattr(asyncio, "eager_task_factory", None)
    scene, gate = Scene(), anyio.Event()
    loop.set_task_factory(factory)
    try:
        scene.run(gate.wait)
        scene.run(nothing)
        assert scene.began == []
        await wait_until(lambda: scene.ended == 1, description="the second does not wait")
    finally:
        loop.set_task_factory(None)
    gate.set()
    await scene.lanes.empty()


async def test_the_scope_is_given_to_the_call_that_waits_in_it() -> None:
    lanes, stopped, went_on = Lanes(), anyio.Event(), anyio.Event()
    scopes: list[anyio.CancelScope] = []

    async def stop_me(scope: anyio.CancelScope) -> None:
        scopes.append(scope)
        try:
            await anyio.sleep(60)
        finally:
            stopped.set()

    async def go_on(scope: anyio.CancelScope) -> None:
        await anyio.sleep(0.01)
        if not scope.cancel_called:
            went_on.set()

    for body in (stop_me, go_on):
        lanes.run(body, contextvars.Context())
    await wait_until(lambda: bool(scopes), description="the first call waits")
    scopes[0].cancel()
    with anyio.fail_after(10):
        await stopped.wait()
        await went_on.wait()
        await lanes.empty()


async def test_a_lane_that_is_cancelled_before_it_begins_loses_no_call() -> None:
    """As by a call that cancels every task it can find."""
    lanes, ended = Lanes(), list[int]()

    def numbered(number: int) -> Body:
        async def body(_: anyio.CancelScope) -> None:
            ended.append(number)

        return body

    before = asyncio.all_tasks()
    for number in range(3):
        lanes.run(numbered(number), contextvars.Context())
    for lane in asyncio.all_tasks() - before:
        lane.cancel()
    with anyio.fail_after(10):
        await lanes.empty()
    assert ended == [0, 1, 2]


async def test_an_error_ends_its_own_call_only(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene()

    async def fail() -> None:
        raise RuntimeError("a defect")

    scene.run(fail)
    scene.run(nothing)
    with anyio.fail_after(10):
        await scene.lanes.empty()
    assert scene.ended == 1


async def test_what_is_abandoned_is_cancelled_and_no_more_begins() -> None:
    scene = Scene()
    scene.run(anyio.sleep_forever)
    await wait_until(lambda: len(scene.began) == 1, description="the first call waits")
    scene.run(nothing)
    scene.lanes.abandon()
    with anyio.fail_after(10):
        await scene.lanes.empty()
    assert (len(scene.began), scene.ended) == (1, 0)
