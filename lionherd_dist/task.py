"""A task is a function with a name that other processes know it by."""

import inspect
import re
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from types import ModuleType
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

import anyio
import anyio.to_thread

from lionherd_dist.call import Call, Retry
from lionherd_dist.errors import NotATaskError, TaskNameError
from lionherd_dist.local.retry import retry as retry_here
from lionherd_dist.main_module import shared_module_name

P = ParamSpec("P")
R = TypeVar("R")

_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,200}")
_ONCE = Retry(attempts=1)


def _check_timeout(timeout: float | None) -> None:
    if timeout is not None and not timeout > 0:
        raise ValueError(f"timeout is {timeout}: give seconds above 0, or None for no limit")


class Task(Generic[P, R]):
    """A registered function: still an ordinary one, and a factory of calls that can travel.

    Attributes:
        name: how other processes know it; ``module:function`` unless given.
        function: the undecorated function.
        retry: which failures are tried again, on the worker.
        timeout: seconds that one attempt may take; None for no limit.
    """

    name: str
    function: Callable[P, object]
    retry: Retry
    timeout: float | None
    is_async: bool
    __name__: str

    def __init__(
        self, function: Callable[P, object], *, name: str, retry: Retry, timeout: float | None
    ) -> None:
        if not _NAME.fullmatch(name):
            raise TaskNameError(
                f"{name!r} is no name for a task: 1 to 200 of A-Z a-z 0-9 _ . : - are. "
                'Give it one of its own: @task(name="...")'
            )
        _check_timeout(timeout)
        if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
            raise NotATaskError(
                f"{name} is a generator: a task returns one result. Return a list, or make each "
                "item a call of its own"
            )
        self.name, self.function, self.retry, self.timeout = name, function, retry, timeout
        self.is_async = inspect.iscoroutinefunction(function)
        self.__wrapped__ = function
        self.__doc__ = function.__doc__
        self.__name__ = getattr(function, "__name__", name)

    def call(self, *args: P.args, **kwargs: P.kwargs) -> Call[R]:
        """The call of this task with these arguments: nothing runs yet."""
        return Call(self.name, args, kwargs, self._run_here)

    def with_options(
        self, *, timeout: float | None = None, retry: Retry | None = None
    ) -> Callable[P, Call[R]]:
        """Like ``call``, for calls whose *timeout* (seconds) or *retry* replace the task's own."""
        _check_timeout(timeout)

        def call(*args: P.args, **kwargs: P.kwargs) -> Call[R]:
            return Call(self.name, args, kwargs, self._run_here, timeout, retry)

        return call

    async def run_once(
        self,
        args: tuple[object, ...],
        kwargs: Mapping[str, object],
        timeout: float | None,
        *,
        threads: anyio.CapacityLimiter | None = None,
    ) -> R:
        """The function's result, from one attempt of at most *timeout* seconds, in this process.

        A plain ``def`` runs in a thread, of *threads* if given. A thread cannot be stopped: a
        cancellation waits for it, and a result that comes after the timeout is none.
        """
        if timeout is None:
            return await self._start(args, kwargs, threads)
        with anyio.move_on_after(timeout) as scope:
            result = await self._start(args, kwargs, threads)
            if self.is_async or anyio.current_time() < scope.deadline:
                return result
        raise TimeoutError(f"the attempt took longer than {timeout:g} s")

    async def _start(
        self,
        args: tuple[object, ...],
        kwargs: Mapping[str, object],
        threads: anyio.CapacityLimiter | None,
    ) -> R:
        function = cast("Callable[..., Any]", self.function)
        if self.is_async:
            return cast("R", await function(*args, **kwargs))
        call = partial(function, *args, **kwargs)
        return cast("R", await anyio.to_thread.run_sync(call, limiter=threads))

    async def _run_here(self, call: Call[R]) -> R:
        policy = call.retry or self.retry
        timeout = self.timeout if call.timeout is None else call.timeout
        if policy.attempts == 1:
            return await self.run_once(call.args, call.kwargs, timeout)
        return await retry_here(
            lambda: self.run_once(call.args, call.kwargs, timeout),
            attempts=policy.attempts,
            base_delay=policy.base_delay,
            max_delay=policy.max_delay,
            retry_on=policy.retry_on,
            jitter=policy.jitter,
        )

    def __repr__(self) -> str:
        return f"<task {self.name}>"


