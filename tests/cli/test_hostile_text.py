"""Whatever stands in a namespace, what the commands print is text: a terminal obeys none of it."""

import re
from collections.abc import Callable, Iterator
from functools import partial

import anyio
import anyio.to_thread
import pytest
from own_server import own_server

from lionherd_dist.store.connection import Connection
from lionherd_dist.store.keys import Keys

pytestmark = pytest.mark.anyio

EVIL = "\x1b]0;pwn\x07\r\u202e\x9b31m\u2066\u200f\u061c\nx"
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
COMMANDS = (
    *(("status",), ("jobs", "ls"), ("jobs", "show", "C-1"), ("limits", "ls"), ("dead", "ls")),
    *(("dead", "show", "7-7"), ("doctor",), ("jobs", "attach", "C-1", "--wait", "0")),
)


def commands(evil: str) -> Iterator[tuple[str, ...]]:
    for command in COMMANDS:
        yield command
        if command[:2] != ("jobs", "attach"):
            yield (*command, "--json")
    yield from (("limits", "show", evil), ("jobs", "show", evil), ("jobs", "cancel", evil))
    yield from (("limits", "set", evil, "3", "--create"), ("limits", "show", evil, "--json"))
    yield from (("dead", "drop", evil), ("dead", "requeue", evil))


async def test_what_others_wrote_is_shown_and_not_obeyed(
    here: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Names, labels, places, tasks, errors and keys, with escapes and marks of direction."""
    async with own_server() as server:
        connection, keys = Connection(server.url, name="evil"), Keys("evil")
        await fill(connection, keys)
        found = ""
        for command in commands(EVIL.replace("\x00", "")):
            told = (*command, "--redis", server.url, "--namespace", "evil")
            await anyio.to_thread.run_sync(partial(here, *told))
            text = "".join(capsys.readouterr())
            assert "Traceback" not in text, (command, text)
            assert not OBEYED.search(text), (command, OBEYED.findall(text), text)
            found += text
        assert "pwn" in found
        await connection.call("FLUSHALL")
        await connection.close()


async def fill(connection: Connection, keys: Keys) -> None:
    prefix, evil = keys.prefix, EVIL
    numbers = {"limit": 1, "cap": 9, "next": 3, "released": 2, "consumed": 0, "done": 0, "total": 3}
    job = {**numbers, "deadline": 0, "keep": 60_000, "cancelled": 0, "largest": 1, "since": 1}
    texts = {"owner": "", "label": evil, "tasks": evil, "limiter": evil, "reader": evil}
    flat = [one for pair in {**job, **texts}.items() for one in pair]
    letter = ("j", evil, "i", 0, "c", "C-1 0 1 0 0", "p", evil, "o", evil)
    for command in (
        ("ZADD", keys.sessions, 9e14, evil, 9e14, "C", 5, "W"),
        ("HSET", keys.places, evil, evil, "C", f"{evil}:1"),
        ("HSET", keys.slots, evil, 4, "W", evil, "*", evil),
        ("HSET", keys.names, evil, evil, "W", evil),
        ("ZADD", keys.owned(evil), 1, evil),
        ("ZADD", keys.kept, 0, "C-1", 0, evil),
        ("HSET", keys.job("C-1"), *flat),
        ("HSET", keys.job("C-1") + ":hand", 0, "1-1", 1, "parked", evil, evil),
        ("HSET", keys.parked, "C-1 1", f"1 0 0 {evil}", evil, evil),
        ("ZADD", keys.due, 9e14, "C-1 1", 1, evil),
        ("SADD", keys.limits, evil),
        ("HSET", keys.limit(evil), "total", 3, "shut", evil),
        ("ZADD", keys.limit(evil) + ":held", 1, f"{evil}/1", 2, evil),
        ("ZADD", keys.limit(evil) + ":queue", 1, f"{evil}/2", 2, evil),
        ("XADD", keys.calls, "1-1", "c", f"C-1 0 1 0 {evil}", "p", evil),
        ("XADD", keys.dead, "7-7", *letter),
        ("XADD", keys.dead, "*", evil, evil),
        ("SET", prefix + "behind", evil),
        ("HSET", keys.aside, evil, evil),
    ):
        await connection.call(*command)
