"""What comes back to a session: one stream, read in order and trimmed as it is read.

Outcomes of its jobs, and tokens of limiters that it was waiting for.
"""

from dataclasses import dataclass
from typing import cast

from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.limits import pairs
from lionherd_dist.store.portion import Portion

BLOCK_MS = 5_000  # an idle client asks this often
MOST_ENTRIES = 200  # each holds the outcomes of one flush of one worker
READ_ENTRIES, READ_BYTES = 16, 32 * 1024  # that have been read, and may still be with the server


@dataclass(frozen=True, slots=True)
class News:
    """What is new about one job.

    Args:
        outcomes: as (index, bytes).
        ended: it was cancelled, and has stopped everywhere.
        cancelled: somebody else cancelled it; what runs is being stopped.
    """

    job: str
    outcomes: list[tuple[int, bytes]]
    ended: bool = False
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Granted:
    """Tokens of *limiter* that are this session's now, as (number of the request, fence)."""

    limiter: str
    tokens: list[tuple[int, int]]


def news_of(fields: list[bytes]) -> News | Granted | None:
    """What an entry of an inbox says; None if it is none of ours."""
    if len(fields) < 4 or fields[0] not in {b"j", b"l"}:
        return None
    name = fields[1].decode(errors="replace")
    if fields[0] == b"j" and fields[2] in {b"end", b"cancelled"}:
        return News(name, [], ended=fields[2] == b"end", cancelled=fields[2] == b"cancelled")
    try:
        if fields[0] == b"l":
            return Granted(name, pairs(fields[2:]))
        outcomes = [
            (int(index), data) for index, data in zip(fields[2::2], fields[3::2], strict=True)
        ]
    except ValueError:
        return None
    return News(name, outcomes)


def _after(entry: bytes) -> bytes:
    ms, _, sequence = entry.partition(b"-")
    return b"%s-%d" % (ms, int(sequence) + 1)


class Inbox:
    """A reader of one session's outcomes; cancelling a read loses nothing.

    Attributes:
        reads: how many reads have been answered.
    """

    reads: int

    def __init__(self, connection: Connection, keys: Keys, session: str) -> None:
        self._connection, self._key = connection, keys.inbox(session)
        self._last = b"0-0"
        self._read_entries = self._read_bytes = 0  # since the server was told to drop what was read
        self._portion = Portion(MOST_ENTRIES, first=MOST_ENTRIES)  # it is empty at first
        self.reads = 0

    async def is_empty(self, connection: Connection) -> bool:
        """True if all that ever arrived has been read; asked on a *connection* that is free."""
        newer = ("XRANGE", self._key, b"(" + self._last, "+", "COUNT", 1)
        return await connection.call(*newer) == []

    async def read(self) -> list[News | Granted]:
        """What arrived since the last read; waits up to five seconds, then returns nothing.

        What earlier reads brought is dropped from the server in the same round trip, once it is
        worth a command: it is safe in this process's memory.
        """
        count = self._portion.entries
        read = ("XREAD", "COUNT", count, "BLOCK", BLOCK_MS, "STREAMS", self._key, self._last)
        if self._read_entries < READ_ENTRIES and self._read_bytes < READ_BYTES:
            reply = await self._connection.call(*read)
        else:
            trim = ("XTRIM", self._key, "MINID", _after(self._last))
            _, reply = await self._connection.pipeline((trim, read))
            self._read_entries = self._read_bytes = 0
        self.reads += 1
        if not reply:
            if self._read_entries:
                self._read_entries = READ_ENTRIES  # there is time to drop them now
            return []
        ((_, entries),) = cast("list[tuple[bytes, list[tuple[bytes, list[bytes]]]]]", reply)
        self._last = entries[-1][0]
        size = sum([len(one) for _, fields in entries for one in fields])
        self._read_entries += len(entries)
        self._read_bytes += size
        self._portion.saw(len(entries), size)
        return [news for _, fields in entries if (news := news_of(fields)) is not None]
