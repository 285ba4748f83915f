"""Arguments are checked at the call: by name and value, and with what to give instead."""

import functools
import math
from datetime import timedelta

import anyio
import pytest

import lionherd_dist as ld

pytestmark = pytest.mark.anyio

NAN, INF, DURATION = math.nan, math.inf, timedelta(seconds=3)
NO_COUNTS = (2.5, 3.0, "3", None, True, NAN, INF, -1, [3], DURATION)
NO_NUMBERS = ("3", True, NAN, [3], 1j, DURATION)


async def double(n: int) -> int:
    return 2 * n


async def one() -> int:
    return 1


async def mapped(limit):
    return await ld.bounded_map(double, [1, 2], limit=limit)


async def streamed(limit):
    async with ld.CompletionStream([one()], limit=limit) as stream:
        return [item async for item in stream]


async def notified(n):
    async with ld.Condition() as condition:
        condition.notify(n)


def entered(block):
    async def enter(value):
        with block(value):
            pass

    return enter


def made(kind):
    async def make(value):
        kind(value)

    return make


def retried(name):
    return lambda value: ld.retry(one, **{name: value})


def of_policy(name):
    return made(lambda value: ld.Retry(**{name: value}))


# The parameter's name, what takes it, the values that it must refuse.
NUMBERS = [
    ("limit", mapped, NO_COUNTS),
    ("limit", streamed, [value for value in NO_COUNTS if value is not None]),
    ("attempts", retried("attempts"), NO_COUNTS),
    ("attempts", of_policy("attempts"), NO_COUNTS),
    ("base_delay", retried("base_delay"), (*NO_NUMBERS, None, -1, INF)),
    ("base_delay", of_policy("base_delay"), (*NO_NUMBERS, None, -1, INF)),
    ("max_delay", retried("max_delay"), (*NO_NUMBERS, None, -0.5)),
    ("max_delay", of_policy("max_delay"), (*NO_NUMBERS, None, -0.5)),
    ("jitter", retried("jitter"), (*NO_NUMBERS, None, -1, INF)),
    ("jitter", of_policy("jitter"), (*NO_NUMBERS, None, -1, INF)),
    ("initial_value", made(ld.Semaphore), NO_COUNTS),
    ("total_tokens", made(ld.CapacityLimiter), [v for v in NO_COUNTS if v != INF]),
    ("total_tokens", ld.CapacityLimiter(3).set_total_tokens, [v for v in NO_COUNTS if v != INF]),
    ("maxsize", made(ld.PriorityQueue), [value for value in NO_COUNTS if value != -1]),
    ("maxsize", made(ld.Queue.with_maxsize), [value for value in NO_COUNTS if value != INF]),
    ("n", notified, NO_COUNTS),
    ("seconds", entered(ld.fail_after), NO_NUMBERS),
    ("seconds", entered(ld.move_on_after), NO_NUMBERS),
    ("deadline", entered(ld.fail_at), NO_NUMBERS),
    ("deadline", entered(ld.move_on_at), NO_NUMBERS),
    ("seconds", ld.sleep, (*NO_NUMBERS, None)),
    ("retry_on", retried("retry_on"), ([ValueError], "ValueError", None, (3,), int, ValueError())),
    ("retry_on", of_policy("retry_on"), ([ValueError], "ValueError", None, (3,), int, {OSError})),
    ("on_retry", retried("on_retry"), ("log", [print])),
]


@pytest.mark.parametrize(("name", "call", "values"), NUMBERS)
async def test_a_value_that_cannot_be_is_refused_by_name(name, call, values, never_awaited):
    """A wrong type is a TypeError, a number out of range a ValueError; both say what to give."""
    for value in values:
        with pytest.raises((TypeError, ValueError)) as caught:
            await call(value)
        message = str(caught.value)
        assert message.startswith(f"{name} is "), message
        assert repr(value) in message or str(value) in message or value == (3,)
        assert "give " in message
        wrong_type = type(value) not in {int, float} or (name in COUNTS and type(value) is float)
        assert type(caught.value) is (TypeError if wrong_type else ValueError), message
    assert never_awaited() == []


