"""The same promises, in-process and across workers: one body, two halves."""

import itertools
import json
import re
import socket
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import anyio
import pytest
import task_shapes
import tasks
from containers.server import IMAGE
from helpers import wait_until

import lionherd_dist
from lionherd_dist import Call, Cluster, CompletionStream, LionherdError, Task, fail_after
from lionherd_dist.errors import sole

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Half:
    """The five patterns of one half, by the same names."""

    gather: Callable[..., object]
    race: Callable[..., object]
    bounded_map: Callable[..., object]
    completion_stream: Callable[..., AbstractAsyncContextManager[AsyncIterator[tuple[int, object]]]]


IN_A_CONTAINER = f"cluster on {IMAGE}"


@pytest.fixture
def redis_url(request: pytest.FixtureRequest) -> str:
    """The server of the half that is under test."""
    in_a_container = request.node.callspec.params["half"] == IN_A_CONTAINER
    url: str = request.getfixturevalue("container_url" if in_a_container else "embedded_url")
    return url


@pytest.fixture(params=["local", "cluster", pytest.param(IN_A_CONTAINER, marks=pytest.mark.docker)])
def half(request: pytest.FixtureRequest) -> Half:
    if request.param == "local":
        return Half(
            lionherd_dist.gather, lionherd_dist.race, lionherd_dist.bounded_map, CompletionStream
        )
    cluster: Cluster = request.getfixturevalue("cluster")
    return Half(cluster.gather, cluster.race, cluster.bounded_map, cluster.completion_stream)


@pytest.fixture
async def stage() -> tasks.Stage:
    return tasks.new_stage()


# --- gather


async def test_gather_gives_results_in_input_order(half: Half) -> None:
    """Not in the order of completion."""
    calls = [tasks.after.call(who, wait_s) for who, wait_s in ((1, 0.03), (2, 0.0), (3, 0.01))]
    assert await half.gather(*calls) == [1, 2, 3]


async def test_gather_of_nothing_is_an_empty_list(half: Half) -> None:
    """No input, no work."""
    assert await half.gather() == []


async def test_gather_raises_a_group_and_stops_the_siblings(half: Half, stage: tasks.Stage) -> None:
    """One failure ends the rest, and their clean-up is over before gather raises."""
    with pytest.raises(ExceptionGroup) as caught:
        await half.gather(tasks.hold.call("a"), tasks.hold.call("b"), tasks.fail.call("no"))
    assert [repr(error) for error in caught.value.exceptions] == ["ValueError('no')"]
    assert stage.running == 0
    assert sorted(map(str, stage.cleaned)) == sorted(map(str, stage.started))


async def test_gather_can_return_exceptions_in_place(half: Half) -> None:
    """Failures stand where their results would."""
    results = await half.gather(
        tasks.double.call(1), tasks.fail.call("no"), tasks.double.call(3), return_exceptions=True
    )
    assert [repr(one) for one in results] == ["2", "ValueError('no')", "6"]


async def test_calls_are_reusable(half: Half) -> None:
    """A call is a value: it runs as often as it is given."""
    call = tasks.double.call(4)
    assert await half.gather(call, call) == [8, 8]
    assert await half.gather(call) == [8]


async def test_a_plain_function_is_a_task_too(half: Half) -> None:
    """It runs in a thread."""
    assert await half.gather(*map(tasks.double_in_a_thread.call, range(5))) == [0, 2, 4, 6, 8]


# --- race


async def test_race_gives_the_first_and_stops_the_others(half: Half, stage: tasks.Stage) -> None:
    """The losers have cleaned up when race returns."""
    assert await half.race(tasks.hold.call("a"), tasks.double.call(4), tasks.hold.call("b")) == 8
    assert stage.running == 0


