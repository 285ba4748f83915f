"""Arguments of the cluster half are checked at the call, by name and value."""

import gc
import math
import warnings
from collections.abc import Iterator

import pytest
import tasks

from lionherd_dist import Cluster, LocalCluster, NotATaskError, Retry, Settings, Worker

pytestmark = pytest.mark.anyio

NAN, INF = math.nan, math.inf
NO_COUNTS = (2.5, "2", None, True, NAN, INF, 0, -1, [2])
NO_SECONDS = ("2", True, NAN, -1, [2])
URL = "redis://localhost:1"

BUILT = [
    ("namespace", lambda v: Settings(namespace=v), (5, None, b"x")),
    ("session_s", lambda v: Settings(session_s=v), (*NO_SECONDS, 0.5, INF, None)),
    ("stall_limit_s", lambda v: Settings(stall_limit_s=v), NO_SECONDS),
    ("patience_s", lambda v: Settings(patience_s=v), (*NO_SECONDS, None)),
    ("cancel_wait_s", lambda v: Settings(cancel_wait_s=v), (*NO_SECONDS, None)),
    ("unread_cap", lambda v: Settings(unread_cap=v), NO_COUNTS),
    ("ahead", lambda v: Settings(ahead=v), NO_COUNTS),
    ("ahead_bytes", lambda v: Settings(ahead_bytes=v), NO_COUNTS),
    ("fresh_server", lambda v: Settings(fresh_server=v), ("no", 1, None)),
    ("concurrency", lambda v: Worker(tasks, redis=URL, concurrency=v), (*NO_COUNTS, 10**6)),
    ("grace_s", lambda v: Worker(tasks, redis=URL, grace_s=v), (*NO_SECONDS, None)),
    ("settings", lambda v: Worker(tasks, redis=URL, settings=v), ("prod", {"namespace": "prod"})),
    ("redis", lambda v: Worker(tasks, redis=v), (6379, b"redis://localhost")),
    ("modules", lambda v: Worker(v, redis=URL), (5, tasks.double, None)),
    ("workers", lambda v: LocalCluster("tasks", workers=v), NO_COUNTS),
    ("concurrency", lambda v: LocalCluster("tasks", concurrency=v), (*NO_COUNTS, 10**6)),
    ("settings", lambda v: LocalCluster("tasks", settings=v), ("prod", {"namespace": "prod"})),
    ("server", lambda v: LocalCluster("tasks", server=v), (5, b"/usr/bin/redis-server")),
    ("settings", lambda v: Cluster(URL, settings=v), ("prod", {"namespace": "prod"})),
    ("redis", Cluster, (6379, b"redis://localhost")),
]


def check(caught: pytest.ExceptionInfo[BaseException], name: str, value: object) -> None:
    message = str(caught.value)
    assert message.startswith((f"{name} is ", f"{name} has ")), message
    assert repr(value) in message or f"<{type(value).__name__}" in message
    assert "give " in message


@pytest.mark.parametrize(("name", "build", "values"), BUILT)
async def test_what_is_built_with_a_value_that_cannot_be_is_refused(name, build, values):
    """A wrong type is a TypeError, a number out of range a ValueError."""
    for value in values:
        with pytest.raises((TypeError, ValueError)) as caught:
            build(value)
        check(caught, name, value)


def test_a_signing_key_of_a_wrong_type_is_not_shown():
    """Whatever it is."""
    with pytest.raises(TypeError, match="signing_key is bytes") as caught:
        Settings(signing_key=b"secret" * 8)
    assert "secret" not in str(caught.value)