class AsyncTask(Task[P, R]):
    """A task over an ``async def``."""

    # object in place of Any: with Any, mypy would not choose between the overloads of gather.
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[object, object, R]:
        """Run the function here, as if it were not decorated."""
        return cast("Coroutine[object, object, R]", self.function(*args, **kwargs))


class SyncTask(Task[P, R]):
    """A task over a ``def``; a worker runs it in a thread."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function here, as if it were not decorated."""
        return cast("R", self.function(*args, **kwargs))


class TaskDecorator:
    """What ``task(...)`` with options returns: the decorator itself."""

    def __init__(self, name: str | None, retry: Retry | None, timeout: float | None) -> None:
        _check_timeout(timeout)
        self._name, self._retry, self._timeout = name, retry, timeout

    # An async def is a callable that returns a coroutine: it matches both, and the first counts.
    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> AsyncTask[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> SyncTask[P, R]: ...
    def __call__(self, function: Callable[P, object], /) -> object:
        """Turn *function* into a task."""
        kind = AsyncTask if inspect.iscoroutinefunction(function) else SyncTask
        if self._name is None and "." in function.__qualname__:
            raise TaskNameError(
                f"{function.__qualname__} is no function of a module, where workers look for "
                'tasks: move it there, or give it a name, @task(name="..."), and bind it there'
            )
        variables = getattr(function, "__globals__", None)
        module = shared_module_name(function.__module__, variables)
        default = f"{module}:{function.__qualname__}"
        return kind(
            function,
            name=default if self._name is None else self._name,
            retry=self._retry or _ONCE,
            timeout=self._timeout,
        )


# As above: an async def matches the first two, and the first counts.
@overload
def task(  # type: ignore[overload-overlap]
    function: Callable[P, Coroutine[Any, Any, R]], /
) -> AsyncTask[P, R]: ...
@overload
def task(function: Callable[P, R], /) -> SyncTask[P, R]: ...
@overload
def task(
    *, name: str | None = None, retry: Retry | None = None, timeout: float | None = None
) -> TaskDecorator: ...
def task(
    function: Callable[..., object] | None = None,
    /,
    *,
    name: str | None = None,
    retry: Retry | None = None,
    timeout: float | None = None,
) -> object:
    """Register a function under a name that clients and workers share.

    Args:
        function: an ``async def``, or a ``def`` that workers run in a thread.
        name: the shared name; ``module:qualified_name`` unless given.
        retry: which failures are tried again, and when; one attempt unless given.
        timeout: seconds that one attempt may take; no limit unless given.

    Raises:
        TaskNameError: the function has no importable name and none was given.
    """
    decorate = TaskDecorator(name, retry, timeout)
    return decorate if function is None else decorate(function)


def tasks_of(modules: Iterable[ModuleType]) -> dict[str, Task[..., object]]:
    """The tasks that *modules* hold, by name: all that a worker with these modules will run.

    Raises:
        TaskNameError: two different functions claim one name.
    """
    found: dict[str, Task[..., object]] = {}
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, Task) and found.setdefault(value.name, value) is not value:
                raise TaskNameError(
                    f"two tasks are named {value.name!r}, one of them in {module.__name__}: "
                    'give one a name of its own, @task(name="...")'
                )
    return found


def as_call(thing: object) -> Call[object]:
    """*thing* if it is a call that can travel; otherwise a NotATaskError that shows the way."""
    if isinstance(thing, Call):
        if thing.task.startswith("__main__:"):
            raise NotATaskError(
                f"{thing.task} is defined in the program itself, which has no file that a worker "
                "could import: move it to a module of its own and import it from there"
            )
        return thing
    if inspect.iscoroutine(thing):
        name = thing.__qualname__
        thing.close()  # it will never run: spare the user the "never awaited" warning as well
        raise NotATaskError(
            f"a coroutine cannot travel to another process, and {name}(...) made one: "
            f"decorate {name} with @task and pass {name}.call(...)"
        )
    raise NotATaskError(
        f"{type(thing).__name__} is not a call: decorate the function with @task and pass "
        "function.call(...)"
    )