COUNTS = {"limit", "attempts", "initial_value", "total_tokens", "maxsize", "n"}


async def test_what_is_a_number_by_another_type_is_one():
    """What has ``__index__`` or is a real number counts, as numpy's do."""
    from fractions import Fraction

    class Three:
        def __index__(self) -> int:
            return 3

    assert await ld.bounded_map(double, [1], limit=Three()) == [2]
    with ld.fail_after(Fraction(7, 2)) as scope:
        assert scope.deadline < math.inf
    assert ld.Retry(Three()).attempts == 3
    assert ld.Retry(retry_on=(OSError, (KeyError, (ValueError,)))).retry_on == (
        OSError,
        KeyError,
        ValueError,
    )
    assert ld.Retry(retry_on=OSError).retry_on == (OSError,)


async def test_a_time_that_is_over_is_no_mistake():
    """``fail_after(end - current_time())`` may be below 0: it is over at once."""
    with pytest.raises(TimeoutError), ld.fail_after(-1):
        await ld.sleep(60)
    with ld.move_on_after(-1) as scope:
        await ld.sleep(60)
    assert scope.cancelled_caught
    await ld.sleep(-1)


# --- what is awaited and called

NOT_TO_AWAIT = [
    (lambda: ([one(), one()],), r"list.*\(\*awaitables\)|coroutine.*\(\*awaitables\)"),
    (lambda: ((one() for _ in "ab"),), r"generator.*\(\*awaitables\)"),
    (lambda: (one(), one), r"argument 2 .*call it, one\(\.\.\.\)"),
    (lambda: (one(), 5), r"argument 2 .* is 5"),
    (lambda: (None, one()), r"argument 1 .* is None"),
    (lambda: (one(), {1: 2}), r"argument 2"),
]


@pytest.mark.parametrize("pattern", [ld.gather, ld.race])
@pytest.mark.parametrize(("given", "message"), NOT_TO_AWAIT)
async def test_what_cannot_be_awaited_is_refused_before_anything_runs(
    pattern, given, message, never_awaited
):
    """What was given is closed, without a warning."""
    with pytest.raises(TypeError, match=message) as caught:
        await pattern(*given())
    assert f"{pattern.__name__}()" in str(caught.value)
    del caught
    assert never_awaited() == []


@pytest.mark.parametrize("return_exceptions", [False, True])
@pytest.mark.parametrize("limit", [None, 1, 5])
async def test_a_stream_refuses_an_item_that_cannot_be_awaited(
    return_exceptions, limit, never_awaited
):
    """As itself and with its index, also where exceptions are outcomes; the rest is closed."""
    with pytest.raises(TypeError, match="item 1 of aws is 5"):
        async with ld.CompletionStream(
            [one(), 5, one()], limit=limit, return_exceptions=return_exceptions
        ) as stream:
            async for _ in stream:
                pass
    assert never_awaited() == []


@pytest.mark.parametrize("given", [one, 5, None, "coroutine"])
async def test_what_cannot_be_iterated_is_refused(given, never_awaited):
    """A single coroutine, a number, a function."""
    aws = one() if given == "coroutine" else given
    with pytest.raises(TypeError, match=r"aws is .*give an iterable"):
        ld.CompletionStream(aws)
    items = one() if given == "coroutine" else given
    with pytest.raises(TypeError, match=r"items is .*give an iterable"):
        await ld.bounded_map(double, items, limit=2)
    assert never_awaited() == []


async def test_a_class_with_getitem_is_an_iterable():
    """As it is for Python's own loops."""

    class Old:
        def __getitem__(self, index: int) -> int:
            if index > 2:
                raise IndexError
            return index

    assert await ld.bounded_map(double, Old(), limit=2) == [0, 2, 4]


async def with_bounded_map(func):
    return await ld.bounded_map(func, [one(), one()], limit=2)


async def in_a_group(func):
    async with ld.create_task_group() as group:
        group.start_soon(func)


async def started_in_a_group(func):
    async with ld.create_task_group() as group:
        await group.start(func)


