"""``retry``: one more attempt after a failure, later and later, within the ambient deadline."""

import inspect
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import TypeAlias, TypeVar, cast

import anyio
import anyio.lowlevel

from lionherd_dist.arguments import exception_classes, function
from lionherd_dist.call import Retry, matches
from lionherd_dist.current_call import begin_attempts, end_attempts, number_attempt
from lionherd_dist.local.awaitables import (
    UNCALLED,
    is_awaitable,
    not_awaitable,
    not_callable,
)
from lionherd_dist.local.errors import holds_cancellation

T = TypeVar("T")

_Classes: TypeAlias = tuple[type[Exception], ...]

OnRetry: TypeAlias = Callable[[BaseException, int, float], Awaitable[object] | object]

_ANY = (Exception,)
_DEFAULT = Retry(retry_on=_ANY)
_ATTEMPTS, _JITTER = _DEFAULT.attempts, _DEFAULT.jitter
_BASE_DELAY, _MAX_DELAY = _DEFAULT.base_delay, _DEFAULT.max_delay
_policy = lru_cache(maxsize=256, typed=True)(Retry)  # checked once: nearly all calls are alike


async def retry(
    fn: Callable[[], Awaitable[T]],
    *,
    attempts: int = _ATTEMPTS,
    base_delay: float = _BASE_DELAY,
    max_delay: float = _MAX_DELAY,
    retry_on: tuple[type[BaseException], ...] = _ANY,
    jitter: float = _JITTER,
    on_retry: OnRetry | None = None,
) -> T:
    """The first result of the async function *fn*, which is called up to *attempts* times.

    Waits base_delay, 2·base_delay, 4·base_delay … seconds between attempts, at most *max_delay*,
    each lengthened at random by up to the share *jitter*. ``on_retry(error, attempt, delay_s)``,
    sync or async, is called after failed attempt number *attempt* (from 1) and before the wait of
    *delay_s* seconds; what it raises ends the retry.

    The last attempt's error is raised as itself. An error outside *retry_on* ends the retry at
    once, and so does a cancellation, whatever *retry_on* says. A group of which every leaf is in
    *retry_on*, as ``gather`` raises it, is in it, too. No wait and no attempt outlasts the
    ambient deadline: ``fail_after`` then raises TimeoutError with the last error in its
    ``__context__`` chain. TypeError or ValueError for an argument that cannot be, such as attempts
    below 1; TypeError for a *fn* that returns no awaitable, or one coroutine twice.
    """
    policy = _DEFAULT
    if not (
        attempts is _ATTEMPTS
        and base_delay is _BASE_DELAY
        and max_delay is _MAX_DELAY
        and jitter is _JITTER
        and retry_on is _ANY
    ):
        policy = _policy_of(attempts, base_delay, max_delay, retry_on, jitter)
    if on_retry is not None:
        function("on_retry", on_retry, instead="give a function of (error, attempt, delay_s)")
    attempt, before = 1, begin_attempts()
    last: BaseException | None = None
    aw: Awaitable[T] | None = UNCALLED
    try:
        while True:
            try:
                aw = fn()
                return await aw
            except BaseException as error:
                if (mistake := _mistake(fn, aw, error)) is not None:
                    raise mistake from last
                is_wanted = matches(error, policy.retry_on)
                if is_wanted and attempt >= policy.attempts:
                    raise
                if not is_wanted or isinstance(error, GeneratorExit) or holds_cancellation(error):
                    _remember(last, end=error)
                    raise
                # Inside the handler, so that whatever ends the wait has the error as its context.
                await _wait(error, attempt, policy.delay_s(attempt), on_retry)
                last = error
            aw = UNCALLED
            attempt += 1
            number_attempt(attempt)
    finally:
        end_attempts(before)
        # An error holds this frame by its traceback, and a future that failed holds its error.
        last = mistake = aw = None


def _policy_of(
    attempts: int, base_delay: float, max_delay: float, retry_on: object, jitter: float
) -> Retry:
    try:
        return _policy(attempts, base_delay, max_delay, cast("_Classes", retry_on), jitter)
    except TypeError:  # what has no hash is in no cache
        classes = cast("_Classes", exception_classes("retry_on", retry_on))
        return Retry(attempts, base_delay, max_delay, classes, jitter)


def _mistake(fn: object, aw: object, error: BaseException) -> TypeError | None:
    """Why no attempt at *fn* can succeed: what it returned, *aw*, could not be awaited."""
    if not is_awaitable(aw):
        return not_awaitable("fn", fn, aw)
    if aw is UNCALLED:
        return None if callable(fn) else not_callable("fn", fn)
    if isinstance(error, RuntimeError) and inspect.iscoroutine(aw):
        trace = error.__traceback__
        if trace is not None and trace.tb_next is None:  # raised by the await itself
            return TypeError(
                "fn returned a coroutine that it had returned before, and which can run only once: "
                "make a new one in each call, as lambda: fetch(url) does"
            )
    return None


async def _wait(
    error: BaseException, attempt: int, delay_s: float, on_retry: OnRetry | None
) -> None:
    try:
        if on_retry is not None:
            answer = on_retry(error, attempt, delay_s)
            if inspect.isawaitable(answer):
                await answer
        await anyio.sleep(delay_s)
        # A deadline that is over may be delivered a turn later than a wait of that length ends.
        while anyio.current_time() >= anyio.current_effective_deadline():
            await anyio.lowlevel.checkpoint()
    finally:
        del error  # on_retry may raise it


def _remember(last: BaseException | None, *, end: BaseException) -> None:
    """Put *last* at the end of the ``__context__`` chain of *end*, unless that closes a ring."""
    older: set[int] = set()
    link = last
    while link is not None and id(link) not in older:
        older.add(id(link))
        link = link.__context__
    while id(end) not in older:
        if end.__context__ is None:
            end.__context__ = last
            return
        older.add(id(end))
        end = end.__context__
