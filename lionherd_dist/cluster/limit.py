"""A job's limit: a count of its own, or a limiter that it shares with others."""

from typing import TypeAlias

from lionherd_dist.limiter.shared import SharedLimiter
from lionherd_dist.store.jobs import Tokens

Limit: TypeAlias = int | SharedLimiter | None


def checked(limit: Limit) -> Limit:
    """*limit*, if a job can have it.

    Raises:
        ValueError: it would let nothing run.
        TypeError: it is something else.
    """
    if limit is None or isinstance(limit, SharedLimiter):
        return limit
    if not isinstance(limit, int):
        raise TypeError(
            f"limit is {limit!r}: give a count, a cluster.capacity_limiter(), or None for no limit"
        )
    if limit < 1:
        raise ValueError(f"limit is {limit}: give at least 1, or None for no limit")
    return limit


async def for_the_server(limit: Limit) -> int | Tokens | None:
    """*limit* as the server is told it.

    A limiter is looked at first, so that a total which is not the one asked for is warned of.
    """
    if not isinstance(limit, SharedLimiter):
        return limit
    await limit.refresh()
    return limit.tokens()
