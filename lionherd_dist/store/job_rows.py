"""A job as an operator sees it: where it stands, and whose it is. Reads only, a bounded part."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from lionherd_dist.job_status import JobState
from lionherd_dist.store.calls import taken_of
from lionherd_dist.store.connection import Answer, Command, Connection
from lionherd_dist.store.exchange import Reply
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.tolerant import read_each, read_one, whole

MOST_IN_HAND = 20  # calls that are looked at one by one
SCANNED = 1_000  # of all in hand, read in one go
_FIELDS = ("owner", "keep", "limit", "cap", "next", "released", "consumed", "done", "total")
_LATER_FIELDS = ("deadline", "cancelled", "since", "read", "failed")
_TEXTS = ("reader", "limiter", "label", "tasks")


@dataclass(frozen=True, slots=True)
class JobRow:
    """What the server knows of one job.

    Args:
        id: ``session-number``.
        owner: the session that it belongs to; "" for a submitted job, which outlives its sender.
        kept_ms: how long its outcomes outlive its end; 0 if it belongs to its session.
        limit: most calls in hand; 0 for none of its own.
        accepted: calls that the server was sent so far.
        total: calls that it has in all; None while they are still being sent.
        done: calls with an outcome.
        read: outcomes that their reader was done with.
        backlog: calls whose turn has not come.
        in_hand: calls whose turn has come, without an outcome; waiting for a next attempt, too.
        room: outcomes that its reader still has room for.
        age_ms: since it was opened; None if the server does not know.
        left_ms: until its deadline; None if it has none.
        reader: the session that reads its kept outcomes, or "".
        cancelled: it was cancelled, and its last calls are stopping.
        limiter: the name of the one whose tokens its calls need, or "".
        failed: those of *done* that failed.
        label: the name that it was submitted with, or "".
        tasks: the names of the tasks of a submitted job.
        is_readable: False if one of the numbers at the server is none; it stands here as 0.
    """

    id: str
    owner: str
    kept_ms: int
    limit: int
    accepted: int
    total: int | None
    done: int
    read: int
    backlog: int
    in_hand: int
    room: int
    age_ms: int | None
    left_ms: int | None
    reader: str
    cancelled: bool
    limiter: str = ""
    failed: int = 0
    label: str = ""
    tasks: tuple[str, ...] = ()
    is_readable: bool = True

    @property
    def state(self) -> JobState:
        """Where it stands, in a word."""
        if not self.is_readable:
            return "unreadable"
        if self.cancelled:
            return "stopping"
        if self.done == self.total:
            return "done"
        if self.backlog and not self.in_hand and self.room <= 0:
            return "held back"  # by a consumer that does not read
        return "sending" if self.total is None else "running"

    @property
    def per_second(self) -> float | None:
        """Calls done per second since it was opened; None if that is not known, or it is over."""
        if self.age_ms is None or self.state == "done":
            return None
        return self.done / max(self.age_ms / 1000, 0.001)


@dataclass(frozen=True, slots=True)
class InHand:
    """A released call of a job.

    Args:
        since_ms: how long ago it was handed out; None while it waits for its next attempt.
        attempt: which try this is, from 1; None if the server just forgot.
        deaths: how many processes died with it in hand.
        worker: the session that has it; "" while no worker took it.
        payload: the encoded call.
    """

    index: int
    since_ms: int | None
    attempt: int | None
    deaths: int
    worker: str
    payload: bytes


def _commands(keys: Keys, job: str) -> list[Command]:
    key = keys.job(job)
    return [
        ("HMGET", key, *_FIELDS, *_LATER_FIELDS, *_TEXTS),
        ("HLEN", f"{key}:hand"),
    ]


async def job_rows(
    connection: Connection, keys: Keys, jobs: Sequence[str], *, now_ms: int
) -> list[JobRow | None]:
    """Each of *jobs*, given by id; None for one that is not there. *now_ms* is server time."""
    if not jobs:
        return []
    replies = await read_each(connection, [one for job in jobs for one in _commands(keys, job)])
    return [
        _row(job, *replies[2 * place : 2 * place + 2], now_ms=now_ms)
        for place, job in enumerate(jobs)
    ]


def _row(job: str, fields: Reply, hand: Reply, *, now_ms: int) -> JobRow | None:
    values = [(value or b"").decode(errors="replace") for value in cast("list[bytes]", fields)]
    owner, (reader, limiter, label, tasks) = values[0], values[-len(_TEXTS) :]
    if not any(values[1:]):
        return None
    told = [whole(value or "0") for value in values[1 : -len(_TEXTS)]]
    numbers = [number or 0 for number in told]
    keep, limit, cap, next_, released, consumed, done, total = numbers[:8]
    deadline, cancelled, since, read, failed = numbers[8:]
    in_hand = cast("int", hand)
    return JobRow(
        id=job,
        owner=owner,
        kept_ms=keep,
        limit=limit,
        accepted=next_,
        total=None if total < 0 else total,
        done=done,
        read=read if keep else consumed,
        backlog=0 if cancelled else max(0, next_ - done - in_hand),  # read one after the other
        in_hand=in_hand,
        room=consumed + cap - released,
        age_ms=now_ms - since if since else None,
        left_ms=deadline - now_ms if deadline else None,
        reader=reader,
        cancelled=bool(cancelled),
        limiter=limiter,
        failed=failed,
        label=label,
        tasks=tuple(tasks.split()),
        is_readable=None not in told,
    )


async def calls_in_hand(
    connection: Connection, keys: Keys, job: str, *, now_ms: int
) -> list[InHand]:
    """The oldest of the released calls of *job*, twenty at most."""
    found, cursor, is_over = dict[int, bytes](), b"0", False
    while not is_over:
        reply = await read_one(
            connection, "HSCAN", f"{keys.job(job)}:hand", cursor.decode(), "COUNT", SCANNED
        )
        cursor, flat = cast("tuple[bytes, list[bytes]]", reply)
        pairs = zip(map(whole, flat[::2]), flat[1::2], strict=True)
        found |= {index: entry for index, entry in pairs if index is not None}
        is_over = cursor == b"0"
    hand = sorted(found.items())[:MOST_IN_HAND]
    commands: list[Command] = []
    for index, entry in hand:
        if entry == b"parked":
            commands += [("HGET", keys.parked, f"{job} {index}"), ("PING",)]
        else:
            commands += [
                ("XRANGE", keys.calls, entry, entry),
                ("XPENDING", keys.calls, "workers", entry, entry, 1),
            ]
    replies = await connection.try_each(commands) if commands else []
    return [
        _parked(index, replies[2 * place])
        if entry == b"parked"
        else _handed_out(index, entry, replies[2 * place], replies[2 * place + 1], now_ms)
        for place, (index, entry) in enumerate(hand)
    ]


def _parked(index: int, kept: Answer) -> InHand:
    """*kept* is ``attempt deadline deaths payload``."""
    if not isinstance(kept, bytes):
        return InHand(index, None, None, 0, "", b"")
    attempt, _, deaths, payload = (*kept.split(b" ", 3), b"", b"", b"")[:4]
    return InHand(index, None, whole(attempt), whole(deaths) or 0, "", payload)


def _handed_out(
    index: int,
    entry: bytes,
    found: Answer,
    holder: Answer,
    now_ms: int,
) -> InHand:
    handed_out_ms = whole(entry.partition(b"-")[0])
    since_ms = None if handed_out_ms is None else now_ms - handed_out_ms
    worker = ""
    match holder:
        case [[_, bytes(session), _, _]]:
            worker = session.decode(errors="replace")
    match found:
        case [[_, list(fields)]]:
            with suppress(ValueError):  # it is no call
                taken = taken_of(entry, cast("list[bytes]", fields))
                while taken.rest and taken.index < index:
                    taken = taken.following()
                return InHand(index, since_ms, taken.attempt, taken.deaths, worker, taken.payload)
    return InHand(index, since_ms, None, 0, worker, b"")
