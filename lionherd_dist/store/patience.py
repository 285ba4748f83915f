"""Sending a request again until the server answers, for requests that are idempotent by id."""

import math
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from lionherd_dist.errors import StoreUnavailableError

T = TypeVar("T")

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0


def pause_s(attempt: int) -> float:
    """Seconds before try number *attempt* + 1: doubled each time, half of it random."""
    longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(attempt - 1, 16))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 (spreads the load, no secret)


async def persist(request: Callable[[], Awaitable[T]], *, patience_s: float) -> T:
    """The answer to *request*, sent again for up to *patience_s* after its first failure.

    Raises:
        StoreUnavailableError: there was no answer in that time; the last reason is told.
    """
    give_up_at = math.inf
    attempt = 0
    while True:
        try:
            return await request()
        except StoreUnavailableError:
            attempt += 1
            give_up_at = min(give_up_at, anyio.current_time() + patience_s)
            wait_s = pause_s(attempt)
            if anyio.current_time() + wait_s > give_up_at:
                raise
            await anyio.sleep(wait_s)
