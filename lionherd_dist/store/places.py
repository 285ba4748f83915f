"""Where the processes of sessions run, and the end of the sessions of a process that died.

A place is ``host:pid/token``. People are shown what stands before the first slash. The token, which
is random, belongs to one process alone: who says that a process died names it by its token, so that
no other process is meant, not even one that has its host's name and its process id.
"""

import contextlib
from dataclasses import dataclass
from typing import cast

from lionherd_dist.store.calls import taken_of
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.scripts import DIED
from lionherd_dist.store.tolerant import read_one

MOST_TOLD = 3  # calls that a message names


def place_of(host_and_pid: str, token: str) -> str:
    """What a process registers as its place."""
    return f"{host_and_pid}/{token}"


def shown_place(place: bytes | None) -> str:
    """``host:pid`` of a place, for people; "" if there is none."""
    return (place or b"").decode(errors="replace").partition("/")[0]


@dataclass(frozen=True, slots=True)
class CallInHand:
    """A call that a process had when it died; its *payload* is empty if it is large."""

    job: str
    index: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """How many sessions of a dead process have ended, and what it had: *calls*, or *more*."""

    sessions: int
    calls: tuple[CallInHand, ...]
    more: bool


async def died(connection: Connection, keys: Keys, token: str) -> Ended:
    """Let the sessions of the process with *token*, which has died, expire at once.

    Whoever reaps next gives on what was theirs; asked again after that, there are none.
    """
    names = (keys.sessions, keys.calls, keys.places, keys.prefix)
    cursor, sessions, calls = b"0", 0, list[CallInHand]()
    while True:
        reply = await connection.run(DIED, names, (token, cursor, MOST_TOLD + 1))
        cursor, ended, *told = cast("tuple[bytes, int, *tuple[bytes, ...]]", tuple(reply))  # type: ignore[arg-type]
        sessions += ended
        calls += map(_call, told[::2], told[1::2])
        if cursor == b"0":
            return Ended(sessions, tuple(calls[:MOST_TOLD]), more=len(calls) > MOST_TOLD)


async def wait_after_deaths(connection: Connection, keys: Keys) -> bool:
    """True if some of the first calls that wait, or are in hand, were so when a process died."""
    first = await read_one(connection, "XRANGE", keys.calls, "-", "+", "COUNT", MOST_TOLD)
    for entry, fields in cast("list[tuple[bytes, list[bytes]]]", first):
        with contextlib.suppress(ValueError):  # it is no call
            if taken_of(entry, fields).deaths:
                return True
    return False


def _call(which: bytes, payload: bytes) -> CallInHand:
    job, _, index = which.decode(errors="replace").rpartition(" ")
    return CallInHand(job, int(index), payload)
