"""What a server says about itself, as far as it may be asked. Reads only."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from lionherd_dist.errors import LionherdError
from lionherd_dist.store.connection import Answer, Command, Connection
from lionherd_dist.store.reading import server_ms
from lionherd_dist.store.scripts import Script

_SECTIONS = ("server", "memory", "persistence", "replication")
_SETTINGS = ("save", "appendfsync")


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What could be learned.

    Args:
        info: the fields of INFO; empty if that was refused.
        settings: the settings of CONFIG that matter here; empty if that was refused.
        greeting: server and version as HELLO says them; empty if that was refused.
        denied: the commands that were refused.
        ahead_ms: server time less the time of this machine.
        scripts_known: how many of the package's scripts it has in its memory; None: not told.
        scripts: how many there are.
    """

    info: Mapping[str, str]
    settings: Mapping[str, str]
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
        *(("INFO", section) for section in _SECTIONS),
        *(("CONFIG", "GET", name) for name in _SETTINGS),
    ]
    ahead_ms = await _ahead_ms(connection)
    replies = await connection.try_each(commands)
    greeting, known = replies[:2]
    info: dict[str, str] = {}
    for text in replies[2 : 2 + len(_SECTIONS)]:
        info |= _info(text)
    settings: dict[str, str] = {}
    for pairs in replies[2 + len(_SECTIONS) :]:
        settings |= _pairs(pairs)
    denied = {
        str(command[0])
        for command, reply in zip(commands, replies, strict=True)
        if isinstance(reply, LionherdError)
    }
    return ServerFacts(
        info=info,
        settings=settings,
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


def _info(text: Answer) -> dict[str, str]:
    if not isinstance(text, bytes):
        return {}
    lines = text.decode(errors="replace").splitlines()
    pairs = (line.partition(":") for line in lines if not line.startswith("#"))
    return {name: value for name, colon, value in pairs if colon}


def _pairs(reply: Answer) -> dict[str, str]:
    """A flat list of names and texts; what is no text is left out."""
    if not isinstance(reply, list):
        return {}
    return {
        name.decode(errors="replace"): value.decode(errors="replace")
        for name, value in zip(reply[::2], reply[1::2], strict=False)
        if isinstance(name, bytes) and isinstance(value, bytes)
    }
