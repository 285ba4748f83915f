"""Context variables go with calls to their workers, and a call knows which it is."""

from contextvars import ContextVar

import anyio
import pytest
import task_shapes
from task_shapes import request_id

from lionherd_dist import Cluster, EncodeError, carry, current_call, fail_after
from lionherd_dist.carrying import carried_here, set_carried
from lionherd_dist.wire.messages import decode_call, encode_call

pytestmark = pytest.mark.anyio


async def test_a_carried_variable_is_set_where_the_call_runs(cluster: Cluster) -> None:
    """In every pattern, in threads, and not for others."""
    task_shapes.not_carried.set("here")
    call = task_shapes.read_request_id.call()
    assert await cluster.run(call) == ("none", "none")
    request_id.set("r1")
    assert await cluster.run(call) == ("r1", "none")
    assert await cluster.gather(call, call) == [("r1", "none")] * 2
    assert await cluster.run(task_shapes.read_request_id_in_a_thread.call()) == "r1"
    async with cluster.completion_stream(call for _ in range(3)) as stream:
        request_id.set("r2")  # the stream was begun before
        assert [result async for _, result in stream] == [("r1", "none")] * 3


async def test_it_goes_through_calls_of_calls_retries_and_submitted_jobs(cluster: Cluster) -> None:
    """What one attempt sets, the next does not see."""
    request_id.set("r3")
    assert await cluster.run(task_shapes.ask_for_the_request_id.call()) == ("r3", "none")
    assert await cluster.run(task_shapes.read_request_id_at_last.call("carried")) == "r3"
    job_id = await cluster.submit([task_shapes.read_request_id.call()])
    request_id.set("r4")
    async with cluster.attach(job_id) as stream:
        assert [result async for _, result in stream] == [("r3", "none")]


async def test_a_value_that_cannot_be_sent_is_named(cluster: Cluster) -> None:
    """By the variable's name."""
    request_id.set(object())  # type: ignore[arg-type]
    with pytest.raises(EncodeError, match=r"carried\['request_id'\]"):
        await cluster.run(task_shapes.read_request_id.call())


def test_nothing_is_sent_where_nothing_is_set() -> None:
    """A default is none, and costs no byte; unknown names are ignored, whatever they are."""
    call = task_shapes.read_request_id.call()
    assert encode_call(call, carried=carried_here()) == encode_call(call)
    set_carried({"request_id.unknown": 1, "os:environ": 2})
    assert carried_here() == {}
    message = decode_call(encode_call(call, carried={"request_id": "r", "unknown": 1}))
    assert message.carried == {"request_id": "r", "unknown": 1}


@pytest.mark.parametrize("carried", [5, ["x"], {5: "x"}, None])
def test_what_is_no_such_dict_is_a_later_versions(carried: object) -> None:
    """And never a reason to refuse a call."""
    from lionherd_dist.wire.limits import DEFAULT_LIMITS
    from lionherd_dist.wire.values import encode

    data = encode([1, "t", [], {}, {"carried": carried}], DEFAULT_LIMITS)
    assert decode_call(data).carried == {}


def test_a_name_stands_for_one_variable() -> None:
    """Given by the variable, or by name."""
    assert carry(request_id) is request_id
    with pytest.raises(ValueError, match=r"'request_id', under which another"):
        carry(ContextVar("request_id"))
    with pytest.raises(ValueError, match="name is 'a b'"):
        carry(ContextVar("a b"))
    with pytest.raises(TypeError, match="var is 'request_id'"):
        carry("request_id")  # type: ignore[arg-type]
    var: ContextVar[str] = ContextVar("a b")
    assert carry(var, name="tests.a_b") is var


async def test_a_call_knows_its_job_index_attempt_and_id(cluster: Cluster) -> None:
    """The id is the same in every attempt, and another for every other call."""
    task_shapes.attempts.clear()
    await cluster.gather(*(task_shapes.who.call(f"p{n}") for n in range(2)))
    seen = sorted(task_shapes.attempts)
    assert [(place, index, attempt) for place, _, index, attempt, _ in seen] == [
        (f"p{n}", n, attempt) for n in range(2) for attempt in (1, 2, 3)
    ]
    assert len({id_ for _, id_, *_ in seen}) == 2
    assert {deadline for *_, deadline in seen} == {None}


@pytest.mark.parametrize("task", [task_shapes.who_in_a_thread, task_shapes.who_in_a_child])
async def test_threads_and_tasks_of_a_call_know_it_too(cluster: Cluster, task) -> None:
    """With its deadline, on the event loop's clock."""
    task_shapes.attempts.clear()
    with fail_after(40):
        end = anyio.current_effective_deadline()
        await cluster.run(task.call("a"))
    ((_, _, index, attempt, deadline),) = task_shapes.attempts
    assert (index, attempt) == (0, 1)
    assert deadline is not None
    assert abs(deadline - end) < 5


def test_outside_of_a_call_there_is_none() -> None:
    """It says where there is."""
    with pytest.raises(LookupError, match="code of calls"):
        current_call()
