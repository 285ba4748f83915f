"""Limiters as there is something to see of them: read in a few round trips, nothing written."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from lionherd_dist.store.connection import Connection
from lionherd_dist.store.exchange import Reply
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.tolerant import moment, read_each, read_one, whole

MOST_LIMITERS = 500
MOST_MEMBERS = 10_000  # of the holders and of the queue of one limiter


@dataclass(frozen=True, slots=True)
class LimiterRow:
    """A limiter at one moment.

    Args:
        total: its tokens.
        fixed: somebody set that number at run time.
        borrowed: tokens that are held.
        waiting: requests that wait; a job counts as one.
        users: sessions and jobs that use it.
        shut_ms: for how long it lends nothing, because the server is new or lost data and holders
            of its earlier life may not have heard; 0 for not at all.
    """

    name: str
    total: int
    fixed: bool
    borrowed: int
    waiting: int
    users: int
    shut_ms: int


@dataclass(frozen=True, slots=True)
class UserRow:
    """A session or a job that uses a limiter: tokens it holds, places it has in the queue."""

    owner: str
    held: int
    waiting: int


async def limiter_rows(connection: Connection, keys: Keys, *, now_ms: int) -> list[LimiterRow]:
    """The limiters of the namespace, by name; ``MOST_LIMITERS`` at most."""
    reply = await read_one(connection, "SRANDMEMBER", keys.limits, MOST_LIMITERS)
    names = sorted(name.decode(errors="replace") for name in cast("list[bytes]", reply))
    rows = await _rows(connection, keys, names, now_ms)
    return [row for row in rows if row is not None]  # one may have ended meanwhile


async def limiter_row(
    connection: Connection, keys: Keys, name: str, *, now_ms: int
) -> LimiterRow | None:
    """One limiter, if it is there."""
    return (await _rows(connection, keys, [name], now_ms))[0]


async def _rows(
    connection: Connection, keys: Keys, names: Sequence[str], now_ms: int
) -> list[LimiterRow | None]:
    if not names:
        return []
    replies = await read_each(
        connection,
        [
            command
            for name in names
            for key in (keys.limit(name),)
            for command in (
                ("HMGET", key, "total", "fixed", "shut"),
                ("ZCARD", key + ":held"),
                ("ZCARD", key + ":queue"),
                ("HLEN", key + ":seen"),
            )
        ],
    )
    return [_row(name, replies[4 * at : 4 * at + 4], now_ms) for at, name in enumerate(names)]


def _row(name: str, replies: Sequence[Reply], now_ms: int) -> LimiterRow | None:
    told, fixed, shut = cast("list[bytes | None]", replies[0])
    total = whole(told)
    if total is None:  # there is no such limiter, or it is about to be made anew
        return None
    borrowed, waiting, users = cast("list[int]", replies[1:])
    shut_ms = max(0, moment(shut) - now_ms)
    return LimiterRow(name, total, fixed is not None, borrowed, waiting, users, shut_ms)


async def user_rows(connection: Connection, keys: Keys, name: str) -> list[UserRow]:
    """Who uses the limiter, most tokens first."""
    key = keys.limit(name)
    replies = await read_each(
        connection,
        [
            ("ZRANGE", key + ":held", 0, MOST_MEMBERS - 1),
            ("ZRANGE", key + ":queue", 0, MOST_MEMBERS - 1),
        ],
    )
    held, waiting = (
        Counter(
            member.decode(errors="replace").partition("/")[0]
            for member in cast("list[bytes]", reply)
        )
        for reply in replies
    )
    rows = [UserRow(owner, held[owner], waiting[owner]) for owner in held | waiting]
    return sorted(rows, key=lambda row: (-row.held, -row.waiting, row.owner))
