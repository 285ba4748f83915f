"""The working side's road: take calls, say what became of them, bring back parked ones."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, cast

from lionherd_dist.errors import LionherdError
from lionherd_dist.store.connection import Answer, Argument, Command, Connection
from lionherd_dist.store.exchange import Reply
from lionherd_dist.store.keys import CONTROL_TTL_MS, DEAD_TTL_MS, Keys
from lionherd_dist.store.portion import Portion
from lionherd_dist.store.scripts import ALONE, BURY, FINISH, PROMOTE

BLOCK_MS = 5_000  # an idle worker asks this often
FIRST_TAKEN, MOST_TAKEN = 4, 10_000  # calls in one reply
MOST_PROMOTED = 500


class Taken(NamedTuple):  # made in half of a frozen dataclass's time, for every call
    """A call in this worker's hand.

    Args:
        entry: the id under which it was handed out; another hand-out has another.
        job: the job it belongs to.
        index: its place in the job.
        attempt: which try this is, from 1.
        deadline_ms: server time after which it is not to run; 0 for none.
        deaths: how many processes died with it in hand.
        payload: the encoded call.
        rest: those of the calls that follow it in the same entry, one after the other.
    """

    entry: bytes
    job: str
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody calls on a call
    attempt: int
    deadline_ms: int
    deaths: int
    payload: bytes
    rest: tuple[bytes, ...] = ()

    @property
    def size(self) -> int:
        """The bytes of all its payloads."""
        return len(self.payload) + (sum(map(len, self.rest)) if self.rest else 0)

    def following(self) -> "Taken":
        """The first call of the *rest*, which there is."""
        return self._replace(index=self.index + 1, payload=self.rest[0], rest=self.rest[1:])


@dataclass(frozen=True, slots=True)
class Done:
    """The call ended, as *ending* says; *outcome* is what its client gets, encoded.

    What follows it in its entry goes back.
    """

    taken: Taken
    outcome: bytes
    ending: Literal["success", "failure", "cancelled"] = "success"


@dataclass(frozen=True, slots=True)
class Next(Done):
    """The call ended, and the one that follows it in its entry has begun.

    While this is under way, no other end of the entry may overtake it.
    """


@dataclass(frozen=True, slots=True)
class Again:
    """The call is to be made again in *delay_ms*, then as attempt number *attempt*."""

    taken: Taken
    attempt: int
    delay_ms: int


@dataclass(frozen=True, slots=True)
class Back:
    """The call is handed back untouched, for another worker to take at once."""

    taken: Taken


@dataclass(frozen=True, slots=True)
class Dead:
    """The call can never succeed: besides the *outcome* for its client it leaves a dead letter.

    *error* is why, for the log.
    """

    taken: Taken
    outcome: bytes
    error: Exception | None = None


Settled: TypeAlias = Done | Dead | Again | Back


@dataclass(frozen=True, slots=True)
class Recorded:
    """*dropped* calls were no longer this worker's; the rest is recorded.

    *letters* has ``job index`` of those that left a dead letter.
    """

    dropped: int
    letters: frozenset[str] = frozenset()


def taken_of(entry: bytes, fields: list[bytes]) -> Taken:
    """The call that an entry of the stream of calls holds.

    Raises:
        ValueError: it holds something else.
    """
    if len(fields) < 4 or fields[0] != b"c" or fields[2] != b"p":
        raise ValueError("an entry of calls has the field c, and p for each call")
    job, index, attempt, deadline_ms, deaths = fields[1].split(b" ")
    numbers = (int(index), int(attempt), int(deadline_ms), int(deaths))
    rest: tuple[bytes, ...] = ()
    if len(fields) > 4:
        if {*fields[4::2]} != {b"p"}:
            raise ValueError("what follows the first call of an entry is in further fields p")
        rest = tuple(fields[5::2])
    return Taken(entry, job.decode("ascii"), *numbers, fields[3], rest)


def _detail(settled: Settled) -> tuple[Argument, Argument]:
    if isinstance(settled, Done):  # nearly always
        if not settled.taken.rest:
            return "done", settled.outcome
        return "next" if isinstance(settled, Next) else "last", settled.outcome
    match settled:
        case Dead(_, outcome):
            return "dead", outcome
        case Again(_, attempt, delay_ms):
            return "again", f"{attempt} {delay_ms}"
        case Back():
            return "back", ""


def _split(settled: Sequence[Settled]) -> tuple[Sequence[Settled], Sequence[Settled]]:
    """Those after which their entry goes on, and those with which it is over."""
    if not [one for one in settled if isinstance(one, Next)]:  # nearly always
        return (), settled
    over = {one.taken.entry for one in settled if not isinstance(one, Next)}
    parts: tuple[list[Settled], list[Settled]] = ([], [])
    for one in settled:
        parts[one.taken.entry in over].append(one)
    return parts


def _failed(settled: Sequence[Settled]) -> list[str]:
    """``job index`` of each that ended in a failure."""
    return [
        f"{one.taken.job} {one.taken.index}"
        for one in settled
        if isinstance(one, Dead) or (isinstance(one, Done) and one.ending == "failure")
    ]


def _by_job(settled: Sequence[Settled]) -> Iterable[Sequence[Settled]]:
    of_jobs: dict[str, list[Settled]] = {}
    for one in settled:
        of_jobs.setdefault(one.taken.job, []).append(one)
    return of_jobs.values()


def _recorded(reply: Reply) -> Recorded | None:
    if not reply:
        return None
    _, dropped, letters = cast("tuple[int, int, list[bytes]]", reply)
    return Recorded(dropped, frozenset(one.decode() for one in letters))


class Calls:
    """One session's hand in the shared stream of calls."""

    def __init__(self, keys: Keys, session: str) -> None:
        self._keys, self._session = keys, session
        self._portion = Portion(MOST_TAKEN, first=FIRST_TAKEN)

    async def take(self, connection: Connection, most: int) -> list[Taken]:
        """Up to *most* released calls; waits up to five seconds for the first.

        Never cancel it: a call that is on its way is then in nobody's hand. Close by
        ``unblock`` from another connection.
        """
        reply = await connection.call(*self._reading(most, b">", "BLOCK", BLOCK_MS))
        return (await self._calls_of(connection, reply))[0]

    async def finish_and_take(
        self,
        connection: Connection,
        settled: Sequence[Settled],
        most: int,
        on_told: Callable[[Recorded | LionherdError | None], None],
    ) -> list[Taken]:
        """``finish`` and ``take`` in one go; *on_told* gets what the first returns, or its error.

        It does so before any call is waited for, and not at all where the connection broke first.
        """

        def ran(answer: Answer) -> None:
            on_told(answer if isinstance(answer, LionherdError) else _recorded(answer))

        finish = (FINISH, *self._ends_of(settled))
        reading = self._reading(most, b">", "BLOCK", BLOCK_MS)
        reply = await connection.run_ahead(finish, ran, *reading)
        return (await self._calls_of(connection, reply))[0]

    async def retake(self, connection: Connection, most: int, after: bytes) -> list[Taken]:
        """Up to *most* calls that the server thinks are in this hand, past the entry *after*.

        For after a read that broke: what it brought may never have arrived.
        """
        calls: list[Taken] = []
        while not calls:
            reply = await connection.call(*self._reading(most, after))
            calls, last = await self._calls_of(connection, reply)
            if last is None:
                break
            after = last
        return calls

    def _reading(self, most: int, after: bytes, *block: Argument) -> Command:
        count = min(most, self._portion.entries)
        group = ("XREADGROUP", "GROUP", "workers", self._session)
        return (*group, "COUNT", count, *block, "STREAMS", self._keys.calls, after)

    async def _calls_of(
        self, connection: Connection, reply: Reply
    ) -> tuple[list[Taken], bytes | None]:
        """Calls, and the last entry that was read: not every entry need be a call."""
        if not reply:
            return [], None
        ((_, entries),) = cast("list[tuple[bytes, list[tuple[bytes, list[bytes]]]]]", reply)
        calls: list[Taken] = []
        for entry, fields in entries:
            try:
                calls.append(taken_of(entry, fields))
            except (ValueError, TypeError):  # not ours, or deleted: None instead of fields
                await self._bury(connection, entry)
        self._portion.saw(len(calls), sum([one.size for one in calls]))
        return calls, entries[-1][0] if entries else None

    async def _bury(self, connection: Connection, entry: bytes) -> None:
        await connection.run(BURY, (self._keys.calls, self._keys.dead), (DEAD_TTL_MS, entry))

    async def finish(self, connection: Connection, settled: Sequence[Settled]) -> Recorded | None:
        """Record what became of calls, in one script; None: the session is lost, nothing counts."""
        return _recorded(await connection.run(FINISH, *self._ends_of(settled)))

    def _ends_of(self, settled: Sequence[Settled]) -> tuple[Sequence[str], Sequence[Argument]]:
        """What ``finish`` is given: its keys, and what became of calls."""
        in_hand, over = _split(settled)
        groups = [*_by_job(in_hand), *_by_job(over)]
        failed = _failed(settled)
        args: list[Argument] = [self._session, "", DEAD_TTL_MS, len(settled), len(in_hand)]
        args.append(len(failed))
        args += [one.taken.entry for calls in groups for one in calls]
        for calls in groups:
            args += (calls[0].taken.job, len(calls))
            args += [one.taken.index for one in calls]
            for one in calls:
                args += _detail(one)
        args += failed
        keys = self._keys
        names = (keys.sessions, keys.calls, keys.slots, keys.due, keys.parked, keys.dead)
        return (*names, keys.prefix), args

    async def run_alone(self, connection: Connection, taken: Taken) -> int:
        """Note that *taken* is about to run with nothing beside it; how often it died so before."""
        args = (taken.job, taken.index, taken.entry)
        return cast("int", await connection.run(ALONE, (self._keys.prefix,), args))

    async def promote(self, connection: Connection) -> int | None:
        """Bring back parked calls that are due; milliseconds until the next one, None if none."""
        keys = self._keys
        names = (keys.calls, keys.due, keys.parked, keys.prefix)
        left_ms: Reply = await connection.run(PROMOTE, names, ("", MOST_PROMOTED, CONTROL_TTL_MS))
        return None if left_ms == -1 else cast("int", left_ms)
