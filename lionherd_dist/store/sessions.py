"""A process's liveness in the namespace: registered, renewed, ended."""

import time
from dataclasses import dataclass
from typing import TypeAlias, cast

from redis.exceptions import NoScriptError, RedisError

from lionherd_dist.address import Address
from lionherd_dist.errors import LionherdError
from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import CONTROL_TTL_MS, INBOX_TTL_SESSIONS, Keys
from lionherd_dist.store.lines import BlockingLine
from lionherd_dist.store.scripts import BEAT, HELLO, QUIT, REAP
from lionherd_dist.store.trouble import translate
from lionherd_dist.url import address_of

MOST_REAPED = 200  # calls or jobs in one go: keeps the script near a millisecond


@dataclass(frozen=True, slots=True)
class Welcome:
    """The session is registered at *now_ms*, server time; control messages after *control_id*."""

    now_ms: int
    control_id: bytes


@dataclass(frozen=True, slots=True)
class Alive:
    """The session was renewed at *now_ms*, server time."""

    now_ms: int


@dataclass(frozen=True, slots=True)
class Lost:
    """The session had expired, or the server forgot it: others may hold what was its."""


Beat: TypeAlias = Alive | Lost


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a worker brings: *slots* calls at once, of the tasks named *names*."""

    slots: int
    names: tuple[str, ...]

    def told(self) -> tuple[int, str]:
        """As the server is told of it."""
        return self.slots, "".join(f"{name} " for name in self.names)


NO_CAPACITY = Capacity(0, ())  # a client's


async def hello(
    connection: Connection,
    keys: Keys,
    session: str,
    *,
    ttl_ms: int,
    capacity: Capacity,
    place: str = "",
) -> Welcome | None:
    """Register *session* of the process at *place*; None if the id is taken."""
    reply = await connection.run(
        HELLO,
        (
            *(keys.sessions, keys.calls, keys.slots, keys.names, keys.control),
            *(keys.prefix, keys.places),
        ),
        (session, "", ttl_ms, *capacity.told(), place),
    )
    match reply:
        case [int(now_ms), bytes(control_id)]:
            return Welcome(now_ms, control_id)
    return None


async def quit_(connection: Connection, keys: Keys, session: str) -> bool:
    """End *session*; False if something was still its own, which others will now see to."""
    names = (keys.sessions, keys.calls, keys.slots, keys.opened, keys.names, keys.control)
    own = (keys.inbox(session), keys.owned(session), keys.places)
    return await connection.run(QUIT, names + own, (session,)) == 1


@dataclass(frozen=True, slots=True)
class Reaped:
    """What expired sessions left: calls given on to others, jobs given up; *more* is waiting.

    *limited* is true where there are limiters, whose tokens dead sessions may hold. *set_aside* are
    keys that were of a wrong type, by what follows the prefix; each is told to one worker, once.
    """

    given_on: int
    given_up: int
    more: bool
    limited: bool
    set_aside: tuple[str, ...] = ()


async def reap(connection: Connection, keys: Keys) -> Reaped:
    """End sessions that have expired, and see to what was theirs, a bounded part of it."""
    names = (keys.sessions, keys.calls, keys.slots, keys.opened, keys.names, keys.control)
    more = (keys.due, keys.parked, keys.prefix)
    args = ("", MOST_REAPED, CONTROL_TTL_MS)
    given_on, given_up, unfinished, limiters, aside = cast(
        "tuple[int, int, int, int, list[bytes]]", await connection.run(REAP, names + more, args)
    )
    set_aside = tuple(name.decode(errors="replace") for name in aside)
    return Reaped(given_on, given_up, unfinished > 0, limiters == 1, set_aside)


async def known_by_some_worker(connection: Connection, keys: Keys, task: str) -> bool:
    """True if a registered worker knows *task*."""
    known = cast("list[bytes]", await connection.call("HVALS", keys.names))
    return any(task.encode() in names.split(b" ") for names in known)


async def tasks_of_workers(connection: Connection, keys: Keys) -> list[frozenset[str]]:
    """For each worker whose session has not expired, the names of the tasks that it knows."""
    seconds, microseconds = cast("list[bytes]", await connection.call("TIME"))
    now_ms = int(seconds) * 1000 + int(microseconds) // 1000
    replies = await connection.pipeline(
        [("ZRANGEBYSCORE", keys.sessions, now_ms, "+inf"), ("HGETALL", keys.names)]
    )
    alive, flat = (cast("list[bytes]", reply) for reply in replies)
    living = frozenset(alive)
    texts = [names.decode(errors="replace") for names in flat[1::2]]
    pairs = zip(flat[::2], texts, strict=True)
    return [frozenset(names.split()) for id_, names in pairs if id_ in living]


async def worker_count(connection: Connection, keys: Keys) -> int:
    """How many workers are registered."""
    return max(0, cast("int", await connection.call("HLEN", keys.slots)) - 1)


class BeatConnection:
    """The heartbeat's own connection, for a thread: a busy event loop does not delay it."""

    address: str

    def __init__(
        self,
        where: str | Address,
        keys: Keys,
        session: str,
        ttl_ms: int,
        *,
        capacity: Capacity = NO_CAPACITY,
        place: str = "",
    ) -> None:
        address = address_of(where)
        self.address = str(address)
        name = f"lionherd-beat-{session}"
        self._line = BlockingLine(address, name=name, namespace=keys.namespace)
        names = (keys.sessions, keys.inbox(session), keys.prefix)
        args = (session, "", ttl_ms, INBOX_TTL_SESSIONS * ttl_ms)
        self._command = ("EVALSHA", BEAT.sha, len(names), *names, *args)
        self._enrolment = (*capacity.told(), place)  # told again where the server has lost it

    def beat(self, within_s: float) -> Beat:
        """Renew the session; finding the server, connecting and all answers may take *within_s*.

        Raises:
            StoreUnavailableError: no answer; it may or may not have been renewed.
            StoreRefusedError: the server will not have it.
        """
        until = time.monotonic() + within_s
        try:
            try:
                reply = self._line.ask(*self._command, until=until)
            except NoScriptError:
                self._line.ask("SCRIPT", "LOAD", BEAT.text, until=until)
                reply = self._line.ask(*self._command, until=until)
            match reply:
                case [2, _]:
                    reply = self._line.ask(*self._command, *self._enrolment, until=until)
        except (RedisError, OSError) as error:
            self.close()
            raise translate(error, self.address) from error
        except LionherdError:
            self.close()
            raise
        match reply:
            case [1 | 2, int(now_ms)]:
                return Alive(now_ms)
        return Lost()

    def close(self) -> None:
        """Close the connection; the next beat opens it again."""
        self._line.close()
