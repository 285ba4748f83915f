"""Tasks over callables of every shape, with docstrings that doctest can run."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar

from lionherd_dist import Retry, carry, current_call, current_cluster, task

calls: list[str] = []
where: ContextVar[str] = ContextVar("where", default="")


def noted(function: Callable[[int], Awaitable[int]]) -> Callable[[int], Awaitable[int]]:
    """A plain wrapper of an async function, as decorators that time or log are."""

    @functools.wraps(function)
    def wrapper(n: int) -> Awaitable[int]:
        calls.append(function.__name__)
        return function(n)

    return wrapper


@task
async def plain(n: int, *, times: int = 1) -> "int":
    """Double.

    >>> import asyncio
    >>> asyncio.run(plain(4))
    8
    """
    return 2 * n * times


@task
def thread(n: int) -> int:
    """Double.

    >>> thread(4)
    9
    """
    return 2 * n


@task
@noted
async def wrapped(n: int) -> int:
    await asyncio.sleep(0)
    return 2 * n


@task
def gives_a_coroutine(n: int) -> Coroutine[object, object, int]:
    return plain.function(n)


partial_of_async = task(name="shapes.partial_of_async")(functools.partial(plain.function, times=1))
partial_of_plain = task(name="shapes.partial_of_plain")(functools.partial(thread.function))


class Doubler:
    """Doubles what it is called with."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.call = "an attribute that a task has, too"

    async def __call__(self, n: int) -> int:
        return self.times * n

    def method(self, n: int) -> int:
        return self.times * n

    async def async_method(self, n: int) -> int:
        return self.times * n

    @task(name="shapes.in_a_class")
    async def in_a_class(self, n: int) -> int:
        return self.times * n


class PlainDoubler:
    def __call__(self, n: int) -> int:
        return 2 * n


an_object = task(name="shapes.an_object")(Doubler(2))
a_plain_object = task(name="shapes.a_plain_object")(PlainDoubler())
a_method = task(name="shapes.a_method")(Doubler(2).method)
an_async_method = task(name="shapes.an_async_method")(Doubler(2).async_method)


@task(name="shapes.static")
@staticmethod
async def static(n: int) -> int:
    return 2 * n


a_lambda = task(name="shapes.a_lambda")(lambda n: plain.function(n))  # noqa: PLW0108

SHAPES = [
    plain,
    thread,
    wrapped,
    gives_a_coroutine,
    partial_of_async,
    partial_of_plain,
    an_object,
    a_plain_object,
    a_method,
    an_async_method,
    static,
    a_lambda,
]


def _groups(place: str) -> None:
    calls.append(place)
    if calls.count(place) < 3:
        raise ExceptionGroup("several", [OSError("a"), ExceptionGroup("b", [TimeoutError()])])


@task(retry=Retry(attempts=3, base_delay=0.001, retry_on=(OSError,)))
async def fails_in_groups(place: str) -> int:
    _groups(place)
    return calls.count(place)


@task(retry=Retry(attempts=3, base_delay=0.001, retry_on=(OSError,)))
async def fails_in_a_mixed_group(place: str) -> int:
    calls.append(place)
    raise ExceptionGroup("mixed", [OSError("a"), ValueError("b")])


request_id = carry(ContextVar("request_id", default="none"))
not_carried: ContextVar[str] = ContextVar("not_carried", default="none")


@task
async def read_request_id() -> tuple[str, str]:
    return request_id.get(), not_carried.get()


@task
def read_request_id_in_a_thread() -> str:
    return request_id.get()


@task
async def ask_for_the_request_id() -> tuple[str, str]:
    return await current_cluster().run(read_request_id.call())


@task(retry=Retry(attempts=3, base_delay=0.001))
async def read_request_id_at_last(place: str) -> str:
    calls.append(place)
    if calls.count(place) < 3:
        request_id.set("changed by the first attempt")
        raise OSError("not yet")
    return request_id.get()


attempts: list[tuple[str, str, int, int, float | None]] = []


def _who(place: str) -> tuple[str, str, int, int, float | None]:
    call = current_call()
    return place, call.id, call.index, call.attempt, call.deadline


@task(retry=Retry(attempts=3, base_delay=0.001))
async def who(place: str) -> None:
    attempts.append(_who(place))
    if sum(one[:2] == attempts[-1][:2] for one in attempts) < 3:
        raise OSError("not yet")


@task(timeout=50)
def who_in_a_thread(place: str) -> None:
    attempts.append(_who(place))


@task
async def who_in_a_child(place: str) -> None:
    async def child() -> None:
        attempts.append(_who(place))

    await asyncio.create_task(child())
