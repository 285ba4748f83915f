"""A job's limit: a count of its own, or a limiter that it shares with others."""

from typing import TypeAlias

from lionherd_dist.arguments import whole_number
from lionherd_dist.limiter.shared import SharedLimiter
from lionherd_dist.store.jobs import Tokens

Limit: TypeAlias = int | SharedLimiter | None

A_LIMIT = (
    "give the most calls that may run at once, a whole number from 1 up, or a "
    "cluster.capacity_limiter()"
)


def checked(limit: Limit) -> Limit:
    """*limit*, if a job can have it.

    Raises:
        ValueError: it would let nothing run.
        TypeError: it is something else.
    """
    if limit is None or isinstance(limit, SharedLimiter):
        return limit
    return whole_number("limit", limit, least=1, instead=A_LIMIT)


def given(limit: Limit) -> Limit:
    """The same, for a pattern that needs one: TypeError for None."""
    if limit is None:
        raise TypeError(f"limit is None: {A_LIMIT}")
    return checked(limit)


async def for_the_server(limit: Limit, *, awaited: bool = False) -> int | Tokens | None:
    """*limit* as the server is told it.

    A limiter is looked at first, so that a total which is not the one asked for is warned of; and
    so is a job that is *awaited* by code that holds all tokens, which the job would wait for.
    """
    if not isinstance(limit, SharedLimiter):
        return limit
    await limit.refresh()
    if awaited:
        limit.check_not_nested()
    return limit.tokens()
