"""A process's liveness in the namespace: registered, renewed, ended."""

from dataclasses import dataclass
from typing import TypeAlias, cast

from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError
from redis.retry import Retry

from lionherd_dist.store.connection import Connection, Reply, connection_options, redacted
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.scripts import BEAT, HELLO, QUIT
from lionherd_dist.store.trouble import translate


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


async def hello(
    connection: Connection, keys: Keys, session: str, *, ttl_ms: int, slots: int
) -> Welcome | None:
    """Register *session*, a worker's with its *slots*, a client's with 0; None if it is taken."""
    reply = await connection.run(
        HELLO,
        (keys.sessions, keys.calls, keys.slots, keys.control),
        (session, "", ttl_ms, slots),
    )
    match reply:
        case [int(now_ms), bytes(control_id)]:
            return Welcome(now_ms, control_id)
    return None


async def quit_(connection: Connection, keys: Keys, session: str) -> int:
    """End *session*; how many calls it still had in hand (0 or 1: there may be more)."""
    names = (keys.sessions, keys.calls, keys.slots, keys.opened, keys.control, keys.inbox(session))
    return cast("int", await connection.run(QUIT, names, (session,)))


async def worker_count(connection: Connection, keys: Keys) -> int:
    """How many workers are registered."""
    return max(0, cast("int", await connection.call("HLEN", keys.slots)) - 1)


class BeatConnection:
    """The heartbeat's own connection, for a thread: a busy event loop does not delay it."""

    def __init__(self, url: str, keys: Keys, session: str, ttl_ms: int) -> None:
        self.address = redacted(url)
        pool = ConnectionPool.from_url(
            url, retry=Retry(NoBackoff(), 0), **connection_options(f"lionherd-beat-{session}")
        )
        self._link = pool.make_connection()
        self._command = ("EVALSHA", BEAT.sha, 1, keys.sessions, session, "", ttl_ms)

    def beat(self) -> Beat:
        """Renew the session.

        Raises:
            StoreUnavailableError: no answer; it may or may not have been renewed.
            StoreRefusedError: the server will not have it.
        """
        try:
            try:
                reply = self._ask(*self._command)
            except NoScriptError:
                self._ask("SCRIPT", "LOAD", BEAT.text)
                reply = self._ask(*self._command)
        except (RedisError, OSError) as error:
            self.close()
            raise translate(error, self.address) from error
        match reply:
            case [1, int(now_ms)]:
                return Alive(now_ms)
        return Lost()

    def _ask(self, *command: str | int) -> Reply:
        self._link.send_command(*command)
        return cast("Reply", self._link.read_response(disable_decoding=True))

    def close(self) -> None:
        """Close the connection; the next beat opens it again."""
        self._link.disconnect()