async def test_race_raises_a_first_failure_as_itself(half: Half, stage: tasks.Stage) -> None:
    """First completion, failure included, not wrapped."""
    with pytest.raises(ValueError, match="no"):
        await half.race(tasks.hold.call("a"), tasks.fail.call("no"))
    assert stage.running == 0


async def test_race_for_success_passes_failures_over(half: Half) -> None:
    """A failure does not win while a success may still come."""
    calls = (tasks.fail.call("no"), tasks.after.call(7, 0.02))
    assert await half.race(*calls, first="success") == 7


async def test_race_for_success_raises_all_failures_when_there_is_none(half: Half) -> None:
    """Only when every call failed."""
    with pytest.raises(ExceptionGroup) as caught:
        await half.race(tasks.fail.call("a"), tasks.fail.call("b"), first="success")
    assert sorted(str(error) for error in caught.value.exceptions) == ["a", "b"]


async def test_race_of_nothing_is_refused(half: Half) -> None:
    """There is no first of none."""
    with pytest.raises(ValueError, match="at least one"):
        await half.race()


# --- bounded_map


async def test_bounded_map_keeps_the_limit_and_the_order(half: Half, stage: tasks.Stage) -> None:
    """Never more than limit at once, and as many as that."""
    results = await half.bounded_map(tasks.brief, range(60), limit=4)
    assert results == list(range(60))
    assert stage.most == 4


async def test_bounded_map_takes_async_items(half: Half) -> None:
    """Sync or async, of any length."""

    async def items() -> AsyncIterator[int]:
        for n in range(30):
            yield n

    assert await half.bounded_map(tasks.double, items(), limit=3) == [2 * n for n in range(30)]


@pytest.mark.parametrize("limit", [0, -1])
async def test_a_limit_below_one_is_refused(half: Half, limit: int) -> None:
    """With the value in the message."""
    with pytest.raises(ValueError, match=str(limit)):
        await half.bounded_map(tasks.double, [1], limit=limit)


async def test_bounded_map_pulls_its_items_lazily(half: Half, stage: tasks.Stage) -> None:
    """A failure early in an endless input ends it: the input is never exhausted first."""

    def endless() -> Iterator[int]:
        n = 0
        while True:
            yield n
            n += 1

    with pytest.raises(ExceptionGroup):
        await half.bounded_map(tasks.fail_on_three, endless(), limit=2)


async def test_bounded_map_can_return_exceptions_in_place(half: Half) -> None:
    """Failures stand where their results would."""
    results = await half.bounded_map(tasks.fail_on_three, range(5), limit=2, return_exceptions=True)
    assert [repr(one) for one in results] == ["0", "1", "2", "ValueError('item 3')", "4"]


# --- streams


async def test_a_stream_gives_outcomes_as_they_complete(half: Half) -> None:
    """In the order of completion, each with its index."""
    calls = [tasks.after.call(who, wait_s) for who, wait_s in ((1, 0.2), (2, 0.0), (3, 0.1))]
    async with half.completion_stream(calls) as stream:
        assert [pair async for pair in stream] == [(1, 2), (2, 3), (0, 1)]


async def test_leaving_a_stream_early_stops_what_runs(half: Half, stage: tasks.Stage) -> None:
    """Queued and running calls are stopped, and have cleaned up, when the block is left."""
    calls: list[Call[object]] = [tasks.double.call(1), *map(tasks.hold.call, range(50))]
    async with half.completion_stream(calls, limit=5) as stream:
        async for _, result in stream:
            assert result == 2
            break
    assert stage.running == 0
    assert len(stage.started) <= 6


async def test_an_error_in_the_body_leaves_a_stream_as_itself(
    half: Half, stage: tasks.Stage
) -> None:
    """Not wrapped, and nothing is left running."""
    with pytest.raises(KeyError, match="mine"):
        async with half.completion_stream(map(tasks.hold.call, range(5))):
            await wait_until(lambda: stage.running == 5, description="all five run")
            raise KeyError("mine")
    assert stage.running == 0


