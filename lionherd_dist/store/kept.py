"""The kept outcomes of a submitted job: one reader at a time, going on where one stopped."""

from dataclasses import dataclass
from typing import TypeAlias, cast

from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.portion import Portion
from lionherd_dist.store.reading import server_ms
from lionherd_dist.store.scripts import ADVANCE, ATTACH, DETACH
from lionherd_dist.store.tolerant import moment

BLOCK_MS = 2_000
FIRST_READ, MOST_READ = 4, 500  # outcomes in one reply


@dataclass(frozen=True, slots=True)
class Place:
    """We read the job now: *read* of *total* are done with, and no longer there.

    *total* is -1 while the job is still being sent.
    """

    read: int
    total: int


@dataclass(frozen=True, slots=True)
class Taken:
    """Another reader has it."""

    reader: str


@dataclass(frozen=True, slots=True)
class Gone:
    """There is no such job, or none whose outcomes are kept."""


Attached: TypeAlias = Place | Taken | Gone


@dataclass(frozen=True, slots=True)
class Noted:
    """*read* of *total* outcomes are done with; with the last of them the job is gone."""

    read: int
    total: int


@dataclass(frozen=True, slots=True)
class Displaced:
    """Somebody else reads the job now."""


Advanced: TypeAlias = Noted | Displaced | Gone


@dataclass(frozen=True, slots=True)
class Kept:
    """One kept outcome."""

    entry: bytes
    index: int
    outcome: bytes


async def attach(connection: Connection, keys: Keys, reader: str, job: str) -> Attached:
    """Become the one *reader* of *job*: a session, or ``session/which of its readers``."""
    match await connection.run(ATTACH, (keys.sessions, keys.job(job)), (reader, "")):
        case [1, int(read), int(total)]:
            return Place(read, total)
        case [0, bytes(other)]:
            return Taken(other.decode(errors="replace"))
        case _:
            return Gone()


def kept_of(entry: bytes, fields: list[bytes]) -> Kept | None:
    """The outcome that an entry holds; None if it is none of ours."""
    if len(fields) != 4 or fields[0] != b"j":
        return None
    try:
        return Kept(entry, int(fields[2]), fields[3])
    except ValueError:
        return None


def portion() -> Portion:
    """For the reads of one reader."""
    return Portion(MOST_READ, first=FIRST_READ)


async def read(
    connection: Connection, keys: Keys, job: str, after: bytes, portion: Portion
) -> list[Kept]:
    """Outcomes past the entry *after*; waits up to two seconds for the first."""
    outcomes: list[Kept] = []
    while not outcomes:
        reply = await connection.call(
            *("XREAD", "COUNT", portion.entries, "BLOCK", BLOCK_MS),
            *("STREAMS", f"{keys.job(job)}:outcomes", after),
        )
        if not reply:
            break
        ((_, entries),) = cast("list[tuple[bytes, list[tuple[bytes, list[bytes]]]]]", reply)
        outcomes = [one for entry, fields in entries if (one := kept_of(entry, fields))]
        portion.saw(len(outcomes), sum([len(one.outcome) for one in outcomes]))
        after = entries[-1][0]
    return outcomes


async def advance(
    connection: Connection, keys: Keys, reader: str, job: str, entry: bytes
) -> Advanced:
    """Note that the outcome in *entry* is done with; said twice, it counts once."""
    match await connection.run(ADVANCE, (keys.prefix,), (reader, job, entry)):
        case [1, int(read), int(total)]:
            return Noted(read, total)
        case [0]:
            return Displaced()
        case _:
            return Gone()


async def reader_left_ms(connection: Connection, keys: Keys, reader: str) -> int:
    """How long the session of *reader* lasts unless it is renewed; 0 if it has ended."""
    session = reader.partition("/")[0]
    (ends_at,) = cast(
        "list[bytes | None]", await connection.call("ZMSCORE", keys.sessions, session)
    )
    if ends_at is None:
        return 0
    return max(0, moment(ends_at) - await server_ms(connection))


async def detach(connection: Connection, keys: Keys, reader: str, job: str) -> None:
    """Leave *job* to another reader."""
    await connection.run(DETACH, (keys.job(job),), (reader,))
