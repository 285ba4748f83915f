"""What there is to see of a namespace: read in a few round trips, a bounded part, nothing written.

There is no list of all jobs. They are found by their owners: each session has the set of its own,
and ``kept`` those that belong to nobody. So no key is ever looked for by its name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from lionherd_dist.store.connection import Command, Connection
from lionherd_dist.store.exchange import Reply
from lionherd_dist.store.job_rows import JobRow, job_rows
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.limit_rows import LimiterRow, limiter_rows
from lionherd_dist.store.places import shown_place
from lionherd_dist.store.tolerant import moment, read_each, whole

MOST_SESSIONS = 500
MOST_JOBS = 100


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A process as the server knows it.

    Args:
        place: ``host:pid``; "" if it did not say.
        left_ms: until its session expires; below 0 when it is dead and nobody has seen to it yet.
        slots: calls that it runs at once; 0 for a client.
        tasks: the names of the tasks that a worker knows.
        in_hand: calls that it has taken and not told of.
        jobs: jobs that it has open.
    """

    id: str
    place: str
    left_ms: int
    slots: int
    tasks: tuple[str, ...]
    in_hand: int
    jobs: int


@dataclass(frozen=True, slots=True)
class Overview:
    """A namespace at one moment.

    Args:
        now_ms: server time.
        sessions: those that live longest first, ``MOST_SESSIONS`` at most.
        session_count: how many there are.
        jobs: a part of them, those of sessions first.
        job_count: how many there are, as far as *sessions* tell.
        waiting: released calls that no worker has taken.
        in_hand: calls that workers have taken.
        parked: calls that wait for their next attempt.
        dead: dead letters.
        limiters: those that are in use.
    """

    now_ms: int
    sessions: list[SessionRow]
    session_count: int
    jobs: list[JobRow]
    job_count: int
    waiting: int
    in_hand: int
    parked: int
    dead: int
    limiters: list[LimiterRow]

    @property
    def workers(self) -> list[SessionRow]:
        """The sessions that bring slots."""
        return [one for one in self.sessions if one.slots]

    @property
    def clients(self) -> list[SessionRow]:
        """The sessions that bring none."""
        return [one for one in self.sessions if not one.slots]

    @property
    def backlog(self) -> int:
        """Calls of *jobs* that wait to be released."""
        return sum(job.backlog for job in self.jobs)


async def server_ms(connection: Connection) -> int:
    """The server's time."""
    return _ms(await connection.call("TIME"))


def _ms(time: Reply) -> int:
    seconds, microseconds = cast("list[bytes]", time)
    return int(seconds) * 1000 + int(microseconds) // 1000


async def overview(connection: Connection, keys: Keys, *, most_jobs: int = MOST_JOBS) -> Overview:
    """The namespace as it is now, with *most_jobs* of its jobs."""
    commands: list[Command] = [
        ("TIME",),
        ("ZCARD", keys.sessions),
        ("ZRANGE", keys.sessions, 0, MOST_SESSIONS - 1, "REV", "WITHSCORES"),
        ("XLEN", keys.calls),
        ("ZCARD", keys.due),
        ("XLEN", keys.dead),
        ("ZCARD", keys.kept),
        ("ZRANGE", keys.kept, 0, most_jobs - 1),
    ]
    replies = await read_each(connection, commands)
    now_ms = _ms(replies[0])
    session_count, released, parked, dead, kept_count = (
        cast("int", replies[place]) for place in (1, 3, 4, 5, 6)
    )
    held = await _held(connection, keys)
    sessions = await _sessions(connection, keys, cast("list[bytes]", replies[2]), now_ms, held)
    kept = [job.decode(errors="replace") for job in cast("list[bytes]", replies[7])]
    ids = (await _owned(connection, keys, sessions, most_jobs) + kept)[:most_jobs]
    rows = await job_rows(connection, keys, ids, now_ms=now_ms)
    in_hand = sum(held.values())
    return Overview(
        now_ms=now_ms,
        sessions=sessions,
        session_count=session_count,
        jobs=[row for row in rows if row is not None],  # one may have ended meanwhile
        job_count=kept_count + sum(session.jobs for session in sessions),
        waiting=max(0, released - in_hand),
        in_hand=in_hand,
        parked=parked,
        dead=dead,
        limiters=await limiter_rows(connection, keys, now_ms=now_ms),
    )


async def _held(connection: Connection, keys: Keys) -> dict[str, int]:
    """How many calls each session has in hand; nothing where there is no group of workers yet."""
    (pending,) = await connection.try_each([("XPENDING", keys.calls, "workers")])
    match pending:
        case [int(), _, _, list(holders)]:
            pairs = cast("list[tuple[bytes, bytes]]", holders)
            return {name.decode(errors="replace"): int(count) for name, count in pairs}
    return {}


async def _sessions(
    connection: Connection, keys: Keys, flat: Sequence[bytes], now_ms: int, held: dict[str, int]
) -> list[SessionRow]:
    if not flat:
        return []
    ids = [name.decode(errors="replace") for name in flat[::2]]
    ends = [moment(score) for score in flat[1::2]]
    about = (keys.places, keys.slots, keys.names)
    replies = await read_each(
        connection,
        [*(("HMGET", key, *ids) for key in about), *(("ZCARD", keys.owned(id_)) for id_ in ids)],
    )
    places = [shown_place(place) for place in cast("list[bytes | None]", replies[0])]
    slots, names = (
        [(value or b"").decode(errors="replace") for value in cast("list[bytes | None]", reply)]
        for reply in replies[1:3]
    )
    return [
        SessionRow(
            id=id_,
            place=places[at],
            left_ms=ends[at] - now_ms,
            slots=whole(slots[at]) or 0,
            tasks=tuple(names[at].split()),
            in_hand=held.get(id_, 0),
            jobs=cast("int", replies[3 + at]),
        )
        for at, id_ in enumerate(ids)
    ]


def owners_to_ask(sessions: Sequence[SessionRow], most_jobs: int) -> list[str]:
    """The first of *sessions* whose jobs together come to *most_jobs*, or all that have any."""
    asked: list[str] = []
    count = 0
    for session in sessions:
        if count < most_jobs and session.jobs:
            asked.append(session.id)
            count += session.jobs
    return asked


async def _owned(
    connection: Connection, keys: Keys, sessions: Sequence[SessionRow], most_jobs: int
) -> list[str]:
    owners = owners_to_ask(sessions, most_jobs)
    if not owners:
        return []
    pages = await read_each(
        connection, [("ZRANGE", keys.owned(owner), 0, most_jobs - 1) for owner in owners]
    )
    return [job.decode(errors="replace") for page in pages for job in cast("list[bytes]", page)]
