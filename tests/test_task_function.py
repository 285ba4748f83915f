"""A task is still the function: it is called, looked at, pickled and refused as that would be."""

import asyncio
import copy
import doctest
import functools
import inspect
import os
import pickle
import pydoc
import subprocess
import sys
import typing
import weakref
from pathlib import Path

import pytest
import task_shapes
from task_shapes import plain, thread

import lionherd_dist
from lionherd_dist import Call, NotATaskError, Retry, TaskNameError, task

LOOKED_AT = (
    "__name__",
    "__qualname__",
    "__module__",
    "__doc__",
    "__annotations__",
    "__defaults__",
    "__kwdefaults__",
    "__code__",
    "__globals__",
)


@pytest.mark.parametrize("name", LOOKED_AT)
@pytest.mark.parametrize("of", [plain, thread, task_shapes.wrapped], ids=lambda one: one.__name__)
def test_a_task_has_the_attributes_of_its_function(of, name):
    """The very same objects."""
    assert getattr(of, name) is getattr(of.function, name) is not NotImplemented


def test_it_can_be_inspected_as_the_function():
    """By the standard library and what is built on it."""
    assert of_hints(plain) == {"n": int, "times": int, "return": int}
    assert inspect.signature(plain) == inspect.signature(plain.function)
    assert inspect.getsource(plain) == inspect.getsource(plain.function)
    assert inspect.getdoc(thread) == inspect.getdoc(thread.function)
    assert inspect.unwrap(plain) is plain.function
    assert not inspect.isawaitable(plain)
    assert not inspect.isfunction(plain)  # it is a Task, after all
    assert weakref.ref(plain)() is plain
    assert {plain, plain, thread} == {thread, plain}
    assert plain != thread


of_hints = typing.get_type_hints


@pytest.mark.parametrize("asked", [inspect.iscoroutinefunction, lionherd_dist.is_coro_func])
def test_async_tasks_are_coroutine_functions(asked):
    """So that frameworks await what they return; others are none."""
    of_async = {"plain", "partial_of_async", "an_object", "an_async_method", "static"}
    named = {name: value for name, value in vars(task_shapes).items() if value in shapes()}
    assert {name for name, value in named.items() if asked(value)} == of_async
    assert {name for name, value in named.items() if asked(functools.partial(value))} == of_async


def shapes():
    return task_shapes.SHAPES


@pytest.mark.parametrize("of", task_shapes.SHAPES, ids=lambda one: one.name)
def test_doctest_and_pydoc_take_every_shape(of):
    """None is passed over or taken for data."""
    assert f"{of.__name__}" in pydoc.plain(pydoc.render_doc(of))
    assert inspect.isroutine(of)


def test_doctest_runs_the_examples_of_tasks():
    """Of an async def and of a def; the one that is wrong fails."""
    found = {test.name: test for test in doctest.DocTestFinder().find(task_shapes)}
    runner = doctest.DocTestRunner(verbose=False)
    results = {}
    for name in ("task_shapes.plain", "task_shapes.thread"):
        results[name] = runner.run(found[name], out=lambda text: None)
    assert results["task_shapes.plain"] == (0, 2)
    assert results["task_shapes.thread"] == (1, 1)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_task_is_pickled_by_reference(protocol):
    """And so are the partials around it."""
    assert pickle.loads(pickle.dumps(plain, protocol)) is plain
    again = pickle.loads(pickle.dumps(functools.partial(thread, 4), protocol))
    assert again() == 8
    assert copy.copy(plain) is plain
    assert copy.deepcopy([plain]) == [plain]


def test_a_task_that_its_module_does_not_have_cannot_be_pickled():
    """As a function that is not there."""
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(task(name="other")(thread.function))


POOL = """
import functools
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from task_shapes import thread

if __name__ == "__main__":
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(thread, 4).result(60) == 8
        assert list(pool.map(functools.partial(thread), [1, 2])) == [2, 4]
"""


def test_a_process_pool_runs_a_task(tmp_path: Path) -> None:
    """The function, in another process."""
    program = tmp_path / "program.py"
    program.write_text(POOL)
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    subprocess.run([sys.executable, str(program)], check=True, env=env)


def test_a_task_in_a_class_is_a_method():
    """It is called with its instance."""
    doubler = task_shapes.Doubler(2)
    assert asyncio.run(doubler.in_a_class(4)) == 8
    assert task_shapes.Doubler.in_a_class.name == "shapes.in_a_class"
    with pytest.raises(TypeError, match="missing a required argument: 'n'"):
        doubler.in_a_class.call(4)


# --- what may be a task


