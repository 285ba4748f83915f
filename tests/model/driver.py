"""The scripts on a real server, one request at a time: the store's own words, and time by hand."""

import hashlib
import re
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection
from redis.exceptions import NoScriptError, ResponseError
from redis.retry import Retry

from lionherd_dist.store import scripts
from lionherd_dist.store.dialing import connection_options
from lionherd_dist.store.keys import Keys
from lionherd_dist.store.scripts import Script

_NOW = re.compile(r"\b(\d+) now \(ms")
ALL = {
    one.name: one
    for one in (
        scripts.SUBMIT,
        scripts.FINISH,
        scripts.CANCEL,
        scripts.PROMOTE,
        scripts.HELLO,
        scripts.BEAT,
        scripts.QUIT,
        scripts.REAP,
        scripts.ALONE,
        scripts.LEND,
        scripts.LEAVE,
        scripts.RESIZE,
        scripts.TEND,
        scripts.ATTACH,
        scripts.ADVANCE,
        scripts.DETACH,
    )
}

_LOOK = """
local read = {
  string = function(k) return redis.call('GET', k) end,
  hash = function(k) return redis.call('HGETALL', k) end,
  zset = function(k) return redis.call('ZRANGE', k, 0, -1, 'WITHSCORES') end,
  set = function(k) return redis.call('SMEMBERS', k) end,
  list = function(k) return redis.call('LRANGE', k, 0, -1) end,
  stream = function(k) return redis.call('XRANGE', k, '-', '+') end}
local found = {}
for _, key in ipairs(redis.call('KEYS', KEYS[1] .. '*')) do
  local kind = redis.call('TYPE', key).ok
  table.insert(found, {key, redis.call('PTTL', key), read[kind](key)})
end
local pending = redis.pcall('XPENDING', KEYS[2], 'workers', '-', '+', 10000)
local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[2], 'workers')
return {found, pending.err and {} or pending, consumers.err and {} or consumers}
"""
LOOK = Script("look", _LOOK, hashlib.sha1(_LOOK.encode()).hexdigest())


@dataclass(frozen=True, slots=True)
class Request:
    """A script call as the store wrote it."""

    script: str
    keys: tuple[str, ...]
    args: tuple[object, ...]


class _Written(Exception):
    def __init__(self, request: Request) -> None:
        self.request = request


class Pen:
    """Stands where a connection stands, and keeps the request instead of sending it."""

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[object]) -> NoReturn:
        raise _Written(Request(script.name, tuple(keys), tuple(args)))


def written(verb: Coroutine[object, object, object]) -> Request:
    """The request that one of the store's verbs makes when it is given a ``Pen``."""
    try:
        verb.send(None)
    except _Written as written_:
        return written_.request
    finally:
        verb.close()
    raise AssertionError("the verb made no request")


@dataclass(frozen=True, slots=True)
class Found:
    """Everything a namespace holds: key without prefix -> content, and the same for its time."""

    content: Mapping[str, object]
    ttl_ms: Mapping[str, int]
    pending: Mapping[bytes, str]
    consumers: frozenset[str]


class Driver:
    """Sends requests to *namespace*; *replaced* are scripts to be used instead of the real ones."""

    def __init__(
        self, link: AbstractConnection, keys: Keys, replaced: Mapping[str, Script] | None = None
    ) -> None:
        self.link, self.keys = link, keys
        self._scripts = {**ALL, **(replaced or {})}

    def ask(self, *command: object) -> object:
        """The reply to one command, as it came."""
        self.link.send_command(*command)
        return self.link.read_response(disable_decoding=True)

    def _run(self, script: Script, keys: Sequence[str], args: Sequence[object]) -> object:
        command = ("EVALSHA", script.sha, len(keys), *keys, *args)
        try:
            return self.ask(*command)
        except NoScriptError:
            self.ask("SCRIPT", "LOAD", script.text)
            return self.ask(*command)

    def send(self, request: Request, now: int) -> object:
        """The reply; the moment *now* takes the place of the server's clock."""
        script = self._scripts[request.script]
        args = list(request.args)
        place = _NOW.search(script.text)
        if place:
            args[int(place[1]) - 1] = now
        return self._run(script, request.keys, args)

    def read(self, worker: str, most: int, after: str) -> list[tuple[bytes, list[bytes]]]:
        """XREADGROUP that does not wait; nothing where there is no group."""
        command = ("XREADGROUP", "GROUP", "workers", worker, "COUNT", most, "STREAMS")
        try:
            reply = self.ask(*command, self.keys.calls, after)
        except ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            return []
        if not reply:
            return []
        ((_, entries),) = cast("list[tuple[bytes, list[tuple[bytes, list[bytes]]]]]", reply)
        return [(entry, fields) for entry, fields in entries]

    def look(self) -> Found:
        """All of the namespace, at one moment."""
        reply = self._run(LOOK, (self.keys.prefix, self.keys.calls), ())
        found, pending, consumers = cast("list[list[list[Any]]]", reply)
        start = len(self.keys.prefix)
        return Found(
            {key.decode()[start:]: content for key, _, content in found},
            {key.decode()[start:]: ttl_ms for key, ttl_ms, _ in found},
            {entry: holder.decode() for entry, holder, _, _ in pending},
            frozenset(one[1].decode() for one in consumers),
        )

    def clear(self) -> None:
        """Leave nothing of the namespace."""
        names = cast("list[bytes]", self.ask("KEYS", self.keys.prefix + "*"))
        if names:
            self.ask("DEL", *names)


@contextmanager
def link_to(url: str) -> Iterator[AbstractConnection]:
    """A blocking connection of one's own; nothing is retried and nothing is parsed."""
    pool = ConnectionPool.from_url(url, retry=Retry(NoBackoff(), 0), **connection_options("model"))
    link = pool.make_connection()
    try:
        yield link
    finally:
        link.disconnect()
