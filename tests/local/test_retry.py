"""``retry``."""

import math

import anyio
import anyio.lowlevel
import pytest

from lionherd_dist.local import fail_after, move_on_after, retry

pytestmark = pytest.mark.anyio


class Flaky:
    """Raises the given errors, one per call, and then returns "done"."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def chain_of(error: BaseException | None) -> list[BaseException]:
    chain = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__context__
    return chain


async def test_first_success_is_returned():
    """Failures before the first success are not seen."""
    flaky = Flaky(ValueError("1"), KeyError("2"))
    assert await retry(flaky, base_delay=0) == "done"
    assert flaky.calls == 3


async def test_last_error_is_raised_as_itself():
    """When the attempts are used up, the error of the last one comes out, unwrapped."""
    errors = [ValueError("1"), ValueError("2"), ValueError("3")]
    flaky = Flaky(*errors)
    with pytest.raises(ValueError, match="3") as caught:
        await retry(flaky, attempts=3, base_delay=0)
    assert caught.value is errors[2]
    assert flaky.calls == 3


async def test_other_errors_end_it_at_once_and_remember_the_one_before():
    """An error outside retry_on is not retried; what was retried stands in its context."""
    first, second = ConnectionError("first"), ValueError("second")
    flaky = Flaky(first, second)
    with pytest.raises(ValueError, match="second") as caught:
        await retry(flaky, base_delay=0, retry_on=(ConnectionError,))
    assert flaky.calls == 2
    assert chain_of(caught.value) == [second, first]


async def test_same_error_object_twice_makes_no_ring():
    """A context chain stays finite when the function raises one error object again and again."""
    error = ConnectionError("same")
    other = ValueError("other")
    error.__context__ = other
    with pytest.raises(ValueError, match="other") as caught:
        await retry(Flaky(error, other), base_delay=0, retry_on=(ConnectionError,))
    assert chain_of(caught.value) == [other]


async def test_delays_double_up_to_max_delay(monkeypatch):
    """1, 2, 4 … times base_delay, never above max_delay."""
    delays = []

    async def no_sleep(seconds):
        delays.append(seconds)

    monkeypatch.setattr(anyio, "sleep", no_sleep)
    flaky = Flaky(*[ValueError()] * 5)
    await retry(flaky, attempts=6, base_delay=0.5, max_delay=3, jitter=0)
    assert delays == [0.5, 1.0, 2.0, 3.0, 3.0]


async def test_jitter_lengthens_a_delay_by_its_share_at_most(monkeypatch):
    """With jitter 0.5, a delay of 1 s lies between 1 and 1.5 s, and varies."""
    delays = []

    async def no_sleep(seconds):
        delays.append(seconds)

    monkeypatch.setattr(anyio, "sleep", no_sleep)
    await retry(Flaky(*[ValueError()] * 50), attempts=51, base_delay=1, max_delay=1, jitter=0.5)
    assert all(1 <= delay <= 1.5 for delay in delays)
    assert len(set(delays)) > 1


async def test_on_retry_sees_error_attempt_and_delay():
    """A plain callback is called once per retry, not for the last failure."""
    seen = []
    errors = [ValueError("1"), ValueError("2"), ValueError("3")]
    with pytest.raises(ValueError, match="3"):
        await retry(
            Flaky(*errors),
            base_delay=0.001,
            jitter=0,
            on_retry=lambda error, attempt, delay_s: seen.append((error, attempt, delay_s)),
        )
    assert seen == [(errors[0], 1, 0.001), (errors[1], 2, 0.002)]


async def test_async_on_retry_is_awaited():
    """A coroutine function works as well."""
    seen = []

    async def note(error, attempt, delay_s):
        await anyio.lowlevel.checkpoint()
        seen.append(attempt)

    await retry(Flaky(ValueError(), ValueError()), base_delay=0, on_retry=note)
    assert seen == [1, 2]


async def test_error_of_on_retry_ends_it():
    """What the callback raises comes out, with the failure as its context."""
    failure = ValueError("failure")
    flaky = Flaky(failure)

    def refuse(error, attempt, delay_s):
        raise KeyError("refused")

    with pytest.raises(KeyError) as caught:
        await retry(flaky, base_delay=0, on_retry=refuse)
    assert caught.value.__context__ is failure
    assert flaky.calls == 1


async def test_deadline_during_a_wait_is_a_timeout_with_the_last_error():
    """fail_after ends a wait that would outlast it, and the failure is in the context chain."""
    failure = ConnectionError("down")
    flaky = Flaky(failure)
    with pytest.raises(TimeoutError) as caught, fail_after(0.01):
        await retry(flaky, base_delay=3600, max_delay=3600)
    assert failure in chain_of(caught.value)
    assert flaky.calls == 1


async def test_deadline_during_an_attempt_is_a_timeout_with_the_last_error():
    """So does one that ends a later attempt."""
    failure = ConnectionError("down")
    calls = []

    async def hang_second_time():
        calls.append(1)
        if len(calls) == 1:
            raise failure
        await anyio.sleep_forever()

    with pytest.raises(TimeoutError) as caught, fail_after(0.01):
        await retry(hang_second_time, base_delay=0)
    assert failure in chain_of(caught.value)


async def test_no_attempt_starts_after_the_deadline():
    """A deadline that passed during an attempt ends the retry, even with no delay at all."""
    calls = []

    async def outlast_the_deadline():
        calls.append(1)
        while anyio.current_time() <= scope.deadline:
            pass  # busy, so that the loop has no chance to see it
        raise ConnectionError

    with move_on_after(0.001) as scope:
        await retry(outlast_the_deadline, base_delay=0, attempts=10)
    assert scope.cancelled_caught
    assert len(calls) == 1


@pytest.mark.parametrize("retry_on", [(BaseException,), (Exception,)])
async def test_cancellation_is_never_retried(work, until, retry_on):
    """Even retry_on=(BaseException,) lets a cancellation through at once."""
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:

            async def stop():
                await until(lambda: work.started == [1])
                scope.cancel()

            tasks.start_soon(stop)
            await retry(lambda: work(1), retry_on=retry_on, base_delay=0)
    assert scope.cancelled_caught
    assert work.started == [1]
    assert work.cancelled == [1]


async def test_group_with_a_cancellation_is_never_retried():
    """A cancellation that travels in a group with an error counts as a cancellation."""
    calls = []

    async def mixed():
        calls.append(1)
        scope.cancel()
        try:
            await anyio.lowlevel.checkpoint()
        except anyio.get_cancelled_exc_class() as cancellation:
            raise BaseExceptionGroup("mixed", [ValueError(), cancellation]) from None

    with anyio.CancelScope() as scope:
        with pytest.raises(BaseExceptionGroup):
            await retry(mixed, retry_on=(BaseException,), base_delay=0)
    assert len(calls) == 1


async def test_closing_it_is_no_failure():
    """A retry that is closed while an attempt waits does not start another one."""
    calls = []

    async def wait():
        calls.append(1)
        await anyio.sleep_forever()

    coroutine = retry(wait, retry_on=(BaseException,))
    inside = coroutine.__await__()
    next(inside)
    inside.close()
    coroutine.close()
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attempts": 0}, "attempts is 0"),
        ({"base_delay": -1}, "base_delay is -1"),
        ({"max_delay": -2}, "max_delay is -2"),
        ({"jitter": -0.5}, r"jitter is -0\.5"),
    ],
)
async def test_senseless_options_are_refused_before_the_first_attempt(options, message):
    """The message names the value."""
    flaky = Flaky()
    with pytest.raises(ValueError, match=message):
        await retry(flaky, **options)
    assert flaky.calls == 0


async def test_many_attempts_do_not_overflow():
    """The delay stays finite however often it is doubled."""
    seen = []
    await retry(
        Flaky(*[ValueError()] * 1100),
        attempts=2000,
        base_delay=1e-12,
        max_delay=1e-9,
        on_retry=lambda error, attempt, delay_s: seen.append(delay_s),
    )
    assert max(seen) < math.inf


def nested(*errors: BaseException) -> BaseExceptionGroup:
    return BaseExceptionGroup("outer", [errors[0], BaseExceptionGroup("inner", list(errors))])


async def test_a_group_of_errors_that_all_match_is_retried():
    """As ``gather`` raises it, however deep."""
    flaky = Flaky(nested(OSError("1"), ConnectionError("2")), OSError("3"))
    assert await retry(flaky, base_delay=0, retry_on=(OSError,)) == "done"
    assert flaky.calls == 3


async def test_a_group_with_one_error_that_does_not_match_is_not_retried():
    """It is raised as it came."""
    group = nested(OSError("1"), ValueError("2"))
    flaky = Flaky(group)
    with pytest.raises(ExceptionGroup) as caught:
        await retry(flaky, base_delay=0, retry_on=(OSError,))
    assert caught.value is group
    assert flaky.calls == 1


@pytest.mark.parametrize("retry_on", [(ExceptionGroup,), (BaseExceptionGroup, KeyError)])
async def test_a_group_that_is_named_is_retried_whatever_it_holds(retry_on):
    """``retry_on=(ExceptionGroup,)`` takes any."""
    flaky = Flaky(nested(OSError("1"), ValueError("2")))
    assert await retry(flaky, base_delay=0, retry_on=retry_on) == "done"


async def test_a_group_that_holds_a_cancellation_is_never_retried():
    """Whatever stands beside it."""
    cancelled = anyio.get_cancelled_exc_class()
    error = cancelled.__new__(cancelled)
    for retry_on in ((OSError,), (BaseException,), (BaseExceptionGroup,)):
        flaky = Flaky(nested(OSError("1"), error))
        with pytest.raises(BaseExceptionGroup):
            await retry(flaky, base_delay=0, retry_on=retry_on)
        assert flaky.calls == 1
