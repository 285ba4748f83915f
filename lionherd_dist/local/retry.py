"""``retry``: one more attempt after a failure, later and later, within the ambient deadline."""

import inspect
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

import anyio
import anyio.lowlevel

from lionherd_dist.call import Retry
from lionherd_dist.local.errors import holds_cancellation

T = TypeVar("T")

OnRetry: TypeAlias = Callable[[BaseException, int, float], Awaitable[object] | object]


async def retry(
    fn: Callable[[], Awaitable[T]],
    *,
    attempts: int = 3,
    base_delay: float = 0.1,
    max_delay: float = 2.0,
    retry_on: tuple[type[BaseException], ...] = (Exception,),
    jitter: float = 0.1,
    on_retry: OnRetry | None = None,
) -> T:
    """The first result of *fn*, which is called up to *attempts* times.

    Waits base_delay, 2·base_delay, 4·base_delay … seconds between attempts, at most *max_delay*,
    each lengthened at random by up to the share *jitter*. ``on_retry(error, attempt, delay_s)``,
    sync or async, is called after failed attempt number *attempt* (from 1) and before the wait of
    *delay_s* seconds; what it raises ends the retry.

    The last attempt's error is raised as itself. An error outside *retry_on* ends the retry at
    once, and so does a cancellation, whatever *retry_on* says. No wait and no attempt outlasts the
    ambient deadline: ``fail_after`` then raises TimeoutError with the last error in its
    ``__context__`` chain. ValueError for attempts below 1, or a delay or jitter below 0.
    """
    if attempts < 1 or base_delay < 0 or max_delay < 0 or jitter < 0:
        Retry(attempts, base_delay, max_delay, jitter=jitter)  # raises, and names the value
    attempt = 1
    last: BaseException | None = None
    while True:
        try:
            return await fn()
        except retry_on as error:
            if attempt >= attempts:
                raise
            if isinstance(error, GeneratorExit) or holds_cancellation(error):
                _remember(last, end=error)
                raise
            policy = Retry(attempts, base_delay, max_delay, jitter=jitter)
            # Inside the handler, so that whatever ends the wait has the error as its context.
            await _wait(error, attempt, policy.delay_s(attempt), on_retry)
            last = error
        except BaseException as error:
            _remember(last, end=error)
            raise
        attempt += 1


async def _wait(
    error: BaseException, attempt: int, delay_s: float, on_retry: OnRetry | None
) -> None:
    if on_retry is not None:
        answer = on_retry(error, attempt, delay_s)
        if inspect.isawaitable(answer):
            await answer
    await anyio.sleep(delay_s)
    # A deadline that is over may be delivered a turn later than a wait of the same length ends.
    while anyio.current_time() >= anyio.current_effective_deadline():
        await anyio.lowlevel.checkpoint()


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
