"""The asking side's writes: open a job, append its calls, note what was consumed, cancel it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from lionherd_dist.store.connection import Argument, Connection
from lionherd_dist.store.exchange import Reply
from lionherd_dist.store.keys import CONTROL_TTL_MS, Keys
from lionherd_dist.store.scripts import CANCEL, CHECK, SUBMIT, Script

MOST_CHECKED = 100  # jobs in one script, which needs some 30 µs for each

Request: TypeAlias = tuple[Script, Sequence[str], Sequence[Argument]]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The limiter *name*, and what it is to be if it is not there yet (see ``limits.Ask``)."""

    name: str
    total: int
    quarantine_ms: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is new about one job; sent twice, it counts once.

    Args:
        number: the job's number within its session, from 1; a job's id is ``session-number``.
        limit: most calls in hand over all workers; 0 for no limit of its own.
        cap: most outcomes that may wait for the consumer.
        left_ms: milliseconds to the job's deadline when it is opened; -1 for none.
        keep_ms: milliseconds that outcomes outlive the job's end, for whoever attaches; 0 for a job
            that belongs to its session.
        limiter: of which each of its calls needs a token; None for none.
        first: index of the first of *calls*.
        total: how many calls the job has in all; -1 while that is unknown.
        consumed: how many outcomes the consumer has taken so far.
        calls: encoded calls, in the order of their indexes.
        label: what people call the job, or "".
        tasks: the names of its tasks, as far as they have changed.
    """

    number: int
    limit: int
    cap: int
    left_ms: int
    keep_ms: int
    first: int
    total: int
    consumed: int
    calls: Sequence[bytes]
    limiter: Tokens | None = None
    label: str = ""
    tasks: Sequence[str] = ()


def submit_request(keys: Keys, session: str, chunks: Sequence[Chunk]) -> Request:
    """The request that brings *chunks* to the server."""
    args: list[Argument] = [session, "", len(chunks)]
    for chunk in chunks:
        args += (chunk.number, chunk.limit, chunk.cap, chunk.left_ms, chunk.keep_ms)
        args += (_told(chunk.limiter), chunk.label, "".join(f"{name} " for name in chunk.tasks))
        args += (chunk.first, chunk.total, chunk.consumed, len(chunk.calls))
        args += chunk.calls
    return SUBMIT, (keys.sessions, keys.calls, keys.slots, keys.opened, keys.prefix), args


def _told(limiter: Tokens | None) -> str:
    return "" if limiter is None else f"{limiter.total} {limiter.quarantine_ms} {limiter.name}"


def accepted(reply: Reply) -> list[int] | None:
    """For each chunk how many calls its job has so far, -1 if it is over; None: session lost."""
    return cast("list[int]", reply) or None


def cancel_request(keys: Keys, jobs: Sequence[str], *, by: str) -> Request:
    """The request that cancels *jobs*, given by id; ``running`` reads its reply.

    *by* is the session that wants it, "" for an operator: the owner of a job is told if it is
    another.
    """
    names = (keys.calls, keys.control, keys.due, keys.parked)
    more = (keys.sessions, keys.slots, keys.prefix)
    return CANCEL, names + more, (CONTROL_TTL_MS, "", by, len(jobs), *jobs)


def running(reply: Reply) -> list[int | None]:
    """For each cancelled job how many of its calls some worker still runs.

    None of one that has more calls than are dropped in one go: it is to be cancelled again.
    """
    return [None if count < 0 else count for count in cast("list[int]", reply)]


async def cancel_jobs(
    connection: Connection, keys: Keys, jobs: Sequence[str], *, by: str
) -> list[int]:
    """Cancel *jobs*, in as many requests as it takes; how many calls of each still run."""
    left: dict[str, int] = {}
    while waiting := [job for job in jobs if job not in left]:
        counts = running(await connection.run(*cancel_request(keys, waiting, by=by)))
        answers = zip(waiting, counts, strict=True)
        left |= {job: count for job, count in answers if count is not None}
    return [left[job] for job in jobs]


@dataclass(frozen=True, slots=True)
class Known:
    """What the server knows of a job: calls *accepted*, outcomes *consumed*, and made (*done*)."""

    accepted: int
    consumed: int
    done: int


@dataclass(frozen=True, slots=True)
class Broken:
    """Some of what the server had accepted is gone from it: it has just ended the job."""


async def check_jobs(
    connection: Connection, keys: Keys, jobs: Sequence[str], *, others: int = 0
) -> list[Known | Broken | None]:
    """What the server knows of each of *jobs*, given by id; None of one that is over.

    So many *others* of the submitted jobs that are not done are looked at, too: nobody may read
    them, and what is lost of them is to end all the same.
    """
    found: list[Known | Broken | None] = []
    for first in range(0, max(1, len(jobs)), MOST_CHECKED):
        part = jobs[first : first + MOST_CHECKED]
        names = (keys.sessions, keys.calls, keys.slots, keys.prefix)
        rows = await connection.run(CHECK, names, ("", 0 if first else others, *part))
        for row in cast("list[list[int]]", rows):
            match row:
                case [int(accepted), int(consumed), int(done)]:
                    found.append(Known(accepted, consumed, done))
                case [-1]:
                    found.append(Broken())
                case _:
                    found.append(None)
    return found