async def test_a_failure_ends_a_stream_in_a_group(half: Half, stage: tasks.Stage) -> None:
    """And the siblings are stopped."""
    with pytest.raises(ExceptionGroup) as caught:
        async with half.completion_stream(
            [tasks.hold.call(1), tasks.fail.call("no"), tasks.hold.call(2)]
        ) as stream:
            async for _ in stream:
                pass
    assert [str(error) for error in caught.value.exceptions] == ["no"]
    assert stage.running == 0


async def test_a_stream_can_give_exceptions_as_outcomes(half: Half) -> None:
    """The stream goes on after a failure."""
    calls = [tasks.fail.call("no"), tasks.double.call(1)]
    async with half.completion_stream(calls, return_exceptions=True) as stream:
        seen = dict([pair async for pair in stream])
    assert {index: repr(one) for index, one in seen.items()} == {0: "ValueError('no')", 1: "2"}


async def test_a_stream_keeps_its_limit_over_a_long_lazy_input(
    half: Half, stage: tasks.Stage
) -> None:
    """Five hundred calls, three at once."""
    async with half.completion_stream((tasks.brief.call(n) for n in range(500)), limit=3) as stream:
        seen = [index async for index, _ in stream]
    assert sorted(seen) == list(range(500))
    assert stage.most == 3


# --- cancellation and deadlines


@pytest.mark.parametrize("pattern", ["gather", "race", "bounded_map", "completion_stream"])
async def test_an_outer_cancellation_stops_everything(
    half: Half, stage: tasks.Stage, pattern: str
) -> None:
    """The calls have cleaned up when the cancelled block is left."""
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(_run, half, pattern)
            await wait_until(lambda: stage.running == 3, description="three run")
            scope.cancel()
    assert scope.cancelled_caught
    assert stage.running == 0


@pytest.mark.parametrize("pattern", ["gather", "race", "bounded_map", "completion_stream"])
async def test_a_deadline_stops_everything(half: Half, stage: tasks.Stage, pattern: str) -> None:
    """It is raised where it was set, and nothing is left running."""
    with pytest.raises(TimeoutError), fail_after(0.15):
        await _run(half, pattern)
    assert stage.running == 0


async def _run(half: Half, pattern: str) -> None:
    calls = [tasks.hold.call(n) for n in range(3)]
    if pattern == "bounded_map":
        await half.bounded_map(tasks.hold, range(3), limit=3)
    elif pattern == "completion_stream":
        async with half.completion_stream(calls) as stream:
            async for _ in stream:
                pass
    else:
        await getattr(half, pattern)(*calls)


# --- what a task brings along


async def test_the_tasks_own_retry_applies(half: Half, stage: tasks.Stage) -> None:
    """Two failures of the right kind, then the third attempt counts."""
    assert await half.gather(tasks.flaky.call("a", 2)) == [3]


async def test_a_failure_of_another_kind_is_not_tried_again(half: Half, stage: tasks.Stage) -> None:
    """retry_on chooses."""
    with pytest.raises(ExceptionGroup):
        await half.gather(tasks.fail_for_good.call("a"))
    assert stage.attempts["a"] == 1


async def test_the_last_failure_is_raised_when_attempts_run_out(
    half: Half, stage: tasks.Stage
) -> None:
    """As itself, not as something about retrying."""
    with pytest.raises(ConnectionError, match="attempt 4"):
        await half.race(tasks.flaky.call("a", 9))
    assert stage.attempts["a"] == 4


async def test_the_tasks_own_timeout_applies(half: Half) -> None:
    """A TimeoutError like any other failure."""
    with pytest.raises(TimeoutError):
        await half.race(tasks.too_slow.call())


async def test_a_deadline_reaches_the_function(half: Half) -> None:
    """As the ambient deadline, and as what is left of it."""
    with fail_after(60):
        (left_s,) = await half.gather(tasks.seconds_left.call())
    assert 50 < left_s <= 61  # a worker knows the server's clock to within a round trip
    assert await half.gather(tasks.seconds_left.call()) == [None]


