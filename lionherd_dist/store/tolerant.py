"""Reads that show what there is, whatever somebody else has put there; nothing is mended here."""

from collections.abc import Sequence

from lionherd_dist.errors import LionherdError, StoreDamagedError
from lionherd_dist.store.connection import Command, Connection
from lionherd_dist.store.exchange import Reply

MOST_DIGITS = 18  # more are no count, and no time

_NONE_THERE = {"ZCARD": 0, "XLEN": 0, "HLEN": 0, "LLEN": 0, "HEXISTS": 0, "HGET": None}
_ONE_EACH = {"HMGET", "ZMSCORE"}


async def read_each(connection: Connection, commands: Sequence[Command]) -> list[Reply]:
    """The replies to *commands*; to one about a key of a wrong type, as if it were not there."""
    replies: list[Reply] = []
    for command, answer in zip(commands, await connection.try_each(commands), strict=True):
        if isinstance(answer, StoreDamagedError):
            replies.append(_nothing(command))
        elif isinstance(answer, LionherdError):
            raise answer
        else:
            replies.append(answer)
    return replies


async def read_one(connection: Connection, *command: str | int) -> Reply:
    """The reply to one command, read in the same way."""
    return (await read_each(connection, [command]))[0]


def _nothing(command: Command) -> Reply:
    name = str(command[0])
    if name in _NONE_THERE:
        return _NONE_THERE[name]
    if name in _ONE_EACH:
        return [None] * (len(command) - 2)
    return [b"0", []] if name == "HSCAN" else []


def whole(value: bytes | str | None) -> int | None:
    """The whole number that *value* stands for; None if it is none, or one that is no count."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else value or ""
    if len(text) > MOST_DIGITS or not text.removeprefix("-").isascii():
        return None
    return int(text) if text.removeprefix("-").isdigit() else None


def moment(score: bytes | None) -> int:
    """Server time in ms, from a score; 0 for none, and for one that is no time."""
    try:
        number = float(score or 0)
    except ValueError:
        return 0
    return int(min(max(number, -1e15), 1e15))
