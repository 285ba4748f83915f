"""A task is a function with a name that other processes know it by."""

import inspect
import re
from collections.abc import AsyncIterable, Callable, Coroutine, Iterable, Mapping
from functools import partial
from types import MethodType, ModuleType
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

import anyio
import anyio.to_thread

from lionherd_dist.arguments import number, shown
from lionherd_dist.call import Call, Retry
from lionherd_dist.current_call import (
    CurrentCall,
    begin_attempts,
    begin_call,
    call_for_a_thread,
    end_attempts,
)
from lionherd_dist.errors import NotATaskError, TaskNameError
from lionherd_dist.local.awaitables import discard
from lionherd_dist.local.retry import retry as retry_here
from lionherd_dist.main_module import shared_module_name
from lionherd_dist.task_function import Parameters, function_in, is_async, look_like

P = ParamSpec("P")
R = TypeVar("R")

_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,200}")
_ONCE = Retry(attempts=1)
_A_TIMEOUT = "give seconds above 0, or None for no limit"


def _check_options(timeout: float | None, retry: object) -> None:
    if timeout is not None and not number("timeout", timeout, least=0, instead=_A_TIMEOUT) > 0:
        raise ValueError(f"timeout is {timeout}: {_A_TIMEOUT}")
    if retry is not None and not isinstance(retry, Retry):
        raise TypeError(f"retry is {shown(retry)}: give a Retry, such as Retry(attempts=3)")


class Task(Generic[P, R]):
    """A registered function: still an ordinary one, and a factory of calls that can travel.

    Attributes:
        name: how other processes know it; ``module:function`` unless given.
        function: the undecorated function.
        retry: which failures are tried again, on the worker.
        timeout: seconds that one attempt may take; None for no limit.
        is_async: True if the function is an ``async def``, or another that runs nothing at once
            and returns a coroutine.

    It has the name, the module, the annotations, the docstring and the code of the function, for
    those that ask by attributes. It is pickled by reference, as functions are.
    """

    name: str
    function: Callable[P, object]
    retry: Retry
    timeout: float | None
    is_async: bool
    __name__: str
    __qualname__: str

    def __init__(
        self, function: Callable[P, object], *, name: str, retry: Retry, timeout: float | None
    ) -> None:
        if not _NAME.fullmatch(name):
            raise TaskNameError(
                f"{name!r} is no name for a task: 1 to 200 of A-Z a-z 0-9 _ . : - are. "
                'Give it one of its own: @task(name="...")'
            )
        look_like(self, function, name)
        self.name, self.function, self.retry, self.timeout = name, function, retry, timeout
        self.is_async = is_async(function)
        self._parameters = Parameters(function, name)
        self._fitting = self._parameters.fitting

    def call(self, *args: P.args, **kwargs: P.kwargs) -> Call[R]:
        """The call of this task with these arguments: nothing runs yet.

        TypeError where the function does not take them.
        """
        if kwargs or len(args) not in self._fitting:  # nearly always it is
            self._parameters.check(args, kwargs)
        return Call(self.name, args, kwargs, self._run_here)

    def with_options(
        self, *, timeout: float | None = None, retry: Retry | None = None
    ) -> Callable[P, Call[R]]:
        """Like ``call``, for calls whose *timeout* (seconds) or *retry* replace the task's own."""
        _check_options(timeout, retry)

        def call(*args: P.args, **kwargs: P.kwargs) -> Call[R]:
            self._parameters.check(args, kwargs)
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

        A plain ``def`` runs in a thread, of *threads* if given; what it returns is awaited here if
        it can be. A thread cannot be stopped: a cancellation waits for it, and a result that comes
        after the timeout is none.
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
        if (current := call_for_a_thread()) is not None:
            call = partial(_run_as, current, call)
        result = await anyio.to_thread.run_sync(call, limiter=threads)
        return cast("R", await result if inspect.isawaitable(result) else result)

    async def _run_here(self, call: Call[R]) -> R:
        policy = call.retry or self.retry
        timeout = self.timeout if call.timeout is None else call.timeout
        if policy.attempts == 1:
            before = begin_attempts()
            try:
                return await self.run_once(call.args, call.kwargs, timeout)
            finally:
                end_attempts(before)
        return await retry_here(
            lambda: self.run_once(call.args, call.kwargs, timeout),
            attempts=policy.attempts,
            base_delay=policy.base_delay,
            max_delay=policy.max_delay,
            retry_on=policy.retry_on,
            jitter=policy.jitter,
        )

    def __get__(self, instance: object, owner: type | None = None) -> "Task[P, R] | MethodType":
        """A task in the body of a class is a method, as its function would be."""
        return self if instance is None else MethodType(cast("Callable[..., R]", self), instance)

    def __reduce__(self) -> str:
        """For pickle and copy: the name by which its module has it."""
        return self.__qualname__

    def __repr__(self) -> str:
        return f"<task {self.name}>"


def _run_as(current: CurrentCall, call: Callable[[], object]) -> object:
    """What *call* returns, run as *current* in a context that is this thread's own."""
    begin_call(current)
    return call()


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
        _check_options(timeout, retry)
        if name is not None and not isinstance(cast("object", name), str):
            raise TypeError(f"name is {shown(name)}: give a text, such as 'emails:send'")
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
        if isinstance(function, Task):
            raise NotATaskError(
                f"{function.name} is a task already: give all options in one decorator, or make "
                "another task of its function, task(...)(that_task.function)"
            )
        callable_ = function_in(function)
        kind = AsyncTask if is_async(callable_) else SyncTask
        name = _name_of(callable_) if self._name is None else self._name
        return kind(callable_, name=name, retry=self._retry or _ONCE, timeout=self._timeout)


def _name_of(function: Callable[..., object]) -> str:
    """``module:function``, for a function that workers can find under that name.

    Raises:
        TaskNameError: they could not.
    """
    qualname = getattr(function, "__qualname__", None)
    if not isinstance(qualname, str) or "." in qualname:
        raise TaskNameError(
            f"{qualname or shown(function)} is no function of a module, where workers look for "
            'tasks: move it there, or give it a name, @task(name="..."), and bind it there'
        )
    module = shared_module_name(function.__module__, getattr(function, "__globals__", None))
    return f"{module}:{qualname}"


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
        NotATaskError: it is no function, or a generator.
        TypeError, ValueError: an option cannot be what it is.
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
    raise NotATaskError(f"{shown(thing)} is not a call: {_instead_of(thing)}")


def _instead_of(thing: object) -> str:
    if isinstance(thing, Task):
        return f"give a call of the task, {thing.__name__}.call(...)"
    if isinstance(thing, Iterable | AsyncIterable) and not isinstance(thing, str | bytes | type):
        discard(thing)
        return "give the calls themselves, gather(*calls), or a stream of them"
    return "decorate the function with @task and pass function.call(...)"
