"""The input of ``map``: files and standard input, one item a line, read as it is needed.

Nothing here holds more than a chunk and the line being put together, however long the input is.
"""

import json
import os
import stat
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from lionherd_dist.cli.spare_thread import in_spare_thread

CHUNK_BYTES = 256 * 1024
MOST_OF_A_LINE = 200  # characters that are kept of a line that is no item
STDIN = "-"
_STDIN_FD = 0
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Item:
    """One value of the input, which the task will be called with."""

    value: object


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no item: what kind of error it is, where it stands, and how it begins."""

    type_name: str
    message: str
    start: str


async def read_items(sources: Sequence[str], *, bare: bool) -> AsyncGenerator[Item | BadLine, None]:
    """The items of *sources*, which are paths or ``-``, in order.

    Each line is a JSON value, and blank lines are passed over. With *bare* each line is itself the
    item, a string without its line end, and a blank line is an empty string.
    """
    for source in sources:
        name = "standard input" if source == STDIN else source
        number = 0
        async with aclosing(_lines(source)) as lines:
            async for line in lines:
                number += 1
                if bare or line.strip():
                    yield item_of(line, f"{name}, line {number}", bare=bare)


def item_of(line: bytes, place: str, *, bare: bool) -> Item | BadLine:
    """The item in *line*, which stands at *place*."""
    try:
        text = line.decode()
        return Item(text if bare else json.loads(text))
    except json.JSONDecodeError as error:
        message = f"{place}, column {error.colno}: {error.msg}"
        return BadLine("JSONDecodeError", message, _start_of(line))
    except (ValueError, RecursionError) as error:  # not UTF-8; too many digits; nested too deeply
        return BadLine(type(error).__name__, f"{place}: {error}", _start_of(line))


def _start_of(line: bytes) -> str:
    text = line[: 4 * MOST_OF_A_LINE].decode(errors="backslashreplace")
    return text if len(text) <= MOST_OF_A_LINE else f"{text[:MOST_OF_A_LINE]}…"


async def _lines(source: str) -> AsyncGenerator[bytes, None]:
    """The lines of *source* without their ends; the last one may have none."""
    # Standard input is not read through sys.stdin: a thread that is still reading would hold the
    # lock of that, and the interpreter would stumble over it at its end.
    fd = _STDIN_FD if source == STDIN else await in_spare_thread(lambda: _open(source))
    begun: list[bytes] = []  # the chunks of a line whose end has not come yet
    mark = _BYTE_ORDER_MARK
    try:
        while chunk := await in_spare_thread(lambda: os.read(fd, CHUNK_BYTES)):
            head, *rest = chunk.removeprefix(mark).split(b"\n")
            mark = b""
            begun.append(head)
            if not rest:
                continue
            yield b"".join(begun).removesuffix(b"\r")
            for line in rest[:-1]:
                yield line.removesuffix(b"\r")
            begun = [rest[-1]]
    finally:
        if fd != _STDIN_FD:
            os.close(fd)
    if last := b"".join(begun):
        yield last


def _open(source: str) -> int:
    return os.open(source, os.O_RDONLY)  # of a named pipe: waits until somebody writes


def count_items(sources: Sequence[str], *, bare: bool) -> int | None:
    """How many items *sources* hold, if they are all regular files; None if that is not known.

    Files are read through once, about a second a gigabyte, without moving where standard input
    stands.
    """
    facts = [os.fstat(_STDIN_FD) if source == STDIN else Path(source).stat() for source in sources]
    if not all(stat.S_ISREG(fact.st_mode) for fact in facts):
        return None  # and not opened: that would take what a pipe holds
    total = 0
    for source in sources:
        fd = _STDIN_FD if source == STDIN else _open(source)
        try:
            total += _count_lines(fd, bare=bare)
        finally:
            if fd != _STDIN_FD:
                os.close(fd)
    return total


def _count_lines(fd: int, *, bare: bool) -> int:
    at = os.lseek(fd, 0, os.SEEK_CUR)
    count, begun = 0, b""
    while chunk := os.pread(fd, CHUNK_BYTES, at):
        at += len(chunk)
        lines = (begun + chunk).split(b"\n")
        last = lines.pop()
        begun = (last if bare else last.strip())[:1]  # enough to know that there is something
        count += len(lines) if bare else sum(1 for line in lines if line.strip())
    return count + bool(begun)