# --- inputs that fail


async def test_an_input_that_fails_ends_bounded_map_as_itself(
    half: Half, stage: tasks.Stage
) -> None:
    """Not wrapped in a group: it is the caller's own error, and nothing is left running."""

    def items() -> Iterator[int]:
        yield from range(3)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await half.bounded_map(tasks.hold, items(), limit=5)
    assert stage.running == 0


async def test_an_input_that_fails_ends_a_stream_as_itself(half: Half, stage: tasks.Stage) -> None:
    """As in bounded_map."""

    def calls() -> Iterator[Call[object]]:
        yield from map(tasks.hold.call, range(3))
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        async with half.completion_stream(calls(), limit=5) as stream:
            async for _ in stream:
                pass
    assert stage.running == 0


# --- what a task may be made of, and what is tried again


async def test_every_shape_of_callable_is_a_task(half: Half) -> None:
    """Partials, objects, methods, wrappers; an awaitable result is awaited."""
    calls = [one.call(4) for one in task_shapes.SHAPES]
    assert await half.gather(*calls) == [8] * len(calls)


async def test_a_group_of_errors_that_are_all_retried_is_retried(half: Half) -> None:
    """As ``gather`` raises it; a group with one that is not ends the call at once."""
    place = f"groups {next(_places)}"
    assert await half.gather(task_shapes.fails_in_groups.call(place)) == [3]
    mixed = f"mixed {next(_places)}"
    with pytest.raises(ExceptionGroup):
        await half.gather(task_shapes.fails_in_a_mixed_group.call(mixed))
    assert task_shapes.calls.count(mixed) == 1


_places = itertools.count()


async def test_items_that_a_task_cannot_be_called_with_are_refused(half: Half) -> None:
    """By the task's own name, before anything runs."""
    with pytest.raises((TypeError, ExceptionGroup)) as caught:
        await half.bounded_map(tasks.after, [(1, 2)], limit=2)
    assert "missing" in str(sole(caught.value))


async def test_a_limit_is_a_count_in_both_halves(half: Half) -> None:
    """Refused by name and value."""
    for value in (2.5, "2", True, 0, -1, None):
        with pytest.raises((TypeError, ValueError), match=re.escape(f"limit is {value!r}")):
            await half.bounded_map(tasks.double, [1], limit=value)
    with pytest.raises(TypeError, match=r"limit is 2\.5"):
        async with half.completion_stream([tasks.double.call(1)], limit=2.5):
            pass


# --- failures


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("ValueError", (ValueError,)),
        ("json", (json.JSONDecodeError, ValueError)),
        ("gaierror", (socket.gaierror, OSError)),
        ("process", (subprocess.CalledProcessError, subprocess.SubprocessError)),
        ("sqlite", (sqlite3.OperationalError, sqlite3.DatabaseError)),
        ("coded", (ValueError,)),
        ("disk", (OSError,)),
        ("registered", (tasks.Registered,)),
        ("below", (tasks.Registered,)),
        ("own", (LionherdError, ValueError)),
    ],
)
async def test_except_catches_the_same(
    half: Half, name: str, classes: tuple[type[Exception], ...]
) -> None:
    """A class of the standard library, a registered one, and what is above a class of a user."""
    (error,) = await half.gather(tasks.fail_as.call(name), return_exceptions=True)
    for cls in classes:
        with pytest.raises(cls):
            raise error
        with pytest.raises(ExceptionGroup) as caught:
            await half.gather(tasks.fail_as.call(name))
        matching, rest = caught.value.split(cls)
        assert matching is not None
        assert rest is None
    assert getattr(error, "errno", None) in {None, 28, socket.EAI_NONAME}
    assert getattr(error, "code", 5) == 5


