"""Dead letters: calls that can never succeed, kept for people; read, made again, dropped."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import cast

from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.portion import Portion
from lionherd_dist.store.scripts import REVIVE
from lionherd_dist.store.tolerant import read_one

KEEP_MS = 86_400_000  # how long the outcome of a call that was made again waits to be read
FIRST, LAST = "-", "+"
FIRST_READ = 4  # letters in the first reply
_NAMES = [b"j", b"i", b"c", b"p", b"o"]


@dataclass(frozen=True, slots=True)
class Letter:
    """A call that was given up, with the outcome that its client got.

    Args:
        id: ``ms-sequence``, server time of its burial first.
        job: the job that it belonged to; "" with everything below empty if it never was a call.
        raw: the fields of what never was a call, as they came.
    """

    id: str
    job: str
    index: int
    attempt: int
    deaths: int
    payload: bytes
    outcome: bytes
    raw: tuple[bytes, ...] = ()

    @property
    def buried_ms(self) -> int:
        """When it was buried, in server time."""
        return int(self.id.partition("-")[0])


class Revival(Enum):
    """What became of the wish to make a letter's call again."""

    THERE = 1
    NO_LETTER = 0
    NO_CALL = -1


def letter_of(entry: bytes, fields: Sequence[bytes]) -> Letter:
    """The letter in an entry of the stream ``dead``, whatever it holds."""
    id_ = entry.decode()
    stranger = Letter(id_, "", 0, 0, 0, b"", b"", tuple(fields))
    if list(fields[::2]) != _NAMES or len(fields) != 2 * len(_NAMES):
        return stranger
    job, index, header, payload, outcome = fields[1::2]
    facts = header.split(b" ") if header else [b"", b"", b"0", b"", b"0"]
    try:
        attempt, deaths = int(facts[2]), int(facts[4])
        return Letter(id_, job.decode(), int(index), attempt, deaths, payload, outcome)
    except (ValueError, IndexError):
        return stranger


def job_of(letter: str) -> str:
    """The id of the job as which *letter* is made again: the same, however often that is asked."""
    return f"letter-{letter}"


async def letters(connection: Connection, keys: Keys, *, most: int, before: str) -> list[Letter]:
    """The newest *most* letters; those older than the id *before* unless that is empty."""
    found: list[Letter] = []
    portion = Portion(most, first=min(most, FIRST_READ))
    while len(found) < most:
        newest = f"({before}" if before else LAST
        count = min(portion.entries, most - len(found))
        reply = await read_one(connection, "XREVRANGE", keys.dead, newest, FIRST, "COUNT", count)
        entries = cast("list[tuple[bytes, list[bytes]]]", reply)
        if not entries:
            break
        portion.saw(len(entries), sum([len(one) for _, fields in entries for one in fields]))
        found += [letter_of(*one) for one in entries]
        before = found[-1].id
    return found


async def letter_count(connection: Connection, keys: Keys) -> int:
    """How many letters there are."""
    return cast("int", await read_one(connection, "XLEN", keys.dead))


async def letter(connection: Connection, keys: Keys, id_: str) -> Letter | None:
    """The letter of that id, if there is one."""
    reply = await read_one(connection, "XRANGE", keys.dead, id_, id_)
    found = cast("list[tuple[bytes, list[bytes]]]", reply)
    return letter_of(*found[0]) if found else None


async def revive(connection: Connection, keys: Keys, id_: str, *, payload: bytes = b"") -> Revival:
    """Make the letter's call again as the job ``job_of(id_)``, and drop the letter.

    *payload* is the call as it is to stand there, if not as in the letter: it may have been signed
    for its old place.
    """
    names = (keys.dead, keys.calls, keys.slots, keys.prefix)
    reply = await connection.run(REVIVE, names, ("", id_, job_of(id_), KEEP_MS, payload))
    return Revival(reply)


async def drop(connection: Connection, keys: Keys, ids: Sequence[str]) -> int:
    """Drop letters for good; how many there were."""
    return cast("int", await connection.call("XDEL", keys.dead, *ids))
