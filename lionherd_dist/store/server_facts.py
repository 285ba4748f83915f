"""What a server says about itself, as far as it may be asked. Reads only."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from lionherd_dist.errors import LionherdError
from lionherd_dist.store.connection import Answer, Command, Connection
from lionherd_dist.store.reading import server_ms
from lionherd_dist.store.scripts import Script

_SECTIONS = ("server", "memory", "stats", "persistence", "replication")
_SETTINGS = ("save", "appendfsync", "aclfile")


@dataclass(frozen=True, slots=True)
class Users:
    """Who may log in.

    Args:
        default_on: the user ``default`` may.
        default_entitled: that user has every command and key, whether it may log in or not.
        others: how many users there are beside it.
    """

    default_on: bool
    default_entitled: bool
    others: int


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What could be learned.

    Args:
        info: the fields of INFO; empty if that was refused.
        settings: the settings of CONFIG that matter here; empty if that was refused.
        users: None if that was refused.
        greeting: server and version as HELLO says them; empty if that was refused.
        denied: the commands that were refused.
        ahead_ms: server time less the time of this machine.
        scripts_known: how many of the package's scripts it has in its memory; None: not told.
        scripts: how many there are.
    """

    info: Mapping[str, str]
    settings: Mapping[str, str]
    users: Users | None
    greeting: Mapping[str, str]
    denied: tuple[str, ...]
    ahead_ms: int
    scripts_known: int | None
    scripts: int


async def server_facts(connection: Connection, scripts: Sequence[Script]) -> ServerFacts:
    """What the server says of itself and of *scripts*."""
    commands: list[Command] = [
        ("HELLO",),
        ("SCRIPT", "EXISTS", *(script.sha for script in scripts)),
        ("ACL", "GETUSER", "default"),
        ("ACL", "USERS"),
        *(("INFO", section) for section in _SECTIONS),
        *(("CONFIG", "GET", name) for name in _SETTINGS),
    ]
    ahead_ms = await _ahead_ms(connection)
    replies = await connection.try_each(commands)
    greeting, known, default, names, *rest = replies
    info: dict[str, str] = {}
    for text in rest[: len(_SECTIONS)]:
        info |= info_of(text)
    settings: dict[str, str] = {}
    for pairs in rest[len(_SECTIONS) :]:
        settings |= _pairs(pairs)
    denied = {
        str(command[0])
        for command, reply in zip(commands, replies, strict=True)
        if isinstance(reply, LionherdError)
    }
    return ServerFacts(
        info=info,
        settings=settings,
        users=_users(default, names),
        greeting=_pairs(greeting),
        denied=tuple(sorted(denied)),
        ahead_ms=ahead_ms,
        scripts_known=sum(cast("list[int]", known)) if isinstance(known, list) else None,
        scripts=len(scripts),
    )


async def _ahead_ms(connection: Connection) -> int:
    await server_ms(connection)  # so that opening the connection is not part of the round trip
    asked = time.time()
    there_ms = await server_ms(connection)
    return round(there_ms - (asked + time.time()) / 2 * 1000)


def info_of(text: Answer) -> dict[str, str]:
    """The fields of a reply to INFO; none of one that was refused."""
    if not isinstance(text, bytes):
        return {}
    lines = text.decode(errors="replace").splitlines()
    pairs = (line.partition(":") for line in lines if not line.startswith("#"))
    return {name: value for name, colon, value in pairs if colon}


def _users(default: Answer, names: Answer) -> Users | None:
    if not isinstance(default, list) or not isinstance(names, list):
        return None
    flags = dict(zip(default[::2], default[1::2], strict=False)).get(b"flags")
    rules = _pairs(default)
    entitled = rules.get("commands", "").startswith("+@all") and "~*" in rules.get("keys", "")
    return Users(b"on" in cast("list[bytes]", flags or []), entitled, len(names) - 1)


def _pairs(reply: Answer) -> dict[str, str]:
    """A flat list of names and texts; what is no text is left out."""
    if not isinstance(reply, list):
        return {}
    return {
        name.decode(errors="replace"): value.decode(errors="replace")
        for name, value in zip(reply[::2], reply[1::2], strict=False)
        if isinstance(name, bytes) and isinstance(value, bytes)
    }