@pytest.fixture
def no_coroutine_is_left() -> Iterator[None]:
    """No warning of a coroutine that was never awaited."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
        gc.collect()
        assert [str(one.message) for one in caught if "never awaited" in str(one.message)] == []


def call() -> object:
    return tasks.double.call(1)


ASKED = [
    ("limit", lambda c, v: c.bounded_map(tasks.double, [1], limit=v), NO_COUNTS),
    ("limit", lambda c, v: c.submit([call()], limit=v), (2.5, "2", True, 0)),
    ("result_ttl", lambda c, v: c.submit([call()], result_ttl=v), (*NO_SECONDS, 0, INF, None)),
    ("calls", lambda c, v: c.submit(v), (5, None, tasks.double)),
    ("items", lambda c, v: c.bounded_map(tasks.double, v, limit=1), (5, None, tasks.double)),
    ("job_id", lambda c, v: c.cancel(v), (5, None, b"x")),
    ("progress", lambda c, v: c.gather(call(), progress=v), (5, "bar")),
    ("first", lambda c, v: c.race(call(), first=v), ("fastest", ["success"])),
    ("name", lambda c, v: c.capacity_limiter(v, 5), (5, None, b"api")),
    ("result_ttl", lambda c, v: c.submit([call()], result_ttl=v), (10**20,)),
]


@pytest.mark.parametrize(("name", "ask", "values"), ASKED)
async def test_what_is_asked_with_a_value_that_cannot_be_is_refused(cluster, name, ask, values):
    """Before anything is sent."""
    for value in values:
        with pytest.raises((TypeError, ValueError)) as caught:
            await ask(cluster, value)
        check(caught, name, value)


async def test_streams_are_refused_before_they_are_entered(cluster):
    """At the call that makes them."""
    for name, options in (
        ("limit", {"limit": 2.5}),
        ("progress", {"progress": 5}),
        ("on_ran", {"on_ran": 5}),
    ):
        with pytest.raises(TypeError, match=f"{name} is .*give"):
            cluster.completion_stream([call()], **options)
    with pytest.raises(TypeError, match=r"calls is Call.*give an iterable"):
        cluster.completion_stream(call())
    with pytest.raises(TypeError, match=r"job_id is 5.*give"):
        cluster.attach(5)


COROUTINES = [
    lambda c: c.gather(tasks.double(1), tasks.double(2)),
    lambda c: c.gather([tasks.double(1), tasks.double(2)]),
    lambda c: c.race(tasks.double(1), tasks.double(2)),
    lambda c: c.race(tasks.double(1), tasks.double(2), first="success"),
    lambda c: c.run(tasks.double(1)),
    lambda c: c.run([tasks.double(1)]),
    lambda c: c.bounded_map(tasks.double(1), [tasks.double(2)], limit=1),
    lambda c: c.submit([tasks.double(1), tasks.double(2)]),
]


@pytest.mark.parametrize("ask", COROUTINES)
async def test_coroutines_are_refused_and_closed(cluster, ask, no_coroutine_is_left):
    """All of them, with the way to do it."""
    with pytest.raises(NotATaskError):
        await ask(cluster)


async def test_a_stream_of_coroutines_closes_those_that_it_did_not_come_to(
    cluster, no_coroutine_is_left
):
    """They were given, and run nowhere."""
    with pytest.raises(NotATaskError):
        async with cluster.completion_stream([tasks.double(1), tasks.double(2)]) as stream:
            async for _ in stream:
                pass


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (tasks.double, r"give a call of the task, double\.call\(\.\.\.\)"),
        ([1], r"gather\(\*calls\)"),
        (len, r"decorate the function with @task"),
        (None, r"None is not a call"),
    ],
)
async def test_what_is_no_call_is_told_apart(cluster, given, message):
    """A task, a list of calls, a function."""
    with pytest.raises(NotATaskError, match=message):
        await cluster.run(given)
    with pytest.raises(NotATaskError, match=message):
        await cluster.gather(call(), given)


async def test_the_call_of_a_task_is_not_what_bounded_map_takes(cluster):
    """A natural guess, as the other patterns take calls; the answer names the task."""
    with pytest.raises(NotATaskError, match=r"give it the task tasks:double, without \.call"):
        await cluster.bounded_map(tasks.double.call, [1], limit=1)


@pytest.mark.parametrize(
    "build",
    [
        lambda: tasks.double.with_options(timeout=10**400),
        lambda: Retry(max_delay=10**400),
        lambda: Retry(base_delay=10**400),
    ],
    ids=["timeout", "max_delay", "base_delay"],
)
async def test_a_number_that_is_too_large_for_a_float_is_refused(build):
    """Before it is sent: a worker could not even say that it cannot read it."""
    with pytest.raises(ValueError, match="too large"):
        build()
