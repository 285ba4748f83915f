"""The working side's road: take calls, say what became of them, bring back parked ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from lionherd_dist.store.connection import Argument, Connection, Reply
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.scripts import FINISH, PROMOTE

BLOCK_MS = 2_000
MOST_PROMOTED = 500
INBOX_TTL_SESSIONS = 4  # an inbox outlives its silent owner by this many sessions


@dataclass(frozen=True, slots=True)
class Taken:
    """A call in this worker's hand.

    Args:
        entry: the id under which it was handed out; another hand-out has another.
        job: the job it belongs to.
        index: its place in the job.
        attempt: which try this is, from 1.
        deadline_ms: server time after which it is not to run; 0 for none.
        payload: the encoded call.
    """

    entry: bytes
    job: str
    index: int
    attempt: int
    deadline_ms: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """The call ended; *outcome* is what its client gets, encoded."""

    taken: Taken
    outcome: bytes


@dataclass(frozen=True, slots=True)
class Again:
    """The attempt failed; another one is due in *delay_ms*."""

    taken: Taken
    delay_ms: int


@dataclass(frozen=True, slots=True)
class Back:
    """The call is handed back untouched, for another worker to take at once."""

    taken: Taken


Settled: TypeAlias = Done | Again | Back


@dataclass(frozen=True, slots=True)
class Recorded:
    """*dropped* calls were no longer this worker's; the rest is recorded."""

    dropped: int


def taken_of(entry: bytes, fields: list[bytes]) -> Taken:
    """The call that an entry of the stream of calls holds."""
    job, index, attempt, deadline_ms = fields[1].split(b" ")
    return Taken(entry, job.decode(), int(index), int(attempt), int(deadline_ms), fields[3])


def _detail(settled: Settled) -> tuple[Argument, Argument]:
    match settled:
        case Done(_, outcome):
            return "done", outcome
        case Again(taken, delay_ms):
            return "again", f"{taken.attempt + 1} {delay_ms}"
        case Back():
            return "back", ""


class Calls:
    """One session's hand in the shared stream of calls."""

    def __init__(self, keys: Keys, session: str, *, session_ms: int) -> None:
        self._keys, self._session = keys, session
        self._inbox_ttl_ms = INBOX_TTL_SESSIONS * session_ms

    async def take(self, connection: Connection, most: int) -> list[Taken]:
        """Up to *most* released calls; waits up to two seconds for the first.

        Never cancel it: a call that is on its way is then in nobody's hand. Close by
        ``unblock`` from another connection.
        """
        return await self._read(connection, most, b">", "BLOCK", BLOCK_MS)

    async def retake(self, connection: Connection, most: int, after: bytes) -> list[Taken]:
        """Up to *most* calls that the server thinks are in this hand, past the entry *after*.

        For after a read that broke: what it brought may never have arrived.
        """
        return await self._read(connection, most, after)

    async def _read(
        self, connection: Connection, most: int, after: bytes, *block: Argument
    ) -> list[Taken]:
        reply = await connection.call(
            *("XREADGROUP", "GROUP", "workers", self._session, "COUNT", most, *block),
            *("STREAMS", self._keys.calls, after),
        )
        if not reply:
            return []
        ((_, entries),) = cast("list[tuple[bytes, list[tuple[bytes, list[bytes]]]]]", reply)
        return [taken_of(entry, fields) for entry, fields in entries if fields]

    async def finish(self, connection: Connection, settled: Sequence[Settled]) -> Recorded | None:
        """Record what became of calls, in one script; None: the session is lost, nothing counts."""
        args: list[Argument] = [self._session, "", self._inbox_ttl_ms, len(settled)]
        for one in sorted(settled, key=lambda one: one.taken.job):
            taken = one.taken
            args += (taken.job, taken.index, taken.entry, *_detail(one))
        keys = self._keys
        names = (keys.sessions, keys.calls, keys.slots, keys.due, keys.parked, keys.prefix)
        reply = cast("list[int]", await connection.run(FINISH, names, args))
        return Recorded(reply[1]) if reply else None

    async def promote(self, connection: Connection) -> int | None:
        """Bring back parked calls that are due; milliseconds until the next one, None if none."""
        keys = self._keys
        names = (keys.calls, keys.due, keys.parked, keys.prefix)
        left_ms: Reply = await connection.run(PROMOTE, names, ("", MOST_PROMOTED))
        return None if left_ms == -1 else cast("int", left_ms)
