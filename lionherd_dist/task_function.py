"""The callable that a task is made of: what may be one, how it looks, and what it can be given."""

import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial, update_wrapper
from types import CodeType, FunctionType, MethodType
from typing import cast

from lionherd_dist.arguments import shown
from lionherd_dist.errors import NotATaskError
from lionherd_dist.local.awaitables import discard

# With these, and those that update_wrapper copies, inspect.iscoroutinefunction and others that ask
# by attributes take an object for the function, on every version of Python.
_OF_FUNCTIONS = ("__code__", "__defaults__", "__kwdefaults__", "__globals__", "__closure__")
_MOST_SHAPES = 1_000


def function_in(given: object) -> Callable[..., object]:
    """The callable in *given*, which was decorated: of a static method, its function.

    Raises:
        NotATaskError: it cannot be a task.
    """
    if isinstance(given, staticmethod):
        given = given.__func__
    if isinstance(given, classmethod):
        raise NotATaskError(
            f"{_name_of(given)} is a class method: a task is a function of a module. Give "
            '@task(name="...") a function that calls it'
        )
    if not callable(given):
        discard(given)
        raise NotATaskError(f"{shown(given)} is no function and cannot be a task: {_advice(given)}")
    code_of = plain_function(given)
    if inspect.isasyncgenfunction(code_of) or inspect.isgeneratorfunction(code_of):
        raise NotATaskError(
            f"{_name_of(given)} is a generator: a task returns one result. Return a list, or make "
            "each item a call of its own"
        )
    return given


def plain_function(function: Callable[..., object]) -> Callable[..., object]:
    """What *function* calls in the end: past partials, and of an object, its ``__call__``."""
    while isinstance(function, partial):
        function = function.func
    if isinstance(function, FunctionType | MethodType | type) or inspect.isbuiltin(function):
        return function
    return getattr(type(function), "__call__", function)  # noqa: B004 (it is wanted, not asked for)


def is_async(function: Callable[..., object]) -> bool:
    """True if calling *function* runs nothing and returns a coroutine."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        plain_function(function)
    )


def look_like(task: object, function: Callable[..., object], name: str) -> None:
    """Give *task* the attributes of *function*; *name* where that has none."""
    own = vars(task)
    if isinstance(function, FunctionType):
        own |= {one: value for one, value in vars(function).items() if not hasattr(task, one)}
    with suppress(NameError):  # annotations that cannot be evaluated yet, from Python 3.14 on
        update_wrapper(cast("Callable[..., object]", task), function, updated=())
    if isinstance(function, partial):  # the name and module are those of its class
        own["__module__"] = function.func.__module__
        own["__doc__"] = function.func.__doc__
    for missing in ("__name__", "__qualname__"):
        own.setdefault(missing, name)
    own.setdefault("__annotations__", {})
    code_of = plain_function(function)
    if isinstance(getattr(code_of, "__code__", None), CodeType):
        own |= {one: getattr(code_of, one) for one in _OF_FUNCTIONS}


class Parameters:
    """What the callable *function*, the task *name*, can be called with.

    Each shape of a call (how many arguments, and the names of the others) is compared with the
    signature once. What has no signature, as some functions in C, is never refused.

    Attributes:
        fitting: shapes that were found to fit: a count, or a tuple of a count and names.
    """

    def __init__(self, function: Callable[..., object], name: str) -> None:
        self._name = name
        self.fitting: set[object] = set()
        self._signature: inspect.Signature | None = None
        with suppress(ValueError, TypeError):
            # Of a wrapper its own: it may pass on more than it takes, a session for example.
            self._signature = inspect.signature(function, follow_wrapped=False)

    def check(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
        """Raise the TypeError that calling the function with these would raise."""
        shape = (len(args), *kwargs) if kwargs else len(args)
        if shape not in self.fitting:
            self._compare(shape, args, kwargs)

    def _compare(
        self, shape: object, args: tuple[object, ...], kwargs: Mapping[str, object]
    ) -> None:
        if self._signature is not None:
            try:
                self._signature.bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(
                    f"{self._name} cannot be called so: {error}. Its arguments are "
                    f"{self._signature.replace(return_annotation=inspect.Signature.empty)}"
                ) from None
        if len(self.fitting) < _MOST_SHAPES:
            self.fitting.add(shape)


def _name_of(given: object) -> str:
    name = getattr(given, "__qualname__", None)
    return name if isinstance(name, str) else shown(given)


def _advice(given: object) -> str:
    if isinstance(given, str):
        return f"a name is given by keyword, @task(name={given!r})"
    if inspect.iscoroutine(given):
        return f"give the function, {given.__name__} instead of {given.__name__}(...)"
    return "put @task above a def or an async def"
