"""Limiters at the server: ask for tokens and give them back, in one request for everything."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple, cast

from lionherd_dist.store.connection import Connection
from lionherd_dist.store.exchange import Reply
from lionherd_dist.store.jobs import Request
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.scripts import LEAVE, LEND, RESIZE, TEND

MOST_TENDED = 200  # limiters looked at in one go: keeps the script near a millisecond


class Ask(NamedTuple):
    """What one session has to say to one limiter; sent twice, it counts once.

    Args:
        name: the limiter's.
        total: tokens of a limiter that is not there yet.
        quarantine_ms: how long such a one lends nothing if the server is younger than that, since
            holders of its earlier life may not have heard yet; negative: in any case.
        look: have the dead dropped, and be told of every token that is ours.
        first: the number of the first new request; numbers only grow within a session.
        new: how many new requests.
        ends: numbers of requests that are over, whether they wait or hold a token.
        impatient: numbers of new requests that are not to wait.
        waiting: numbers of older requests that wait, whose places are to be looked for.
    """

    name: str
    total: int
    quarantine_ms: int
    look: bool
    first: int
    new: int
    ends: Sequence[int]
    impatient: Sequence[int]
    waiting: Sequence[int] = ()


class Looked(NamedTuple):
    """What a look found.

    Args:
        ours: number -> fence of every token of this session.
        holders: how many tokens each owner has.
        lost: numbers of requests that wait and have no place in the queue any more.
    """

    ours: dict[int, int]
    holders: dict[str, int]
    lost: Sequence[int] = ()


class Lent(NamedTuple):
    """The limiter after an ``Ask``.

    Args:
        granted: (number, fence) of each token that is now ours, to be taken from here once.
        tokens: how many of these there are.
    """

    total: int
    borrowed: int
    waiting: int
    granted: Iterator[tuple[int, int]]
    tokens: int
    looked: Looked | None


def pairs(flat: Sequence[bytes]) -> list[tuple[int, int]]:
    """(number, fence) of each token, from a flat list."""
    return list(zip(map(int, flat[::2]), map(int, flat[1::2]), strict=True))


def _house(keys: Keys) -> tuple[str, ...]:
    return (keys.sessions, keys.calls, keys.slots, keys.prefix)


def lend_request(keys: Keys, session: str, ask: Ask) -> Request:
    """The request that brings *ask* to the server."""
    ends = ask.ends
    run = ends[0] if _counts_on(ends) else ""
    return (
        LEND,
        _house(keys),
        (
            *(session, "", ask.name, ask.total, ask.quarantine_ms, int(ask.look)),
            *(ask.first, ask.new, len(ends), len(ask.impatient), run),
            *(() if run else ends),
            *(*ask.impatient, *ask.waiting),
        ),
    )


def _counts_on(numbers: Sequence[int]) -> bool:
    """True for 5, 6, 7: what was lent together ends together, where bodies are alike."""
    last = len(numbers) - 1
    if last < 1 or numbers[last] - numbers[0] != last:
        return False
    return list(numbers) == list(range(numbers[0], numbers[last] + 1))


def lent_of(reply: Reply, ask: Ask) -> Lent | None:
    """The answer to *ask*; None: the session is lost."""
    if not reply:
        return None
    total, borrowed, waiting, lent, ours, holders, (first, fence, count), lost = cast(
        "tuple[int, int, int, list[bytes], list[bytes], list[bytes], tuple[int, int, int], "
        "list[bytes]]",
        reply,
    )
    at_once = zip(range(first, first + count), range(fence, fence + count), strict=True)
    granted = chain(pairs(lent), at_once) if lent else at_once
    looked = None
    if ask.look:
        owners = zip(holders[::2], holders[1::2], strict=True)
        held = {owner.decode(): int(count) for owner, count in owners}
        looked = Looked(dict(pairs(ours)), held, list(map(int, lost)))
    return Lent(total, borrowed, waiting, granted, len(lent) // 2 + count, looked)


def leave_request(keys: Keys, session: str, name: str) -> Request:
    """The request with which *session* gives back all that it has of the limiter *name*."""
    return LEAVE, _house(keys), (session, "", name)


async def resize(
    connection: Connection, keys: Keys, name: str, total: int, *, quarantine_ms: int
) -> int | None:
    """Give the limiter *name* another total; the one before, None if there was none."""
    args = ("", name, total, quarantine_ms)
    before = cast("int", await connection.run(RESIZE, _house(keys), args))
    return None if before < 0 else before


async def tend(connection: Connection, keys: Keys) -> int:
    """Have what the dead hold lent again; how many limiters were looked at."""
    return cast("int", await connection.run(TEND, _house(keys), ("", MOST_TENDED)))