async def test_a_dataclass_and_an_enum_arrive_as_they_were(half: Half) -> None:
    """Their constructors do not run again."""
    painted = tasks.Painted("bob", tasks.Colour.RED)
    (arrived,) = await half.gather(tasks.echo.call(painted))
    assert arrived == painted
    assert arrived.name == "bob!"
    assert arrived.colour is tasks.Colour.RED


# --- what a call knows of itself, and what goes with it


async def _in_each_pattern(half: Half, task: Task[[str], object]) -> dict[str, int]:
    """Run *task* in every pattern; how many calls each made."""
    call = task.call
    mapped = call if half.bounded_map is lionherd_dist.bounded_map else task
    await half.gather(call("gather"), call("gather"))
    await half.bounded_map(mapped, ["map"] * 5, limit=2)
    async with half.completion_stream((call("stream") for _ in range(3)), limit=2) as stream:
        assert [index async for index, _ in stream]
    await half.race(call("race"))
    return {"gather": 2, "map": 5, "stream": 3, "race": 1}


async def test_a_call_knows_its_index_its_attempt_and_an_id(half: Half) -> None:
    """In every pattern; the id is one for all attempts at a call, and for no other call."""
    task_shapes.attempts.clear()
    counts = await _in_each_pattern(half, task_shapes.who)
    for place, count in counts.items():
        seen = sorted(one for one in task_shapes.attempts if one[0] == place)
        by_index: dict[int, list[tuple[str, int]]] = {}
        for _, id_, index, attempt, _ in seen:
            by_index.setdefault(index, []).append((id_, attempt))
        assert sorted(by_index) == list(range(count))
        assert all([attempt for _, attempt in ones] == [1, 2, 3] for ones in by_index.values())
        assert all(len({id_ for id_, _ in ones}) == 1 for ones in by_index.values())
    ids = {id_ for _, id_, *_ in task_shapes.attempts}
    assert len(ids) == sum(counts.values())


@pytest.mark.parametrize("task", [task_shapes.who_in_a_thread, task_shapes.who_in_a_child])
async def test_threads_and_tasks_of_a_call_know_when_it_ends(half: Half, task: Task) -> None:
    """By the deadline around the pattern, or by the task's own timeout."""
    task_shapes.attempts.clear()
    with fail_after(40):
        end = anyio.current_effective_deadline()
        counts = await _in_each_pattern(half, task)
    assert len(task_shapes.attempts) == sum(counts.values())
    assert all(
        deadline is not None and abs(deadline - end) < 5 for *_, deadline in task_shapes.attempts
    )


async def test_a_carried_variable_is_seen_by_the_call(half: Half) -> None:
    """As it was where the pattern was asked, in every pattern."""
    task_shapes.request_id.set("r7")
    call = task_shapes.read_request_id.call
    assert await half.gather(call(), call()) == [("r7", "none")] * 2
    assert await half.race(call()) == ("r7", "none")
    async with half.completion_stream([call()]) as stream:
        task_shapes.request_id.set("r8")
        assert [result async for _, result in stream] == [("r7", "none")]


async def test_a_failure_says_which_call_it_was(half: Half) -> None:
    """By its index, and by its item or its task, in a note."""
    with pytest.raises(ExceptionGroup) as caught:
        await half.gather(tasks.double.call(1), tasks.fail.call("no"))
    notes = "".join(caught.value.exceptions[0].__notes__)
    assert re.search(r"\b(awaitable|call) 1\b", notes)
    assert "tasks:fail" in notes
    function = tasks.fail.call if half.bounded_map is lionherd_dist.bounded_map else tasks.fail
    with pytest.raises(ExceptionGroup) as caught:
        await half.bounded_map(function, ["broken"], limit=1)
    notes = "".join(caught.value.exceptions[0].__notes__)
    assert re.search(r"\b(item|call) 0\b", notes)
    assert "broken" in notes