@pytest.mark.parametrize("call", [with_bounded_map, ld.retry, ld.shield, ld.run_sync])
@pytest.mark.parametrize("given", ["coroutine", 5, None, "text"])
async def test_what_cannot_be_called_is_refused(call, given, never_awaited):
    """A coroutine is told from its function."""
    func = one() if given == "coroutine" else given
    with pytest.raises(TypeError, match=r"^(func|fn) is .*give ") as caught:
        await call(func)
    if given == "coroutine":
        assert "one instead of one(...)" in str(caught.value)
    assert never_awaited() == []


@pytest.mark.parametrize("call", [in_a_group, started_in_a_group])
async def test_a_task_group_refuses_what_cannot_be_called(call, never_awaited):
    """The coroutine is closed."""
    with pytest.raises(ExceptionGroup) as caught:
        await call(one())
    assert "func is a coroutine" in str(caught.value.exceptions[0])
    assert never_awaited() == []


@pytest.mark.parametrize("return_exceptions", [False, True])
@pytest.mark.parametrize("result", [7, None])
async def test_bounded_map_runs_a_plain_function_once_and_refuses_it(result, return_exceptions):
    """Not once for each item, and not as results."""
    seen = []

    def plain(item):
        seen.append(item)
        return result

    with pytest.raises(TypeError, match=f"func is plain, which returned {result} and not an"):
        await ld.bounded_map(plain, range(9), limit=3, return_exceptions=return_exceptions)
    assert seen == [0]


@pytest.mark.parametrize("retry_on", [(Exception,), (TypeError,), (OSError,)])
@pytest.mark.parametrize("result", [7, None])
async def test_retry_calls_a_plain_function_once(result, retry_on):
    """A mistake is not tried again."""
    seen = []

    def plain():
        seen.append(1)
        return result

    with pytest.raises(TypeError, match=r"fn is plain, which returned .*run_sync\(plain, \.\.\.\)"):
        await ld.retry(plain, retry_on=retry_on, base_delay=60)
    assert seen == [1]


async def test_retry_names_a_coroutine_that_is_given_twice():
    """And keeps the error of its first run."""

    async def fails():
        raise OSError("the first")

    coroutine = fails()
    with pytest.raises(TypeError, match="only once") as caught:
        await ld.retry(lambda: coroutine, base_delay=0)
    assert isinstance(caught.value.__cause__, OSError)


async def test_an_error_of_the_function_itself_is_no_mistake():
    """A TypeError, or a RuntimeError, of its own is retried as ever."""
    seen = []

    async def fails():
        seen.append(1)
        raise TypeError("mine") if len(seen) == 1 else RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        await ld.retry(fails, base_delay=0)
    assert len(seen) == 3
    with pytest.raises(ExceptionGroup):
        await ld.bounded_map(lambda: 3, [1], limit=1)


async def test_shield_refuses_a_plain_function():
    """It awaits what it is given."""
    with pytest.raises(TypeError, match="func is len, which returned 2 and not an awaitable"):
        await ld.shield(len, "ab")


@pytest.mark.parametrize("func", [one, functools.partial(double, 3)])
async def test_run_sync_refuses_an_async_function(func, never_awaited):
    """It would return a coroutine of which nothing has run."""
    with pytest.raises(TypeError, match=r"func is .*async: await it"):
        await ld.run_sync(func)
    assert never_awaited() == []


@pytest.mark.parametrize("given", [one, 5, None])
async def test_run_async_takes_an_awaitable(given):
    """Not the function."""
    with pytest.raises(TypeError, match=r"argument 1 of run_async\(\) is"):
        ld.run_async(given)


async def test_locks_leaks_and_groups_name_what_they_cannot_take():
    """The smaller functions, too."""
    with pytest.raises(TypeError, match=r"lock is .*give a Lock"):
        ld.Condition(anyio.Lock())
    with pytest.raises(TypeError, match="obj is 5: a int cannot be referenced weakly"):
        ld.track_resource(5)
    with pytest.raises(TypeError, match=r"eg is ValueError.*give an exception group"):
        ld.non_cancel_subgroup(ValueError("x"))
    with pytest.raises(ValueError, match="first is 'fastest'"):
        await ld.race(one(), first="fastest")
    with pytest.raises(ValueError, match="first is \\['success'\\]"):
        await ld.race(one(), first=["success"])