@pytest.mark.anyio
@pytest.mark.parametrize("of", task_shapes.SHAPES, ids=lambda one: one.name)
async def test_every_shape_of_callable_is_a_task(of):
    """An awaitable result is awaited."""
    assert await of.call(4) == 8
    result = of(4)
    assert (await result if inspect.isawaitable(result) else result) == 8


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("fetch", r"@task\(name='fetch'\)"),
        (5, "5 is no function"),
        (None, "None is no function"),
        (classmethod(lambda cls: 1), "class method"),
        (plain, "a task already"),
        (functools.partial(lambda: (yield)), "generator"),
        (inspect, "no function"),
    ],
)
def test_what_cannot_be_a_task_is_refused_at_the_decoration(given, message):
    """In plain words."""
    with pytest.raises(NotATaskError, match=message):
        task(name="x")(given)


def test_a_coroutine_is_no_task():
    """The function that made it is; the coroutine is closed."""
    with pytest.raises(NotATaskError, match=r"plain instead of plain\(\.\.\.\)"):
        task(name="x")(plain(1))


@pytest.mark.parametrize(
    "given", [functools.partial(thread.function, 1), task_shapes.Doubler(2), lambda: 1]
)
def test_what_has_no_name_needs_one(given):
    """Workers could not find it."""
    with pytest.raises(TaskNameError, match="name"):
        task(given)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"retry": 3}, TypeError, r"retry is 3: give a Retry"),
        ({"retry": True}, TypeError, r"retry is True"),
        ({"retry": Retry}, TypeError, r"retry is .*give a Retry"),
        ({"timeout": "30"}, TypeError, r"timeout is '30'"),
        ({"timeout": True}, TypeError, r"timeout is True"),
        ({"timeout": -1}, ValueError, r"timeout is -1"),
        ({"timeout": float("nan")}, ValueError, r"timeout is nan"),
    ],
)
def test_options_are_checked_where_they_are_given(options, error, message):
    """By name and value, for a task and for a call alike."""
    with pytest.raises(error, match=message):
        task(**options)
    with pytest.raises(error, match=message):
        plain.with_options(**options)


def test_a_name_is_a_text():
    """And given by keyword."""
    with pytest.raises(TypeError, match="name is 5"):
        task(name=5)


# --- what a task can be called with


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, "missing a required argument: 'n'"),
        ((1, 2), {}, "too many positional arguments"),
        ((1,), {"n": 1}, "multiple values for argument 'n'"),
        ((1,), {"size": 1}, "unexpected keyword argument 'size'"),
        ((), {"times": 1}, "missing a required argument: 'n'"),
    ],
)
def test_a_call_with_wrong_arguments_is_refused_where_it_is_made(args, kwargs, message):
    """Not on the worker; also of with_options, and more than once."""
    for make in (plain.call, plain.call, plain.with_options(timeout=3)):
        with pytest.raises(TypeError, match=message) as caught:
            make(*args, **kwargs)
        assert "task_shapes:plain" in str(caught.value)
        assert "(n: int, *, times: int = 1)" in str(caught.value)


def test_what_fits_is_a_call():
    """Whichever way the arguments are given."""
    assert isinstance(plain.call(1), Call)
    assert plain.call(n=1, times=2).kwargs == {"n": 1, "times": 2}
    assert plain.call(1, times=2).args == (1,)
    assert task(name="len")(len).call([1]).args == ([1],)
    assert task(name="max")(max).call(1, 2, 3).args == (1, 2, 3)  # no signature, as of some in C


def test_a_wrapper_that_adds_arguments_is_called_as_it_takes_them():
    """Its own signature counts, not that of what is wrapped."""

    def with_session(function):
        @functools.wraps(function)
        def wrapper(*args):
            return function("session", *args)

        return wrapper

    @task(name="inside")
    @with_session
    def inside(session: str, n: int) -> str:
        return f"{session} {n}"

    assert inside.call(1).args == (1,)


# --- the names of the package


def test_dir_and_star_import_have_every_public_name():
    """Those that are loaded late, too; a typo is an ordinary AttributeError."""
    assert set(lionherd_dist.__all__) <= set(dir(lionherd_dist))
    code = "from lionherd_dist import *; print(Cluster, Worker, LocalCluster, gather)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    with pytest.raises(AttributeError, match="'lionherd_dist' has no attribute") as caught:
        _ = lionherd_dist.Clutser
    assert (caught.value.name, caught.value.obj) == ("Clutser", lionherd_dist)  # for suggestions


def test_the_shapes_are_where_this_test_thinks():
    """The tests above would pass on an empty list."""
    assert len(task_shapes.SHAPES) == 12
    assert Path(task_shapes.__file__).parent == Path(__file__).parent
